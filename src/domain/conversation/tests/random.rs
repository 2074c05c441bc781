//! Random play: random people send random commands; the conversation and the plain model must
//! agree, and what must always hold is checked after every step.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::changes::{Give, Marks, Spot, path};
use super::clockwork::ODD;
use super::model::{Act, FUTURE, Hold, Line, Model, Token};
use super::*;
use crate::conversation::amend;
use crate::conversation::properties::PropertyValue;

/// What a stored value may have (design D3).
const STORED_BYTES: usize = 32 * 1024;
const PEOPLE: [&str; 6] = ["ann", "bob", "eve", "bot", "mia", "tom"];

/// One step: who, with what token, what, when, and the router's word should it be asked.
#[derive(Debug, Clone)]
struct Step {
    by: Option<&'static str>,
    token: Token,
    act: Act,
    clock: u64,
    /// How far the clock steps back.
    back: u64,
    placement: Placement,
    /// A snapshot is stored and read again before the step.
    restart: bool,
}

impl Step {
    /// The router never gives a chat to an agent who may not get it.
    fn word(&self, need: &PlacementNeed) -> Placement {
        match &self.placement {
            Placement::Assigned(agent) if need.exclude.contains(agent) => Placement::Unassigned,
            Placement::Assigned(_) if !need.among.is_empty() => Placement::Assigned(need.among[0].clone()),
            placement => placement.clone(),
        }
    }
}

fn act() -> impl Strategy<Value = Act> {
    let person =
        || select(["ann", "bob", "eve", "bot", "mia", "tom", "ghost"].to_vec()).prop_map(str::to_owned);
    let agent = || select(["ann", "bob", "eve", "bot"].to_vec()).prop_map(str::to_owned);
    let bytes = prop_oneof![4 => 0..20usize, 1 => 5_000..9_000usize, 1 => 16_000..16_384usize];
    let post =
        (any::<bool>(), bytes, any::<bool>(), any::<bool>()).prop_map(|(hidden, bytes, attach, refuse)| {
            Act::Post { hidden, says: "x".repeat(bytes), attach, refuse }
        });
    let name = || select(["int_property", "score"].to_vec());
    let spot = || {
        prop_oneof![
            Just(Spot::Chat),
            (1..4u64).prop_map(Spot::Thread),
            (1..4u64, 1..12u32).prop_map(|(n, order)| Spot::Event(n, order)),
        ]
    };
    let set = (spot(), name(), 0..2i32).prop_map(|(spot, name, value)| Act::SetProperty(spot, name, value));
    let delete = (spot(), name()).prop_map(|(spot, name)| Act::DeleteProperty(spot, name));
    let tag = (1..4u64, select(["vip", "late"].to_vec()), any::<bool>())
        .prop_map(|(n, tag, on)| Act::Tag(n, tag.to_owned(), on));
    let press = (1..4u64, 1..12u32, any::<bool>()).prop_map(|(n, order, on)| Act::Press(n, order, on));
    let give = (select([Give::Grant, Give::Revoke, Give::Set].to_vec()), 0..4u32)
        .prop_map(|(give, group)| Act::Give(give, group));
    let cards = any::<bool>().prop_map(|attach| Act::Post {
        hidden: false,
        says: "cards".to_owned(),
        attach,
        refuse: true,
    });
    prop_oneof![
        5 => set,
        3 => delete,
        2 => tag,
        3 => cards,
        4 => press,
        2 => any::<bool>().prop_map(Act::Follow),
        2 => select(vec![0, FUTURE]).prop_map(Act::See),
        1 => give,
        3 => Just(Act::Activate),
        3 => any::<bool>().prop_map(|strict| Act::Close { strict }),
        8 => post,
        3 => person().prop_map(Act::Add),
        3 => person().prop_map(Act::Remove),
        2 => agent().prop_map(Act::Assign),
        1 => Just(Act::EndUnserved),
        2 => agent().prop_map(Act::Reassign),
        3 => transferred(),
        4 => Just(Act::Due),
    ]
}

