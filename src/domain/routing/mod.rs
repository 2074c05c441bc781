//! Routing: which agent gets a conversation, and which conversation waits for whom.
//!
//! One [`Router`] per license, a machine without clock, randomness or I/O. It hears of agents and
//! conversations by notices with versions (full state, so a lost or repeated one does no harm),
//! answers [`Router::place`], and hands out waiting conversations as [`Assign`]s. It stores
//! nothing: after a restart it is fed again, **agents first**, then conversations.
//!
//! What is true of a conversation is decided by the conversation: an `Assign` is an offer that it
//! may refuse. Until it answers, the agent's slot stays taken, so that two offers in flight never
//! exceed a limit.
//!
//! Two invariants hold after every call:
//! * no conversation waits while an agent who may take it has a free slot (so nobody is forgotten,
//!   and a newcomer that finds a free slot overtakes nobody), but where routing is manual;
//! * routing alone never brings an agent over its limit, nor over its share of a group.
//!
//! Here live the rules and their indexes. What may not: sending, timers, texts of a face.

mod entry;
mod explanation;
mod index;
mod machine;
mod placement;
mod plan;
mod priority;
mod queries;
mod queue;
mod roster;
mod seat;
mod shares;
mod tombstones;

#[cfg(test)]
mod tests;

pub use explanation::{AGENTS_EXPLAINED, EXPLANATIONS_KEPT, Explanation, Skipped, Verdict};
pub use machine::Router;
pub use placement::{
    Alert, Answer, Assign, DEFAULT_LAPSE, DEFAULT_QUEUE_LIMIT, GroupStatus, PlaceRequest, Placement, Refusal,
    RouterSettings,
};
pub use priority::Priority;
pub use seat::{AgentSeat, ConversationSeat, Waiting};
pub use tombstones::CLOSED_REMEMBERED;
