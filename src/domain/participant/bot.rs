//! Bots: a resource of an application, with a duty like an agent's. Source: spec v3.0, 3.3, 7.1, 10.7.

use serde::{Deserialize, Serialize};

use crate::error::Rejected;
use crate::id::{AgentId, ClientId, GroupId};
use crate::limits::{NAME_CHARS, URL_CHARS};
use crate::participant::{Duty, RoutingStatus};
use crate::routing::Priority;
use crate::time::Timestamp;
use crate::webhook::BotWebhooks;

/// A bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bot {
    /// 32 hex digits.
    pub id: AgentId,
    /// Process-wide creation number (design D14).
    pub number: u64,
    /// The application it belongs to.
    pub client: ClientId,
    /// Shown name.
    pub name: Box<str>,
    /// URL, perhaps without a scheme.
    pub avatar: Option<Box<str>>,
    /// Status, groups, capacity.
    pub duty: Duty,
    /// Where it hears.
    pub webhooks: Option<BotWebhooks>,
    /// Hash of the token that set it online last: revoking that token logs it out.
    pub token: Option<[u8; 32]>,
    /// Removed; kept so that old chats can show it.
    pub removed: bool,
    /// Rises with every change; orders notices.
    pub version: u64,
    /// Time of the last change.
    pub changed_at: Timestamp,
    /// When it last went offline. What follows from that, the end of its chats, is for whatever it
    /// held then; a bot that is offline may still join by hand.
    #[serde(default)]
    pub offline_since: Timestamp,
    /// What a help desk keeps of it, when it is one's.
    #[serde(default)]
    pub desk: Option<Box<DeskBot>>,
}

/// What a help desk keeps of a bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskBot {
    /// For people.
    pub description: Option<Box<str>>,
    /// One JSON object's text, kept as it came.
    pub config: Box<str>,
    /// Its token: shown to administrators again and again, so that it is kept in clear.
    pub token: Box<str>,
    /// Signs what it hears.
    pub secret: Box<str>,
    /// Where it hears; nowhere, when missing.
    pub url: Option<Box<str>>,
    /// It belongs to the installation, not to the license.
    pub system: bool,
    /// The platform made it, and may change it.
    #[serde(default)]
    pub by_platform: bool,
}

/// New values for some fields of a bot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BotChange {
    /// Shown name.
    pub name: Option<Box<str>>,
    /// URL.
    pub avatar: Option<Box<str>>,
    /// Status.
    pub status: Option<RoutingStatus>,
    /// Capacity.
    pub max_chats: Option<u32>,
    /// Priority in groups without an own entry.
    pub default_priority: Option<Priority>,
    /// Replaces the stored list.
    pub groups: Option<Vec<(GroupId, Priority)>>,
    /// Puts it into one group, or takes it out.
    pub place: Option<(GroupId, Option<Priority>)>,
    /// Replaces the stored object as a whole.
    pub webhooks: Option<BotWebhooks>,
    /// What a help desk keeps of it.
    pub desk: Option<Box<DeskBot>>,
    /// Where it hears, or that it hears nowhere any more; before `webhooks`.
    pub deaf: bool,
    /// The token behind the change: the bot's login hangs on it when this sets it online.
    pub token: Option<[u8; 32]>,
}

/// One change of a bot; keeps the state after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BotFact {
    /// Made or changed.
    Put(Box<Bot>),
    /// Removed.
    Removed {
        /// When.
        at: Timestamp,
    },
}

impl Bot {
    /// Applies a fact. Cannot fail.
    pub fn apply(&mut self, fact: &BotFact) {
        let version = self.version;
        match fact {
            BotFact::Put(bot) => *self = (**bot).clone(),
            BotFact::Removed { at } => {
                self.removed = true;
                self.duty.status = RoutingStatus::Offline;
                self.webhooks = None;
                self.changed_at = *at;
            }
        }
        self.version = version + 1;
    }

    /// Is it the installation's, and so in every license?
    #[must_use]
    pub fn is_shared(&self) -> bool {
        !self.removed && self.desk.as_ref().is_some_and(|desk| desk.system)
    }

    /// The installation's bot as it begins in a license that it is not in yet.
    #[must_use]
    pub fn in_another_license(&self, id: AgentId, now: Timestamp) -> Self {
        let duty = Duty { groups: Vec::new(), ..self.duty.clone() };
        let (changed_at, offline_since) = (now, now);
        Self { id, duty, token: None, version: 0, changed_at, offline_since, ..self.clone() }
    }

    /// The bot with some fields changed, checked.
    ///
    /// # Errors
    /// `NotFound` when removed; `Invalid` or `GroupNotFound` for a value that cannot be.
    pub fn change(
        &self,
        change: BotChange,
        exists: impl Fn(GroupId) -> bool,
        now: Timestamp,
    ) -> Result<BotFact, Rejected> {
        if self.removed {
            return Err(Rejected::NotFound(crate::error::Resource::Bot));
        }
        let mut bot = self.clone();
        if let Some(name) = change.name {
            bot.name = name;
        }
        if change.avatar.is_some() {
            bot.avatar = change.avatar;
        }
        if let Some(status) = change.status {
            bot.duty.status = status;
        }
        if let Some(max_chats) = change.max_chats {
            bot.duty.max_chats = max_chats;
        }
        if let Some(priority) = change.default_priority {
            bot.duty.default_priority = priority;
        }
        if let Some(groups) = change.groups {
            bot.duty.groups = groups;
        }
        if let Some((group, priority)) = change.place {
            bot.duty.place(group, priority);
        }
        if change.desk.is_some() {
            bot.desk = change.desk;
        }
        if change.deaf {
            bot.webhooks = None;
        }
        if let Some(webhooks) = change.webhooks {
            bot.webhooks = Some(webhooks.replacing(self.webhooks.as_ref(), now));
        }
        if change.token.is_some() && bot.duty.status != RoutingStatus::Offline {
            bot.token = change.token;
        }
        bot.check(exists)?;
        Ok(self.becomes(bot, now))
    }