fn transferred() -> impl Strategy<Value = Act> {
    let agents = subsequence(vec!["ann", "bob", "eve", "bot"], 1..=2)
        .prop_map(|names| (names.into_iter().map(str::to_owned).collect(), Vec::new()));
    let groups = subsequence(vec![0, 1, 2, 9], 1..=2).prop_map(|groups| (Vec::new(), groups));
    let to = prop_oneof![agents, groups, Just((Vec::new(), Vec::new()))];
    (to, any::<bool>()).prop_map(|((agents, groups), force)| Act::Transfer { agents, groups, force })
}

fn placement() -> impl Strategy<Value = Placement> {
    prop_oneof![
        3 => select(["ann", "bob", "eve", "bot"].to_vec()).prop_map(assigned),
        1 => Just(Placement::Queued { position: 1 }),
        1 => Just(Placement::Unassigned),
        1 => Just(Placement::Refused(Refusal::GroupOffline)),
        1 => Just(Placement::Refused(Refusal::GroupUnavailable)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let token = prop_oneof![
        5 => Just(Token::Everything),
        1 => Just(Token::Talk),
        1 => Just(Token::Own),
        1 => Just(Token::Near),
        1 => Just(Token::Look),
    ];
    let clock = (0..50u64, prop_oneof![5 => Just(0), 1 => 0..5u64]);
    (select(PEOPLE.to_vec()), token, act(), clock, placement(), prop::bool::weighted(0.2)).prop_map(
        |(person, token, act, (clock, back), placement, restart)| {
            let engine = matches!(act, Act::Assign(_) | Act::EndUnserved | Act::Due | Act::Reassign(_));
            Step { by: (!engine).then_some(person), token, act, clock, back, placement, restart }
        },
    )
}

fn principal(name: &str, token: Token) -> Principal {
    match token {
        Token::Everything => who(name),
        _ if matches!(name, "mia" | "tom") => who(name),
        Token::Talk => scoped(name, "chats.conversation--all:rw"),
        Token::Own => scoped(name, "chats--my:rw"),
        Token::Near => scoped(name, "chats--access:rw"),
        Token::Look => scoped(name, "chats--access:ro"),
    }
}

fn command(act: &Act, next_thread: u64, placement: Option<Placement>) -> Command {
    match act {
        Act::Activate => Command::Activate(open(next_thread, placement)),
        Act::Close { strict } => Command::Close { require_presence: *strict },
        Act::Post { hidden, says, attach, refuse } => {
            let visibility = if *hidden { Visibility::Agents } else { Visibility::All };
            let when_inactive = match (attach, refuse) {
                (true, _) => WhenInactive::Attach,
                (_, true) => WhenInactive::Refuse,
                _ => WhenInactive::OpenThread(thread(next_thread), placement),
            };
            let event = if says == "cards" { cards() } else { event(visibility, text(says)) };
            Command::Post { event, when_inactive }
        }
        Act::Add(name) => add(name),
        Act::Remove(name) => remove(name, placement),
        Act::Assign(name) => assign(name),
        Act::EndUnserved => Command::EndUnserved,
        Act::Due => Command::Due { running_since: Timestamp::default(), placement },
        Act::Transfer { agents, groups, force } => {
            let names: Vec<_> = agents.iter().map(String::as_str).collect();
            let to = match (agents.is_empty(), groups.is_empty()) {
                (false, _) => to_agents(&names),
                (_, false) => to_groups(groups),
                _ => TransferTarget::Within,
            };
            transfer(to, *force, placement)
        }
        Act::Reassign(name) => {
            Command::Reassign { from: agent(name), why: Departure::Disconnected, gone_since: None, placement }
        }
        marked => changes::command(marked),
    }
}

/// A value after a way through storage.
fn stored<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    rmp_serde::from_slice(&rmp_serde::to_vec(value).unwrap()).unwrap()
}

/// The conversation, its model, what is stored of it, and a twin that lives by the journal alone.
struct Game {
    state: Conversation,
    twin: Conversation,
    model: Model,
    chunks: BTreeMap<(ThreadId, u32), Vec<Arc<Event>>>,
    clock: u64,
    last: Timestamp,
    facts: u64,
}

impl Game {
    fn new(sales_only: bool, continuous: bool) -> Self {
        let access = sales_only.then(|| Access::of(SALES));
        let opening = OpenThread { access, continuous: Some(continuous), ..open(1, Some(assigned("ann"))) };
        let (chat, done) = Chat::create("mia", opening).unwrap();
        let mut twin = Conversation::born(&stored(&done.facts[0])).unwrap();
        for fact in &done.facts[1..] {
            twin.apply(&stored(fact), &mut Vec::new());
        }
        let line: Line = (None, true, "routing.assigned".into());
        let model = Model {
            threads: vec![vec![line]],
            hold: Hold::By("ann".into()),
            present: vec!["mia".into(), "ann".into()],
            known: vec!["mia".into(), "ann".into()],
            groups: [u32::from(sales_only)].into(),
            let_in: Default::default(),
            queued: false,
            let_go: None,
            continuous,
            at: 1_000,
            said_at: 1_000,
            held_at: 1_000,
            owed: BTreeMap::new(),
            idle: false,
            marks: Marks::default(),
        };
        let (last, facts) = (done.facts.last().unwrap().at, done.facts.len() as u64);
        Self { state: chat.state, twin, model, chunks: BTreeMap::new(), clock: 1_000, last, facts }
    }

    fn play(&mut self, step: &Step) -> Result<(), TestCaseError> {
        if step.restart {
            self.restart()?;
        }
        let by = step.by.map(|name| principal(name, step.token));
        // Time passes for whom nothing happens; else the clock may step back a little.
        let waits = matches!(step.act, Act::Due);
        self.clock += 10 * step.clock * if waits { 4 } else { 1 };
        let now = if waits { self.clock } else { self.clock - 10 * step.back };
        self.model.at = now.max(self.last.as_secs());
        let cx = Context { license: &ODD, ..context(by.as_ref(), Timestamp::from_secs(now)) };
        let next_thread = self.model.threads.len() as u64 + 1;
        let before = self.state.clone();
        let mut needed = None;
        let mut decided = self.state.decide(command(&step.act, next_thread, None), &cx);
        if let Err(Rejected::NeedsEvent(id)) = decided {
            let stored = self.stored_event(id);
            prop_assert!(stored.is_some(), "{id} is not where it is looked for");
            let found = command(&step.act, next_thread, None).with_event(stored.unwrap());
            decided = self.state.decide(found, &cx);
        }
        if let Err(Rejected::NeedsPlacement(need)) = &decided {
            needed = Some((**need).clone());
            let placed = command(&step.act, next_thread, Some(step.word(need)));
            decided = self.state.decide(placed, &cx);
        }
        prop_assert_eq!(&self.state, &before, "deciding changes nothing");
        let mut asked = None;
        let mut router = |need| {
            let word = step.word(&need);
            asked = Some(need);
            word
        };
        let wanted = self.model.step(step.by.map(|name| (name, step.token)), &step.act, &mut router);
        prop_assert_eq!(decided.as_ref().err(), wanted.as_ref().err());
        prop_assert_eq!(needed, asked);
        let decision = decided.unwrap_or_default();
        let mut told = Vec::new();
        for fact in &decision.facts {
            prop_assert!(fact.at > self.last, "times rise");
            self.last = fact.at;
            self.facts += 1;
            self.state.apply(fact, &mut told);
            let journaled = stored(fact);
            prop_assert_eq!(&journaled, fact);
            self.twin.apply(&journaled, &mut Vec::new());
        }
        prop_assert_eq!(&self.state, &self.twin, "replaying the journal gives the same");
        let answered = told.iter().chain(decision.echo.as_deref()).filter(|told| told.main).count();
        // To end following is the one change that is not answered by a push.
        let silent = |fact: &Fact| matches!(fact.change, Change::Unfollowed(_));
        let changed = !decision.facts.iter().all(silent) || decision.echo.is_some();
        prop_assert_eq!(answered, usize::from(changed), "one push answers a change");
        self.check_told(&told)?;
        self.check()
    }

    /// Stores the full chunks and the head, and goes on from what was read back.
    fn restart(&mut self) -> Result<(), TestCaseError> {
        for chunk in self.state.unsaved_chunks() {
            prop_assert!(rmp_serde::to_vec(&chunk.events).unwrap().len() < STORED_BYTES);
            let twice = self.chunks.insert((chunk.thread, chunk.index), stored(&chunk.events));
            prop_assert!(twice.is_none(), "a chunk is stored once");
        }
        let amended = self.state.amended().clone();
        for chunk in self.chunks.values_mut() {
            amend(chunk, &amended);
        }
        self.twin.amendments_saved(&amended);
        let head = self.state.head();
        let count = self.state.unsaved_chunks().len();
        self.twin.chunks_saved(count);
        self.twin.recent = self.twin.recent.stored();
        self.state = stored(&head);
        prop_assert_eq!(&self.state, &head);
        Ok(())
    }

    /// An event as the stored chunks have it.
    fn stored_event(&self, id: EventId) -> Option<Arc<Event>> {
        let stored = self.state.stored_chunks(id.thread)?;
        let chunks = (0..stored).filter_map(|index| self.chunks.get(&(id.thread, index)));
        chunks.flatten().find(|event| event.id == id).cloned()
    }

    fn check_told(&self, told: &[Told]) -> Result<(), TestCaseError> {
        for Told { push, to, .. } in told {
            if let Push::EventPosted { event, .. } = push {
                prop_assert!(event.visible_to_customer() || to.customer.is_none());
            }
            if let Push::PropertiesChanged { place: Place::Event(id), .. } = push {
                let visible = self.model.threads.iter().zip(1..).find(|(_, n)| thread(*n) == id.thread);
                let visible = visible.is_some_and(|(events, _)| events[id.order as usize - 1].1);
                prop_assert!(visible || to.customer.is_none());
            }
            prop_assert!(to.customer.is_none_or(|id| id == customer(1)));
            prop_assert!(!to.license);
            prop_assert_eq!(push.chat(), Some(self.state.id()));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        self.check_events()?;
        let here = self.state.chat_view().members.into_iter().filter(|m| m.present).map(|m| m.user);
        let mut here: Vec<_> = here.collect();
        let mut wanted: Vec<_> = self.model.present.iter().map(|name| user(name)).collect();
        here.sort_by_key(ToString::to_string);
        wanted.sort_by_key(ToString::to_string);
        prop_assert_eq!(&here, &wanted);
        prop_assert_eq!(self.state.active_thread().is_some(), self.model.active());
        let assignment = self.state.assignment();
        let agrees = match &self.model.hold {
            Hold::Closed => *assignment == Assignment::Idle,
            Hold::Waits => self.state.waiting_since().is_some(),
            Hold::By(name) => *assignment == held(name) && self.state.is_present(&user(name)),
        };
        prop_assert!(agrees, "{:?} is {assignment:?}", self.model.hold);
        let seat = self.state.seat();
        let agents: Vec<_> = self.state.present_agents().cloned().collect();
        prop_assert_eq!(seat.present, if self.model.active() { agents } else { Vec::new() });
        prop_assert_eq!(seat.waiting.is_some(), self.model.hold == Hold::Waits);
        let idle = self.state.chat_view().properties.get("routing", "idle").cloned();
        prop_assert_eq!(idle, Some(PropertyValue::Bool(self.model.idle)));
        let groups: Vec<_> = self.model.groups.iter().copied().map(GroupId).collect();
        prop_assert_eq!(seat.groups, groups);
        self.check_marks()?;
        prop_assert_eq!((seat.version, self.state.version()), (self.facts, self.facts));
        let summary = self.state.summary();
        prop_assert!(summary.last_visible.iter().all(|(_, last)| last.event.visible_to_customer()));
        Ok(())
    }

    fn check_marks(&self) -> Result<(), TestCaseError> {
        let followers: Vec<_> = self.state.followers.iter().map(ToString::to_string).collect();
        prop_assert_eq!(followers, self.model.marks.followers.iter().cloned().collect::<Vec<_>>());
        self.check_properties(Spot::Chat, &self.state.properties)?;
        for (head, n) in self.state.threads.iter().zip(1u64..) {
            self.check_properties(Spot::Thread(n), &head.properties)?;
            let tags: Vec<_> = head.tags.iter().map(ToString::to_string).collect();
            prop_assert_eq!(tags, self.model.marks.tags.get(&n).cloned().unwrap_or_default());
        }
        Ok(())
    }

    fn check_properties(&self, spot: Spot, got: &Properties) -> Result<(), TestCaseError> {
        let mut wanted = Properties::default();
        for (name, value) in self.model.marks.properties.get(&spot).into_iter().flatten() {
            let (namespace, name) = path(name);
            wanted.set(namespace, name, PropertyValue::Int(*value));
        }
        prop_assert_eq!(got, &wanted, "{:?}", spot);
        Ok(())
    }

    /// Chunks stored, chunks not yet stored and the tail give back every event of every thread.
    fn check_events(&self) -> Result<(), TestCaseError> {
        let lines = self.state.thread_lines();
        prop_assert_eq!(lines.len(), self.model.threads.len());
        let mut last_time = Timestamp::default();
        for (line, wanted) in lines.iter().zip(&self.model.threads) {
            let is_last = line.order as usize == lines.len();
            prop_assert!(!line.active || is_last, "only the last thread is active");
            let count = self.state.stored_chunks(line.id).unwrap();
            let parts = (0..count).map(|index| self.chunks.get(&(line.id, index)).unwrap().clone());
            let view = self.state.thread(line.id, parts.flatten().collect()).unwrap();
            prop_assert_eq!((view.order, view.active), (line.order, line.active));
            prop_assert!(!self.chunks.contains_key(&(line.id, count)), "no stored chunk is forgotten");
            let orders: Vec<_> = view.events.iter().map(|event| event.id.order).collect();
            prop_assert_eq!(orders, (1..=line.events).collect::<Vec<_>>());
            prop_assert!(view.events.iter().all(|event| event.id.thread == line.id));
            prop_assert!(
                view.events.iter().all(|e| e.created_at > std::mem::replace(&mut last_time, e.created_at))
            );
            let visible = view.events.iter().filter(|event| event.visible_to_customer()).count();
            prop_assert_eq!(line.visible_events as usize, visible);
            for event in &view.events {
                let (n, order) = (u64::from(line.order), event.id.order);
                self.check_properties(Spot::Event(n, order), &event.properties)?;
                let users = self.model.marks.presses.get(&(n, order)).cloned().unwrap_or_default();
                prop_assert!(pressed(event).into_iter().all(|(name, by)| name == "no" || by == users));
            }
            let got: Vec<Line> = view.events.iter().map(|event| said_line(event)).collect();
            prop_assert_eq!(&got, wanted);
        }
        for chunk in self.state.unsaved_chunks() {
            prop_assert!(rmp_serde::to_vec(&chunk.events).unwrap().len() < STORED_BYTES);
        }
        Ok(())
    }
}

fn said_line(event: &Event) -> Line {
    let says = match &event.body {
        EventBody::Message { text, .. } => text.clone(),
        EventBody::System(message) => message.kind.to_string(),
        EventBody::Rich { .. } => "cards".to_owned(),
        _ => String::new(),
    };
    let author = event.author.as_ref().and_then(|by| World.name(by)).map(|name| name.to_string());
    (author, event.visible_to_customer(), says)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn conversation_and_model_agree(
        sales_only: bool,
        continuous: bool,
        steps in vec(step(), 1..60),
    ) {
        let mut game = Game::new(sales_only, continuous);
        game.check()?;
        for step in &steps {
            game.play(step)?;
        }
        game.restart()?;
        game.check()?;
    }
}
