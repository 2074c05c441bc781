//! What can be asked of a conversation. API versions differ in policy fields, not in commands (D9).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::conversation::access::{Access, AccessChange};
use crate::conversation::details::Amendment;
use crate::conversation::event::{Event, NewEvent, Visibility};
use crate::conversation::properties::Properties;
use crate::conversation::property_change::{Place, PropertyChange};
use crate::conversation::ticket::{Status, Ticket, Urgency};
use crate::conversation::watching::Watching;
use crate::id::{AgentId, ConversationId, CustomerId, EventId, GroupId, LicenseId, ThreadId, UserId};
use crate::participant::Departure;
use crate::participant::customer::Ban;
use crate::routing::Placement;
use crate::time::Timestamp;

/// A new thread, in a new or an existing conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenThread {
    /// Id of the thread to open, drawn by the shell.
    pub thread: ThreadId,
    /// Properties of the chat.
    pub properties: Properties,
    /// Properties of the thread.
    pub thread_properties: Properties,
    /// New access; unchanged (or everybody, for a new chat) when missing.
    pub access: Option<Access>,
    /// Events the thread begins with.
    pub events: Vec<NewEvent>,
    /// Tags of the thread.
    pub tags: Vec<Box<str>>,
    /// May the chat go on without any online agent? Unchanged when missing.
    pub continuous: Option<bool>,
    /// A customer that an agent brings in.
    pub customer: Option<CustomerId>,
    /// The agent who asks wants to follow the chat.
    pub follow: bool,
    /// The router's word: who gets it. `None` when nobody asked yet.
    pub placement: Option<Placement>,
    /// What a help desk keeps of a new conversation.
    pub ticket: Option<Box<Ticket>>,
}

impl OpenThread {
    /// A thread of which nothing is said but its name.
    #[must_use]
    pub fn blank(thread: ThreadId) -> Self {
        Self {
            thread,
            properties: Properties::default(),
            thread_properties: Properties::default(),
            access: None,
            events: Vec::new(),
            tags: Vec::new(),
            continuous: None,
            customer: None,
            follow: false,
            placement: None,
            ticket: None,
        }
    }
}

/// How a conversation shall stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusChange {
    /// The status.
    pub status: Status,
    /// Until when, for one that is put aside; `None`: until somebody writes.
    pub until: Option<Timestamp>,
    /// Only when it stands like that now.
    pub from: Option<Status>,
    /// What is told about it in the conversation.
    pub why: Option<&'static str>,
}

impl StatusChange {
    /// To this status, with nothing more to say.
    #[must_use]
    pub const fn to(status: Status) -> Self {
        Self { status, until: None, from: None, why: None }
    }
}

/// New values for some fields of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TicketChange {
    /// Haste.
    pub urgency: Option<Option<Urgency>>,
    /// All labels.
    pub labels: Option<Vec<Box<str>>>,
    /// One JSON object's text; replaces the stored one.
    pub custom_attributes: Option<Box<str>>,
    /// One JSON object's text; replaces the stored one.
    pub additional_attributes: Option<Box<str>>,
    /// The team.
    pub team: Option<Option<u64>>,
    /// Is the customer answered any more?
    pub muted: Option<bool>,
    /// Who watches it.
    pub watching: Option<Watching>,
}

/// A conversation that does not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConversation {
    /// The tenant.
    pub license: LicenseId,
    /// Its id, drawn by the shell.
    pub id: ConversationId,
    /// Creation number inside the license (design D14).
    pub number: u64,
    /// Its first thread.
    pub open: OpenThread,
}

/// What an event does to a conversation without an active thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhenInactive {
    /// Opens a thread with this id and this placement.
    OpenThread(ThreadId, Option<Placement>),
    /// Goes to the last thread.
    Attach,
    /// Is refused.
    Refuse,
}

/// Whom a chat is handed over to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransferTarget {
    /// These agents.
    Agents(Vec<AgentId>),
    /// Whoever routing chooses from these groups.
    Groups(Vec<GroupId>),
    /// Somebody else of the groups that it is in.
    Within,
}

