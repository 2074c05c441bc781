//! Who hears of what a desk does: an inbox's bot, the bot that has the conversation, the hooks of the
//! license and of the inbox.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::desk::{Desk, Hook, Inbox};
use crate::id::{AgentId, ClientId, GroupId};
use crate::participant::contact::Contact;
use crate::webhook::{Action, Endpoint, EndpointId, Filters, Owner, Registration, Subscription};

/// What an endpoint of a desk hears.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeskHearing {
    /// Which events, in the face's words; all of them when empty.
    pub words: Vec<Box<str>>,
    /// Does a bot hear what it said itself?
    pub hears_itself: bool,
    /// Only of chats of this group.
    pub group: Option<GroupId>,
}

/// What a desk's endpoints go by; of a contact or an inbox only the groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeskOccasion<'a> {
    /// The groups of the conversation, of the contact's ways in, or of the inbox.
    pub groups: &'a [GroupId],
    /// The bot that answers first in its inbox.
    pub bot: Option<&'a AgentId>,
    /// Who has the conversation.
    pub holder: Option<&'a AgentId>,
    /// The agent or bot who wrote.
    pub author: Option<&'a AgentId>,
}

/// All that a hook may hear of.
pub const HOOK_ACTIONS: [Action; 10] = [
    Action::ChatStarted,
    Action::EventPosted,
    Action::EventUpdated,
    Action::StatusChanged,
    Action::TicketChanged,
    Action::WidgetOpened,
    Action::TypingChanged,
    Action::CustomerCreated,
    Action::CustomerUpdated,
    Action::InboxPut,
];

/// All that an inbox's own address hears of: what happens in its conversations.
const INBOX_ACTIONS: [Action; 7] = [
    Action::ChatStarted,
    Action::EventPosted,
    Action::EventUpdated,
    Action::StatusChanged,
    Action::TicketChanged,
    Action::WidgetOpened,
    Action::TypingChanged,
];

impl DeskHearing {
    /// Does the endpoint of this owner want to hear of it?
    #[must_use]
    pub fn wants(&self, owner: &Owner, occasion: Option<&DeskOccasion<'_>>) -> bool {
        let Some(occasion) = occasion else { return false };
        if self.group.is_some_and(|group| !occasion.groups.contains(&group)) {
            return false;
        }
        match owner {
            Owner::DeskBot(bot) => {
                let own = [occasion.bot, occasion.holder].contains(&Some(bot));
                own && (self.hears_itself || occasion.author != Some(bot))
            }
            _ => true,
        }
    }
}

impl Desk {
    /// The endpoints that its hooks and inboxes make.
    #[must_use]
    pub fn endpoints(&self, client: &ClientId) -> Vec<Endpoint> {
        let hooks = self.hooks.values().filter_map(|hook| Some((self.of_hook(hook)?, &HOOK_ACTIONS[..])));
        let inboxes = self.inboxes.values().filter_map(of_inbox).map(|source| (source, &INBOX_ACTIONS[..]));
        let all = hooks.chain(inboxes).flat_map(|((id, url, secret, dialect, hearing), actions)| {
            let endpoint = move |action: &Action| Endpoint {
                id: EndpointId::new(&id),
                url: Arc::from(&*url),
                secret_key: secret.clone(),
                action: *action,
                filters: Filters::default(),
                additional: Vec::new(),
                dialect,
                owner: Owner::DeskHook,
                client: client.clone(),
                desk: Some(hearing.clone()),
            };
            actions.iter().map(endpoint).collect::<Vec<_>>()
        });
        all.collect()
    }

    /// The same as registrations, one for each hook and inbox: what a dispatcher has to know of them.
    #[must_use]
    pub fn registrations(&self, client: &ClientId) -> Vec<Registration> {
        let first = |endpoint: &Endpoint| endpoint.action == HOOK_ACTIONS[0];
        let endpoints = self.endpoints(client).into_iter().filter(first);
        let registration = |endpoint: Endpoint| Registration {
            id: endpoint.id,
            client: endpoint.client,
            url: (&*endpoint.url).into(),
            secret_key: endpoint.secret_key,
            description: None,
            subscription: Subscription { action: endpoint.action, filters: None, additional: None },
            dialect: endpoint.dialect,
            former: None,
        };
        endpoints.map(registration).collect()
    }

    /// The groups of the inboxes that a contact came in by.
    #[must_use]
    pub fn groups_of(&self, contact: &Contact) -> Vec<GroupId> {
        let inboxes = contact.entries.iter().filter_map(|entry| self.inboxes.get(&entry.inbox));
        inboxes.map(|inbox| inbox.group).collect()
    }

    /// None of one whose inbox is gone: it does not hear of all others instead.
    fn of_hook(&self, hook: &Hook) -> Option<Source> {
        let group = match hook.inbox {
            Some(inbox) => Some(self.inboxes.get(&inbox)?.group),
            None => None,
        };
        let hearing = DeskHearing { words: hook.words.clone(), hears_itself: true, group };
        let id = format!("desk-hook-{}", hook.number);
        Some((id, hook.url.clone(), hook.secret.clone(), hook.dialect, hearing))
    }
}

type Source = (String, Box<str>, Box<str>, u16, DeskHearing);

fn of_inbox(inbox: &Inbox) -> Option<Source> {
    let url = inbox.webhook_url.clone()?;
    let hearing = DeskHearing { words: Vec::new(), hears_itself: true, group: Some(inbox.group) };
    Some((format!("desk-inbox-{}", inbox.number), url, inbox.secret.clone(), inbox.dialect, hearing))
}
