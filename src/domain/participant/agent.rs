//! Human agents: profile, duty, and whether they are here. Source: spec v3.0, 4.4 and 10.5.

use serde::{Deserialize, Serialize};

use crate::id::AgentId;
use crate::limits::AGENT_GRACE;
use crate::participant::{Departure, Duty, RoutingStatus};
use crate::time::Timestamp;

/// What an agent may do in the license as a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Owns the license.
    Owner,
    /// Administers it.
    Administrator,
    /// Talks with customers.
    Normal,
}

/// A human agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The e-mail address.
    pub id: AgentId,
    /// Process-wide creation number (design D14).
    pub number: u64,
    /// Shown name.
    pub name: Box<str>,
    /// URL or empty.
    pub avatar: Box<str>,
    /// Rights as a person.
    pub role: Role,
    /// Status as routing sees it: `Offline` without a connection.
    pub duty: Duty,
    /// The status to go back to with `reconnect`.
    pub last_status: RoutingStatus,
    /// Set while the last connection is gone and the grace time runs.
    pub grace_until: Option<Timestamp>,
    /// Why it is offline, when it is.
    pub departure: Departure,
    /// Rises with every change; orders notices.
    pub version: u64,
    /// Time of the last change.
    pub changed_at: Timestamp,
    /// Every connection it has is away: routing passes it over.
    #[serde(default)]
    pub away: bool,
    /// Removed; kept so that old chats can show it.
    #[serde(default)]
    pub removed: bool,
    /// When it was made last: tokens given out before are void.
    #[serde(default)]
    pub since: Timestamp,
}

/// One change of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentFact {
    /// Made, or its profile set anew by the configuration.
    Put(Agent),
    /// Status after login, logout, or by request.
    StatusSet {
        /// When.
        at: Timestamp,
        /// The new status.
        status: RoutingStatus,
    },
    /// The last connection dropped; until then the agent still counts as here.
    GraceBegan {
        /// When.
        at: Timestamp,
        /// When it will count as offline.
        until: Timestamp,
    },
    /// Back in time.
    GraceEnded {
        /// When.
        at: Timestamp,
    },
    /// All connections are away now, or not all any more.
    AwaySet {
        /// When.
        at: Timestamp,
        /// All of them?
        away: bool,
    },
    /// Offline for a reason that is not its own.
    SentOff {
        /// When.
        at: Timestamp,
        /// Why.
        why: Departure,
    },
    /// Removed.
    Removed {
        /// When.
        at: Timestamp,
    },
}

/// How a connection comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coming {
    /// With a login of its own.
    Anew,
    /// After one that was lost: it wants the last status back.
    Back,
    /// To hear what happens: it is there, and asks for no status.
    Watching,
}

impl Agent {
    /// Applies a fact. Cannot fail.
    pub fn apply(&mut self, fact: &AgentFact) {
        match fact {
            AgentFact::Put(agent) => {
                let version = self.version;
                *self = agent.clone();
                self.version = version;
            }
            AgentFact::StatusSet { at, status } => {
                if *status == RoutingStatus::Offline {
                    let lost = self.grace_until.is_some_and(|until| until <= *at);
                    self.departure = if lost { Departure::Disconnected } else { Departure::SignedOut };
                } else {
                    self.last_status = *status;
                }
                self.away &= *status != RoutingStatus::Offline;
                self.duty.status = *status;
                self.grace_until = None;
                self.changed_at = *at;
            }
            AgentFact::GraceBegan { at, until } => {
                self.grace_until = Some(*until);
                self.changed_at = *at;
            }
            AgentFact::GraceEnded { at } => {
                self.grace_until = None;
                self.changed_at = *at;
            }
            AgentFact::AwaySet { at, away } => {
                self.away = *away;
                self.changed_at = *at;
            }
            AgentFact::SentOff { at, why } => self.leave(*at, *why),
            AgentFact::Removed { at } => {
                self.leave(*at, Departure::Deleted);
                self.removed = true;
                self.duty.groups.clear();
            }
        }
        self.version += 1;
    }

    fn leave(&mut self, at: Timestamp, why: Departure) {
        self.duty.status = RoutingStatus::Offline;
        self.departure = why;
        self.away = false;
        self.grace_until = None;
        self.changed_at = at;
    }

