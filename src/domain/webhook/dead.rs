//! Dead letters: deliveries that were given up, kept for days so that they can be replayed.
//!
//! Only what lists need is in memory; the bodies are the storage's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::webhook::limits::{DEAD_LETTER_BYTES, DEAD_LETTER_LIFE, DEAD_LETTERS};
use crate::webhook::{Delivery, DeliveryId, EndpointId, Settlement};

/// A delivery that was given up, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The delivery, as it was sent.
    pub delivery: Arc<Delivery>,
    /// Why it was given up.
    pub how: Settlement,
    /// When.
    pub died_at: Timestamp,
}

/// What lists show of a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLine {
    /// Which delivery.
    pub id: DeliveryId,
    /// To whom it was.
    pub endpoint: EndpointId,
    /// Where it was to go.
    pub url: Arc<str>,
    /// Why it was given up.
    pub how: Settlement,
    /// When it became due.
    pub due_since: Timestamp,
    /// When it was given up.
    pub died_at: Timestamp,
    /// Bytes of its body.
    pub bytes: usize,
}

impl DeadLine {
    /// What is listed of a letter.
    #[must_use]
    pub fn of(letter: &DeadLetter) -> Self {
        let delivery = &letter.delivery;
        Self {
            id: delivery.id.clone(),
            endpoint: delivery.lane.endpoint.clone(),
            url: Arc::clone(&delivery.url),
            how: letter.how,
            due_since: delivery.due_since,
            died_at: letter.died_at,
            bytes: delivery.body.len(),
        }
    }
}

/// Which dead letters of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// One.
    One(DeliveryId),
    /// Those that became due from the first moment to the second, both included.
    Range(Timestamp, Timestamp),
    /// Every one.
    All,
}

impl Which {
    fn holds(&self, line: &DeadLine) -> bool {
        match self {
            Self::One(id) => line.id == *id,
            Self::Range(from, to) => (*from..=*to).contains(&line.due_since),
            Self::All => true,
        }
    }
}

/// How many dead letters a license keeps, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// How long one can be replayed; then it is forgotten.
    pub life: Duration,
    /// How many there are at most; beyond it the oldest is forgotten of the endpoint that has most. One is
    /// always kept.
    pub count: usize,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { life: DEAD_LETTER_LIFE, count: DEAD_LETTERS }
    }
}

/// The dead letters of a license, within their bounds: what is too old or too much is forgotten,
/// oldest first. Of what is too much, by the endpoint that has most: a noisy one does not cost the others theirs.
#[derive(Debug, Default)]
pub struct DeadLetters {
    keeping: Keeping,
    lines: BTreeMap<DeliveryId, DeadLine>,
    by_death: BTreeSet<(Timestamp, DeliveryId)>,
    shares: BTreeMap<EndpointId, Share>,
    /// Endpoints by how many they have.
    by_count: BTreeSet<(usize, EndpointId)>,
    /// Endpoints by their bytes.
    by_bytes: BTreeSet<(usize, EndpointId)>,
    bytes: usize,
}

/// Those of one endpoint.
#[derive(Debug, Default)]
struct Share {
    by_death: BTreeSet<(Timestamp, DeliveryId)>,
    bytes: usize,
}

impl DeadLetters {
    /// None yet.
    #[must_use]
    pub fn new(keeping: Keeping) -> Self {
        Self { keeping, ..Self::default() }
    }

    /// Takes one in. Returns those that are forgotten for it.
    #[must_use = "the storage must forget them, too"]
    pub fn add(&mut self, line: DeadLine) -> Vec<DeliveryId> {
        drop(self.remove(&line.id));
        let added = (line.died_at, line.id.clone());
        self.bytes += line.bytes;
        self.change(&line.endpoint, |share| {
            share.bytes += line.bytes;
            share.by_death.insert(added.clone());
        });
        self.by_death.insert(added.clone());
        self.lines.insert(line.id.clone(), line);
        let mut forgotten = Vec::new();
        while let Some(id) = self.too_many(&added) {
            drop(self.remove(&id));
            forgotten.push(id);
        }
        forgotten
    }

