//! The model's rules for what time changes.

use super::model::{HUMANS, Hold, Model, Router};
use super::*;

/// No two deadlines meet while the clock goes on by tens of seconds, and none meets the clock.
pub(super) const TIMERS: Timers = Timers { unseen: 301, idle: 1_203, silent: 1_807, customer_left: 0 };

/// The world, with these timers.
pub(super) const ODD: Timed = Timed { timers: TIMERS, customer_left: None };

impl Model {
    pub(super) fn hand(&mut self, name: &str) {
        (self.hold, self.held_at) = (Hold::By(name.to_owned()), self.at);
    }

    /// Somebody said something, not the engine.
    pub(super) fn talked(&mut self, by: &str) {
        (self.said_at, self.idle) = (self.at, false);
        if by == "mia" {
            for agent in ["ann", "bob", "eve", "bot"] {
                self.owed.entry(agent.to_owned()).or_insert(self.at);
            }
        }
        self.sees(by);
    }

    /// Only whoever was ever in the chat has a marker there.
    pub(super) fn sees(&mut self, by: &str) {
        if self.known.iter().any(|known| known == by) {
            self.owed.remove(by);
        }
    }

    /// What is due, the earliest first.
    pub(super) fn due(&mut self, router: Router<'_>) {
        let holder = if let Hold::By(holder) = &self.hold { Some(holder.clone()) } else { None };
        let owed = holder.as_ref().and_then(|holder| self.owed.get(holder)).copied();
        let silent = holder.is_some() && owed.is_none();
        let (unseen, idle, silence): (u64, u64, u64) =
            (TIMERS.unseen.into(), TIMERS.idle.into(), TIMERS.silent.into());
        let all = [
            owed.map(|owed| (owed.max(self.held_at) + unseen, 'u')),
            (!self.idle).then_some((self.said_at + idle, 'i')),
            silent.then_some((self.said_at.max(self.held_at) + silence, 's')),
        ];
        let due = all.into_iter().flatten().filter(|(at, _)| self.active() && *at < self.at).min();
        match due {
            None => {}
            Some((_, 'u')) => self.inactive(&holder.unwrap(), router),
            Some((_, 'i')) => {
                self.idle = true;
                self.say(None, true, "routing.idle");
            }
            Some(_) => {
                self.say(None, true, "routing.archived_inactive");
                self.hold = Hold::Closed;
            }
        }
    }

    fn inactive(&mut self, name: &str, router: Router<'_>) {
        self.present.retain(|p| p != name);
        let here = |known: &&String| self.is_here(known) && HUMANS.contains(&known.as_str());
        let other = self.known.iter().find(here).cloned();
        match other.map_or_else(|| router(self.need(&[name], true)), |other| assigned(&other)) {
            Placement::Assigned(agent) => {
                self.join(agent.as_str());
                self.hand(agent.as_str());
                self.say(None, false, "routing.assigned_inactive");
            }
            Placement::Refused(_) => {
                self.say(None, true, "routing.archived_inactive");
                self.hold = Hold::Closed;
            }
            word => {
                self.queued = matches!(word, Placement::Queued { .. });
                (self.hold, self.let_go) = (Hold::Waits, Some(name.to_owned()));
                self.say(None, true, "routing.unassigned");
            }
        }
    }
}
