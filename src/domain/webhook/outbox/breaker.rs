//! The breaker of one receiver: after some failures in a row nothing is sent but one probe now and
//! then, so that a dead receiver costs little and one that comes back is noticed soon.

use std::time::Duration;

use crate::time::Timestamp;
use crate::webhook::limits::{BREAKER_FAILURES, PROBE_WAITS, QUIET_TIME, WITNESS_TIME};
use crate::webhook::{Disabled, Standing};

/// What a receiver's failures in a row have come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Breaker {
    state: State,
    /// Failures in a row.
    failures: u32,
    /// How often it opened in this row.
    openings: usize,
    /// When the row of failures began, or was taken up after a long time in which nothing was tried.
    since: Option<Timestamp>,
    /// When this process saw the first of them.
    witnessed: Option<Timestamp>,
    /// The last of them that this process saw.
    last: Option<Timestamp>,
    disabled: Option<Disabled>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// As many attempts as the bounds allow.
    #[default]
    Closed,
    /// None until then.
    Open(Timestamp),
    /// One may go.
    HalfOpen,
    /// That one is under way.
    Probing,
}

impl Breaker {
    /// That of a receiver with this standing before a restart: one in trouble is probed first.
    pub(super) fn restored(standing: &Standing) -> Self {
        let troubled = standing.failing_since.is_some();
        Self {
            state: if troubled { State::HalfOpen } else { State::Closed },
            failures: if troubled { BREAKER_FAILURES } else { 0 },
            openings: usize::from(troubled),
            since: standing.failing_since,
            witnessed: None,
            last: None,
            disabled: standing.disabled,
        }
    }

    /// May another attempt begin?
    pub(super) const fn permits(&self) -> bool {
        self.disabled.is_none() && matches!(self.state, State::Closed | State::HalfOpen)
    }

    /// An attempt begins, which was permitted. Is it the probe?
    pub(super) fn begin(&mut self) -> bool {
        let probe = self.state == State::HalfOpen;
        if probe {
            self.state = State::Probing;
        }
        probe
    }

    /// Until when nothing may be sent.
    pub(super) const fn pause(&self) -> Option<Timestamp> {
        match self.state {
            State::Open(until) if self.disabled.is_none() => Some(until),
            _ => None,
        }
    }

    /// The pause may be over.
    pub(super) fn wake(&mut self, now: Timestamp) {
        if self.pause().is_some_and(|until| until <= now) {
            self.state = State::HalfOpen;
        }
    }

    /// The receiver answered. Was it in trouble until now?
    pub(super) fn succeeded(&mut self) -> bool {
        let troubled = self.is_troubled();
        *self = Self { disabled: self.disabled, ..Self::default() };
        troubled
    }

    /// An attempt failed; the receiver may have asked for a pause. Does the receiver stand differently for it?
    pub(super) fn failed(&mut self, probe: bool, pause: Option<Duration>, now: Timestamp) -> bool {
        let before = self.standing();
        self.failures = self.failures.saturating_add(1);
        if self.last.replace(now).is_some_and(|last| now.since(last) > QUIET_TIME) {
            (self.since, self.witnessed) = (None, None);
        }
        self.since.get_or_insert(now);
        self.witnessed.get_or_insert(now);
        let opens = match self.state {
            State::Closed => pause.is_some() || self.failures >= BREAKER_FAILURES,
            State::Probing => probe,
            // Begun before it opened: it says nothing new.
            State::Open(_) | State::HalfOpen => false,
        };
        if opens {
            let wait = PROBE_WAITS[self.openings.min(PROBE_WAITS.len() - 1)];
            // A pause that was asked for is no sign of trouble yet.
            if self.failures >= BREAKER_FAILURES {
                self.openings += 1;
            }
            self.state = State::Open(now.plus(pause.map_or(wait, |pause| pause.max(wait))));
        } else if let (State::Open(until), Some(pause)) = (self.state, pause) {
            self.state = State::Open(until.max(now.plus(pause)));
        }
        self.standing() != before
    }

    /// Has nothing but failed for so long, as far as anybody knows?
    pub(super) fn failed_for(&self, patience: Duration, now: Timestamp) -> bool {
        let for_long = |from: Option<Timestamp>, time| from.is_some_and(|from| now.since(from) >= time);
        self.is_troubled()
            && for_long(self.since, patience)
            && for_long(self.witnessed, patience.min(WITNESS_TIME))
    }

    /// May as many attempts be made as the bounds allow?
    pub(super) const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Have so many attempts failed in a row that it is no accident?
    pub(super) const fn is_troubled(&self) -> bool {
        self.failures >= BREAKER_FAILURES
    }

    /// Is there nothing to remember?
    pub(super) fn is_pristine(&self) -> bool {
        *self == Self::default()
    }

    /// Failures in a row.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// Is it off, and why?
    pub(super) const fn disabled(&self) -> Option<Disabled> {
        self.disabled
    }

    pub(super) fn disable(&mut self, disabled: Disabled) {
        self.disabled = Some(disabled);
    }

    /// Everything is forgiven.
    pub(super) fn enable(&mut self) {
        *self = Self::default();
    }

