//! Conversations of a help desk: how they stand, who has them, what is kept of them.

use super::*;
use crate::conversation::command::{StatusChange, TicketChange};
use crate::conversation::details::{Amendment, Carriage, Details};
use crate::conversation::event::RichElement;
use crate::conversation::ticket::{Status, Ticket, Urgency};
use crate::limits::{ATTRIBUTES_BYTES, DESK_TEXT_CHARS, LABELS_PER_CONVERSATION, MESSAGES_PER_MINUTE};

const ROBO: &str = "0123456789abcdef0123456789abcdef";

/// The world, in which a bot may answer first.
struct Desk {
    bot: bool,
    blocked: bool,
    reopens: bool,
}

impl Lookup for Desk {
    fn name(&self, user: &UserId) -> Option<Arc<str>> {
        World.name(user).or_else(|| Some(Arc::from("Robo")))
    }

    fn is_bot(&self, agent: &AgentId) -> bool {
        agent.names_a_bot()
    }

    fn group_name(&self, group: GroupId) -> Option<Arc<str>> {
        World.group_name(group)
    }

    fn groups_of(&self, agent: &AgentId) -> Vec<GroupId> {
        World.groups_of(agent)
    }

    fn settings(&self, access: &Access) -> Settings {
        World.settings(access)
    }

    fn is_banned(&self, customer: CustomerId, now: Timestamp) -> bool {
        World.is_banned(customer, now)
    }

    fn bot_of(&self, _: &Access) -> Option<AgentId> {
        self.bot.then(|| agent(ROBO))
    }

    fn is_blocked(&self, _: CustomerId) -> bool {
        self.blocked
    }

    fn reopens(&self, _: &Access) -> bool {
        self.reopens
    }

    fn customer_left(&self, _: CustomerId) -> Option<Timestamp> {
        None
    }
}

/// A conversation at that desk, and its clock.
struct Talk {
    desk: Desk,
    state: Conversation,
    clock: u64,
}

impl Talk {
    fn begin(bot: bool, placement: Option<Placement>) -> Result<Self, Rejected> {
        let (desk, by) = (Desk { bot, blocked: false, reopens: true }, who("mia"));
        let opening = OpenThread { ticket: Some(Box::default()), ..open(1, placement) };
        let new = NewConversation {
            license: LICENSE,
            id: ConversationId::from_random(5),
            number: 3,
            open: opening,
        };
        let cx = Context { license: &desk, ..context(Some(&by), Timestamp::from_secs(1_000)) };
        let decision = Conversation::create(new, &cx)?;
        let mut state = Conversation::born(&decision.facts[0]).unwrap();
        decision.facts.iter().for_each(|fact| state.apply(fact, &mut Vec::new()));
        Ok(Self { desk, state, clock: 1_000 })
    }

    fn pending() -> Self {
        Self::begin(true, None).unwrap()
    }

    fn decide(&mut self, by: Option<&str>, command: Command) -> Result<Decision, Rejected> {
        self.clock += 1;
        let by = by.map(|name| Principal { bot: name == ROBO, ..who(name) });
        let now = Timestamp::from_secs(self.clock);
        self.state.decide(command, &Context { license: &self.desk, ..context(by.as_ref(), now) })
    }

    /// Decides and applies; the pushes by name.
    fn run(&mut self, by: &str, command: Command) -> Result<Vec<&'static str>, Rejected> {
        let decision = self.decide(Some(by), command)?;
        let mut told = Vec::new();
        decision.facts.iter().for_each(|fact| self.state.apply(fact, &mut told));
        Ok(told.iter().map(|told| name_of(&told.push)).collect())
    }

    fn set(
        &mut self,
        by: &str,
        to: Status,
        placement: Option<Placement>,
    ) -> Result<Vec<&'static str>, Rejected> {
        self.run(by, set(StatusChange::to(to), placement))
    }

    fn present(&self) -> Vec<&str> {
        self.state.present_agents().map(AgentId::as_str).collect()
    }

    fn ticket(&self) -> &Ticket {
        self.state.ticket().unwrap()
    }
}

