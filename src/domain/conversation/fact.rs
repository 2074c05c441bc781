//! What happened to a conversation. Facts keep cause, delta and after-state, so that any API
//! version can render them; they are stored for ever, so fields are only ever added at the end.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::conversation::access::{Access, AccessChange};
use crate::conversation::command::TransferTarget;
use crate::conversation::event::Event;
use crate::conversation::idempotency::{Outcome, WriteKey};
use crate::conversation::properties::Properties;
use crate::conversation::property_change::{Place, PropertyChange};
use crate::conversation::state::Assignment;
use crate::conversation::ticket::Ticket;
use crate::id::{AgentId, ConversationId, CustomerId, LicenseId, ThreadId, UserId};
use crate::time::Timestamp;

/// One fact, with its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// When; strictly grows inside a conversation.
    pub at: Timestamp,
    /// What.
    pub change: Change,
}

impl Fact {
    /// The events that were posted by it.
    #[must_use]
    pub fn posted(&self) -> &[Arc<Event>] {
        match &self.change {
            Change::EventPosted(event) => std::slice::from_ref(event),
            Change::ThreadOpened { events, .. } => events,
            _ => &[],
        }
    }

    /// The greatest number of an event in it (design D14); 0 without any.
    #[must_use]
    pub fn highest_number(&self) -> u64 {
        self.posted().iter().map(|event| event.number).max().unwrap_or(0)
    }
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// The conversation was made.
    Created {
        /// The tenant.
        license: LicenseId,
        /// Identity.
        id: ConversationId,
        /// Creation number inside the license.
        number: u64,
        /// Numbers pushes of this life of the conversation (design D12).
        epoch: u64,
    },
    /// A thread was opened.
    ThreadOpened {
        /// The thread.
        thread: ThreadId,
        /// Who asked; nobody: the engine.
        by: Option<UserId>,
        /// The customer, after this.
        customer: Option<CustomerId>,
        /// Access, after this.
        access: Access,
        /// May go on without online agents, after this.
        continuous: bool,
        /// Properties set on the chat.
        properties: Properties,
        /// The thread's properties.
        thread_properties: Properties,
        /// The thread's tags.
        tags: Vec<Box<str>>,
        /// Everybody who is in the chat from now on; all others are not.
        present: Vec<UserId>,
        /// Who holds it.
        assignment: Assignment,
        /// Events the thread begins with.
        events: Vec<Arc<Event>>,
        /// Who follows the chat from now on; all others do not.
        #[serde(default)]
        followers: Vec<AgentId>,
        /// What a help desk keeps of the conversation, when it is made by one.
        #[serde(default)]
        ticket: Option<Box<Ticket>>,
    },
    /// An event was posted to the last thread.
    EventPosted(Arc<Event>),
    /// Somebody joined.
    MemberAdded {
        /// Who.
        user: UserId,
        /// By whom; nobody: the router.
        by: Option<UserId>,
    },
    /// Somebody left.
    MemberRemoved {
        /// Who.
        user: UserId,
        /// By whom; nobody: the engine.
        by: Option<UserId>,
    },
    /// Somebody else, or nobody, holds the chat now.
    Assigned(Assignment),
    /// The active thread was closed.
    ThreadClosed {
        /// By whom; nobody: the engine.
        by: Option<UserId>,
    },
    /// A thread got a tag.
    Tagged {
        /// The thread, active or not.
        thread: ThreadId,
        /// The tag.
        tag: Box<str>,
        /// By whom; nobody: the engine.
        by: Option<UserId>,
    },
    /// A thread lost a tag.
    Untagged {
        /// The thread, active or not.
        thread: ThreadId,
        /// The tag.
        tag: Box<str>,
        /// By whom; nobody: the engine.
        by: Option<UserId>,
    },
    /// A member has seen everything up to some moment.
    SeenUpTo {
        /// Who.
        user: UserId,
        /// The marker, after this; later than it was.
        up_to: Timestamp,
    },
    /// An agent follows the chat from now on.
    Followed(AgentId),
    /// An agent does not follow the chat any more.
    Unfollowed(AgentId),
    /// Properties were set or taken away.
    PropertiesChanged {
        /// Of what.
        place: Place,
        /// Only what is different from before.
        change: PropertyChange,
        /// By whom; nobody: the engine.
        by: Option<UserId>,
        /// The whole event after this, when the place is one.
        event: Option<Arc<Event>>,
    },
    /// A button of a rich message was pressed or released.
    PostbackSent {
        /// The whole event after this.
        event: Arc<Event>,
        /// By whom.
        user: UserId,
        /// The postback of the button.
        postback: Box<str>,
        /// Pressed, or released?
        toggled: bool,
    },
    /// Others may see the chat now.
    AccessChanged {
        /// Who may see it, after this.
        access: Access,
        /// What was asked for.
        change: AccessChange,
        /// By whom; nobody: the engine.
        by: Option<UserId>,
    },
    /// The chat was handed over; who came and went for it follows.
    Transferred {
        /// By whom; nobody: the engine.
        by: Option<UserId>,
        /// To whom.
        to: TransferTarget,
        /// Access, after this.
        access: Access,
    },
    /// Nothing was said for a while.
    WentIdle,
    /// This agent let go of the chat, or lost it for not looking: it does not get it back while
    /// the chat waits.
    PassedOver(AgentId),
    /// What came before it was asked for under this key.
    KeyUsed {
        /// The key.
        key: WriteKey,
        /// What it came to.
        outcome: Outcome,
    },
    /// What a help desk keeps of it, after this.
    TicketChanged(Box<Ticket>),
    /// An event says something else now: the whole of it.
    EventAmended(Arc<Event>),
    /// Its customer became part of another one, which said and did everything in it from now on.
    CustomerChanged {
        /// Who was it.
        from: CustomerId,
        /// Who is it.
        to: CustomerId,
    },
}
