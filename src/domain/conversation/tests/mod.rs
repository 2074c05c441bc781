//! What a conversation must do: rule by rule, in random play, and in stored bytes.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::{Arc, LazyLock};

use super::access::Access;
use super::command::{Command, NewConversation, OpenThread, TransferTarget, WhenInactive};
use super::event::{Event, EventBody, NewEvent, RichButton, RichElement, SystemMessage, Visibility};
use super::fact::{Change, Fact};
use super::properties::{Properties, PropertyTable, PropertyValue};
use super::property_change::{Place, PropertyChange, PropertyNames};
use super::push::{Push, Told};
use super::{Assignment, Context, Conversation, Decision, Lookup};
use crate::auth::{Principal, ScopeSet};
use crate::error::{PlacementNeed, Rejected, Resource};
use crate::id::{
    AgentId, ClientId, ConversationId, CustomerId, EventId, GroupId, LicenseId, ThreadId, UserId,
};
use crate::participant::Departure;
use crate::participant::settings::{Settings, Timers};
use crate::routing::{Placement, Refusal};
use crate::time::Timestamp;

mod access;
mod amended;
mod bans;
mod bounds;
mod change_access;
mod changes;
mod clockwork;
mod customer;
mod golden;
mod holder;
mod idempotency;
mod marks;
mod mentions;
mod model;
mod placement;
mod properties;
mod random;
mod recent;
mod signals;
mod system_messages;
mod telling;
mod threads;
mod ticket;
mod timers;
mod transfer;

const LICENSE: LicenseId = LicenseId(7);
const SALES: GroupId = GroupId(1);
static PROPERTIES: LazyLock<PropertyTable> = LazyLock::new(PropertyTable::built_in);

/// Ann sells, Bob supports, Eve does both, Bot is a bot; the customers are Mia, Tom and Zed,
/// who is banned.
struct World;

impl Lookup for World {
    fn name(&self, user: &UserId) -> Option<Arc<str>> {
        let name = match user {
            UserId::Agent(id) => ["ann", "bob", "eve", "bot"].contains(&id.as_str()).then(|| id.to_string()),
            UserId::Customer(id) if *id == customer(1) => Some("mia".into()),
            UserId::Customer(id) if *id == customer(2) => Some("tom".into()),
            UserId::Customer(id) if *id == customer(13) => Some("zed".into()),
            UserId::Customer(_) => None,
        };
        name.map(Arc::from)
    }

    fn is_bot(&self, agent: &AgentId) -> bool {
        agent.as_str() == "bot"
    }

    fn group_name(&self, group: GroupId) -> Option<Arc<str>> {
        ["everybody", "sales", "support"].get(group.0 as usize).map(|name| Arc::from(*name))
    }

    fn groups_of(&self, agent: &AgentId) -> Vec<GroupId> {
        who(agent.as_str()).groups
    }

    fn settings(&self, _: &Access) -> Settings {
        Settings::default()
    }

    fn is_banned(&self, id: CustomerId, _: Timestamp) -> bool {
        id == customer(13)
    }

    fn customer_left(&self, _: CustomerId) -> Option<Timestamp> {
        None
    }
}

/// The world with other timers, and without its customers since then.
struct Timed {
    timers: Timers,
    customer_left: Option<Timestamp>,
}

impl Lookup for Timed {
    fn name(&self, user: &UserId) -> Option<Arc<str>> {
        World.name(user)
    }

    fn is_bot(&self, agent: &AgentId) -> bool {
        World.is_bot(agent)
    }

    fn group_name(&self, group: GroupId) -> Option<Arc<str>> {
        World.group_name(group)
    }

    fn groups_of(&self, agent: &AgentId) -> Vec<GroupId> {
        World.groups_of(agent)
    }

    fn settings(&self, _: &Access) -> Settings {
        Settings { timers: self.timers, ..Settings::default() }
    }

    fn is_banned(&self, customer: CustomerId, now: Timestamp) -> bool {
        World.is_banned(customer, now)
    }

    fn customer_left(&self, _: CustomerId) -> Option<Timestamp> {
        self.customer_left
    }
}

fn agent(name: &str) -> AgentId {
    AgentId::new(name)
}

fn customer(n: u128) -> CustomerId {
    CustomerId::from_random(n)
}

fn user(name: &str) -> UserId {
    match name {
        "mia" => UserId::Customer(customer(1)),
        "tom" => UserId::Customer(customer(2)),
        "zed" => UserId::Customer(customer(13)),
        name => UserId::Agent(agent(name)),
    }
}

/// Somebody with every scope.
fn who(name: &str) -> Principal {
    let user = user(name);
    let groups: &[u32] = match name {
        "ann" => &[0, 1],
        "bob" => &[0, 2],
        "eve" => &[0, 1, 2],
        _ => &[0],
    };
    Principal {
        license: LICENSE,
        client: ClientId::new("app"),
        bot: name == "bot",
        scopes: if user.agent().is_some() { ScopeSet::all() } else { ScopeSet::default() },
        groups: groups.iter().map(|&g| GroupId(g)).collect(),
        token: [0; 32],
        user,
    }
}

