//! Random play: the router and the naive plan hear the same and must say the same.
//!
//! A failure prints the shortest sequence found, and proptest keeps its seed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::Alert;
use super::oracle::{Given, Oracle};
use super::*;

const AGENTS: [&str; 4] = ["a", "b", "c", "d"];
const GROUPS: [u32; 3] = [0, 1, 2];
const CONVERSATIONS: u64 = 7;
const TEAMS: u64 = 2;

/// Something that happens in a license.
#[derive(Debug, Clone)]
enum Event {
    /// An agent changes; `stale` sends the state with a version that is not newer.
    Agent {
        seat: AgentSeat,
        stale: bool,
    },
    Removed {
        agent: AgentId,
    },
    Place(PlaceRequest),
    Cancel {
        id: ConversationId,
    },
    /// A conversation tells any state; `stale` as above.
    Tells {
        seat: ConversationSeat,
        stale: bool,
    },
    /// A conversation does what it was promised, and tells.
    Follows {
        id: ConversationId,
    },
    /// A conversation answers its outstanding offer, or an old one.
    Answers {
        id: ConversationId,
        answer: Answer,
        late: bool,
    },
    /// Time goes on, to the next deadline or a little.
    Time {
        to_deadline: bool,
    },
    Settings(RouterSettings),
}

fn some_agents() -> impl Strategy<Value = Vec<AgentId>> {
    subsequence(AGENTS.to_vec(), 0..=2).prop_map(|names| names.into_iter().map(agent).collect())
}

fn some_groups() -> impl Strategy<Value = Vec<GroupId>> {
    prop_oneof![
        3 => select(GROUPS.to_vec()).prop_map(|group| vec![GroupId(group)]),
        2 => subsequence(GROUPS.to_vec(), 0..=3).prop_shuffle().prop_map(|numbers| groups(&numbers)),
    ]
}

fn class() -> impl Strategy<Value = Priority> {
    prop_oneof![
        2 => Just(Priority::First),
        4 => Just(Priority::Normal),
        2 => Just(Priority::Last),
        1 => Just(Priority::Supervisor),
    ]
}

fn id() -> impl Strategy<Value = ConversationId> {
    (1..=CONVERSATIONS).prop_map(conversation)
}

fn seat() -> impl Strategy<Value = AgentSeat> {
    let groups = btree_map(select(GROUPS.to_vec()).prop_map(GroupId), class(), 0..=3);
    let flags = (prop::bool::weighted(0.8), prop::bool::weighted(0.8), prop::bool::weighted(0.15));
    (select(AGENTS.to_vec()), groups, class(), flags, 0..4u32).prop_map(
        |(name, groups, default_priority, (online, accepting, in_grace), limit)| AgentSeat {
            agent: agent(name),
            version: 0,
            groups,
            default_priority,
            online,
            accepting,
            in_grace,
            limit,
        },
    )
}

/// Versions and times are filled in as they are played; `since` is how long it has been waiting.
fn conversation_seat() -> impl Strategy<Value = ConversationSeat> {
    let waiting = (0..3u64, some_agents(), team()).prop_map(|(ago, exclude, team)| Waiting {
        since: Timestamp::from_secs(ago),
        exclude,
        team,
    });
    let asking = prop::bool::weighted(0.2);
    (id(), some_groups(), some_agents(), prop::option::of(waiting), asking).prop_map(
        |(conversation, groups, present, waiting, asking)| {
            // As a rule nobody is in while it waits; sometimes somebody looks on.
            let alone = waiting.as_ref().is_some_and(|waiting| waiting.since.as_secs() > 0);
            let present = if alone { Vec::new() } else { present };
            ConversationSeat { conversation, version: 0, groups, present, waiting, asking }
        },
    )
}

fn team() -> impl Strategy<Value = Option<u64>> {
    prop::option::weighted(0.2, 1..=TEAMS)
}