fn set(to: StatusChange, placement: Option<Placement>) -> Command {
    Command::SetStatus { to, thread: thread(9), placement }
}

fn write(event: NewEvent, placement: Option<Placement>) -> Command {
    Command::Post { event, when_inactive: WhenInactive::OpenThread(thread(7), placement) }
}

fn needs(exclude: &[&str]) -> Rejected {
    let exclude = exclude.iter().copied().map(agent).collect();
    PlacementNeed { exclude, ..PlacementNeed::of([GroupId(0)]) }.into()
}

#[test]
fn a_bot_answers_first_and_without_one_it_waits_also_when_nobody_is_there() {
    let talk = Talk::pending();
    assert_eq!((talk.state.status(), talk.present()), (Status::Pending, vec![ROBO]));
    assert_eq!(Talk::begin(false, None).err(), Some(needs(&[])));
    let offline = Placement::Refused(Refusal::GroupOffline);
    let waiting = Talk::begin(false, Some(offline)).unwrap();
    assert_eq!((waiting.state.status(), waiting.present()), (Status::Open, vec![]));
    assert!(waiting.state.waiting_since().is_some());
    let held = Talk::begin(false, Some(assigned("ann"))).unwrap();
    assert_eq!((held.state.status(), held.present()), (Status::Open, vec!["ann"]));
}

#[test]
fn a_bot_hands_off_to_whom_the_router_chooses_never_to_itself() {
    let mut talk = Talk::pending();
    assert_eq!(talk.set(ROBO, Status::Open, None), Err(needs(&[ROBO])));
    let pushes = talk.set(ROBO, Status::Open, Some(assigned("ann"))).unwrap();
    assert_eq!(pushes, ["member_removed", "member_added", "status_changed", "ticket_changed"]);
    assert_eq!((talk.state.status(), talk.present()), (Status::Open, vec!["ann"]));
    assert_eq!(talk.set(ROBO, Status::Open, None), Ok(vec![]), "it is already");

    let mut queued = Talk::pending();
    queued.set(ROBO, Status::Open, Some(Placement::Queued { position: 1 })).unwrap();
    assert_eq!((queued.state.status(), queued.present()), (Status::Open, vec![]));
    assert!(queued.state.waiting_since().is_some());
}

#[test]
fn a_person_who_opens_or_answers_takes_it_and_a_note_takes_nothing() {
    let mut opened = Talk::pending();
    opened.set("ann", Status::Open, None).unwrap();
    assert_eq!((opened.state.assignment(), opened.present()), (&held("ann"), vec!["ann"]));
    let mut answered = Talk::pending();
    answered.run("ann", post(note())).unwrap();
    assert_eq!(answered.state.status(), Status::Pending);
    answered.run("ann", post(said())).unwrap();
    assert_eq!((answered.state.status(), answered.present()), (Status::Open, vec!["ann"]));
    // Back to the bot: the slot is free.
    let pushes = answered.set("ann", Status::Pending, None).unwrap();
    assert!(pushes.contains(&"status_changed"));
    assert_eq!((answered.state.status(), answered.present()), (Status::Pending, vec![ROBO]));
    // Where no bot serves, it is some bot's turn all the same.
    let mut alone = Talk::begin(false, Some(assigned("ann"))).unwrap();
    alone.set("ann", Status::Pending, None).unwrap();
    assert_eq!((alone.state.assignment(), alone.present()), (&Assignment::BotsTurn, vec![]));
}

