//! Tests of routing: rules in tables, the protocol of promises, and random play against an oracle.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod against_oracle;
mod growth;
mod oracle;
mod protocol;
mod rules;
mod shares;

use std::collections::BTreeMap;

use super::{
    AgentSeat, Answer, Assign, ConversationSeat, PlaceRequest, Placement, Priority, Router, RouterSettings,
    Waiting,
};
use crate::id::{AgentId, ConversationId, GroupId};
use crate::participant::settings::{RoutingMode, Settings};
use crate::time::Timestamp;

fn agent(name: &str) -> AgentId {
    AgentId::new(name)
}

fn conversation(n: u64) -> ConversationId {
    ConversationId::from_random(n)
}

fn groups(numbers: &[u32]) -> Vec<GroupId> {
    numbers.iter().copied().map(GroupId).collect()
}

fn assigned(name: &str) -> Placement {
    Placement::Assigned(agent(name))
}

const fn queued(position: u32) -> Placement {
    Placement::Queued { position }
}

/// A router on a table: fills in versions and times, so that a test says only what it is about.
struct Table {
    router: Router,
    now: Timestamp,
    seats: BTreeMap<AgentId, AgentSeat>,
    version: u64,
}

impl Table {
    fn new() -> Self {
        Self::with(RouterSettings::default())
    }

    fn with(settings: RouterSettings) -> Self {
        let now = Timestamp::from_secs(1_000);
        Self { router: Router::new(settings), now, seats: BTreeMap::new(), version: 0 }
    }

    fn tick(&mut self) -> Timestamp {
        self.now = Timestamp::from_secs(self.now.as_secs() + 1);
        self.now
    }

    /// Changes an agent; a new one is in group 0 as `normal`, accepting, with one slot.
    fn agent(&mut self, name: &str, change: impl FnOnce(&mut AgentSeat)) -> Vec<(u64, String)> {
        let seat = self.seats.entry(agent(name)).or_insert_with(|| AgentSeat {
            agent: agent(name),
            version: 0,
            groups: BTreeMap::new(),
            default_priority: Priority::Normal,
            online: true,
            accepting: true,
            in_grace: false,
            limit: 1,
        });
        seat.version += 1;
        change(seat);
        let seat = seat.clone();
        let now = self.tick();
        readable(&self.router.agent_changed(seat, now))
    }

    fn request(&mut self, n: u64, in_groups: &[u32]) -> PlaceRequest {
        PlaceRequest {
            conversation: conversation(n),
            groups: groups(in_groups),
            continuous: false,
            exclude: Vec::new(),
            team: None,
            at: self.tick(),
            among: Vec::new(),
            at_once: false,
        }
    }

    /// Places a conversation where no assignment may come of it.
    fn place(&mut self, request: PlaceRequest) -> Placement {
        let (placement, assigns) = self.router.place(request);
        assert_eq!(assigns, []);
        placement
    }

    fn place_in(&mut self, n: u64, in_groups: &[u32]) -> Placement {
        let request = self.request(n, in_groups);
        self.place(request)
    }

    fn tell(&mut self, n: u64, in_groups: &[u32], present: &[&str], waiting: Option<Waiting>) -> Vec<Assign> {
        self.version += 1;
        let seat = ConversationSeat {
            conversation: conversation(n),
            version: self.version,
            groups: groups(in_groups),
            present: present.iter().copied().map(agent).collect(),
            waiting,
            asking: false,
        };
        let now = self.tick();
        self.router.conversation_changed(seat, now)
    }

    /// The conversation is with these agents.
    fn with_agents(&mut self, n: u64, present: &[&str]) -> Vec<(u64, String)> {
        readable(&self.tell(n, &[0], present, None))
    }

    fn closed(&mut self, n: u64) -> Vec<(u64, String)> {
        self.with_agents(n, &[])
    }

    /// The conversation waits from now on.
    fn waits(&mut self, n: u64, in_groups: &[u32], exclude: &[&str]) -> Vec<(u64, String)> {
        let exclude = exclude.iter().copied().map(agent).collect();
        let waiting = Waiting { since: self.tick(), exclude, team: None };
        readable(&self.tell(n, in_groups, &[], Some(waiting)))
    }

    fn answer(&mut self, n: u64, ticket: u64, answer: Answer) -> Vec<(u64, String)> {
        let now = self.tick();
        readable(&self.router.answered(conversation(n), ticket, answer, now))
    }

    fn load(&self, name: &str) -> usize {
        self.router.load(&agent(name))
    }
}

/// Assignments as (conversation, agent).
fn readable(assigns: &[Assign]) -> Vec<(u64, String)> {
    assigns.iter().map(|assign| (assign.conversation.to_bits(), assign.agent.to_string())).collect()
}

fn given(n: u64, name: &str) -> (u64, String) {
    (n, name.to_owned())
}
