//! To the wire: what the engine answers and tells, as each side sees it (spec v3.0, section 4).
//!
//! A [`Lens`] is what a reader looks through: the side, the profiles of those who are named, and
//! the definitions that say which properties may be read. Customers never see internal notes,
//! e-mail addresses of agents, tags, or who follows.

mod answer;
mod archive;
mod bot;
mod chat;
mod customer;
mod event;
mod form;
mod list;
mod login;
mod payload;
mod preview;
mod properties;
mod property_configs;
mod push;
mod routing;
mod user;
mod webhook;
mod webhook_config;

use std::fmt::Display;

use serde::{Serialize, Serializer};
use switchboard_domain::conversation::properties::{PropertyTable, Reader};

use crate::engine::dialect::Side;
use crate::engine::order::Shown;
use crate::engine::profiles::Profiles;

pub(super) use answer::Answer;
pub(super) use push::{PushFrame, disconnect};
pub(super) use webhook::body as webhook_body;
pub(super) use webhook_config::ACTIONS;

/// What a reader looks through.
#[derive(Clone, Copy)]
struct Lens<'a> {
    side: Side,
    profiles: &'a Profiles,
    /// Without definitions everything may be read: for authors, who see what they wrote.
    properties: Option<&'a PropertyTable>,
}

impl<'a> Lens<'a> {
    fn of<T>(side: Side, shown: &'a Shown<T>) -> Self {
        Self { side, profiles: &shown.profiles, properties: Some(&shown.properties) }
    }

    /// Which rights on properties count.
    const fn reader(self) -> Reader {
        match self.side {
            Side::Agent => Reader::Agent,
            Side::Customer => Reader::Customer,
        }
    }

    /// Something that only agents see.
    fn for_agents<T>(self, what: impl FnOnce() -> T) -> Option<T> {
        (self.side == Side::Agent).then(what)
    }

    /// Something that only customers see.
    fn for_customers<T>(self, what: impl FnOnce() -> T) -> Option<T> {
        (self.side == Side::Customer).then(what)
    }
}

/// Anything that prints, as a JSON string.
struct Text<T>(T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
pub(super) mod testing;
