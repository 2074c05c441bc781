//! The help desk of a license: its inboxes, teams and hooks. A face that speaks of conversations as
//! tickets needs them; what becomes of a conversation is decided where it always is.

mod account;
mod hearing;
mod inbox;
mod merge;
mod news;
mod pace;
mod stream;
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

pub use account::{Account, AccountChange, Allowance};
pub use hearing::{DeskHearing, DeskOccasion, HOOK_ACTIONS};
pub use inbox::{Channel, Inbox};
pub use merge::Merge;
pub use news::{InboxCard, InboxNews, told_of_inbox};
pub use pace::Pace;
pub use stream::Hearer;
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
    /// What else is known of the account.
    #[serde(default)]
    pub about: Account,
    /// Contacts that are becoming others: a start goes on with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merges: Vec<Merge>,
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
    /// Describes the account anew.
    Describe(Box<AccountChange>),
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
    /// Makes or changes a team.
    PutTeam(Team),
    /// Deletes a team.
    DeleteTeam(u64),
    /// Makes or changes a hook.
    PutHook(Hook),
    /// Deletes a hook.
    DeleteHook(u64),
    /// One contact is to become part of another.
    BeginMerge(Merge),
    /// It is, or it came to nothing.
    EndMerge(Merge),
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
            DeskChange::Describe(change) => self.describe(*change)?,
            DeskChange::PutInbox { inbox, name } => self.put_inbox(*inbox, name)?,
            DeskChange::DeleteInbox(number) => {
                let inbox = self.desk.inboxes.remove(&number).ok_or(Rejected::NotFound(Resource::Inbox))?;
                // Whoever asked for one inbox did not ask for all others.
                self.desk.hooks.retain(|_, hook| hook.inbox != Some(number));
                if inbox.group != GroupId::EVERYBODY && self.has_group(inbox.group) {
                    self.delete_group(inbox.group)?;
                }
            }
            DeskChange::SetBot { inbox, bot } => {
                let inbox = self.desk.inboxes.get_mut(&inbox).ok_or(Rejected::NotFound(Resource::Inbox))?;
                inbox.bot = bot;
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
            DeskChange::BeginMerge(merge) => self.desk.begin_merge(merge)?,
            DeskChange::EndMerge(merge) => self.desk.merges.retain(|other| *other != merge),
        }
        Ok(())
    }

    fn put_inbox(&mut self, mut inbox: Inbox, name: Box<str>) -> Result<(), Rejected> {
        inbox.check()?;
        let mode = if inbox.auto_assign { RoutingMode::Automatic } else { RoutingMode::Manual };
        let change = SettingsChange { mode: Some(mode), ..SettingsChange::default() };
        let known = self.desk.inboxes.get(&inbox.number);
        // Whoever changes an inbox says nothing of its bot.
        inbox.bot = known.map_or(inbox.bot, |known| known.bot.clone());
        if known.is_none() {
            self.desk.about.room_for_inbox(self.desk.inboxes.len())?;
        }
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use std::collections::BTreeSet;

    use super::*;
    use crate::id::{ClientId, LicenseId};
    use crate::participant::license::LicenseChange;
    use crate::time::Timestamp;
    use crate::webhook::Owner;

    fn license() -> License {
        License::new(LicenseId(1), "org", ClientId::new("app"), Timestamp::from_secs(1))
    }

    fn inbox(number: u64) -> Inbox {
        Inbox::new(number, Channel::Api, ["key".into(), "hmac".into(), "secret".into()])
    }

    fn changed(license: &mut License, change: DeskChange) -> Result<(), Rejected> {
        let fact = license.change(LicenseChange::Desk(change))?;
        fact.iter().for_each(|fact| license.apply(fact));
        Ok(())
    }

    fn put(license: &mut License, inbox: Inbox) -> Result<(), Rejected> {
        changed(license, DeskChange::PutInbox { inbox: Box::new(inbox), name: "Site".into() })
    }

    fn hook(number: u64, url: &str) -> Hook {
        let words = vec!["message_created".into()];
        Hook { number, url: url.into(), name: None, inbox: None, words, secret: "s".into(), dialect: 1 }
    }

    #[test]
    fn an_inbox_brings_its_group_and_takes_it_away() {
        let mut license = license();
        put(&mut license, inbox(7)).unwrap();
        let group = license.desk.inboxes[&7].group;
        assert_eq!(&*license.groups[&group].name, "Site");
        assert_eq!(license.desk.inbox_for(&Access::of(group)).unwrap().number, 7);
        // Who gives nothing by itself: its group is served by hand.
        put(&mut license, Inbox { auto_assign: false, ..inbox(7) }).unwrap();
        assert_eq!(license.desk.inboxes[&7].group, group, "changed, not moved");
        assert_eq!(license.groups[&group].settings.unwrap().mode, RoutingMode::Manual);
        changed(&mut license, DeskChange::DeleteInbox(7)).unwrap();
        assert!(!license.has_group(group) && license.desk.inboxes.is_empty());
        let again = changed(&mut license, DeskChange::DeleteInbox(7));
        assert_eq!(again, Err(Rejected::NotFound(Resource::Inbox)));
        // One that stands on everybody's group leaves that.
        put(&mut license, Inbox { group: GroupId::EVERYBODY, ..inbox(8) }).unwrap();
        changed(&mut license, DeskChange::DeleteInbox(8)).unwrap();
        assert!(license.has_group(GroupId::EVERYBODY));
    }

    #[test]
    fn a_bot_answers_first_in_an_inbox_that_exists() {
        let (mut license, bot) = (license(), AgentId::bot_from_random(1));
        put(&mut license, inbox(7)).unwrap();
        changed(&mut license, DeskChange::SetBot { inbox: 7, bot: Some(bot.clone()) }).unwrap();
        put(&mut license, inbox(7)).unwrap();
        assert_eq!(
            license.desk.inboxes[&7].bot,
            Some(bot.clone()),
            "a change of the inbox is none of its bot"
        );
        let nowhere = changed(&mut license, DeskChange::SetBot { inbox: 8, bot: Some(bot) });
        assert_eq!(nowhere, Err(Rejected::NotFound(Resource::Inbox)));
        changed(&mut license, DeskChange::SetBot { inbox: 7, bot: None }).unwrap();
        assert_eq!(license.desk.inboxes[&7].bot, None);
    }

    #[test]
    fn names_of_teams_and_addresses_of_hooks_are_given_once() {
        let mut license = license();
        let team = |number, name: &str| {
            let (description, members) = (None, BTreeSet::new());
            DeskChange::PutTeam(Team { number, name: name.into(), description, auto_assign: true, members })
        };
        changed(&mut license, team(1, "sales")).unwrap();
        assert_eq!(changed(&mut license, team(2, "sales")), Err(Rejected::taken("name")));
        assert_eq!(changed(&mut license, team(2, " ")), Err(Rejected::blank("name")));
        changed(&mut license, team(1, "sales")).unwrap();
        changed(&mut license, DeskChange::PutHook(hook(3, "http://h.example"))).unwrap();
        let again = changed(&mut license, DeskChange::PutHook(hook(4, "http://h.example")));
        assert_eq!(again, Err(Rejected::taken("url")));
        let deaf = Hook { words: Vec::new(), ..hook(5, "http://i.example") };
        let deaf = changed(&mut license, DeskChange::PutHook(deaf));
        assert!(matches!(deaf, Err(Rejected::Invalid { field, .. }) if field == "subscriptions"));
        let elsewhere = Hook { inbox: Some(99), ..hook(5, "http://i.example") };
        let elsewhere = changed(&mut license, DeskChange::PutHook(elsewhere));
        assert_eq!(elsewhere, Err(Rejected::NotFound(Resource::Inbox)));
        assert_eq!(license.desk.highest_number(), 3);
    }

    #[test]
    fn who_asked_for_one_inbox_hears_nothing_more_when_it_is_deleted() {
        let mut license = license();
        put(&mut license, inbox(7)).unwrap();
        let of_one = Hook { inbox: Some(7), ..hook(3, "http://h.example") };
        changed(&mut license, DeskChange::PutHook(of_one)).unwrap();
        changed(&mut license, DeskChange::PutHook(hook(4, "http://i.example"))).unwrap();
        let before = license.desk.hooks.clone();
        changed(&mut license, DeskChange::DeleteInbox(7)).unwrap();
        assert_eq!(license.desk.hooks.keys().collect::<Vec<_>>(), [&4]);
        // Stored by a server that left it there.
        license.desk.hooks = before;
        let heard = license.desk.registrations(&license.client);
        assert_eq!(heard.iter().map(|hook| &*hook.url).collect::<Vec<_>>(), ["http://i.example"]);
    }

    #[test]
    fn a_license_has_so_many_inboxes_teams_and_hooks() {
        let mut license = license();
        for number in 0..INBOXES_PER_LICENSE as u64 {
            license.desk.inboxes.insert(number, Inbox { group: GroupId::EVERYBODY, ..inbox(number) });
        }
        for number in 0..HOOKS_PER_LICENSE as u64 {
            license.desk.hooks.insert(number, hook(number, &format!("http://h.example/{number}")));
        }
        let full = put(&mut license, inbox(1_000));
        assert!(matches!(full, Err(Rejected::Invalid { field, .. }) if field == "inboxes"));
        let full = changed(&mut license, DeskChange::PutHook(hook(1_000, "http://i.example")));
        assert!(matches!(full, Err(Rejected::Invalid { field, .. }) if field == "webhooks"));
        put(&mut license, Inbox { lock_to_single: true, ..inbox(1) }).unwrap();
    }

    #[test]
    fn an_inboxs_bot_and_the_holder_hear_and_hooks_hear_all_of_their_inbox() {
        let (own, other) = (AgentId::bot_from_random(1), AgentId::bot_from_random(2));
        let groups = [GroupId(3)];
        let occasion = |author| DeskOccasion { groups: &groups, bot: Some(&own), holder: None, author };
        let wants =
            |owner: &Owner, hearing: &DeskHearing, author| hearing.wants(owner, Some(&occasion(author)));
        let bot = Owner::DeskBot(own.clone());
        let any = DeskHearing::default();
        assert!(wants(&bot, &any, None) && !wants(&bot, &any, Some(&own)));
        assert!(wants(&bot, &DeskHearing { hears_itself: true, ..any.clone() }, Some(&own)));
        assert!(!wants(&Owner::DeskBot(other), &any, None));
        let of = |group| DeskHearing { group: Some(GroupId(group)), ..DeskHearing::default() };
        let hook = Owner::DeskHook;
        assert!(wants(&hook, &of(3), None) && !wants(&hook, &of(4), None));
        assert!(!any.wants(&hook, None), "a chat that is no desk's");
    }
}
