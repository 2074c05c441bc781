//! What a webhook can tell. Source: spec v3.0, 9.2, and the table of 7.2 for what each admits.

use serde::{Deserialize, Serialize};

use crate::conversation::access::AccessChange;
use crate::conversation::property_change::{Place, PropertyChange};
use crate::conversation::push::Push;
use crate::participant::news::CustomerNews;

/// One kind of thing an endpoint can hear of. How it is spelled is a face's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Action {
    /// A thread was opened.
    ChatStarted,
    /// The active thread was closed.
    ThreadClosed,
    /// Somebody joined a chat.
    MemberAdded,
    /// Somebody left a chat.
    MemberRemoved,
    /// An event was posted.
    EventPosted,
    /// A button of a rich message was pressed or released.
    PostbackSent,
    /// Properties of a chat were set.
    ChatPropertiesUpdated,
    /// Properties of a chat were taken away.
    ChatPropertiesDeleted,
    /// Properties of a thread were set.
    ThreadPropertiesUpdated,
    /// Properties of a thread were taken away.
    ThreadPropertiesDeleted,
    /// A thread got a tag.
    ThreadTagged,
    /// A thread lost a tag.
    ThreadUntagged,
    /// Somebody has seen a chat up to some moment.
    SeenUpTo,
    /// The routing status of an agent or bot changed.
    AgentStatusChanged,
    /// An agent or bot was removed.
    AgentDeleted,
    /// Groups were given access.
    AccessGranted,
    /// Groups lost access.
    AccessRevoked,
    /// Access was replaced as a whole.
    AccessSet,
    /// An event was changed.
    EventUpdated,
    /// Properties of an event were set.
    EventPropertiesUpdated,
    /// Properties of an event were taken away.
    EventPropertiesDeleted,
    /// A customer was seen for the first time.
    CustomerCreated,
    /// A conversation stands otherwise for a help desk.
    StatusChanged,
    /// What a help desk keeps of a conversation changed.
    TicketChanged,
    /// A customer opened the window to write in.
    WidgetOpened,
    /// What is known of a customer changed.
    CustomerUpdated,
    /// An inbox was made or changed.
    InboxPut,
    /// Somebody types, or not any more.
    TypingChanged,
}

/// What an endpoint may want beside the thing itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Additional {
    /// The properties of the chat.
    ChatProperties,
    /// The access of the chat.
    Access,
    /// The thread.
    ThreadId,
}

impl Action {
    /// Every action there is.
    pub const ALL: [Self; 28] = [
        Self::ChatStarted,
        Self::ThreadClosed,
        Self::MemberAdded,
        Self::MemberRemoved,
        Self::EventPosted,
        Self::PostbackSent,
        Self::ChatPropertiesUpdated,
        Self::ChatPropertiesDeleted,
        Self::ThreadPropertiesUpdated,
        Self::ThreadPropertiesDeleted,
        Self::ThreadTagged,
        Self::ThreadUntagged,
        Self::SeenUpTo,
        Self::AgentStatusChanged,
        Self::AgentDeleted,
        Self::AccessGranted,
        Self::AccessRevoked,
        Self::AccessSet,
        Self::EventUpdated,
        Self::EventPropertiesUpdated,
        Self::EventPropertiesDeleted,
        Self::CustomerCreated,
        Self::StatusChanged,
        Self::TicketChanged,
        Self::WidgetOpened,
        Self::CustomerUpdated,
        Self::InboxPut,
        Self::TypingChanged,
    ];

    /// What a push is to a webhook; `None` for a push that no webhook tells.
    #[must_use]
    pub const fn of(push: &Push) -> Option<Self> {
        match push {
            Push::ChatStarted { .. } => Some(Self::ChatStarted),
            Push::EventPosted { .. } => Some(Self::EventPosted),
            Push::ThreadClosed { .. } => Some(Self::ThreadClosed),
            Push::MemberAdded { .. } => Some(Self::MemberAdded),
            Push::MemberRemoved { .. } => Some(Self::MemberRemoved),
            Push::AgentStatusChanged { .. } => Some(Self::AgentStatusChanged),
            Push::TagChanged { on: true, .. } => Some(Self::ThreadTagged),
            Push::TagChanged { on: false, .. } => Some(Self::ThreadUntagged),
            Push::SeenUpTo { .. } => Some(Self::SeenUpTo),
            Push::PropertiesChanged { place, change, .. } => Some(match (place, change) {
                (Place::Chat, PropertyChange::Set(_)) => Self::ChatPropertiesUpdated,
                (Place::Chat, PropertyChange::Delete(_)) => Self::ChatPropertiesDeleted,
                (Place::Thread(_), PropertyChange::Set(_)) => Self::ThreadPropertiesUpdated,
                (Place::Thread(_), PropertyChange::Delete(_)) => Self::ThreadPropertiesDeleted,
                (Place::Event(_), PropertyChange::Set(_)) => Self::EventPropertiesUpdated,
                (Place::Event(_), PropertyChange::Delete(_)) => Self::EventPropertiesDeleted,
            }),
            Push::EventChanged { .. } => Some(Self::EventUpdated),
            Push::PostbackSent { .. } => Some(Self::PostbackSent),
            Push::AccessChanged { change, .. } => Some(match change {
                AccessChange::Granted(_) => Self::AccessGranted,
                AccessChange::Revoked(_) => Self::AccessRevoked,
                AccessChange::Set(_) => Self::AccessSet,
            }),
            Push::StatusChanged { .. } => Some(Self::StatusChanged),
            Push::TicketChanged { .. } => Some(Self::TicketChanged),
            Push::WidgetOpened(_) => Some(Self::WidgetOpened),
            Push::InboxPut(_) => Some(Self::InboxPut),
            Push::Typing { .. } => Some(Self::TypingChanged),
            Push::ChatFollowed { .. } | Push::DraftShown { .. } | Push::Mentioned { .. } => None,
            Push::AgentDeleted { .. } => Some(Self::AgentDeleted),
            Push::Customer(CustomerNews::Created(_)) => Some(Self::CustomerCreated),
            Push::Customer(CustomerNews::Updated { .. }) => Some(Self::CustomerUpdated),
            Push::Customer(_) | Push::Multicast { .. } | Push::Transferred { .. } => None,
        }
    }

