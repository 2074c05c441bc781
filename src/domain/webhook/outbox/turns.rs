//! Whose turn it is: URLs take turns, and the lanes of each URL take turns, within the bounds on
//! what is under way. So one busy or slow receiver does not starve the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::breaker::Breaker;
use crate::time::Timestamp;
use crate::webhook::Lane;
use crate::webhook::limits::{ATTEMPTS_IN_ALL, ATTEMPTS_PER_URL};

/// A place in a row; lower is earlier.
pub(super) type Ticket = u64;

/// The rows.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: Ticket,
    /// Receivers with a ready lane and a free slot, by turn.
    row: BTreeMap<Ticket, Arc<str>>,
    /// Receivers with a ready lane, an attempt under way, or a breaker that has something to remember.
    receivers: BTreeMap<Arc<str>, Receiver>,
    /// Receivers that are left alone until then.
    pauses: BTreeSet<(Timestamp, Arc<str>)>,
    running: usize,
}

#[derive(Debug, Default)]
struct Receiver {
    ready: BTreeMap<Ticket, Lane>,
    running: usize,
    /// Its place in the row, when it stands there.
    turn: Option<Ticket>,
    breaker: Breaker,
    /// Where it stands among the pauses.
    pause: Option<Timestamp>,
}

impl Turns {
    /// A lane is ready to send to a URL: it stands behind that URL's other lanes.
    pub(super) fn join(&mut self, url: &Arc<str>, lane: &Lane) -> Ticket {
        self.last += 1;
        self.receivers.entry(Arc::clone(url)).or_default().ready.insert(self.last, lane.clone());
        let ticket = self.last;
        self.settle(url);
        ticket
    }

    /// The lane with this ticket is not ready any more.
    pub(super) fn leave(&mut self, url: &Arc<str>, ticket: Ticket) {
        if let Some(receiver) = self.receivers.get_mut(url) {
            receiver.ready.remove(&ticket);
        }
        self.settle(url);
    }

    /// The lane whose turn it is, and whether it goes as a probe; it counts as under way until it is
    /// released.
    pub(super) fn take(&mut self) -> Option<(Lane, bool)> {
        if self.running >= ATTEMPTS_IN_ALL {
            return None;
        }
        let (_, url) = self.row.pop_first()?;
        let receiver = self.receivers.get_mut(&url)?;
        receiver.turn = None;
        let (_, lane) = receiver.ready.pop_first()?;
        receiver.running += 1;
        self.running += 1;
        let probe = receiver.breaker.begin();
        self.settle(&url);
        Some((lane, probe))
    }

    /// Pauses that are over by now end.
    pub(super) fn wake(&mut self, now: Timestamp) {
        while let Some((until, url)) = self.pauses.first().cloned() {
            if until > now {
                break;
            }
            self.change(&url, |breaker| breaker.wake(now));
            // A pause that was longer than the breaker's own is gone as well.
            self.pauses.remove(&(until, url));
        }
    }

    /// When the next pause ends.
    pub(super) fn next_pause(&self) -> Option<Timestamp> {
        self.pauses.first().map(|(until, _)| *until)
    }

    /// Changes the breaker of a receiver.
    pub(super) fn change<T>(&mut self, url: &Arc<str>, change: impl FnOnce(&mut Breaker) -> T) -> T {
        let receiver = self.receivers.entry(Arc::clone(url)).or_default();
        let changed = change(&mut receiver.breaker);
        let pause = receiver.breaker.pause();
        if pause != receiver.pause {
            if let Some(old) = std::mem::replace(&mut receiver.pause, pause) {
                self.pauses.remove(&(old, Arc::clone(url)));
            }
            self.pauses.extend(pause.map(|until| (until, Arc::clone(url))));
        }
        self.settle(url);
        changed
    }

    /// The breaker of a receiver, when there is anything to say of it.
    pub(super) fn breaker(&self, url: &str) -> Option<&Breaker> {
        self.receivers.get(url).map(|receiver| &receiver.breaker)
    }

