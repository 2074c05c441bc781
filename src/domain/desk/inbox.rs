//! An inbox: where customers come in. What chats it gets and who serves them is its group's.

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::conversation::ticket::Status;
use crate::error::Rejected;
use crate::id::{AgentId, GroupId};
use crate::limits::ATTRIBUTES_BYTES;
use crate::time::Timestamp;
use crate::webhook::check_url;

/// What customers use to come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channel {
    /// A program of the tenant's own.
    Api,
    /// A web page.
    Website,
}

/// An inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbox {
    /// Creation number.
    pub number: u64,
    /// The group whose chats it has.
    pub group: GroupId,
    /// What customers use to come in.
    pub channel: Channel,
    /// Names it to customers: whoever has it may come in.
    pub identifier: Box<str>,
    /// Key of the proof of a customer's identity.
    pub hmac_token: Box<str>,
    /// Must customers prove who they are?
    pub hmac_mandatory: bool,
    /// Signs the calls to `webhook_url`.
    pub secret: Box<str>,
    /// Hears of everything that happens in it.
    pub webhook_url: Option<Box<str>>,
    /// Answers first.
    pub bot: Option<AgentId>,
    /// Are open conversations given to free agents?
    pub auto_assign: bool,
    /// Has each customer only one conversation, opened again and again?
    pub lock_to_single: bool,
    /// One JSON object's text: what is kept for those who show it, and obeyed by nobody here.
    pub extras: Box<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Which face renders the bodies of calls; opaque here.
    pub dialect: u16,
    /// Does a resolved conversation go on when its customer writes again?
    #[serde(default = "yes")]
    pub reopens: bool,
    /// How many of its conversations routing may give one agent, at least 1; `None` leaves it to the
    /// agent's own limit. Source: agent-bots spec 6.8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_per_agent: Option<u32>,
}

/// What an inbox did before it could be told otherwise.
const fn yes() -> bool {
    true
}

impl Inbox {
    /// An inbox that gives whatever comes to free agents.
    #[must_use]
    pub fn new(number: u64, channel: Channel, [identifier, hmac_token, secret]: [Box<str>; 3]) -> Self {
        Self {
            number,
            group: GroupId(u32::MAX),
            channel,
            identifier,
            hmac_token,
            hmac_mandatory: false,
            secret,
            webhook_url: None,
            bot: None,
            auto_assign: true,
            lock_to_single: false,
            extras: "{}".into(),
            created_at: Timestamp::default(),
            dialect: 0,
            reopens: true,
            max_per_agent: None,
        }
    }

    /// Does a conversation that stands so go on when its customer has more to say?
    #[must_use]
    pub fn goes_on(&self, status: Status) -> bool {
        self.reopens || status != Status::Resolved
    }

    /// The group that a new inbox shall have, when it was given one.
    pub(super) const fn group_given(&self) -> Option<GroupId> {
        if self.group.0 == u32::MAX { None } else { Some(self.group) }
    }

    pub(super) fn check(&self) -> Result<(), Rejected> {
        within("channel", self.extras.len(), ATTRIBUTES_BYTES, "bytes")?;
        if self.max_per_agent == Some(0) {
            return Err(Rejected::invalid("max_assignment_limit", "must be greater than 0"));
        }
        self.webhook_url.as_ref().map_or(Ok(()), |url| check_url("webhook_url", url))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    fn inbox() -> Inbox {
        Inbox::new(7, Channel::Website, ["key".into(), "hmac".into(), "secret".into()])
    }

    #[test]
    fn only_what_is_resolved_may_be_over_for_good() {
        for status in Status::ALL {
            assert!(inbox().goes_on(status));
            let strict = Inbox { reopens: false, ..inbox() };
            assert_eq!(strict.goes_on(status), status != Status::Resolved, "{status:?}");
        }
    }

    #[test]
    fn an_agent_may_have_at_least_one_of_its_conversations() {
        let bounded = |limit| Inbox { max_per_agent: limit, ..inbox() }.check();
        assert_eq!((bounded(None), bounded(Some(1))), (Ok(()), Ok(())));
        let refused = bounded(Some(0));
        assert!(matches!(refused, Err(Rejected::Invalid { field, .. }) if field == "max_assignment_limit"));
        // It stands at the end, and only where it is set.
        let bytes = |limit| rmp_serde::to_vec(&Inbox { max_per_agent: limit, ..inbox() }).unwrap();
        assert_eq!((bytes(None)[0], bytes(Some(4)).last()), (0x9f, Some(&4)));
    }

    #[test]
    fn an_inbox_from_before_that_was_asked_goes_on_as_it_did() {
        let mut bytes = rmp_serde::to_vec(&inbox()).unwrap();
        // An array of fields, the newest of which it lacks.
        assert_eq!((bytes[0], bytes.pop()), (0x9f, Some(0xc3)));
        bytes[0] = 0x9e;
        assert_eq!(rmp_serde::from_slice::<Inbox>(&bytes).unwrap(), inbox());
    }
}