    /// Is it about an agent, with no chat around it?
    #[must_use]
    pub const fn about_agent(self) -> bool {
        matches!(self, Self::AgentStatusChanged | Self::AgentDeleted)
    }

    /// May an endpoint of this action choose by the kind of author?
    #[must_use]
    pub const fn admits_author(self) -> bool {
        matches!(self, Self::EventPosted)
    }

    /// May an endpoint of this action choose by what the chat is: its properties, or that it
    /// belongs to the endpoint's application?
    #[must_use]
    pub const fn admits_chat_filters(self) -> bool {
        !self.about_agent()
    }

    /// May an endpoint of this action ask for this beside the thing itself?
    #[must_use]
    pub const fn admits(self, additional: Additional) -> bool {
        match additional {
            Additional::ChatProperties => !self.about_agent(),
            Additional::Access => matches!(self, Self::EventPosted | Self::MemberAdded),
            Additional::ThreadId => matches!(self, Self::MemberAdded),
        }
    }

    /// A word that names the action inside ids. Never change one: endpoint ids are built of it,
    /// and receivers and stored deliveries know them.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ChatStarted => "chat_started",
            Self::ThreadClosed => "thread_closed",
            Self::MemberAdded => "member_added",
            Self::MemberRemoved => "member_removed",
            Self::EventPosted => "event_posted",
            Self::PostbackSent => "postback_sent",
            Self::ChatPropertiesUpdated => "chat_properties_updated",
            Self::ChatPropertiesDeleted => "chat_properties_deleted",
            Self::ThreadPropertiesUpdated => "thread_properties_updated",
            Self::ThreadPropertiesDeleted => "thread_properties_deleted",
            Self::ThreadTagged => "thread_tagged",
            Self::ThreadUntagged => "thread_untagged",
            Self::SeenUpTo => "seen_up_to",
            Self::AgentStatusChanged => "agent_status_changed",
            Self::AgentDeleted => "agent_deleted",
            Self::AccessGranted => "access_granted",
            Self::AccessRevoked => "access_revoked",
            Self::AccessSet => "access_set",
            Self::EventUpdated => "event_updated",
            Self::EventPropertiesUpdated => "event_properties_updated",
            Self::EventPropertiesDeleted => "event_properties_deleted",
            Self::CustomerCreated => "customer_created",
            Self::StatusChanged => "status_changed",
            Self::TicketChanged => "ticket_changed",
            Self::WidgetOpened => "widget_opened",
            Self::CustomerUpdated => "customer_updated",
            Self::InboxPut => "inbox_put",
            Self::TypingChanged => "typing_changed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_holds_every_action_once_and_codes_differ() {
        assert_eq!(BTreeSet::from(Action::ALL).len(), 28);
        assert_eq!(Action::ALL.iter().map(|a| a.code()).collect::<BTreeSet<_>>().len(), 28);
    }

    #[test]
    fn each_action_admits_what_the_table_says() {
        for action in Action::ALL {
            let about_agent = [Action::AgentStatusChanged, Action::AgentDeleted].contains(&action);
            assert_eq!(action.admits_chat_filters(), !about_agent, "{action:?}");
            assert_eq!(action.admits_author(), action == Action::EventPosted, "{action:?}");
            assert_eq!(action.admits(Additional::ChatProperties), !about_agent, "{action:?}");
            let with_access = [Action::EventPosted, Action::MemberAdded].contains(&action);
            assert_eq!(action.admits(Additional::Access), with_access, "{action:?}");
            assert_eq!(action.admits(Additional::ThreadId), action == Action::MemberAdded, "{action:?}");
        }
    }
}