    /// What outlives a restart.
    pub(super) fn standing(&self) -> Standing {
        Standing { failing_since: self.since.filter(|_| self.is_troubled()), disabled: self.disabled }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use proptest::prelude::*;

    use super::*;
    use crate::webhook::limits::RETRY_AFTER_MAX;

    const START: Timestamp = Timestamp::from_secs(1_000);

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for n in 1..=BREAKER_FAILURES {
            assert!(breaker.permits());
            assert_eq!(breaker.failed(false, None, START), n == BREAKER_FAILURES);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_probe_goes_at_a_time() {
        let mut breaker = opened();
        assert!(!breaker.permits());
        let until = breaker.pause().unwrap();
        assert_eq!(until, START.plus(PROBE_WAITS[0]));
        breaker.wake(until);
        assert!(breaker.permits() && breaker.begin());
        assert!(!breaker.permits(), "one probe only");
        assert!(breaker.succeeded() && breaker.is_pristine());
    }

    #[test]
    fn a_success_in_between_starts_the_count_afresh() {
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            for _ in 1..BREAKER_FAILURES {
                assert!(!breaker.failed(false, None, START));
            }
            assert!(!breaker.succeeded());
        }
        assert!(breaker.permits());
    }

    #[test]
    fn failed_probes_come_at_longer_waits_up_to_the_last_one() {
        let mut breaker = opened();
        for n in 1..20 {
            let at = breaker.pause().unwrap();
            breaker.wake(at);
            assert!(breaker.begin());
            assert!(!breaker.failed(true, None, at), "the trouble is known");
            assert_eq!(breaker.pause(), Some(at.plus(PROBE_WAITS[n.min(PROBE_WAITS.len() - 1)])));
        }
    }

    #[test]
    fn what_began_before_it_opened_neither_ends_a_probe_nor_lengthens_the_pause() {
        let mut breaker = opened();
        let until = breaker.pause();
        breaker.failed(false, None, START.plus(Duration::from_secs(1)));
        assert_eq!(breaker.pause(), until);
        breaker.wake(until.unwrap());
        assert!(breaker.begin());
        breaker.failed(false, None, until.unwrap());
        assert_eq!((breaker.pause(), breaker.permits()), (None, false), "the probe is still under way");
    }

    #[test]
    fn a_pause_that_is_asked_for_is_kept_and_is_no_trouble() {
        let mut breaker = Breaker::default();
        let hour = Duration::from_secs(3600);
        assert!(!breaker.failed(false, Some(hour), START));
        assert_eq!(breaker.pause(), Some(START.plus(hour)));
        assert!(!breaker.is_troubled() && breaker.standing() == Standing::default());
        breaker.wake(START.plus(hour));
        assert!(breaker.permits());
    }

    #[test]
    fn a_restart_remembers_trouble_and_begins_with_a_probe() {
        let breaker = opened();
        let mut restored = Breaker::restored(&breaker.standing());
        assert_eq!(restored.standing(), breaker.standing());
        assert!(restored.permits() && restored.begin() && !restored.permits());
        assert!(Breaker::restored(&Standing::default()).is_pristine());
    }

    #[test]
    fn a_time_in_which_nothing_was_tried_counts_for_nothing() {
        let patience = 10 * QUIET_TIME;
        let mut breaker = opened();
        // As long as it is tried now and then, also after the longest pause, the time counts.
        let mut now = START;
        while now.since(START) < patience {
            assert!(!breaker.failed_for(patience, now));
            now = now.plus(QUIET_TIME);
            assert!(!breaker.failed(false, None, now));
        }
        assert!(breaker.failed_for(patience, now) && RETRY_AFTER_MAX < QUIET_TIME);
        let mut breaker = opened();
        let late = START.plus(patience);
        assert!(breaker.failed(false, None, late), "the time of its trouble begins anew");
        assert_eq!(breaker.standing().failing_since, Some(late));
        assert!(!breaker.failed_for(patience, late));
        // After a restart nobody knows what was tried: it has to fail for a while.
        let mut breaker = Breaker::restored(&opened().standing());
        breaker.failed(true, None, late);
        assert!(!breaker.failed_for(patience, late));
        let end = late.plus(WITNESS_TIME);
        breaker.failed(true, None, end);
        assert!(breaker.failed_for(patience, end));
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Begin,
        End { ok: bool, pause: bool },
        Wait(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => Just(Step::Begin),
            4 => (prop::bool::weighted(0.2), prop::bool::weighted(0.2)).prop_map(|(ok, pause)| Step::End { ok, pause }),
            2 => (1_u64..100).prop_map(Step::Wait),
        ];
        prop::collection::vec(step, 1..200)
    }

    proptest! {
        /// While it is in trouble at most one attempt is begun at a time, and whoever waits long enough
        /// may always try again: it never shuts for good.
        #[test]
        fn one_probe_at_a_time_and_never_shut_for_good(steps in steps()) {
            let mut breaker = Breaker::default();
            let mut now = START;
            let mut running: Vec<bool> = Vec::new();
            for step in steps {
                breaker.wake(now);
                match step {
                    Step::Begin if breaker.permits() => {
                        let probe = breaker.begin();
                        prop_assert!(!breaker.is_troubled() || probe);
                        running.push(probe);
                    }
                    Step::Begin => {}
                    Step::End { ok, pause } => if let Some(probe) = running.pop() {
                        if ok {
                            breaker.succeeded();
                            running.iter_mut().for_each(|probe| *probe = false);
                        } else {
                            breaker.failed(probe, pause.then_some(Duration::from_secs(7)), now);
                        }
                    },
                    Step::Wait(secs) => now = now.plus(Duration::from_secs(secs)),
                }
                prop_assert!(running.iter().filter(|probe| **probe).count() <= 1);
            }
            while let Some(probe) = running.pop() {
                breaker.failed(probe, None, now);
            }
            breaker.wake(now.plus(PROBE_WAITS[PROBE_WAITS.len() - 1]));
            prop_assert!(breaker.permits());
        }
    }
}
