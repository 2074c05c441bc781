//! The help desk of a license: its inboxes, teams and hooks. A face that speaks of conversations as
//! tickets needs them; what becomes of a conversation is decided where it always is.

mod hearing;
mod inbox;
mod team;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conversation::access::Access;
use crate::conversation::event::within;
use crate::error::{Rejected, Resource};
use crate::id::{AgentId, GroupId};
use crate::limits::{HOOKS_PER_LICENSE, INBOXES_PER_LICENSE, NAME_CHARS, TEAMS_PER_LICENSE};
use crate::participant::license::License;
use crate::participant::settings::RoutingMode;
use crate::participant::settings::{OwnSettings, SettingsChange};
use crate::webhook::check_url;

pub use hearing::{DeskHearing, DeskOccasion, HOOK_ACTIONS};
pub use inbox::{Channel, Inbox};
pub use team::Team;

/// What a license's help desk has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Desk {
    /// The license's number on this side; 0 while it has none.
    pub account: u64,
    /// Its shown name.
    pub name: Box<str>,
    /// Inboxes by number.
    pub inboxes: BTreeMap<u64, Inbox>,
    /// Teams by number.
    pub teams: BTreeMap<u64, Team>,
    /// Who hears of everything, by number.
    pub hooks: BTreeMap<u64, Hook>,
}

/// Somebody who hears of everything that a license's desk does, or of one inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Creation number.
    pub number: u64,
    /// Where.
    pub url: Box<str>,
    /// For people.
    pub name: Option<Box<str>>,
    /// Only of this inbox.
    pub inbox: Option<u64>,
    /// Of which events, in the face's words.
    pub words: Vec<Box<str>>,
    /// Signs the calls.
    pub secret: Box<str>,
    /// Which face renders the bodies; opaque here.
    pub dialect: u16,
}

/// What can be asked of a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeskChange {
    /// Names the account.
    Rename(Box<str>),
    /// Makes an inbox, with a group of its own unless it names one that exists; or changes one.
    PutInbox {
        /// The inbox, after this.
        inbox: Box<Inbox>,
        /// Its shown name: that of its group.
        name: Box<str>,
    },
    /// Deletes an inbox and its group.
    DeleteInbox(u64),
    /// Lets this bot answer first in an inbox, or none.
    SetBot {
        /// The inbox.
        inbox: u64,
        /// The bot.
        bot: Option<AgentId>,
    },
    /// A bot is gone: no inbox has it any more.
    ForgetBot(AgentId),
    /// Makes or changes a team.
    PutTeam(Team),
    /// Deletes a team.
    DeleteTeam(u64),
    /// Makes or changes a hook.
    PutHook(Hook),
    /// Deletes a hook.
    DeleteHook(u64),
}

impl Desk {
    /// The inbox of a group.
    #[must_use]
    pub fn inbox_of(&self, group: GroupId) -> Option<&Inbox> {
        self.inboxes.values().find(|inbox| inbox.group == group)
    }

    /// The inbox that a conversation with this access came in by.
    #[must_use]
    pub fn inbox_for(&self, access: &Access) -> Option<&Inbox> {
        access.groups.iter().find_map(|group| self.inbox_of(*group))
    }

    /// The greatest number in it (design D14).
    #[must_use]
    pub fn highest_number(&self) -> u64 {
        let last = |numbers: Option<&u64>| numbers.copied().unwrap_or(0);
        let [inboxes, teams] = [last(self.inboxes.keys().next_back()), last(self.teams.keys().next_back())];
        inboxes.max(teams).max(last(self.hooks.keys().next_back()))
    }

    fn team_named(&self, name: &str) -> Option<&Team> {
        self.teams.values().find(|team| &*team.name == name)
    }
}

impl License {
    /// Decides a change of the desk on a copy.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`, naming the field.
    pub(crate) fn change_desk(&mut self, change: DeskChange) -> Result<(), Rejected> {
        match change {
            DeskChange::Rename(name) => {
                within("name", name.chars().count(), NAME_CHARS, "characters")?;
                self.desk.name = name;
            }
            DeskChange::PutInbox { inbox, name } => self.put_inbox(*inbox, name)?,
            DeskChange::DeleteInbox(number) => {
                let inbox = self.desk.inboxes.remove(&number).ok_or(Rejected::NotFound(Resource::Inbox))?;
                if inbox.group != GroupId::EVERYBODY && self.has_group(inbox.group) {
                    self.delete_group(inbox.group)?;
                }
            }
            DeskChange::SetBot { inbox, bot } => {
                let inbox = self.desk.inboxes.get_mut(&inbox).ok_or(Rejected::NotFound(Resource::Inbox))?;
                inbox.bot = bot;
            }
            DeskChange::ForgetBot(bot) => {
                for inbox in self.desk.inboxes.values_mut() {
                    inbox.bot.take_if(|own| *own == bot);
                }
            }
            DeskChange::PutTeam(team) => {
                team.check()?;
                if self.desk.team_named(&team.name).is_some_and(|other| other.number != team.number) {
                    return Err(Rejected::taken("name"));
                }
                self.desk.teams.insert(team.number, team);
                within("teams", self.desk.teams.len(), TEAMS_PER_LICENSE, "teams")?;
            }
            DeskChange::DeleteTeam(number) => {
                self.desk.teams.remove(&number).ok_or(Rejected::NotFound(Resource::Team))?;
            }
            DeskChange::PutHook(hook) => self.put_hook(hook)?,
            DeskChange::DeleteHook(number) => {
                self.desk.hooks.remove(&number).ok_or(Rejected::NotFound(Resource::Webhook))?;
            }
        }
        Ok(())
    }

    fn put_inbox(&mut self, mut inbox: Inbox, name: Box<str>) -> Result<(), Rejected> {
        inbox.check()?;
        let mode = if inbox.auto_assign { RoutingMode::Automatic } else { RoutingMode::Manual };
        let change = SettingsChange { mode: Some(mode), ..SettingsChange::default() };
        let known = self.desk.inboxes.get(&inbox.number);
        match known.map(|known| known.group).or(inbox.group_given()) {
            Some(group) => {
                let differs = known.map_or(!inbox.auto_assign, |old| old.auto_assign != inbox.auto_assign);
                let settings = if differs { OwnSettings::Set(change) } else { OwnSettings::Keep };
                self.change_group(group, Some(name), settings)?;
                inbox.group = group;
            }
            None => {
                self.create_group(None, &name, OwnSettings::Set(change))?;
                inbox.group = self.groups.keys().next_back().copied().unwrap_or(GroupId::EVERYBODY);
            }
        }
        self.desk.inboxes.insert(inbox.number, inbox);
        within("inboxes", self.desk.inboxes.len(), INBOXES_PER_LICENSE, "inboxes")
    }

    fn put_hook(&mut self, hook: Hook) -> Result<(), Rejected> {
        check_url("url", &hook.url)?;
        within("name", hook.name.as_deref().unwrap_or_default().chars().count(), NAME_CHARS, "characters")?;
        if hook.words.is_empty() {
            return Err(Rejected::invalid("subscriptions", "must name an event"));
        }
        if hook.inbox.is_some_and(|inbox| !self.desk.inboxes.contains_key(&inbox)) {
            return Err(Rejected::NotFound(Resource::Inbox));
        }
        let twice =
            self.desk.hooks.values().any(|other| other.number != hook.number && other.url == hook.url);
        if twice {
            return Err(Rejected::taken("url"));
        }
        self.desk.hooks.insert(hook.number, hook);
        within("webhooks", self.desk.hooks.len(), HOOKS_PER_LICENSE, "webhooks")
    }
}
