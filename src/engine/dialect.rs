//! What the engine needs of a face version: reading requests, encoding answers and pushes.
//! The engine knows no wire format; a face version implements this once (design D5, D9).

use std::sync::Arc;

use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::push::Told;
use switchboard_domain::conversation::view::ChatView;
use switchboard_domain::id::AgentId;
use switchboard_domain::participant::license::License;
use switchboard_domain::webhook::Endpoint;

use crate::engine::order::{Failure, Login, Order, Outcome, RequestKey, Shown};
use crate::outbound::Form;

/// Which kind of user a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Agents and bots.
    Agent,
    /// Customers.
    Customer,
}

/// Why the server ends a connection. The face words it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disconnect {
    /// Nobody logged in in time, or the client fell silent.
    Timeout,
    /// The token was revoked.
    TokenRevoked,
    /// The token ended.
    TokenExpired,
    /// The license ended.
    LicenseEnded,
    /// The agent or bot was removed.
    AgentDeleted,
    /// The customer was banned.
    CustomerBanned,
    /// The agent was logged out by somebody else.
    LoggedOutRemotely,
    /// Too many connections of one user.
    TooManyConnections,
    /// A customer that knocked too often; every login is refused for so many seconds.
    Blocked(u64),
    /// A customer without a word or a new page for too long.
    Inactive,
    /// Too many connections that did not log in.
    TooManyUnauthorized,
    /// The client reads too slowly.
    TooSlow,
    /// We shut down.
    Shutdown,
    /// Our own fault.
    Internal,
}

impl Disconnect {
    /// The close code that goes with it (RFC 6455, 7.4.1): 1000 when all is said, 1001 at a
    /// shutdown, 1008 for who may not be here any longer.
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Self::Timeout | Self::Inactive | Self::Internal => 1000,
            Self::Shutdown => 1001,
            Self::TokenRevoked
            | Self::LicenseEnded
            | Self::TokenExpired
            | Self::AgentDeleted
            | Self::CustomerBanned
            | Self::LoggedOutRemotely
            | Self::TooManyConnections
            | Self::Blocked(_)
            | Self::TooManyUnauthorized
            | Self::TooSlow => 1008,
        }
    }
}

/// A request frame, read.
#[derive(Debug)]
pub struct Frame {
    /// Needed to encode the answer.
    pub head: FrameHead,
    /// What it asks, or why it cannot be.
    pub ask: Result<Ask, Failure>,
    /// The client's key of a write that is to be done once.
    pub key: Option<RequestKey>,
}

/// The part of a request that comes back in the answer.
#[derive(Debug, Clone, Default)]
pub struct FrameHead {
    /// The client's id of the request, when it could be read.
    pub request_id: Option<Box<str>>,
    /// The action as the client wrote it; empty when it could not be read.
    pub action: Box<str>,
}

/// What a request frame asks.
#[derive(Debug)]
pub enum Ask {
    /// A sign of life.
    Ping,
    /// Log in.
    Login(Login),
    /// Log out and close.
    Logout,
    /// Anything else; needs a login. Acts as this bot when named.
    Order(Order, Option<AgentId>),
}

/// A push, encoded once for one side of one dialect: a whole frame's text in which a
/// `request_id` can be spliced at a given place.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// The text without `request_id`.
    pub text: String,
    /// Byte offset at which `"request_id":"...",` may be inserted.
    pub splice_at: usize,
}

/// A push with what is needed to show it.
pub type Capture = Shown<Arc<Told>>;

/// One version of one wire.
pub trait Dialect: Send + Sync + 'static {
    /// Reads a text frame. Never panics; what cannot be read is an `Err` in [`Frame::ask`].
    /// `by` is who is logged in, for the scope check that comes before the fields.
    fn read(&self, side: Side, by: Option<&Principal>, text: &str) -> Frame;

    /// Encodes the answer to a request as one frame's text.
    fn answer(&self, side: Side, head: &FrameHead, outcome: &Outcome, viewer: Option<&Principal>) -> String;

    /// Encodes a push for one side; `None` when that side does not know or may not see it.
    /// `follows` says whether the viewing agent follows the chat named in it.
    fn push(&self, side: Side, capture: &Capture, follows: bool) -> Option<Encoded>;

    /// Does the encoding of this push depend on `follows`?
    fn depends_on_follower(&self, told: &Told) -> bool;

    /// Do both sides hear this push, and word by word the same? Then it is encoded once.
    fn same_for_both_sides(&self, told: &Told) -> bool;

    /// Encodes the push that comes before the server closes the connection.
    fn disconnect(&self, side: Side, why: Disconnect) -> String;

    /// Renders the body of a webhook call; frozen with the fact that caused it (design D10).
    /// `chat` is the conversation that the push is about, as it is now: the source of
    /// `additional_data`. `None` for pushes about an agent.
    fn webhook(&self, endpoint: &Endpoint, capture: &Capture, chat: Option<&ChatView>) -> Option<Vec<u8>>;

    /// Renders the bodies of the calls that tell an endpoint of a license's help desk of this, in their
    /// order.
    fn desk_calls(&self, _license: &License, _endpoint: &Endpoint, _capture: &Capture) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// How its webhook calls are signed; `None`: by Standard Webhooks.
    fn signature_form(&self) -> Option<&'static Form> {
        None
    }
}