    /// The one to be forgotten next for a bound, but not the one that was just added.
    fn too_many(&self, added: &(Timestamp, DeliveryId)) -> Option<DeliveryId> {
        let by = match self.lines.len() {
            count if count > self.keeping.count.max(1) => &self.by_count,
            count if count > 1 && self.bytes > DEAD_LETTER_BYTES => &self.by_bytes,
            _ => return None,
        };
        let of_most = by.last().and_then(|(_, endpoint)| self.shares.get(endpoint)?.by_death.first());
        let oldest = of_most.filter(|oldest| *oldest != added);
        oldest.or_else(|| self.by_death.iter().find(|oldest| *oldest != added)).map(|(_, id)| id.clone())
    }

    /// Takes one out.
    pub fn remove(&mut self, id: &DeliveryId) -> Option<DeadLine> {
        let line = self.lines.remove(id)?;
        let removed = (line.died_at, id.clone());
        self.bytes -= line.bytes;
        self.change(&line.endpoint, |share| {
            share.bytes -= line.bytes;
            share.by_death.remove(&removed);
        });
        self.by_death.remove(&removed);
        Some(line)
    }

    /// Changes the share of an endpoint, and where that stands among the others.
    fn change(&mut self, endpoint: &EndpointId, change: impl FnOnce(&mut Share)) {
        let share = self.shares.entry(endpoint.clone()).or_default();
        self.by_count.remove(&(share.by_death.len(), endpoint.clone()));
        self.by_bytes.remove(&(share.bytes, endpoint.clone()));
        change(share);
        if share.by_death.is_empty() {
            self.shares.remove(endpoint);
        } else {
            self.by_count.insert((share.by_death.len(), endpoint.clone()));
            self.by_bytes.insert((share.bytes, endpoint.clone()));
        }
    }

    /// Forgets those that were kept long enough, and says which.
    #[must_use = "the storage must forget them, too"]
    pub fn expire(&mut self, now: Timestamp) -> Vec<DeliveryId> {
        let mut forgotten = Vec::new();
        while let Some((died_at, id)) = self.by_death.first().cloned() {
            if now.since(died_at) < self.keeping.life {
                break;
            }
            drop(self.remove(&id));
            forgotten.push(id);
        }
        forgotten
    }

    /// The chosen ones of an endpoint, in the order in which they became due.
    #[must_use]
    pub fn of(&self, endpoint: &EndpointId, which: &Which) -> Vec<&DeadLine> {
        let mut lines: Vec<_> =
            self.lines.values().filter(|line| line.endpoint == *endpoint && which.holds(line)).collect();
        lines.sort_by_key(|line| (line.due_since, line.id.number()));
        lines
    }

    /// How many there are of an endpoint.
    #[must_use]
    pub fn count(&self, endpoint: &EndpointId) -> usize {
        self.shares.get(endpoint).map_or(0, |share| share.by_death.len())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_000_000);

    fn line(n: u64, bytes: usize) -> DeadLine {
        DeadLine {
            id: DeliveryId::new(&format!("C-{n}")),
            endpoint: EndpointId::new(if n.is_multiple_of(2) { "even" } else { "odd" }),
            url: "http://h/".into(),
            how: Settlement::Exhausted,
            due_since: START.plus(Duration::from_secs(n / 4)),
            died_at: START.plus(Duration::from_secs(n)),
            bytes,
        }
    }

    fn ids(lines: &[&DeadLine]) -> Vec<u64> {
        lines.iter().map(|line| line.id.number()).collect()
    }