#[test]
fn what_is_put_aside_comes_back_by_its_time_or_by_the_customers_word() {
    let mut talk = Talk::begin(false, Some(assigned("ann"))).unwrap();
    let until = Timestamp::from_secs(5_000);
    let aside = StatusChange { until: Some(until), ..StatusChange::to(Status::Snoozed) };
    talk.run("ann", set(aside, None)).unwrap();
    assert_eq!((talk.state.status(), talk.present()), (Status::Snoozed, vec![]), "the slot is free");
    let around = talk.state.surroundings(&talk.desk, Timestamp::default());
    assert_eq!(talk.state.next_deadline(around), Some((until, crate::conversation::Deadline::PutOff)));
    talk.clock = 5_000;
    let due = |placement| Command::Due { running_since: Timestamp::default(), placement };
    assert_eq!(talk.decide(None, due(None)).err(), Some(needs(&[])));
    let decision = talk.decide(None, due(Some(assigned("bob")))).unwrap();
    decision.facts.iter().for_each(|fact| talk.state.apply(fact, &mut Vec::new()));
    assert_eq!((talk.state.status(), talk.present()), (Status::Open, vec!["bob"]));

    talk.set("ann", Status::Snoozed, None).unwrap();
    let around = talk.state.surroundings(&talk.desk, Timestamp::default());
    assert_eq!(talk.state.next_deadline(around), None, "nor does silence end it");
    talk.run("ann", post(note())).unwrap();
    assert_eq!(talk.state.status(), Status::Snoozed);
    assert_eq!(talk.run("mia", write(said(), None)), Err(needs(&[])));
    talk.run("mia", write(said(), Some(assigned("ann")))).unwrap();
    assert_eq!((talk.state.status(), talk.present()), (Status::Open, vec!["ann"]));
}

#[test]
fn resolved_is_over_until_somebody_writes_and_a_customer_may_only_end_it() {
    let mut talk = Talk::pending();
    assert_eq!(talk.set("mia", Status::Open, None), Err(Rejected::NoAccess));
    assert_eq!(talk.set("tom", Status::Resolved, None), Err(Rejected::NotFound(Resource::Chat)));
    let pushes = talk.set("mia", Status::Resolved, None).unwrap();
    assert_eq!(pushes, ["system", "thread_closed", "status_changed"]);
    assert_eq!(talk.set("mia", Status::Resolved, None), Ok(vec![]));
    let pushes = talk.run("mia", write(said(), None)).unwrap();
    assert_eq!(pushes, ["chat_started", "status_changed", "ticket_changed"]);
    assert_eq!(talk.state.status(), Status::Pending);
    talk.set("ann", Status::Resolved, None).unwrap();
    talk.set("ann", Status::Open, Some(Placement::Unassigned)).unwrap();
    assert_eq!((talk.state.status(), talk.present()), (Status::Open, vec![]), "not to the bot");
    let only = StatusChange { from: Some(Status::Pending), ..StatusChange::to(Status::Snoozed) };
    assert_eq!(talk.run("ann", set(only, None)), Ok(vec![]), "it does not stand like that");
}

#[test]
fn who_waits_for_whom_is_counted() {
    let mut talk = Talk::pending();
    assert_eq!(talk.ticket().waiting_since, None);
    talk.run("mia", write(said(), None)).unwrap();
    let since = talk.ticket().waiting_since;
    talk.run("mia", write(said(), None)).unwrap();
    assert!(since.is_some() && talk.ticket().waiting_since == since);
    talk.run("ann", post(note())).unwrap();
    assert_eq!((talk.ticket().waiting_since, talk.ticket().first_reply_at), (since, None));
    talk.run(ROBO, post(said())).unwrap();
    assert_eq!(
        (talk.ticket().waiting_since, talk.ticket().first_reply_at),
        (None, None),
        "a bot is no person"
    );
    talk.run("ann", post(said())).unwrap();
    let first = talk.ticket().first_reply_at;
    talk.run("ann", post(said())).unwrap();
    assert!(first.is_some() && talk.ticket().first_reply_at == first);
    talk.run("mia", write(said(), None)).unwrap();
    talk.set("ann", Status::Resolved, None).unwrap();
    assert_eq!(talk.ticket().waiting_since, None);
}