fn scoped(name: &str, scope: &str) -> Principal {
    Principal { scopes: [scope.parse().unwrap()].into_iter().collect(), ..who(name) }
}

fn context(by: Option<&Principal>, now: Timestamp) -> Context<'_> {
    Context { by, now, license: &World, properties: &PROPERTIES, placed_at: now, epoch: 99, key: None }
}

fn thread(n: u64) -> ThreadId {
    ThreadId::from_random(n)
}

fn held(name: &str) -> Assignment {
    Assignment::Held(agent(name))
}

fn assigned(name: &str) -> Placement {
    Placement::Assigned(agent(name))
}

fn open(n: u64, placement: Option<Placement>) -> OpenThread {
    OpenThread { placement, ..OpenThread::blank(thread(n)) }
}

fn event(visibility: Visibility, body: EventBody) -> NewEvent {
    NewEvent { details: None, custom_id: None, visibility, properties: Properties::default(), body }
}

fn text(text: &str) -> EventBody {
    EventBody::Message { text: text.into(), postback: None }
}

fn said() -> NewEvent {
    event(Visibility::All, text("hello"))
}

fn note() -> NewEvent {
    event(Visibility::Agents, text("a note"))
}

fn post(event: NewEvent) -> Command {
    Command::Post { event, when_inactive: WhenInactive::Refuse }
}

fn tag(n: u64, tag: &str, on: bool) -> Command {
    Command::Tag { thread: thread(n), tag: tag.into(), on }
}

fn ints(pairs: &[(&str, &str, i32)]) -> Properties {
    let mut properties = Properties::default();
    for (namespace, name, value) in pairs {
        properties.set(namespace, name, PropertyValue::Int(*value));
    }
    properties
}

fn change(place: Place, change: PropertyChange) -> Command {
    Command::ChangeProperties { place, change, stored: None }
}

/// Sets `test.int_property`, which everybody may.
fn set(place: Place, value: i32) -> Command {
    change(place, PropertyChange::Set(ints(&[("test", "int_property", value)])))
}

/// Deletes properties of these names.
fn delete(place: Place, names: &[(&str, &str)]) -> Command {
    change(place, PropertyChange::Delete(names.iter().copied().collect::<PropertyNames>()))
}

fn event_id(n: u64, order: u32) -> EventId {
    EventId { thread: thread(n), order }
}

/// A rich message of two elements, with a button `buy` on each and a button `no`.
fn cards() -> NewEvent {
    let button = |postback: &str| RichButton {
        text: postback.into(),
        postback_id: postback.into(),
        user_ids: Vec::new(),
        kind: None,
        value: None,
        webview_height: None,
    };
    let element = |names: &[&str]| RichElement {
        buttons: names.iter().map(|name| button(name)).collect(),
        ..RichElement::default()
    };
    let elements = vec![element(&["buy", "no"]), element(&["buy"])];
    event(Visibility::All, EventBody::Rich { template: "cards".into(), elements })
}

fn press(event: EventId, postback: &str, toggled: bool) -> Command {
    Command::SendPostback { event, postback: postback.into(), toggled, stored: None }
}

/// Who has pressed each button of a rich message, in order.
fn pressed(event: &Event) -> Vec<(String, Vec<String>)> {
    let EventBody::Rich { elements, .. } = &event.body else { return Vec::new() };
    let buttons = elements.iter().flat_map(|element| &element.buttons);
    let users = |button: &RichButton| button.user_ids.iter().map(ToString::to_string).collect();
    buttons.map(|button| (button.postback_id.to_string(), users(button))).collect()
}

fn close() -> Command {
    Command::Close { require_presence: false }
}

fn add(name: &str) -> Command {
    Command::AddUser(user(name))
}

fn remove(name: &str, placement: Option<Placement>) -> Command {
    Command::RemoveUser { user: user(name), placement }
}

fn transfer(to: TransferTarget, force: bool, placement: Option<Placement>) -> Command {
    Command::Transfer { to, force, placement }
}

fn to_agents(names: &[&str]) -> TransferTarget {
    TransferTarget::Agents(names.iter().copied().map(agent).collect())
}

fn to_groups(groups: &[u32]) -> TransferTarget {
    TransferTarget::Groups(groups.iter().copied().map(GroupId).collect())
}

fn assign(name: &str) -> Command {
    Command::Assign { agent: agent(name), ticket: 1 }
}

/// What a command did.
#[derive(Debug)]
struct Done {
    facts: Vec<Fact>,
    told: Vec<Told>,
    echo: Option<Told>,
    passing: Option<Told>,
}

