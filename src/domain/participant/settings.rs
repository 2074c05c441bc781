//! What an operator sets for a license or one of its groups. Source: spec v3.0, 10.2 and 12 #17.

use serde::{Deserialize, Serialize};

use crate::error::Rejected;
use crate::id::GroupId;
use crate::limits::{
    DEFAULT_IDLE_SECS, DEFAULT_SILENT_SECS, DEFAULT_UNSEEN_SECS, MAX_QUEUE_LIMIT, MAX_TIMER_SECS,
};
use crate::routing::DEFAULT_QUEUE_LIMIT;

/// How chats find an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RoutingMode {
    /// The router gives each chat to the right agent.
    #[default]
    Automatic,
    /// Chats start unassigned; agents take them by answering or joining.
    Manual,
}

/// When time alone changes a chat. All in seconds; 0 switches a timer off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timers {
    /// The holder has not seen the customer's last message for so long: somebody else gets the chat.
    pub unseen: u32,
    /// Nothing was said for so long: the chat is marked idle.
    pub idle: u32,
    /// Seen, and nothing was said for so long: the thread is closed.
    pub silent: u32,
    /// The customer left the site for so long: the thread is closed.
    pub customer_left: u32,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            unseen: DEFAULT_UNSEEN_SECS,
            idle: DEFAULT_IDLE_SECS,
            silent: DEFAULT_SILENT_SECS,
            customer_left: 0,
        }
    }
}

/// Settings of routing, of a license or of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// How chats find an agent.
    pub mode: RoutingMode,
    /// May chats wait when everybody is busy?
    pub queues: bool,
    /// How many chats may wait in one group.
    pub queue_limit: u32,
    /// When time alone changes a chat.
    pub timers: Timers,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: RoutingMode::Automatic,
            queues: true,
            queue_limit: DEFAULT_QUEUE_LIMIT,
            timers: Timers::default(),
        }
    }
}

/// The settings of chats in some groups: those of the lowest group that has its own, else the
/// usual ones.
pub(crate) fn of_groups<'a>(
    usual: Settings,
    groups: impl IntoIterator<Item = &'a GroupId>,
    own: impl Fn(GroupId) -> Option<Settings>,
) -> Settings {
    let own = |&group: &GroupId| Some((group, own(group)?));
    groups.into_iter().filter_map(own).min_by_key(|(group, _)| *group).map_or(usual, |(_, settings)| settings)
}

/// New values for some settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SettingsChange {
    /// How chats find an agent.
    pub mode: Option<RoutingMode>,
    /// May chats wait when everybody is busy?
    pub queues: Option<bool>,
    /// How many chats may wait in one group.
    pub queue_limit: Option<u32>,
    /// [`Timers::unseen`], in seconds.
    pub unseen: Option<u32>,
    /// [`Timers::idle`], in seconds.
    pub idle: Option<u32>,
    /// [`Timers::silent`], in seconds.
    pub silent: Option<u32>,
    /// [`Timers::customer_left`], in seconds.
    pub customer_left: Option<u32>,
}

/// What becomes of a group's own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OwnSettings {
    /// They stay as they are.
    #[default]
    Keep,
    /// The group goes by those of the license again.
    Drop,
    /// The group has its own from now on; what is not given is as it was for the group until now.
    Set(SettingsChange),
}

impl OwnSettings {
    /// The group's own settings after it; `license` holds those of a group without its own.
    ///
    /// # Errors
    /// `Invalid`, naming the field under `settings`.
    pub fn of(self, own: Option<Settings>, license: Settings) -> Result<Option<Settings>, Rejected> {
        match self {
            Self::Keep => Ok(own),
            Self::Drop => Ok(None),
            Self::Set(change) => own.unwrap_or(license).changed(change).map(Some),
        }
    }
}

impl Settings {
    /// The settings with some changed, checked.
    ///
    /// # Errors
    /// `Invalid`, naming the field under `settings`.
    pub fn changed(self, change: SettingsChange) -> Result<Self, Rejected> {
        let timers = Timers {
            unseen: change.unseen.unwrap_or(self.timers.unseen),
            idle: change.idle.unwrap_or(self.timers.idle),
            silent: change.silent.unwrap_or(self.timers.silent),
            customer_left: change.customer_left.unwrap_or(self.timers.customer_left),
        };
        let changed = Self {
            mode: change.mode.unwrap_or(self.mode),
            queues: change.queues.unwrap_or(self.queues),
            queue_limit: change.queue_limit.unwrap_or(self.queue_limit),
            timers,
        };
        changed.check().map_err(|rejected| rejected.under("settings"))?;
        Ok(changed)
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub fn check(&self) -> Result<(), Rejected> {
        let Timers { unseen, idle, silent, customer_left } = self.timers;
        for (field, seconds) in [
            ("timers.unseen", unseen),
            ("timers.idle", idle),
            ("timers.silent", silent),
            ("timers.customer_left", customer_left),
        ] {
            if seconds > MAX_TIMER_SECS {
                return Err(Rejected::invalid(field, format!("must be at most {MAX_TIMER_SECS} seconds")));
            }
        }
        if self.queue_limit > MAX_QUEUE_LIMIT {
            return Err(Rejected::invalid("queue_limit", format!("must be at most {MAX_QUEUE_LIMIT}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_kept_and_named() {
        assert_eq!(Settings::default().check(), Ok(()));
        let timers = |seconds| Settings {
            timers: Timers { idle: seconds, ..Timers::default() },
            ..Settings::default()
        };
        assert_eq!(timers(MAX_TIMER_SECS).check(), Ok(()));
        let refused = timers(MAX_TIMER_SECS + 1).check();
        assert!(matches!(refused, Err(Rejected::Invalid { field, .. }) if field == "timers.idle"));
        let queue = |queue_limit| Settings { queue_limit, ..Settings::default() };
        assert_eq!(queue(MAX_QUEUE_LIMIT).check(), Ok(()));
        assert!(queue(MAX_QUEUE_LIMIT + 1).check().is_err());
    }

    #[test]
    fn a_change_touches_what_it_names_and_is_checked_as_a_whole() {
        let old = Settings::default();
        let change = SettingsChange { queues: Some(false), silent: Some(0), ..SettingsChange::default() };
        let new = Settings { queues: false, timers: Timers { silent: 0, ..old.timers }, ..old };
        assert_eq!(old.changed(change), Ok(new));
        assert_eq!(new.changed(SettingsChange::default()), Ok(new));
        let long = SettingsChange { unseen: Some(MAX_TIMER_SECS + 1), ..SettingsChange::default() };
        let refused = old.changed(long);
        assert!(matches!(refused, Err(Rejected::Invalid { field, .. }) if field == "settings.timers.unseen"));
    }

    #[test]
    fn a_group_takes_over_the_settings_of_its_license_until_it_has_its_own() {
        let license = Settings { queue_limit: 9, ..Settings::default() };
        let manual = SettingsChange { mode: Some(RoutingMode::Manual), ..SettingsChange::default() };
        let own = Settings { mode: RoutingMode::Manual, ..license };
        assert_eq!(OwnSettings::Set(manual).of(None, license), Ok(Some(own)));
        let queue = SettingsChange { queue_limit: Some(2), ..SettingsChange::default() };
        let both = Some(Settings { queue_limit: 2, ..own });
        assert_eq!(OwnSettings::Set(queue).of(Some(own), license), Ok(both));
        assert_eq!(OwnSettings::Keep.of(both, license), Ok(both));
        assert_eq!(OwnSettings::Drop.of(both, license), Ok(None));
    }
}