    #[test]
    fn they_are_chosen_by_endpoint_and_listed_as_they_became_due() {
        let mut dead = DeadLetters::default();
        for n in (1..=20).rev() {
            assert!(dead.add(line(n, 1)).is_empty());
        }
        let even = EndpointId::new("even");
        assert_eq!(ids(&dead.of(&even, &Which::All)), [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
        let range = Which::Range(START.plus(Duration::from_secs(1)), START.plus(Duration::from_secs(2)));
        assert_eq!(ids(&dead.of(&even, &range)), [4, 6, 8, 10]);
        assert_eq!(ids(&dead.of(&even, &Which::One(DeliveryId::new("C-8")))), [8]);
        assert_eq!(ids(&dead.of(&even, &Which::One(DeliveryId::new("C-7")))), [0; 0], "of another endpoint");
        assert_eq!((dead.count(&even), dead.len()), (10, 20));
    }

    #[test]
    fn they_are_kept_for_their_days() {
        let mut dead = DeadLetters::default();
        for n in 1..=3 {
            assert!(dead.add(line(n, 1)).is_empty());
        }
        let end = START.plus(DEAD_LETTER_LIFE);
        assert!(dead.expire(end).is_empty());
        assert_eq!(
            dead.expire(end.plus(Duration::from_secs(2))),
            [DeliveryId::new("C-1"), DeliveryId::new("C-2")]
        );
        assert_eq!((dead.len(), dead.bytes, dead.by_death.len()), (1, 1, 1));
    }

    #[test]
    fn beyond_a_bound_the_oldest_are_forgotten() {
        let mut dead = DeadLetters::default();
        assert!(dead.add(line(1, DEAD_LETTER_BYTES)).is_empty());
        assert_eq!(dead.add(line(2, 1)), [DeliveryId::new("C-1")]);
        assert_eq!(dead.add(line(3, DEAD_LETTER_BYTES + 1)), [DeliveryId::new("C-2")], "one is always kept");
        for n in 4..4 + DEAD_LETTERS as u64 {
            let forgotten = dead.add(line(n, 0));
            assert_eq!(forgotten.len(), usize::from(n == 4), "{n}: {forgotten:?}");
        }
        assert_eq!((dead.len(), dead.bytes), (DEAD_LETTERS, 0));
        assert_eq!(dead.add(line(900_000, 0)), [DeliveryId::new("C-4")]);
    }

    #[test]
    fn a_noisy_endpoint_costs_the_others_nothing() {
        let mut dead = DeadLetters::new(Keeping { count: 4, ..Keeping::default() });
        // The even one's are the oldest.
        for n in [2, 4] {
            assert!(dead.add(line(n, 1)).is_empty());
        }
        for n in (11..50).step_by(2) {
            let forgotten = dead.add(line(n, 1));
            assert!(forgotten.iter().all(|id| id.number() % 2 == 1), "{forgotten:?}");
        }
        let even = EndpointId::new("even");
        assert_eq!((dead.count(&even), dead.len()), (2, 4));
        // The same by bytes: few that are large.
        let mut dead = DeadLetters::default();
        for n in [2, 4, 6] {
            assert!(dead.add(line(n, 1)).is_empty());
        }
        assert!(dead.add(line(11, DEAD_LETTER_BYTES - 10)).is_empty());
        assert_eq!(dead.add(line(13, 100)), [DeliveryId::new("C-11")]);
        assert_eq!((dead.count(&even), dead.len(), dead.bytes), (3, 4, 103));
        for n in [2, 4, 6, 13] {
            assert!(dead.remove(&DeliveryId::new(&format!("C-{n}"))).is_some());
        }
        assert!(
            dead.is_empty() && dead.shares.is_empty() && dead.by_count.is_empty() && dead.by_bytes.is_empty()
        );
    }

    #[test]
    fn how_long_and_how_many_are_kept_can_be_said() {
        let keeping = Keeping { life: Duration::from_secs(60), count: 2 };
        let mut dead = DeadLetters::new(keeping);
        assert!(dead.add(line(1, 1)).is_empty());
        assert!(dead.add(line(2, 1)).is_empty());
        assert_eq!(dead.add(line(3, 1)), [DeliveryId::new("C-1")]);
        let at = |seconds| START.plus(Duration::from_secs(seconds));
        assert_eq!(dead.expire(Timestamp::from_micros(at(62).as_micros() - 1)), []);
        assert_eq!(dead.expire(at(62)), [DeliveryId::new("C-2")]);
        assert_eq!(dead.len(), 1);
        let mut dead = DeadLetters::new(Keeping { count: 0, ..keeping });
        assert!(dead.add(line(1, 1)).is_empty(), "one is always kept");
        assert_eq!(dead.add(line(2, 1)), [DeliveryId::new("C-1")]);
    }

    #[test]
    fn one_that_dies_again_is_there_once() {
        let mut dead = DeadLetters::default();
        assert!(dead.add(line(1, 5)).is_empty());
        assert!(dead.add(DeadLine { died_at: START.plus(Duration::from_secs(50)), ..line(1, 5) }).is_empty());
        assert_eq!((dead.len(), dead.bytes, dead.by_death.len()), (1, 5, 1));
    }
}