    /// Receivers whose breaker remembers something.
    pub(super) fn remembered(&self) -> impl Iterator<Item = &Arc<str>> {
        self.receivers.iter().filter(|(_, receiver)| !receiver.breaker.is_pristine()).map(|(url, _)| url)
    }

    /// An attempt at a URL ended.
    pub(super) fn release(&mut self, url: &Arc<str>) {
        if let Some(receiver) = self.receivers.get_mut(url) {
            receiver.running -= 1;
            self.running -= 1;
        }
        self.settle(url);
    }

    /// Puts a receiver into the row or takes it out, as its lanes and slots demand.
    fn settle(&mut self, url: &Arc<str>) {
        let Some(receiver) = self.receivers.get_mut(url) else { return };
        let eligible =
            !receiver.ready.is_empty() && receiver.running < ATTEMPTS_PER_URL && receiver.breaker.permits();
        match receiver.turn {
            None if eligible => {
                self.last += 1;
                receiver.turn = Some(self.last);
                self.row.insert(self.last, Arc::clone(url));
            }
            Some(turn) if !eligible => {
                receiver.turn = None;
                self.row.remove(&turn);
            }
            _ => {}
        }
        if receiver.ready.is_empty() && receiver.running == 0 && receiver.breaker.is_pristine() {
            self.receivers.remove(url);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ConversationId;
    use crate::webhook::EndpointId;

    fn lane(url: &str, n: u64) -> Lane {
        Lane { endpoint: EndpointId::new(url), conversation: Some(ConversationId::from_random(n)) }
    }

    fn join(turns: &mut Turns, url: &str, n: u64) -> Ticket {
        turns.join(&Arc::from(url), &lane(url, n))
    }

    #[test]
    fn receivers_take_turns_whatever_they_have_ready() {
        let mut turns = Turns::default();
        for n in 0..5 {
            join(&mut turns, "busy", n);
        }
        join(&mut turns, "calm", 0);
        let order: Vec<_> =
            std::iter::from_fn(|| turns.take()).map(|(lane, _)| lane.endpoint.to_string()).collect();
        assert_eq!(order, ["busy", "calm", "busy", "busy", "busy", "busy"]);
    }

    #[test]
    fn one_receiver_holds_only_its_share() {
        let mut turns = Turns::default();
        for n in 0..20 {
            join(&mut turns, "slow", n);
        }
        assert_eq!(std::iter::from_fn(|| turns.take()).count(), ATTEMPTS_PER_URL);
        turns.release(&Arc::from("slow"));
        assert_eq!(turns.take(), Some((lane("slow", ATTEMPTS_PER_URL as u64), false)));
        assert_eq!(turns.take(), None);
    }

    #[test]
    fn all_receivers_together_hold_only_their_share() {
        let mut turns = Turns::default();
        for url in 0..=ATTEMPTS_IN_ALL {
            join(&mut turns, &url.to_string(), 0);
        }
        assert_eq!(std::iter::from_fn(|| turns.take()).count(), ATTEMPTS_IN_ALL);
        turns.release(&Arc::from("0"));
        assert_eq!(turns.take(), Some((lane(&ATTEMPTS_IN_ALL.to_string(), 0), false)));
    }

    #[test]
    fn nothing_is_kept_of_a_receiver_with_nothing_to_do() {
        let mut turns = Turns::default();
        let url = Arc::from("u");
        let ticket = join(&mut turns, "u", 0);
        turns.leave(&url, ticket);
        assert!(turns.row.is_empty() && turns.receivers.is_empty());
        join(&mut turns, "u", 0);
        assert!(turns.take().is_some());
        turns.release(&url);
        assert!(turns.row.is_empty() && turns.receivers.is_empty());
        assert_eq!((turns.take(), turns.running), (None, 0));
    }
}
