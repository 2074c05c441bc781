//! The archives: every thread that ever was, one by one. What has to be known of a thread to find it,
//! and which ones somebody looks for. Source: spec v3.0, 5.1.

use serde::{Deserialize, Serialize};

use crate::conversation::access::Access;
use crate::conversation::event::within;
use crate::conversation::properties::Properties;
use crate::conversation::state::Conversation;
use crate::error::Rejected;
use crate::id::{AgentId, GroupId, ThreadId};
use crate::limits::FILTER_VALUES;
use crate::time::Timestamp;
use crate::webhook::PropertyFilter;

/// A thread as an index remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadTrace {
    /// Identity.
    pub id: ThreadId,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Agents and bots who were ever in it.
    pub agents: Vec<AgentId>,
    /// Its own properties.
    pub properties: Properties,
}

/// Which threads somebody looks for: all that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveFilter {
    /// Opened then or later.
    pub from: Option<Timestamp>,
    /// Opened before then.
    pub before: Option<Timestamp>,
    /// Any of these agents was in it; none named: whoever was.
    pub agents: Vec<AgentId>,
    /// Any of these groups has access to its chat; none named: whoever has.
    pub groups: Vec<GroupId>,
    /// By properties: the thread's own, else those of its chat.
    pub properties: Vec<PropertyFilter>,
}

impl ArchiveFilter {
    /// Checks the bounds.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub fn check(&self) -> Result<(), Rejected> {
        within("filters.agent_ids", self.agents.len(), FILTER_VALUES, "agents")?;
        within("filters.group_ids", self.groups.len(), FILTER_VALUES, "groups")?;
        within("filters.properties", self.properties.len(), FILTER_VALUES, "properties")?;
        self.properties.iter().try_for_each(|filter| filter.check("filters.properties"))
    }

    /// May a chat with this access have threads that pass?
    #[must_use]
    pub fn passes_chat(&self, access: &Access) -> bool {
        self.groups.is_empty() || self.groups.iter().any(|group| access.groups.contains(group))
    }

    /// Does a thread of such a chat pass?
    #[must_use]
    pub fn passes(&self, thread: &ThreadTrace, chat: &Properties) -> bool {
        let value = |filter: &PropertyFilter| {
            let (namespace, name) = (&filter.namespace, &filter.name);
            thread.properties.get(namespace, name).or_else(|| chat.get(namespace, name))
        };
        self.from.is_none_or(|from| thread.opened_at >= from)
            && self.before.is_none_or(|before| thread.opened_at < before)
            && (self.agents.is_empty() || self.agents.iter().any(|agent| thread.agents.contains(agent)))
            && self.properties.iter().all(|filter| filter.admits(value(filter)))
    }
}