    /// A connection logged in. The default status is accepting; whoever is back has the last one.
    #[must_use]
    pub fn log_in(&self, coming: Coming, now: Timestamp) -> Vec<AgentFact> {
        let (at, reconnect) = (now.after(self.changed_at), coming != Coming::Anew);
        match self.duty.status {
            // Whoever only watches did not ask for a status: what was set by hand holds.
            RoutingStatus::Offline if coming == Coming::Watching && self.departure == Departure::ByHand => {
                vec![]
            }
            RoutingStatus::Offline => {
                let status = if reconnect { self.last_status } else { RoutingStatus::Accepting };
                vec![AgentFact::StatusSet { at, status }]
            }
            _ if self.grace_until.is_none() => vec![],
            status if reconnect || status == RoutingStatus::Accepting => vec![AgentFact::GraceEnded { at }],
            // Setting a status ends the grace time, too.
            _ => vec![AgentFact::StatusSet { at, status: RoutingStatus::Accepting }],
        }
    }

    /// The last connection went: told by `logout` (offline at once) or lost (grace time).
    #[must_use]
    pub fn last_connection_gone(&self, logged_out: bool, now: Timestamp) -> Vec<AgentFact> {
        let at = now.after(self.changed_at);
        match self.duty.status {
            RoutingStatus::Offline => vec![],
            _ if logged_out => vec![AgentFact::StatusSet { at, status: RoutingStatus::Offline }],
            _ if self.grace_until.is_some() => vec![],
            _ => vec![AgentFact::GraceBegan { at, until: at.plus(AGENT_GRACE) }],
        }
    }

    /// After a restart nobody is connected: whoever was online has its grace time from now, also
    /// when one was running before (design D15).
    #[must_use]
    pub fn restarted(&self, now: Timestamp) -> Vec<AgentFact> {
        if self.duty.status == RoutingStatus::Offline {
            return vec![];
        }
        let at = now.after(self.changed_at);
        vec![AgentFact::GraceBegan { at, until: at.plus(AGENT_GRACE) }]
    }

    /// The status is set by request while connected.
    #[must_use]
    pub fn set_status(&self, status: RoutingStatus, now: Timestamp) -> Vec<AgentFact> {
        let at = now.after(self.changed_at);
        match status {
            _ if self.duty.status == status => vec![],
            RoutingStatus::Offline => vec![AgentFact::SentOff { at, why: Departure::ByHand }],
            status => vec![AgentFact::StatusSet { at, status }],
        }
    }

    /// All its connections are away, or not all any more (spec v3.0, 10.5).
    #[must_use]
    pub fn set_away(&self, away: bool, now: Timestamp) -> Vec<AgentFact> {
        if self.away == away || self.duty.status == RoutingStatus::Offline {
            return vec![];
        }
        vec![AgentFact::AwaySet { at: now.after(self.changed_at), away }]
    }

    /// When to call [`Agent::due`].
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Timestamp> {
        self.grace_until
    }

