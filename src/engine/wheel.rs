//! When the conversations of a shard want to be woken: one wheel, looked at with every tick, in
//! place of a timer for each of them (design D5).

use std::collections::{BTreeSet, HashMap};

use actix::Addr;
use switchboard_domain::id::{ConversationId, LicenseId};
use switchboard_domain::time::Timestamp;

use crate::engine::conversation::ConversationActor;

type Key = (LicenseId, ConversationId);

/// Who wants to be woken, and when. One wish of each conversation; a new one replaces it.
#[derive(Default)]
pub(crate) struct Wheel {
    times: BTreeSet<(Timestamp, Key)>,
    wishes: HashMap<Key, (Timestamp, Addr<ConversationActor>)>,
}

impl Wheel {
    pub(crate) fn set(&mut self, key: Key, at: Timestamp, who: Addr<ConversationActor>) {
        if let Some((before, _)) = self.wishes.insert(key, (at, who)) {
            self.times.remove(&(before, key));
        }
        self.times.insert((at, key));
    }

    /// Takes out whoever is due.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<Addr<ConversationActor>> {
        let mut due = Vec::new();
        while let Some((_, key)) = self.times.first().copied().filter(|(at, _)| *at <= now) {
            self.times.pop_first();
            due.extend(self.wishes.remove(&key).map(|(_, who)| who));
        }
        due
    }
}
