//! The traffic: who is where and who speaks.

use serde::Serialize;

use crate::args::WorkName;

/// Bytes of text in each message.
pub(crate) const TEXT_BYTES: usize = 200;

/// Rooms of members, some of whom speak. A member is one connection.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Work {
    pub(crate) rooms: usize,
    /// Is a customer the first member of each room?
    pub(crate) customer: bool,
    pub(crate) agents: usize,
    /// So many of the first members of each room speak.
    pub(crate) senders: usize,
    /// Messages on their way at the same time, in all.
    pub(crate) outstanding: usize,
}

impl Work {
    pub(crate) fn named(name: WorkName, shrink: u32) -> Self {
        let shrink = shrink as usize;
        let few = |n: usize| (n / shrink).max(1);
        match name {
            WorkName::W1 => Self {
                rooms: few(1000),
                customer: true,
                agents: 2,
                senders: 1,
                outstanding: few(1000).min(128),
            },
            WorkName::Hot => {
                let agents = few(32).max(2);
                Self { rooms: 30, customer: false, agents, senders: agents, outstanding: 30 * agents }
            }
            WorkName::W2 => {
                Self { rooms: 1, customer: false, agents: few(1000).max(2), senders: 1, outstanding: 1 }
            }
            // Agents that open ten connections each.
            WorkName::W3 => Self { rooms: few(500), customer: false, agents: 2, senders: 0, outstanding: 0 },
            WorkName::W4 => {
                Self { rooms: few(100), customer: true, agents: 2, senders: 1, outstanding: few(100).min(32) }
            }
            WorkName::W2Many => {
                let agents = few(1000).max(16);
                Self { rooms: 1, customer: false, agents, senders: 16, outstanding: 16 }
            }
        }
    }

    /// Connections in one room.
    pub(crate) const fn members(&self) -> usize {
        self.customer as usize + self.agents
    }

    /// Connections in all.
    pub(crate) const fn connections(&self) -> usize {
        self.rooms * self.members()
    }

    /// Is the member with this number, counted through all rooms, one who speaks?
    pub(crate) const fn speaks(&self, member: usize) -> bool {
        member % self.members() < self.senders
    }
}

/// Bytes of the frames that the measured server sends for one message: the floor sends as many.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sizes {
    pub(crate) request: usize,
    pub(crate) response: usize,
    pub(crate) push: usize,
}

impl Default for Sizes {
    /// About what v3.0 makes of a text of [`TEXT_BYTES`].
    fn default() -> Self {
        Self { request: 320, response: 420, push: 450 }
    }
}
