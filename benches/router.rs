//! A decision of the router, with nobody and with many waiting elsewhere: it must not grow with them.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use switchboard_domain::id::{AgentId, ConversationId, GroupId};
use switchboard_domain::participant::settings::Settings;
use switchboard_domain::routing::{
    AgentSeat, Answer, Assign, ConversationSeat, PlaceRequest, Priority, Router, RouterSettings, Waiting,
};
use switchboard_domain::time::Timestamp;

/// Whose agents have free slots.
const FREE: GroupId = GroupId(1);
/// Whose one agent is full, and where conversations wait.
const BUSY: GroupId = GroupId(2);

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("router");
    for agents in [10, 1_000, 10_000] {
        for waiting in [0, 10_000] {
            let size = format!("{agents} agents, {waiting} waiting");
            let mut table = Table::new(agents, waiting);
            group.bench_function(BenchmarkId::new("place and cancel", &size), |b| {
                b.iter(|| table.place_and_cancel());
            });
            group.bench_function(BenchmarkId::new("slot freed, oldest served", &size), |b| {
                b.iter(|| table.serve());
            });
            group.bench_function(BenchmarkId::new("newest waiter's place", &size), |b| {
                b.iter(|| table.place_of_the_newest());
            });
            assert_eq!(table.limit(2).len(), usize::from(waiting > 0), "somebody still waits");
        }
    }
    group.finish();
}

struct Table {
    router: Router,
    now: u64,
    version: u64,
    next: u64,
    busy: AgentSeat,
    holds: ConversationSeat,
}

fn seat(agent: &str, group: GroupId, limit: u32) -> AgentSeat {
    AgentSeat {
        agent: AgentId::new(agent),
        version: 1,
        groups: BTreeMap::from([(group, Priority::Normal)]),
        default_priority: Priority::Normal,
        online: true,
        accepting: true,
        in_grace: false,
        limit,
    }
}

impl Table {
    fn new(agents: u64, waiting: u64) -> Self {
        let usual = Settings { queue_limit: u32::MAX, ..Settings::default() };
        let mut router = Router::new(RouterSettings { usual, ..RouterSettings::default() });
        let start = Timestamp::from_secs(1_000);
        for n in 0..agents {
            black_box(router.agent_changed(seat(&format!("free{n}@example.com"), FREE, 6), start));
        }
        let busy = seat("busy@example.com", BUSY, 1);
        black_box(router.agent_changed(busy.clone(), start));
        let holds = ConversationSeat {
            conversation: ConversationId::from_random(1),
            version: 1,
            groups: vec![BUSY],
            present: vec![busy.agent.clone()],
            waiting: None,
            asking: false,
        };
        black_box(router.conversation_changed(holds.clone(), start));
        let mut table = Self { router, now: 2_000, version: 1, next: 1_000_000, busy, holds };
        for n in 0..waiting {
            let since = table.tick();
            let waits = ConversationSeat {
                conversation: ConversationId::from_random(10 + n),
                present: Vec::new(),
                waiting: Some(Waiting { since, exclude: Vec::new(), team: None }),
                ..table.holds.clone()
            };
            black_box(table.router.conversation_changed(waits, since));
        }
        table
    }

    fn tick(&mut self) -> Timestamp {
        self.now += 1;
        Timestamp::from_secs(self.now)
    }

    /// A conversation finds a free agent and is given up again.
    fn place_and_cancel(&mut self) {
        self.next += 1;
        let (conversation, at) = (ConversationId::from_random(self.next), self.tick());
        let request = PlaceRequest {
            conversation,
            groups: vec![FREE],
            continuous: false,
            exclude: Vec::new(),
            team: None,
            at,
            among: Vec::new(),
            at_once: false,
        };
        black_box(self.router.place(request));
        black_box(self.router.cancel(conversation, at));
    }

    /// Where the conversation stands that came last.
    fn place_of_the_newest(&self) {
        black_box(self.router.position(ConversationId::from_random(self.next)));
    }

    /// A slot comes free and goes to whoever waits longest; somebody new comes to wait.
    fn serve(&mut self) {
        let given = self.limit(2);
        for assign in &given {
            let at = self.tick();
            black_box(self.router.answered(assign.conversation, assign.ticket, Answer::Placed, at));
            self.tell(assign.conversation, vec![self.busy.agent.clone()], None);
        }
        black_box(self.limit(1));
        for assign in &given {
            self.tell(assign.conversation, Vec::new(), None);
            self.next += 1;
            let since = self.tick();
            let waiting = Waiting { since, exclude: Vec::new(), team: None };
            self.tell(ConversationId::from_random(self.next), Vec::new(), Some(waiting));
        }
    }

    /// The busy agent may have so many conversations.
    fn limit(&mut self, limit: u32) -> Vec<Assign> {
        self.version += 1;
        let seat = AgentSeat { version: self.version, limit, ..self.busy.clone() };
        let at = self.tick();
        self.router.agent_changed(seat, at)
    }

    fn tell(&mut self, conversation: ConversationId, present: Vec<AgentId>, waiting: Option<Waiting>) {
        self.version += 1;
        let seat =
            ConversationSeat { conversation, version: self.version, present, waiting, ..self.holds.clone() };
        let at = self.tick();
        black_box(self.router.conversation_changed(seat, at));
    }
}
