//! When a delivery that failed is tried again. Source: spec v3.0, 9.4 and 12 #11.

use std::time::Duration;

use crate::webhook::Owner;
use crate::webhook::limits::{
    ATTEMPT_TIMEOUT, BACKLOG_AGE, DESK_ATTEMPT_TIMEOUT, DESK_RETRY_DELAYS, DISABLE_AFTER, JITTER,
    OVERDUE_RETRIES, RETRY_DELAYS,
};

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took it.
    Delivered,
    /// The receiver will never take it.
    Refused,
    /// The endpoint is in trouble: a later attempt may go through.
    Trouble,
    /// The receiver says that it is gone for good: it will never take anything.
    Gone,
}

/// How an attempt ended, and what the receiver asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// How long it wants to be left alone (`Retry-After`); counts with trouble only.
    pub retry_after: Option<Duration>,
}

impl From<Outcome> for Report {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, retry_after: None }
    }
}

impl Outcome {
    /// Classifies the status of an HTTP answer: 2xx is success; 4xx is final, but for those that
    /// ask for patience (408, 425, 429), and 410 speaks for all that is to come; anything else,
    /// redirects included, is trouble.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Delivered,
            408 | 425 | 429 => Self::Trouble,
            410 => Self::Gone,
            400..=499 => Self::Refused,
            _ => Self::Trouble,
        }
    }
}

/// How patient we are with one kind of endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Waits between attempts, before jitter: one more attempt than waits.
    pub delays: Vec<Duration>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How old what waits for a receiver in trouble may become.
    pub backlog_age: Duration,
    /// How long every attempt may fail before the receiver is disabled.
    pub disable_after: Duration,
    /// Is a delivery whose waits are used up kept as long as the trouble is its receiver's and its age
    /// bears? Failed attempts say nothing of it then.
    pub outlasts_trouble: bool,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            delays: RETRY_DELAYS.to_vec(),
            timeout: ATTEMPT_TIMEOUT,
            backlog_age: BACKLOG_AGE,
            disable_after: DISABLE_AFTER,
            outlasts_trouble: true,
        }
    }
}

impl Schedule {
    /// How long to wait after so many failed attempts (at least 1) of a delivery that became due
    /// so long ago; `None`: no more. `jitter` is a random share from 0 to 1.
    #[must_use]
    pub fn wait(&self, failures: usize, age: Duration, jitter: f64) -> Option<Duration> {
        if age > self.horizon() && failures > OVERDUE_RETRIES {
            return None;
        }
        let delay = self.delays.get(failures.checked_sub(1)?)?;
        Some(delay.mul_f64(1.0 + JITTER * if jitter.is_nan() { 0.0 } else { jitter.clamp(0.0, 1.0) }))
    }

    /// Is one whose waits are used up, which became due so long ago, kept all the same while its receiver is in
    /// trouble?
    #[must_use]
    pub fn outlasts(&self, age: Duration) -> bool {
        self.outlasts_trouble && age <= self.backlog_age
    }

    /// How long a delivery that nothing held up can take until it is given up.
    fn horizon(&self) -> Duration {
        let attempts = u32::try_from(self.delays.len() + 1).unwrap_or(u32::MAX);
        let waits: Duration = self.delays.iter().sum();
        waits.mul_f64(1.0 + JITTER).saturating_add(self.timeout.saturating_mul(attempts))
    }
}

/// The schedule of each kind of endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedules {
    /// Of bots.
    pub bots: Schedule,
    /// Of webhooks registered for the license.
    pub license: Schedule,
    /// Of a help desk's bots and hooks: people wait behind them, so that they are given up soon.
    pub desk: Schedule,
}

impl Default for Schedules {
    fn default() -> Self {
        let desk = Schedule {
            delays: DESK_RETRY_DELAYS.to_vec(),
            timeout: DESK_ATTEMPT_TIMEOUT,
            outlasts_trouble: false,
            ..Schedule::default()
        };
        Self { bots: Schedule::default(), license: Schedule::default(), desk }
    }
}

impl Schedules {
    /// The schedule for the endpoints of an owner.
    #[must_use]
    pub const fn of(&self, owner: &Owner) -> &Schedule {
        match owner {
            Owner::Bot(_) => &self.bots,
            Owner::License => &self.license,
            Owner::DeskBot(_) | Owner::DeskHook => &self.desk,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::AgentId;

    #[test]
    fn statuses_are_success_final_or_trouble() {
        for status in [200, 201, 204, 299] {
            assert_eq!(Outcome::of_status(status), Outcome::Delivered, "{status}");
        }
        assert_eq!(Outcome::of_status(410), Outcome::Gone);
        for status in [400, 401, 404, 422, 451, 499] {
            assert_eq!(Outcome::of_status(status), Outcome::Refused, "{status}");
        }
        for status in [0, 100, 199, 301, 302, 307, 308, 408, 425, 429, 500, 502, 503, 599, 999] {
            assert_eq!(Outcome::of_status(status), Outcome::Trouble, "{status}");
        }
    }

    #[test]
    fn the_waits_are_those_of_the_spec_and_then_it_ends() {
        let schedule = Schedule::default();
        let waits: Vec<u64> = (1..)
            .map_while(|failures| schedule.wait(failures, Duration::ZERO, 0.0))
            .map(|wait| wait.as_secs())
            .collect();
        assert_eq!(waits, [5, 30, 120, 300, 1800, 7200, 18_000, 36_000]);
        assert_eq!(schedule.timeout, Duration::from_secs(10));
    }

    #[test]
    fn jitter_adds_at_most_its_share_whatever_is_given() {
        let wait = |jitter| Schedule::default().wait(1, Duration::ZERO, jitter);
        assert_eq!(wait(0.0), Some(Duration::from_secs(5)));
        assert_eq!(wait(0.5), Some(Duration::from_millis(5500)));
        assert_eq!(wait(1.0), Some(Duration::from_secs(6)));
        assert_eq!(wait(7.0), wait(1.0));
        assert_eq!(wait(-7.0), wait(0.0));
        assert_eq!(wait(f64::NAN), wait(0.0));
    }

    #[test]
    fn a_delivery_that_nothing_held_up_gets_the_whole_schedule() {
        let schedule = Schedule::default();
        let (mut age, mut attempts) = (schedule.timeout, 1);
        while let Some(wait) = schedule.wait(attempts, age, 1.0) {
            age += wait + schedule.timeout;
            attempts += 1;
        }
        assert_eq!(attempts, RETRY_DELAYS.len() + 1);
    }

    #[test]
    fn an_overdue_delivery_gets_a_few_tries_only() {
        let schedule = Schedule::default();
        let old = Duration::from_secs(7 * 24 * 3600);
        assert!(schedule.wait(OVERDUE_RETRIES, old, 0.0).is_some());
        assert_eq!(schedule.wait(OVERDUE_RETRIES + 1, old, 0.0), None);
    }

    #[test]
    fn each_kind_of_endpoint_has_its_own_schedule() {
        let timeout = Duration::from_secs(2);
        let short = Schedule { delays: vec![Duration::from_secs(1)], timeout, ..Schedule::default() };
        let schedules = Schedules { license: short.clone(), ..Schedules::default() };
        assert_eq!(schedules.of(&Owner::License), &short);
        assert_eq!(schedules.of(&Owner::Bot(AgentId::new("b"))), &Schedule::default());
    }
}