impl Conversation {
    /// Every thread as an index remembers it, oldest first.
    #[must_use]
    pub fn thread_traces(&self) -> Vec<ThreadTrace> {
        let threads = self.threads.iter().map(|thread| ThreadTrace {
            id: thread.id,
            opened_at: thread.created_at,
            agents: thread.users.iter().filter_map(|user| user.agent().cloned()).collect(),
            properties: thread.properties.clone(),
        });
        threads.collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::conversation::properties::PropertyValue;
    use crate::webhook::PropertyRule;

    fn score(value: i32) -> Properties {
        let mut properties = Properties::default();
        properties.set("rating", "score", PropertyValue::Int(value));
        properties
    }

    fn trace() -> ThreadTrace {
        ThreadTrace {
            id: ThreadId::from_random(1),
            opened_at: Timestamp::from_secs(100),
            agents: vec![AgentId::new("ann"), AgentId::new("bob")],
            properties: Properties::default(),
        }
    }

    fn passes(filter: &ArchiveFilter) -> bool {
        filter.passes(&trace(), &Properties::default())
    }

    #[test]
    fn without_a_filter_every_thread_passes() {
        let all = ArchiveFilter::default();
        assert!(passes(&all) && all.passes_chat(&Access::default()));
    }

    #[test]
    fn a_span_holds_its_first_moment_and_not_its_last() {
        let at = |secs| Some(Timestamp::from_secs(secs));
        for (from, before, found) in [
            (at(100), None, true),
            (at(101), None, false),
            (None, at(100), false),
            (None, at(101), true),
            (at(100), at(101), true),
        ] {
            let filter = ArchiveFilter { from, before, ..ArchiveFilter::default() };
            assert_eq!(passes(&filter), found, "{from:?} {before:?}");
        }
    }

    #[test]
    fn any_of_the_agents_and_any_of_the_groups_is_enough() {
        let agents = |ids: &[&str]| ArchiveFilter {
            agents: ids.iter().map(|id| AgentId::new(id)).collect(),
            ..ArchiveFilter::default()
        };
        assert!(passes(&agents(&["bob"])) && passes(&agents(&["zoe", "ann"])));
        assert!(!passes(&agents(&["zoe"])));
        let groups = |ids: &[u32]| ArchiveFilter {
            groups: ids.iter().map(|id| GroupId(*id)).collect(),
            ..ArchiveFilter::default()
        };
        let access = Access::from_iter([GroupId(1), GroupId(2)]);
        assert!(groups(&[2]).passes_chat(&access) && groups(&[7, 1]).passes_chat(&access));
        assert!(!groups(&[0]).passes_chat(&access) && !groups(&[7]).passes_chat(&access));
    }

    #[test]
    fn a_threads_own_property_counts_before_that_of_its_chat() {
        let rated = |rule| ArchiveFilter {
            properties: vec![PropertyFilter { namespace: "rating".into(), name: "score".into(), rule }],
            ..ArchiveFilter::default()
        };
        let one = || vec![PropertyValue::Int(1)];
        let own = ThreadTrace { properties: score(1), ..trace() };
        let (chat, none) = (score(0), Properties::default());
        for (rule, own_one, chat_zero, neither) in [
            (PropertyRule::Exists(true), true, true, false),
            (PropertyRule::Exists(false), false, false, true),
            (PropertyRule::Values(one()), true, false, false),
            (PropertyRule::ExcludeValues(one()), false, true, true),
        ] {
            let filter = rated(rule.clone());
            assert_eq!(filter.passes(&own, &chat), own_one, "{rule:?}");
            assert_eq!(filter.passes(&trace(), &chat), chat_zero, "{rule:?}");
            assert_eq!(filter.passes(&trace(), &none), neither, "{rule:?}");
        }
    }

    #[test]
    fn every_list_has_a_bound() {
        let agents =
            |n| ArchiveFilter { agents: vec![AgentId::new("a"); n], ..ArchiveFilter::default() }.check();
        let groups = |n| ArchiveFilter { groups: vec![GroupId(1); n], ..ArchiveFilter::default() }.check();
        let rule = PropertyFilter {
            namespace: "n".into(),
            name: "n".into(),
            rule: PropertyRule::Values(vec![PropertyValue::Int(1); FILTER_VALUES + 1]),
        };
        let values = ArchiveFilter { properties: vec![rule], ..ArchiveFilter::default() }.check();
        assert_eq!((agents(FILTER_VALUES), groups(FILTER_VALUES)), (Ok(()), Ok(())));
        for (refused, field) in [
            (agents(FILTER_VALUES + 1), "filters.agent_ids"),
            (groups(FILTER_VALUES + 1), "filters.group_ids"),
            (values, "filters.properties"),
        ] {
            assert!(matches!(refused, Err(Rejected::Invalid { field: named, .. }) if named == field));
        }
    }

    #[test]
    fn the_stored_bytes_are_pinned() {
        let trace = ThreadTrace { agents: vec![AgentId::new("a")], properties: score(1), ..trace() };
        let golden = [
            &[0x94, 0x01, 0xce, 0x05, 0xf5, 0xe1, 0x00, 0x91, 0xa1, b'a', 0x81, 0xa6][..],
            b"rating",
            &[0x81, 0xa5],
            b"score",
            &[0x81, 0xa3],
            b"Int",
            &[0x01],
        ]
        .concat();
        assert_eq!(rmp_serde::to_vec(&trace).unwrap(), golden);
        assert_eq!(rmp_serde::from_slice::<ThreadTrace>(&golden).unwrap(), trace);
    }
}
