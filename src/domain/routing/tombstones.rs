//! The versions of closed conversations, so that a late notice does not bring one back.

use std::collections::{BTreeMap, VecDeque};

use crate::id::ConversationId;

/// How many closed conversations are remembered per license. A notice that is overtaken by so many
/// closings no longer exists.
pub const CLOSED_REMEMBERED: usize = 16_384;

/// The last versions of conversations the router otherwise forgot; the oldest are dropped.
#[derive(Debug, Default)]
pub(super) struct Tombstones {
    versions: BTreeMap<ConversationId, u64>,
    order: VecDeque<ConversationId>,
}

impl Tombstones {
    pub(super) fn remember(&mut self, conversation: ConversationId, version: u64) {
        if self.versions.insert(conversation, version).is_none() {
            self.order.push_back(conversation);
        }
        if self.order.len() > CLOSED_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.versions.remove(&oldest);
        }
    }

    pub(super) fn version(&self, conversation: ConversationId) -> Option<u64> {
        self.versions.get(&conversation).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_are_remembered() {
        let id = |n: usize| ConversationId::from_random(n as u64);
        let mut closed = Tombstones::default();
        for n in 0..=CLOSED_REMEMBERED {
            closed.remember(id(n), 7);
            closed.remember(id(n), 8);
        }
        assert_eq!((closed.versions.len(), closed.order.len()), (CLOSED_REMEMBERED, CLOSED_REMEMBERED));
        assert_eq!((closed.version(id(0)), closed.version(id(CLOSED_REMEMBERED))), (None, Some(8)));
    }
}