#[test]
fn somebody_elses_conversation_is_given_or_taken_away() {
    let mut talk = Talk::pending();
    talk.run(ROBO, Command::Unassign).unwrap();
    assert_eq!(talk.state.status(), Status::Pending, "a bot is not taken off like that");
    talk.run("eve", transfer(to_agents(&["bob"]), true, None)).unwrap();
    assert_eq!((talk.state.status(), talk.present()), (Status::Open, vec!["bob"]));
    talk.run("eve", Command::Unassign).unwrap();
    assert_eq!((talk.state.status(), talk.present()), (Status::Open, vec![]));
    assert!(talk.state.waiting_since().is_some());
}

#[test]
fn what_is_kept_has_bounds_and_changes_as_far_as_it_is_named() {
    let mut talk = Talk::pending();
    let change = |labels: usize, attributes: usize| {
        Command::ChangeTicket(TicketChange {
            labels: Some(vec!["l".into(); labels]),
            custom_attributes: Some("x".repeat(attributes).into()),
            ..TicketChange::default()
        })
    };
    assert_eq!(
        talk.run("ann", change(LABELS_PER_CONVERSATION, ATTRIBUTES_BYTES)),
        Ok(vec!["ticket_changed"])
    );
    assert_eq!(talk.run("ann", change(LABELS_PER_CONVERSATION, ATTRIBUTES_BYTES)), Ok(vec![]), "as before");
    for (labels, attributes) in [(LABELS_PER_CONVERSATION + 1, 2), (1, ATTRIBUTES_BYTES + 1)] {
        assert!(matches!(talk.run("ann", change(labels, attributes)), Err(Rejected::Invalid { .. })));
    }
    let urgent = TicketChange { urgency: Some(Some(Urgency::Urgent)), ..TicketChange::default() };
    talk.run("ann", Command::ChangeTicket(urgent)).unwrap();
    assert_eq!(
        (talk.ticket().urgency, talk.ticket().labels.len()),
        (Some(Urgency::Urgent), LABELS_PER_CONVERSATION)
    );
}

#[test]
fn a_muted_customer_is_not_answered_any_more() {
    let mut talk = Talk::pending();
    let mute = |on| Command::ChangeTicket(TicketChange { muted: Some(on), ..TicketChange::default() });
    assert_eq!(talk.run("ann", mute(true)), Ok(vec!["ticket_changed", "thread_closed", "status_changed"]));
    talk.run("mia", write(said(), None)).unwrap();
    assert_eq!(talk.state.status(), Status::Resolved, "it is kept, and opens nothing");
    talk.run("ann", mute(false)).unwrap();
    talk.run("mia", write(said(), None)).unwrap();
    assert_eq!(talk.state.status(), Status::Pending);
}

#[test]
fn a_blocked_customer_opens_nothing_and_a_person_does() {
    let mut talk = Talk::pending();
    talk.set("ann", Status::Resolved, None).unwrap();
    talk.desk.blocked = true;
    talk.run("mia", write(said(), None)).unwrap();
    assert_eq!(talk.state.status(), Status::Resolved, "it is kept, and opens nothing");
    talk.run("ann", write(said(), None)).unwrap();
    assert_eq!((talk.state.status(), talk.present()), (Status::Open, vec!["ann"]));
}

#[test]
fn what_is_over_for_good_takes_no_word_of_its_customer() {
    let mut talk = Talk::pending();
    talk.desk.reopens = false;
    talk.run("mia", write(said(), None)).unwrap();
    talk.set("ann", Status::Resolved, None).unwrap();
    assert_eq!(talk.run("mia", write(said(), None)), Err(Rejected::Inactive));
    talk.run("ann", write(said(), None)).unwrap();
    talk.run("mia", write(said(), None)).unwrap();
    assert_eq!(talk.state.status(), Status::Open, "people may take it up again");
}

#[test]
fn a_conversation_takes_so_many_messages_a_minute() {
    let mut talk = Talk::pending();
    for _ in 0..MESSAGES_PER_MINUTE {
        talk.run(ROBO, post(said())).unwrap();
        talk.clock -= 1;
    }
    assert!(matches!(talk.run(ROBO, post(said())), Err(Rejected::Blocked(_))));
    talk.clock += 60;
    assert!(talk.run(ROBO, post(said())).is_ok());
}