/// A conversation, and a clock that goes a second further with each command.
#[derive(Debug, Clone)]
struct Chat {
    state: Conversation,
    clock: u64,
}

impl Chat {
    fn create(by: &str, open: OpenThread) -> Result<(Self, Done), Rejected> {
        let (by, clock) = (who(by), 1_000);
        let new = NewConversation { license: LICENSE, id: ConversationId::from_random(5), number: 3, open };
        let decision = Conversation::create(new, &context(Some(&by), Timestamp::from_secs(clock)))?;
        let mut chat = Self { state: Conversation::born(&decision.facts[0]).unwrap(), clock };
        let done = chat.apply(decision, 1);
        Ok((chat, done))
    }

    /// Mia's chat, held by that agent.
    fn held_by(name: &str) -> Self {
        Self::create("mia", open(1, Some(assigned(name)))).unwrap().0
    }

    /// Mia's chat, waiting for an agent.
    fn waiting() -> Self {
        Self::create("mia", open(1, Some(Placement::Queued { position: 1 }))).unwrap().0
    }

    /// Mia's chat of the sales group, held by nobody who is there.
    fn of_sales() -> Self {
        let open = OpenThread {
            access: Some(Access::of(SALES)),
            ..open(1, Some(Placement::Queued { position: 1 }))
        };
        Self::create("mia", open).unwrap().0
    }

    fn apply(&mut self, decision: Decision, skip: usize) -> Done {
        let mut told = Vec::new();
        for fact in &decision.facts[skip..] {
            self.state.apply(fact, &mut told);
        }
        Done {
            facts: decision.facts,
            told,
            echo: decision.echo.map(|told| *told),
            passing: decision.passing.map(|told| *told),
        }
    }

    fn run_as(&mut self, by: Option<&Principal>, command: Command) -> Result<Done, Rejected> {
        self.clock += 1;
        let decision = self.state.decide(command, &context(by, Timestamp::from_secs(self.clock)))?;
        Ok(self.apply(decision, 0))
    }

    fn run(&mut self, by: &str, command: Command) -> Result<Done, Rejected> {
        self.run_as(Some(&who(by)), command)
    }

    fn engine(&mut self, command: Command) -> Result<Done, Rejected> {
        self.run_as(None, command)
    }

    /// A copy after a command that must succeed.
    fn after(mut self, by: &str, command: Command) -> Self {
        self.run(by, command).unwrap();
        self
    }

    fn present(&self) -> Vec<String> {
        let here = self.state.members.iter().filter(|m| m.present);
        here.filter_map(|m| World.name(&m.user)).map(|name| name.to_string()).collect()
    }

    /// Events of a thread of which nothing is stored apart.
    fn events(&self, n: u64) -> Vec<Arc<Event>> {
        self.state.thread(thread(n), Vec::new()).unwrap().events
    }
}

fn name_of(push: &Push) -> &'static str {
    match push {
        Push::ChatStarted { .. } => "chat_started",
        Push::EventPosted { event, .. } if matches!(event.body, EventBody::System(_)) => "system",
        Push::EventPosted { .. } => "event",
        Push::ThreadClosed { .. } => "thread_closed",
        Push::MemberAdded { .. } => "member_added",
        Push::MemberRemoved { .. } => "member_removed",
        Push::Transferred { .. } => "transferred",
        Push::AgentStatusChanged { .. } => "agent_status_changed",
        Push::ChatFollowed { .. } => "chat_followed",
        Push::TagChanged { .. } => "tag_changed",
        Push::SeenUpTo { .. } => "seen_up_to",
        Push::Typing { .. } => "typing",
        Push::DraftShown { .. } => "draft_shown",
        Push::PropertiesChanged { change: PropertyChange::Set(_), .. } => "properties_set",
        Push::PropertiesChanged { change: PropertyChange::Delete(_), .. } => "properties_deleted",
        Push::EventChanged { .. } => "event_changed",
        Push::PostbackSent { .. } => "postback_sent",
        Push::AccessChanged { .. } => "access_changed",
        Push::StatusChanged { .. } => "status_changed",
        Push::TicketChanged { .. } => "ticket_changed",
        Push::Mentioned { .. } => "mentioned",
        Push::WidgetOpened(_) => "widget_opened",
        Push::InboxPut(_) => "inbox_put",
        Push::AgentDeleted { .. } => "agent_deleted",
        Push::Customer(_) => "customer",
        Push::Multicast { .. } => "multicast",
    }
}

impl Done {
    fn pushes(&self) -> Vec<&'static str> {
        self.told.iter().map(|told| name_of(&told.push)).collect()
    }

    fn main(&self) -> Vec<&'static str> {
        self.told.iter().filter(|told| told.main).map(|told| name_of(&told.push)).collect()
    }

    fn told(&self, name: &str) -> &Told {
        self.told.iter().find(|told| name_of(&told.push) == name).unwrap()
    }
}