    /// What time alone changes: the grace time ran out.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Vec<AgentFact> {
        match self.grace_until {
            Some(until) if until <= now => {
                vec![AgentFact::StatusSet { at: now.after(self.changed_at), status: RoutingStatus::Offline }]
            }
            _ => vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent() -> Agent {
        Agent { changed_at: Timestamp::from_secs(1), ..Agent::new(AgentId::new("ann@example.org"), "Ann") }
    }

    fn run(agent: &mut Agent, facts: &[AgentFact]) -> usize {
        facts.iter().for_each(|fact| agent.apply(fact));
        facts.len()
    }

    const NOW: Timestamp = Timestamp::from_secs(100);

    #[test]
    fn login_gives_the_default_status_and_reconnect_the_last_one() {
        let mut ann = agent();
        let facts = ann.log_in(Coming::Anew, NOW);
        run(&mut ann, &facts);
        assert_eq!(ann.duty.status, RoutingStatus::Accepting);
        let facts = ann.set_status(RoutingStatus::NotAccepting, NOW);
        run(&mut ann, &facts);
        let facts = ann.last_connection_gone(true, NOW);
        run(&mut ann, &facts);
        assert_eq!(ann.duty.status, RoutingStatus::Offline);
        assert_eq!(ann.log_in(Coming::Back, NOW).len(), 1);
        let facts = ann.log_in(Coming::Back, NOW);
        run(&mut ann, &facts);
        assert_eq!(ann.duty.status, RoutingStatus::NotAccepting);
        assert!(ann.log_in(Coming::Anew, NOW).is_empty(), "a second connection changes nothing");
    }

    #[test]
    fn whoever_was_set_offline_by_hand_is_so_until_it_logs_in_or_says_otherwise() {
        let mut ann = agent();
        let facts = ann.log_in(Coming::Watching, NOW);
        run(&mut ann, &facts);
        assert_eq!(ann.duty.status, RoutingStatus::Accepting, "to hear is to be there");
        let facts = ann.set_status(RoutingStatus::Offline, NOW);
        run(&mut ann, &facts);
        assert_eq!((ann.duty.status, ann.departure), (RoutingStatus::Offline, Departure::ByHand));
        assert!(ann.log_in(Coming::Watching, NOW).is_empty());
        assert_eq!(ann.log_in(Coming::Back, NOW).len(), 1);
        let facts = ann.set_status(RoutingStatus::NotAccepting, NOW);
        run(&mut ann, &facts);
        let facts = ann.last_connection_gone(true, NOW);
        run(&mut ann, &facts);
        let facts = ann.log_in(Coming::Watching, NOW);
        run(&mut ann, &facts);
        assert_eq!(ann.duty.status, RoutingStatus::NotAccepting, "a logout is none by hand");
    }

    #[test]
    fn a_lost_connection_counts_as_online_for_the_grace_time() {
        let mut ann = agent();
        let facts = ann.log_in(Coming::Anew, NOW);
        run(&mut ann, &facts);
        let facts = ann.last_connection_gone(false, NOW);
        run(&mut ann, &facts);
        assert_eq!(ann.duty.status, RoutingStatus::Accepting);
        let until = ann.next_deadline().unwrap_or_default();
        assert!(until >= NOW.plus(AGENT_GRACE));
        assert!(ann.due(NOW).is_empty());
        let mut back = ann.clone();
        let facts = back.log_in(Coming::Anew, NOW);
        run(&mut back, &facts);
        assert_eq!((back.duty.status, back.next_deadline()), (RoutingStatus::Accepting, None));
        let facts = ann.due(until);
        assert_eq!(run(&mut ann, &facts), 1);
        assert_eq!((ann.duty.status, ann.next_deadline()), (RoutingStatus::Offline, None));
        assert_eq!(ann.departure, Departure::Disconnected);
    }

    #[test]
    fn a_login_within_the_grace_time_is_a_login_like_any_other() {
        let mut ann = agent();
        let facts = ann.log_in(Coming::Anew, NOW);
        run(&mut ann, &facts);
        let facts = ann.set_status(RoutingStatus::NotAccepting, NOW);
        run(&mut ann, &facts);
        let facts = ann.last_connection_gone(false, NOW);
        run(&mut ann, &facts);
        for (coming, status) in
            [(Coming::Back, RoutingStatus::NotAccepting), (Coming::Anew, RoutingStatus::Accepting)]
        {
            let mut back = ann.clone();
            let facts = back.log_in(coming, NOW);
            run(&mut back, &facts);
            assert_eq!((back.duty.status, back.next_deadline()), (status, None));
        }
    }

    #[test]
    fn a_restart_gives_the_grace_time_anew() {
        let mut ann = agent();
        assert!(ann.restarted(NOW).is_empty(), "offline stays offline");
        let facts = ann.log_in(Coming::Anew, NOW);
        run(&mut ann, &facts);
        let facts = ann.last_connection_gone(false, NOW);
        run(&mut ann, &facts);
        let later = NOW.plus(AGENT_GRACE * 10);
        let facts = ann.restarted(later);
        run(&mut ann, &facts);
        assert!(ann.due(later).is_empty());
        assert!(ann.next_deadline() >= Some(later.plus(AGENT_GRACE)));
    }

    #[test]
    fn away_ends_with_a_connection_that_is_not_and_with_the_last_one() {
        let mut ann = agent();
        assert!(ann.set_away(true, NOW).is_empty(), "nobody is there to be away");
        let facts = ann.log_in(Coming::Anew, NOW);
        run(&mut ann, &facts);
        let facts = ann.set_away(true, NOW);
        assert_eq!(run(&mut ann, &facts), 1);
        assert!(ann.away && ann.set_away(true, NOW).is_empty());
        let mut back = ann.clone();
        let facts = back.set_away(false, NOW);
        assert_eq!((run(&mut back, &facts), back.away), (1, false));
        let facts = ann.last_connection_gone(true, NOW);
        run(&mut ann, &facts);
        assert!(!ann.away);
    }

    #[test]
    fn an_agent_stored_before_it_could_be_away_still_opens() {
        let stored = rmp_serde::to_vec(&agent()).unwrap_or_default();
        // The last three of fourteen fields: away, removed (false) and since (0).
        let (first, last) = stored.split_at(stored.len() - 3);
        assert_eq!((stored[0], last), (0x9e, &[0xc2, 0xc2, 0x00][..]));
        let older = [&[0x9b], &first[1..]].concat();
        assert_eq!(rmp_serde::from_slice::<Agent>(&older).ok(), Some(agent()));
    }

    #[test]
    fn setting_the_same_status_changes_nothing() {
        let ann = agent();
        assert!(ann.set_status(RoutingStatus::Offline, NOW).is_empty());
        assert!(ann.last_connection_gone(true, NOW).is_empty());
    }
}