fn request() -> impl Strategy<Value = PlaceRequest> {
    let rarely = prop::bool::weighted(0.1);
    let exclude = prop_oneof![3 => Just(Vec::new()), 1 => some_agents()];
    let among = prop_oneof![9 => Just(Vec::new()), 1 => some_agents()];
    (id(), some_groups(), any::<bool>(), exclude, team(), among, rarely).prop_map(
        |(conversation, groups, continuous, exclude, team, among, at_once)| PlaceRequest {
            conversation,
            groups,
            continuous,
            exclude,
            team,
            at: Timestamp::default(),
            among,
            at_once,
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let rarely = || prop::bool::weighted(0.1);
    let answer = select(vec![Answer::Placed, Answer::Refused]);
    prop_oneof![
        4 => (seat(), rarely()).prop_map(|(seat, stale)| Event::Agent { seat, stale }),
        1 => select(AGENTS.to_vec()).prop_map(|name| Event::Removed { agent: agent(name) }),
        6 => request().prop_map(Event::Place),
        1 => id().prop_map(|id| Event::Cancel { id }),
        6 => (conversation_seat(), rarely()).prop_map(|(seat, stale)| Event::Tells { seat, stale }),
        4 => id().prop_map(|id| Event::Follows { id }),
        3 => (id(), answer, rarely()).prop_map(|(id, answer, late)| Event::Answers { id, answer, late }),
        2 => any::<bool>().prop_map(|to_deadline| Event::Time { to_deadline }),
        1 => settings().prop_map(Event::Settings),
    ]
}

fn settings() -> impl Strategy<Value = RouterSettings> {
    let own = || {
        let manual = prop::bool::weighted(0.1);
        (select(vec![1, 3, 100]), prop::bool::weighted(0.9), manual).prop_map(
            |(queue_limit, queues, manual)| {
                let mode = if manual { RoutingMode::Manual } else { RoutingMode::Automatic };
                Settings { mode, queues, queue_limit, ..Settings::default() }
            },
        )
    };
    let groups = btree_map(select(GROUPS.to_vec()).prop_map(GroupId), own(), 0..=2);
    let per_agent = prop_oneof![
        1 => Just(BTreeMap::new()),
        2 => btree_map(select(GROUPS.to_vec()).prop_map(GroupId), 1..3_u32, 1..=2),
    ];
    let members = some_agents().prop_map(|agents| agents.into_iter().collect());
    let teams = btree_map(1..=TEAMS, members, 0..=2);
    (own(), groups, per_agent, teams).prop_map(|(usual, groups, per_agent, teams)| RouterSettings {
        usual,
        groups,
        per_agent,
        teams,
        lapse: Duration::from_secs(6),
    })
}

/// Router and oracle side by side.
struct Game {
    router: Router,
    oracle: Oracle,
    now: Timestamp,
    version: u64,
}

impl Game {
    fn new(settings: RouterSettings) -> Self {
        let (router, oracle) = (Router::new(settings.clone()), Oracle::new(settings));
        Self { router, oracle, now: Timestamp::from_secs(100), version: 10 }
    }

    fn next_version(&mut self, stale: bool) -> u64 {
        self.version += 1;
        if stale { 1 } else { self.version }
    }

    fn play(&mut self, event: Event) -> Result<(), TestCaseError> {
        self.now = self.now.plus(Duration::from_secs(1));
        let now = self.now;
        let stranded_before = self.oracle.stranded();
        let (assigns, expected) = match event {
            Event::Agent { mut seat, stale } => {
                seat.version = self.next_version(stale);
                let expected = self.oracle.agent(&seat.agent.clone(), Some(seat.clone()), now);
                (self.router.agent_changed(seat, now), expected)
            }
            Event::Removed { agent } => {
                (self.router.agent_removed(&agent, now), self.oracle.agent(&agent, None, now))
            }
            Event::Place(mut request) => {
                request.at = now;
                let (expected, given) = self.oracle.place(&request);
                let (placement, assigns) = self.router.place(request);
                prop_assert_eq!(placement, expected);
                (assigns, given)
            }
            Event::Cancel { id } => (self.router.cancel(id, now), self.oracle.cancel(id, now)),
            Event::Tells { mut seat, stale } => {
                seat.version = self.next_version(stale);
                if let Some(waiting) = &mut seat.waiting {
                    waiting.since = Timestamp::from_secs(now.as_secs() - waiting.since.as_secs());
                }
                let expected = self.oracle.conversation(&seat, now);
                (self.router.conversation_changed(seat, now), expected)
            }
            Event::Follows { id } => {
                let version = self.next_version(false);
                let promised = self.oracle.promised(id);
                let waiting = promised.is_none() && self.oracle.position(id).is_some();
                let seat = ConversationSeat {
                    conversation: id,
                    version,
                    groups: groups(&[0]),
                    present: promised.into_iter().collect(),
                    waiting: waiting.then(|| Waiting { since: now, exclude: Vec::new(), team: None }),
                    asking: false,
                };
                let expected = self.oracle.conversation(&seat, now);
                (self.router.conversation_changed(seat, now), expected)
            }
            Event::Answers { id, answer, late } => {
                let ticket = self.oracle.outstanding(id).map_or(0, |(_, ticket)| ticket - u64::from(late));
                let expected = self.oracle.answered(id, ticket, answer, now);
                (self.router.answered(id, ticket, answer, now), expected)
            }
            Event::Settings(settings) => {
                let expected = self.oracle.settings(settings.clone(), now);
                (self.router.settings_changed(settings, now), expected)
            }
            Event::Time { to_deadline } => {
                if let Some(due) = self.router.next_deadline().filter(|_| to_deadline) {
                    self.now = self.now.max(due);
                }
                (self.router.lapse(self.now), self.oracle.lapse(self.now))
            }
        };
        self.compare(&assigns, expected)?;
        self.compare_alerts(&stranded_before)
    }

    fn compare(&mut self, assigns: &[Assign], expected: Given) -> Result<(), TestCaseError> {
        let found: Given = assigns.iter().map(|assign| (assign.conversation, assign.agent.clone())).collect();
        prop_assert_eq!(found, expected);
        for assign in assigns {
            self.oracle.ticket(assign.conversation, assign.ticket);
        }
        prop_assert_eq!(self.oracle.forgotten(), []);
        prop_assert_eq!(self.router.next_deadline(), self.oracle.next_deadline());
        for name in AGENTS {
            prop_assert_eq!(self.router.load(&agent(name)), self.oracle.load(&agent(name)), "{}", name);
        }
        for id in (1..=CONVERSATIONS).map(conversation) {
            prop_assert_eq!(self.router.position(id), self.oracle.position(id), "{:?}", id);
        }
        for group in groups(&GROUPS) {
            prop_assert_eq!(self.router.group_status(group), self.oracle.status(group), "{}", group);
        }
        for wish in [&GROUPS[..], &[0], &[1], &[2], &[1, 2]].map(groups) {
            prop_assert_eq!(self.router.predict(&wish), self.oracle.predict(&wish));
        }
        Ok(())
    }

    /// Every conversation that became stranded is told, and none that is not; who went is told.
    fn compare_alerts(&mut self, stranded_before: &BTreeSet<ConversationId>) -> Result<(), TestCaseError> {
        let (mut offline, mut gone) = (BTreeSet::new(), BTreeSet::new());
        for alert in self.router.take_alerts() {
            match alert {
                Alert::GroupOffline(id) => offline.insert(id),
                Alert::AgentGone(..) | Alert::CameGone(..) => gone.insert(alert),
            };
        }
        prop_assert_eq!(gone, std::mem::take(&mut self.oracle.gone));
        let stranded = self.oracle.stranded();
        prop_assert!(offline.is_subset(&stranded), "{:?} are not stranded", offline.difference(&stranded));
        let untold: Vec<_> =
            stranded.difference(stranded_before).filter(|id| !offline.contains(id)).collect();
        prop_assert!(untold.is_empty(), "{untold:?} were not told");
        Ok(())
    }

    /// Everybody goes home: no index may keep anything.
    fn end(mut self) -> Result<(), TestCaseError> {
        for id in (1..=CONVERSATIONS).map(conversation) {
            let seat = ConversationSeat {
                conversation: id,
                version: self.next_version(false),
                groups: Vec::new(),
                present: Vec::new(),
                waiting: None,
                asking: false,
            };
            self.play(Event::Tells { seat, stale: false })?;
        }
        for name in AGENTS {
            self.play(Event::Removed { agent: agent(name) })?;
        }
        while self.router.next_deadline().is_some() {
            self.play(Event::Time { to_deadline: true })?;
        }
        let fresh = Router::new(self.router.settings.clone());
        prop_assert_eq!(format!("{:?}", self.router.roster), format!("{:?}", fresh.roster));
        prop_assert_eq!(format!("{:?}", self.router.queues), format!("{:?}", fresh.queues));
        prop_assert!(self.router.entries.is_empty());
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_router_does_what_the_naive_plan_does(settings in settings(), events in vec(event(), 1..80)) {
        let mut game = Game::new(settings);
        for event in events {
            game.play(event)?;
        }
        game.end()?;
    }
}