/// A command to a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Opens a thread in a conversation without an active one.
    Activate(OpenThread),
    /// Closes the active thread.
    Close {
        /// Refuse unless the requester is in the chat.
        require_presence: bool,
    },
    /// Posts an event.
    Post {
        /// The event.
        event: NewEvent,
        /// Policy of the API version and the request.
        when_inactive: WhenInactive,
    },
    /// Brings somebody in.
    AddUser(UserId),
    /// Takes somebody out. When this leaves the chat without a holder, the router is asked first.
    RemoveUser {
        /// Who leaves.
        user: UserId,
        /// The router's word for what comes after; `None` when nobody asked yet.
        placement: Option<Placement>,
    },
    /// The router gives a waiting chat to an agent.
    Assign {
        /// Who shall get it.
        agent: AgentId,
        /// The router's name for the offer; comes back when it is refused.
        ticket: u64,
    },
    /// Time has passed: does what is due.
    Due {
        /// Since when the process runs: nobody could look at the chat before.
        running_since: Timestamp,
        /// The router's word; `None` when nobody asked yet.
        placement: Option<Placement>,
    },
    /// Nobody is online any more who could take a waiting chat: one that may not wait for
    /// somebody to come ends (spec v3.0, 10.2).
    EndUnserved,
    /// The customer was banned: what is active ends.
    EndBanned(Ban),
    /// Hands the chat over (spec v3.0, 10.3).
    Transfer {
        /// To whom.
        to: TransferTarget,
        /// Also when nobody of the target can take it now.
        force: bool,
        /// The router's word; `None` when nobody asked yet.
        placement: Option<Placement>,
    },
    /// An agent is gone (removed, logged out): take it out and let somebody else have the chat.
    Reassign {
        /// Who is gone.
        from: AgentId,
        /// Why.
        why: Departure,
        /// Since when, if it may have come after that: then it works without a connection, and
        /// stays. `None`: it was there before.
        gone_since: Option<Timestamp>,
        /// The router's word for what comes after; `None` when nobody asked yet.
        placement: Option<Placement>,
    },
    /// Puts a tag on a thread, or takes it off.
    Tag {
        /// Which thread, active or not.
        thread: ThreadId,
        /// The tag.
        tag: Box<str>,
        /// On, or off?
        on: bool,
    },
    /// Moves the asker's seen marker forward; without a moment to now.
    See(Option<Timestamp>),
    /// The asker, an agent, wants to hear of the chat without being in it.
    Follow,
    /// The asker does not want to hear of it any more.
    Unfollow,
    /// Tells the others that the asker is typing, or not any more. Nothing is kept.
    SignalTyping {
        /// Typing, or not any more?
        typing: bool,
        /// Who may know.
        visibility: Visibility,
    },
    /// Shows agents what the customer is typing. Nothing is kept.
    ShowDraft(Box<str>),
    /// Sets properties or takes them away.
    ChangeProperties {
        /// Of what.
        place: Place,
        /// Which.
        change: PropertyChange,
        /// The event in its chunk; `None` when nobody looked yet.
        stored: Option<Arc<Event>>,
    },
    /// Presses or releases the buttons of a rich message that have a postback.
    SendPostback {
        /// Which message.
        event: EventId,
        /// Which buttons.
        postback: Box<str>,
        /// Press, or release?
        toggled: bool,
        /// The event in its chunk; `None` when nobody looked yet.
        stored: Option<Arc<Event>>,
    },
    /// Changes which groups may see the chat.
    ChangeAccess(AccessChange),
    /// Makes the conversation stand otherwise for a help desk.
    SetStatus {
        /// How.
        to: StatusChange,
        /// The thread to open when none is active, drawn by the shell.
        thread: ThreadId,
        /// The router's word; `None` when nobody asked yet.
        placement: Option<Placement>,
    },
    /// Takes the conversation from the person who has it.
    Unassign,
    /// Changes what a help desk keeps of it.
    ChangeTicket(TicketChange),
    /// Its customer became part of another one.
    ChangeCustomer {
        /// Who was it; of anybody else's conversation nothing changes.
        from: CustomerId,
        /// Who is it from now on.
        to: CustomerId,
    },
    /// Changes what an event says.
    AmendEvent {
        /// Which.
        event: EventId,
        /// How.
        amendment: Amendment,
        /// The event in its chunk; `None` when nobody looked yet.
        stored: Option<Arc<Event>>,
    },
}

impl Command {
    /// The command with the router's word in it.
    #[must_use]
    pub fn with_placement(mut self, word: Placement) -> Self {
        match &mut self {
            Self::Activate(OpenThread { placement, .. })
            | Self::Post { when_inactive: WhenInactive::OpenThread(_, placement), .. }
            | Self::RemoveUser { placement, .. }
            | Self::Transfer { placement, .. }
            | Self::Due { placement, .. }
            | Self::SetStatus { placement, .. }
            | Self::Reassign { placement, .. } => *placement = Some(word),
            _ => {}
        }
        self
    }

    /// The router's word that comes with it.
    #[must_use]
    pub const fn placement(&self) -> Option<&Placement> {
        match self {
            Self::Activate(OpenThread { placement, .. })
            | Self::Post { when_inactive: WhenInactive::OpenThread(_, placement), .. }
            | Self::RemoveUser { placement, .. }
            | Self::Transfer { placement, .. }
            | Self::Due { placement, .. }
            | Self::SetStatus { placement, .. }
            | Self::Reassign { placement, .. } => placement.as_ref(),
            _ => None,
        }
    }

    /// Can it need an event that is not in memory? Then it comes with [`Command::with_event`].
    #[must_use]
    pub const fn may_need_event(&self) -> bool {
        matches!(
            self,
            Self::SendPostback { .. }
                | Self::AmendEvent { .. }
                | Self::ChangeProperties { place: Place::Event(_), .. }
        )
    }

    /// The command with the event that it needs, as its chunk has it.
    #[must_use]
    pub fn with_event(mut self, event: Arc<Event>) -> Self {
        if let Self::SendPostback { stored, .. }
        | Self::AmendEvent { stored, .. }
        | Self::ChangeProperties { stored, .. } = &mut self
        {
            *stored = Some(event);
        }
        self
    }
}
