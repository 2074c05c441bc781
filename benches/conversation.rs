//! A message in a conversation: `decide`, then `apply`.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion};
use switchboard_domain::auth::{Principal, ScopeSet};
use switchboard_domain::conversation::access::Access;
use switchboard_domain::conversation::command::{Command, NewConversation, OpenThread, WhenInactive};
use switchboard_domain::conversation::event::{EventBody, NewEvent, Visibility};
use switchboard_domain::conversation::fact::Fact;
use switchboard_domain::conversation::properties::{Properties, PropertyTable};
use switchboard_domain::conversation::{Context, Conversation, Decision, Lookup};
use switchboard_domain::id::{
    AgentId, ClientId, ConversationId, CustomerId, GroupId, LicenseId, ThreadId, UserId,
};
use switchboard_domain::participant::settings::Settings;
use switchboard_domain::routing::Placement;
use switchboard_domain::time::Timestamp;

pub(crate) const LICENSE: LicenseId = LicenseId(1);
/// Who holds every conversation.
pub(crate) const AGENT: &str = "agent@example.com";

/// A license in which everybody is somebody.
struct World;

impl Lookup for World {
    fn name(&self, _: &UserId) -> Option<Arc<str>> {
        Some(Arc::from("Somebody"))
    }

    fn is_bot(&self, _: &AgentId) -> bool {
        false
    }

    fn group_name(&self, _: GroupId) -> Option<Arc<str>> {
        Some(Arc::from("Group"))
    }

    fn groups_of(&self, _: &AgentId) -> Vec<GroupId> {
        vec![GroupId::EVERYBODY]
    }

    fn settings(&self, _: &Access) -> Settings {
        Settings::default()
    }

    fn is_banned(&self, _: CustomerId, _: Timestamp) -> bool {
        false
    }

    fn customer_left(&self, _: CustomerId) -> Option<Timestamp> {
        None
    }
}

pub(crate) fn message() -> NewEvent {
    NewEvent {
        details: None,
        custom_id: None,
        visibility: Visibility::All,
        properties: Properties::default(),
        body: EventBody::Message { text: "x".repeat(200), postback: None },
    }
}

pub(crate) fn customer() -> Principal {
    Principal {
        license: LICENSE,
        client: ClientId::new("app"),
        bot: false,
        scopes: ScopeSet::default(),
        groups: Vec::new(),
        token: [0; 32],
        user: UserId::Customer(CustomerId::from_random(1)),
    }
}

fn context<'a>(by: &'a Principal, properties: &'a PropertyTable, second: u64) -> Context<'a> {
    let now = Timestamp::from_secs(second);
    Context { by: Some(by), now, license: &World, properties, placed_at: now, epoch: 1, key: None }
}

/// What happened in the n-th conversation: so many messages of its customer, and its end.
pub(crate) fn talk(n: u64, messages: u64, closed: bool) -> (ConversationId, Vec<Fact>) {
    let properties = PropertyTable::built_in();
    let by = Principal { user: UserId::Customer(CustomerId::from_random(u128::from(n))), ..customer() };
    let mut facts = Vec::new();
    let decision = begin(n, &by, &properties);
    let born = decision.facts.first().and_then(Conversation::born);
    let Some(mut state) = born else { unreachable!("a new conversation is born") };
    let mut take = |state: &mut Conversation, decision: Decision| {
        apply(state, &decision);
        facts.extend(decision.facts);
    };
    take(&mut state, decision);
    for message in 0..messages {
        let decision = post(&state, &by, &properties, 1_001 + message);
        take(&mut state, decision);
    }
    if closed {
        let context = context(&by, &properties, 2_000);
        let decision = state.decide(Command::Close { require_presence: false }, &context).unwrap_or_default();
        take(&mut state, decision);
    }
    assert_eq!(state.active_thread().is_none(), closed);
    (state.id(), facts)
}

fn begin(n: u64, by: &Principal, properties: &PropertyTable) -> Decision {
    let open = OpenThread {
        customer: Some(CustomerId::from_random(u128::from(n))),
        placement: Some(Placement::Assigned(AgentId::new(AGENT))),
        ..OpenThread::blank(ThreadId::from_random(n))
    };
    let new = NewConversation { license: LICENSE, id: ConversationId::from_random(n), number: n, open };
    Conversation::create(new, &context(by, properties, 1_000)).unwrap_or_default()
}

/// A conversation of a customer with an agent, and so many messages.
pub(crate) fn conversation(messages: u64) -> Conversation {
    let (by, properties) = (customer(), PropertyTable::built_in());
    let decision = begin(1, &by, &properties);
    let born = decision.facts.first().and_then(Conversation::born);
    let Some(mut conversation) = born else { unreachable!("a new conversation is born") };
    apply(&mut conversation, &decision);
    for n in 0..messages {
        let decision = post(&conversation, &by, &properties, 1_001 + n);
        apply(&mut conversation, &decision);
        let chunks = conversation.unsaved_chunks().len();
        conversation.chunks_saved(chunks);
    }
    conversation
}

fn post(state: &Conversation, by: &Principal, properties: &PropertyTable, second: u64) -> Decision {
    let command = Command::Post { event: message(), when_inactive: WhenInactive::Refuse };
    state.decide(command, &context(by, properties, second)).unwrap_or_default()
}

fn apply(state: &mut Conversation, decision: &Decision) {
    let mut told = Vec::new();
    for fact in &decision.facts {
        state.apply(fact, &mut told);
    }
    black_box(told);
}

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("conversation");
    let (by, properties) = (customer(), PropertyTable::built_in());
    for messages in [10, 1_000] {
        let state = conversation(messages);
        assert_eq!(post(&state, &by, &properties, 10_000).facts.len(), 1, "a message is decided");
        group.bench_function(format!("decide, after {messages} messages"), |b| {
            b.iter(|| post(black_box(&state), &by, &properties, 10_000));
        });
        let decision = post(&state, &by, &properties, 10_000);
        group.bench_function(format!("apply, after {messages} messages"), |b| {
            b.iter_batched_ref(|| state.clone(), |state| apply(state, &decision), BatchSize::SmallInput);
        });
    }
    group.finish();
}
