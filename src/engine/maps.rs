//! Maps keyed by ids, looked into for every message. Their hasher is foldhash, the default of
//! hashbrown: ids are short, and what the standard hasher spends on each of them is more than
//! finding it. Its seed differs from process to process, so that no client can choose ids that collide.

use std::collections::HashMap;

use dashmap::DashMap;
use foldhash::fast::RandomState;

/// A map of one thread.
pub(crate) type Map<K, V> = HashMap<K, V, RandomState>;

/// A map that all shards share.
pub(crate) type SharedMap<K, V> = DashMap<K, V, RandomState>;
