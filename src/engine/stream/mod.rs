//! Sockets over which a help desk's people and contacts hear what happens: one socket carries several
//! subscriptions, each of somebody. Nothing is asked over them but to hear. The engine knows no wire
//! format; a face implements [`StreamDialect`].

mod admission;
mod audience;
mod socket;
mod subscription;

use switchboard_domain::desk::Hearer;
use switchboard_domain::id::LicenseId;
use switchboard_domain::participant::license::License;
use switchboard_domain::time::Timestamp;

use crate::engine::dialect::{Capture, Disconnect};
use crate::engine::visitor::Way;

pub(crate) use audience::Streams;
pub use socket::StreamSocket;

/// Who a subscription says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Opens the stream of whoever has it.
    pub token: Box<str>,
    /// The account and the person's number in it, when it names a person.
    pub person: Option<(u64, u64)>,
}

/// What a client asks over a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamAsk {
    /// To hear as somebody from now on; `None`: as nobody that can be.
    Subscribe(Option<Claim>),
    /// To hear no more.
    Unsubscribe,
    /// Nothing: whoever it is, is there.
    Present,
}

/// Who of an account is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presence {
    /// People by number; is each ready for work?
    pub people: Vec<(u64, bool)>,
    /// Contacts by number.
    pub contacts: Vec<u64>,
}

/// One wire for streams.
pub trait StreamDialect: Send + Sync + 'static {
    /// What is said first.
    fn greeting(&self) -> String;

    /// A sign of life of ours.
    fn beat(&self, at: Timestamp) -> String;

    /// Reads a frame: the subscription that it is about, by the client's name of it, and what it asks.
    /// `None` for what cannot be read.
    fn read(&self, text: &str) -> Option<(Box<str>, StreamAsk)>;

    /// Says whether a subscription was admitted.
    fn answer(&self, name: &str, admitted: bool) -> String;

    /// The way by which whoever has this token comes into a license's inboxes, when it proves that by
    /// itself: nothing needs to be known of a visitor who has not said a word.
    fn way(&self, license: &License, token: &str) -> Option<Way>;

    /// What stands before and behind everything that a subscription is told.
    fn envelope(&self, name: &str) -> [String; 2];

    /// What a push is to somebody, in the order of telling; each goes into the envelope.
    fn events(&self, license: &License, capture: &Capture, to: Audience) -> Vec<String>;

    /// Who is there, as somebody is told.
    fn presence(&self, license: &License, presence: &Presence, to: Audience) -> String;

    /// What is said before the connection is closed.
    fn disconnect(&self, why: Disconnect) -> String;
}

/// Whom an event is for: all of one kind are told the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// People of the account.
    Staff,
    /// A contact.
    Contact,
}

impl Audience {
    const fn of(hearer: &Hearer) -> Self {
        match hearer {
            Hearer::Staff { .. } => Self::Staff,
            Hearer::Contact { .. } => Self::Contact,
        }
    }
}

/// A hearer of a license.
#[derive(Debug, Clone)]
struct Of {
    license: LicenseId,
    hearer: Hearer,
}