fn detailed(source: &str) -> NewEvent {
    let details = Details { kind: "form".into(), source_id: Some(source.into()), ..Details::default() };
    NewEvent { details: Some(Box::new(details)), ..said() }
}

#[test]
fn a_message_is_posted_once_under_its_senders_id_and_answered_by_the_customer() {
    let mut talk = Talk::pending();
    talk.run(ROBO, post(detailed("s"))).unwrap();
    let again = talk.decide(Some(ROBO), post(detailed("s"))).unwrap();
    assert!(again.before.is_some() && again.facts.is_empty());
    let answer = Amendment { attributes: Some("{\"a\":1}".into()), ..Amendment::default() };
    let amend = |amendment: &Amendment| Command::AmendEvent {
        event: event_id(1, 1),
        amendment: amendment.clone(),
        stored: None,
    };
    assert_eq!(talk.run("mia", amend(&answer)), Ok(vec!["event_changed"]));
    assert_eq!(talk.run("mia", amend(&answer)), Ok(vec![]), "as before");
    for more in [
        Amendment { text: Some("x".into()), ..answer.clone() },
        Amendment { carriage: Some(Carriage::Read), ..answer.clone() },
    ] {
        assert_eq!(talk.run("mia", amend(&more)), Err(Rejected::NoAccess));
        assert_eq!(talk.run(ROBO, amend(&more)), Ok(vec!["event_changed"]));
    }
    let long =
        Amendment { attributes: Some("x".repeat(ATTRIBUTES_BYTES + 1).into()), ..Amendment::default() };
    assert!(matches!(talk.run(ROBO, amend(&long)), Err(Rejected::Invalid { .. })));
}

#[test]
fn what_a_message_says_is_changed_by_whoever_wrote_it_alone() {
    let mut talk = Talk::pending();
    let card = EventBody::Rich {
        template: "cards".into(),
        elements: vec![RichElement { title: Some("Card".into()), ..RichElement::default() }],
    };
    let posted = talk.run(ROBO, post(NewEvent { body: card.clone(), ..said() })).unwrap();
    assert_eq!(posted, ["event"]);
    talk.run(ROBO, post(said())).unwrap();
    let amend = |order: u32, content: &str| Command::AmendEvent {
        event: event_id(1, order),
        amendment: Amendment { content: Some(content.into()), ..Amendment::default() },
        stored: None,
    };
    for other in ["ann", "mia"] {
        assert_eq!(talk.run(other, amend(2, "mine now")), Err(Rejected::NoAccess), "{other}");
    }
    assert_eq!(talk.run(ROBO, amend(2, " ")), Err(Rejected::blank("content")));
    assert_eq!(talk.run(ROBO, amend(2, "better")), Ok(vec!["event_changed"]));
    assert_eq!(talk.run(ROBO, amend(2, "better")), Ok(vec![]), "as before");
    assert_eq!(talk.run(ROBO, amend(1, "choose")), Ok(vec!["event_changed"]));
    let event = |order| talk.state.event_in_memory(event_id(1, order)).unwrap();
    let (first, second) = (event(1), event(2));
    assert_eq!(second.body, EventBody::Message { text: "better".into(), postback: None });
    assert_eq!(first.body, card, "what it is stays");
    assert_eq!(first.details.as_ref().unwrap().text.as_deref(), Some("choose"));
    let long = "x".repeat(DESK_TEXT_CHARS + 1);
    assert!(
        matches!(talk.run(ROBO, amend(2, &long)), Err(Rejected::Invalid { field, .. }) if field == "content")
    );
}

#[test]
fn new_events_are_numbered_in_their_order_and_nothing_else() {
    let mut talk = Talk::pending();
    let mut decision = talk.decide(Some("ann"), Command::Close { require_presence: false }).unwrap();
    let mut last = 40;
    decision.number_events(|| {
        last += 1;
        last
    });
    let numbers: Vec<u64> = decision.facts.iter().map(Fact::highest_number).collect();
    assert_eq!(numbers, [41, 0]);
}