    fn becomes(&self, mut bot: Self, now: Timestamp) -> BotFact {
        bot.changed_at = now.after(self.changed_at);
        if bot.duty.status == RoutingStatus::Offline && self.duty.status != RoutingStatus::Offline {
            bot.offline_since = bot.changed_at;
        }
        BotFact::Put(Box::new(bot))
    }

    /// A token was revoked: a bot whose login hangs on it goes offline (spec v3.0, 3.3).
    #[must_use]
    pub fn token_revoked(&self, token: &[u8; 32], now: Timestamp) -> Option<BotFact> {
        let hangs = self.token.as_ref() == Some(token) && self.duty.status != RoutingStatus::Offline;
        hangs.then(|| {
            let mut bot = self.clone();
            bot.duty.status = RoutingStatus::Offline;
            self.becomes(bot, now)
        })
    }

    /// Leaves the groups that are no more.
    #[must_use]
    pub fn leave_groups(&self, exists: impl Fn(GroupId) -> bool, now: Timestamp) -> Option<BotFact> {
        let mut bot = self.clone();
        bot.duty.groups.retain(|(group, _)| exists(*group));
        (bot != *self).then(|| self.becomes(bot, now))
    }

    /// Can it take a conversation? One that is offline does not, nor one that is to be called where nothing is
    /// sent any more: `is_off` says that of a URL.
    #[must_use]
    pub fn serves(&self, is_off: impl Fn(&str) -> bool) -> bool {
        let called_in_vain = self.webhooks.as_ref().is_some_and(|webhooks| is_off(&webhooks.url));
        !self.removed && self.duty.status != RoutingStatus::Offline && !called_in_vain
    }

    /// Checks every bound of a new or changed bot.
    ///
    /// # Errors
    /// `Invalid` or `GroupNotFound`.
    pub fn check(&self, exists: impl Fn(GroupId) -> bool) -> Result<(), Rejected> {
        if self.name.trim().is_empty() {
            return Err(Rejected::invalid("name", "must not be blank"));
        }
        crate::conversation::event::within("name", self.name.chars().count(), NAME_CHARS, "characters")?;
        if let Some(avatar) = &self.avatar {
            crate::conversation::event::within("avatar", avatar.chars().count(), URL_CHARS, "characters")?;
        }
        self.duty.check(exists)?;
        self.webhooks.as_ref().map_or(Ok(()), BotWebhooks::check)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(100);
    const TOKEN: [u8; 32] = [7; 32];

    /// Online in groups 1 and 2, by that token.
    fn bot() -> Bot {
        let groups = vec![(GroupId(1), Priority::Last), (GroupId(2), Priority::First)];
        Bot {
            id: AgentId::new("0123456789abcdef0123456789abcdef"),
            number: 1,
            client: ClientId::new("app"),
            name: "Robo".into(),
            avatar: None,
            duty: Duty { status: RoutingStatus::Accepting, groups, ..Duty::default() },
            webhooks: None,
            token: Some(TOKEN),
            removed: false,
            version: 1,
            changed_at: Timestamp::from_secs(50),
            offline_since: Timestamp::default(),
            desk: None,
        }
    }

    fn after(fact: Option<BotFact>) -> Bot {
        let mut bot = bot();
        bot.apply(&fact.unwrap());
        bot
    }

    #[test]
    fn a_group_that_is_no_more_is_left_and_nothing_else_changes() {
        assert_eq!(bot().leave_groups(|_| true, NOW), None);
        let left = after(bot().leave_groups(|group| group == GroupId(2), NOW));
        assert_eq!(left.duty.groups, [(GroupId(2), Priority::First)]);
        assert_eq!((left.duty.status, left.changed_at), (RoutingStatus::Accepting, NOW));
    }

    #[test]
    fn a_bot_serves_while_it_is_there_and_not_called_in_vain() {
        assert!(bot().serves(|_| true), "it is not called at all");
        let hook = BotWebhooks {
            url: "http://h/".into(),
            secret_key: "s".into(),
            actions: Vec::new(),
            dialect: 30,
            former: None,
            desk: None,
        };
        let called = Bot { webhooks: Some(hook), ..bot() };
        assert!(called.serves(|_| false) && !called.serves(|url| url == "http://h/"));
        assert!(!Bot { removed: true, ..bot() }.serves(|_| false));
        let duty = Duty { status: RoutingStatus::Offline, ..Duty::default() };
        assert!(!Bot { duty, ..bot() }.serves(|_| false));
    }

    #[test]
    fn a_revoked_token_sends_off_who_hangs_on_it_also_from_a_group_that_is_no_more() {
        assert_eq!(bot().token_revoked(&[8; 32], NOW), None);
        // A group may have gone just before: that is no reason to stay.
        let off = after(bot().token_revoked(&TOKEN, NOW));
        assert_eq!((off.duty.status, off.offline_since), (RoutingStatus::Offline, NOW));
        assert_eq!(off.token_revoked(&TOKEN, NOW), None, "it is offline already");
    }
}
