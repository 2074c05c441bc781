//! Who hears what of a help desk over a stream.

use crate::conversation::view::ChatView;
use crate::id::{AgentId, CustomerId, GroupId, UserId};
use crate::participant::contact::ContactEntry;

/// Somebody who hears a help desk's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hearer {
    /// Somebody who works there.
    Staff {
        /// Who.
        agent: AgentId,
        /// Hears of everything.
        administers: bool,
        /// The groups that it serves.
        groups: Vec<GroupId>,
    },
    /// A contact by one of its ways in.
    Contact {
        /// Who.
        customer: CustomerId,
        /// The way in.
        entry: Box<ContactEntry>,
    },
}

impl Hearer {
    /// Who it is.
    #[must_use]
    pub fn user(&self) -> UserId {
        match self {
            Self::Staff { agent, .. } => UserId::Agent(agent.clone()),
            Self::Contact { customer, .. } => UserId::Customer(*customer),
        }
    }

    /// Does it hear of a conversation? Of the staff, whoever administers, serves its inbox or is in
    /// it; of the contacts its own, by a way in that reaches it.
    #[must_use]
    pub fn hears(&self, chat: &ChatView) -> bool {
        match self {
            Self::Staff { agent, administers, groups } => {
                let is_in = |user: &UserId| user.agent() == Some(agent);
                *administers
                    || chat.access.groups.contains(&GroupId::EVERYBODY)
                    || groups.iter().any(|group| chat.access.groups.contains(group))
                    || chat.access.agents.contains(agent)
                    || chat.members.iter().any(|member| member.present && is_in(&member.user))
            }
            Self::Contact { customer, entry } => {
                chat.customer == Some(*customer)
                    && chat.desk.as_ref().is_some_and(|desk| entry.reaches(desk.ticket.entry))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::conversation::access::Access;
    use crate::conversation::properties::Properties;
    use crate::conversation::ticket::{Status, Ticket};
    use crate::conversation::view::{DeskView, Member};
    use crate::id::ConversationId;
    use crate::time::Timestamp;

    const ANA: u128 = 7;

    /// A conversation of Ana's in one group, that came in by an entry; one agent is in it, one was.
    fn chat(group: u32, entry: u64) -> ChatView {
        let member = |agent: &str, present| Member {
            user: UserId::Agent(AgentId::new(agent)),
            present,
            seen_at: None,
            joined_at: Timestamp::default(),
        };
        let desk = DeskView {
            ticket: Ticket { entry, ..Ticket::default() },
            status: Status::Open,
            holder: None,
            until: None,
            last: None,
            said: None,
            unread: 0,
            seen: [None; 3],
        };
        ChatView {
            id: ConversationId::from_random(1),
            customer: Some(CustomerId::from_random(ANA)),
            members: vec![member("in@x", true), member("was@x", false)],
            access: Access { groups: [GroupId(group)].into(), agents: [AgentId::new("named@x")].into() },
            properties: Properties::default(),
            followers: std::collections::BTreeSet::new(),
            last_activity: Timestamp::default(),
            active: true,
            number: 1,
            desk: Some(Arc::new(desk)),
        }
    }

    #[test]
    fn staff_hears_what_it_administers_serves_or_is_in() {
        let staff = |agent: &str, administers, groups: &[u32]| Hearer::Staff {
            agent: AgentId::new(agent),
            administers,
            groups: groups.iter().map(|group| GroupId(*group)).collect(),
        };
        let hears = |hearer: &Hearer| hearer.hears(&chat(3, 1));
        assert!(hears(&staff("admin@x", true, &[])));
        assert!(hears(&staff("serves@x", false, &[2, 3])));
        assert!(hears(&staff("in@x", false, &[])));
        assert!(hears(&staff("named@x", false, &[])));
        assert!(!hears(&staff("was@x", false, &[2])));
        assert!(!hears(&staff("other@x", false, &[])));
        assert!(staff("other@x", false, &[]).hears(&chat(0, 1)), "what everybody may see");
    }

    #[test]
    fn a_contact_hears_its_own_by_the_way_that_it_came_in_unless_it_has_proven_who_it_is() {
        let contact = |n: u128, number, verified| Hearer::Contact {
            customer: CustomerId::from_random(n),
            entry: Box::new(ContactEntry {
                number,
                inbox: 1,
                source_id: "s".into(),
                stream_token: "t".into(),
                verified,
                created_at: Timestamp::default(),
                guest: false,
            }),
        };
        assert!(contact(ANA, 5, false).hears(&chat(3, 5)));
        assert!(!contact(ANA, 6, false).hears(&chat(3, 5)));
        assert!(contact(ANA, 6, true).hears(&chat(3, 5)));
        assert!(!contact(8, 5, true).hears(&chat(3, 5)));
        let plain = ChatView { desk: None, ..chat(3, 5) };
        assert!(!contact(ANA, 5, true).hears(&plain), "no desk's");
    }
}
