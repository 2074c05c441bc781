//! Changes of properties: rights, effect, who is told, ratings. Source: spec v3.0, 5.4, 7.3, 4.6.

use super::*;
use crate::conversation::push::Address;
use crate::limits::{PROPERTIES_BYTES, PROPERTY_TEXT_BYTES};

const NOTE: u32 = 3;

/// Mia's chat, held by Ann, with a message (2) and a note (3); Eve follows.
fn busy() -> Chat {
    let mut chat = Chat::held_by("ann").after("ann", post(said())).after("ann", post(note()));
    chat.run("eve", Command::Follow).unwrap();
    chat
}

fn places() -> [Place; 3] {
    [Place::Chat, Place::Thread(thread(1)), Place::Event(event_id(1, 2))]
}

fn of(chat: &Chat, place: Place) -> Properties {
    match place {
        Place::Chat => chat.state.properties.clone(),
        Place::Thread(id) => chat.state.find_thread(id).unwrap().properties.clone(),
        Place::Event(id) => chat.events(1).iter().find(|e| e.id == id).unwrap().properties.clone(),
    }
}

#[test]
fn only_what_is_different_is_told_to_members_followers_and_the_customer() {
    for place in places() {
        let mut chat = busy();
        chat.run("mia", set(place, 1)).unwrap();
        let more = ints(&[("test", "int_property", 1), ("rating", "score", 0)]);
        let done = chat.run("ann", change(place, PropertyChange::Set(more.clone()))).unwrap();
        assert_eq!((done.pushes(), done.main()), (vec!["properties_set"], vec!["properties_set"]));
        let Told { push, to, .. } = done.told("properties_set");
        let delta = PropertyChange::Set(ints(&[("rating", "score", 0)]));
        assert_eq!(*push, Push::PropertiesChanged { chat: chat.state.id(), place, change: delta });
        assert_eq!((&to.agents[..], to.customer), (&[agent("ann")][..], Some(customer(1))));
        assert_eq!((&to.followers.agents[..], to.groups.len()), (&[agent("eve")][..], 0));
        assert_eq!(of(&chat, place), more, "{place:?}");

        let gone = [("rating", "score"), ("rating", "comment"), ("test", "int_property")];
        let done = chat.run("ann", delete(place, &gone)).unwrap();
        let change = PropertyChange::Delete([gone[0], gone[2]].into_iter().collect());
        let push = Push::PropertiesChanged { chat: chat.state.id(), place, change };
        assert_eq!(done.told("properties_deleted").push, push);
        assert_eq!(of(&chat, place), Properties::default());
    }
}

#[test]
fn what_changes_nothing_is_echoed_as_given() {
    for place in places() {
        let mut chat = busy().after("ann", set(place, 1));
        for command in [set(place, 1), delete(place, &[("rating", "score")])] {
            let Command::ChangeProperties { change, .. } = command.clone() else { unreachable!() };
            let done = chat.run("mia", command).unwrap();
            assert_eq!((done.facts.len(), done.told.len()), (0, 0));
            let push = Push::PropertiesChanged { chat: chat.state.id(), place, change };
            assert_eq!(done.echo, Some(Told { push, to: Address::nobody(), main: true, seq: None }));
        }
    }
}

#[test]
fn a_note_and_its_properties_do_not_exist_for_the_customer() {
    let place = Place::Event(event_id(1, NOTE));
    let mut chat = busy();
    let unknown = Rejected::NotFound(Resource::Event);
    assert_eq!(chat.run("mia", set(place, 1)).unwrap_err(), unknown);
    assert_eq!(chat.run("mia", set(Place::Event(event_id(1, 9)), 1)).unwrap_err(), unknown);
    let done = chat.run("ann", set(place, 1)).unwrap();
    assert_eq!(done.told("properties_set").to.customer, None);
}

#[test]
fn what_is_not_there_or_not_ones_own_is_refused() {
    let mut chat = busy();
    for (place, resource) in [
        (Place::Thread(thread(2)), Resource::Thread),
        (Place::Event(event_id(2, 1)), Resource::Thread),
        (Place::Event(event_id(1, 4)), Resource::Event),
    ] {
        for command in [set(place, 1), delete(place, &[])] {
            assert_eq!(chat.run("ann", command).unwrap_err(), Rejected::NotFound(resource), "{place:?}");
        }
    }
    for place in places() {
        assert_eq!(chat.run("tom", set(place, 1)).unwrap_err(), Rejected::NotFound(Resource::Chat));
        for token in [scoped("ann", "chats--all:ro"), scoped("bob", "chats--my:rw")] {
            assert_eq!(chat.run_as(Some(&token), set(place, 1)).unwrap_err(), Rejected::NoAccess);
        }
        chat.run_as(Some(&scoped("ann", "chats.conversation--my:rw")), set(place, 1)).unwrap();
    }
}

#[test]
fn definition_location_right_type_and_domain_are_checked_in_that_order() {
    let mut chat = busy();
    let mut run =
        |place, given: Properties| chat.run("mia", change(place, PropertyChange::Set(given))).unwrap_err();
    let invalid = |rejected: &Rejected, path: &str| {
        assert!(matches!(rejected, Rejected::Invalid { field, .. } if field == path), "{rejected:?}");
    };
    invalid(&run(Place::Chat, ints(&[("app", "own", 1)])), "properties.app.own");
    let on_event = Place::Event(event_id(1, 2));
    invalid(&run(on_event, ints(&[("routing", "idle", 1)])), "properties.routing.idle");
    assert_eq!(run(Place::Chat, ints(&[("routing", "idle", 1)])), Rejected::NoAccess, "ours to set");
    invalid(&run(Place::Chat, ints(&[("test", "bool_property", 1)])), "properties.test.bool_property");
    invalid(&run(Place::Chat, ints(&[("rating", "score", 2)])), "properties.rating.score");
    let gone = |names: &[(&str, &str)]| busy().run("mia", delete(Place::Chat, names)).unwrap_err();
    invalid(&gone(&[("app", "own")]), "properties.app.own");
    assert_eq!(gone(&[("routing", "pinned")]), Rejected::NoAccess);
    assert!(busy().run("ann", delete(Place::Chat, &[("routing", "pinned")])).is_ok());
}

#[test]
fn the_properties_of_one_place_are_bounded_together() {
    let text = |name: &str, bytes: usize| {
        let mut properties = Properties::default();
        properties.set("test", name, PropertyValue::Text("x".repeat(bytes).into()));
        PropertyChange::Set(properties)
    };
    // Eight properties of the greatest size weigh more than one place takes.
    let mut table = PropertyTable::built_in();
    let definition = table.get("test", "string_property").unwrap().clone();
    for n in 0..8 {
        table.0.get_mut("test").unwrap().insert(n.to_string().into(), definition.clone());
    }
    for place in places() {
        let mut chat = busy();
        let mut refused = None;
        let by = who("ann");
        for n in 0..8 {
            let command = change(place, text(&n.to_string(), PROPERTY_TEXT_BYTES));
            let cx = Context { properties: &table, ..context(Some(&by), Timestamp::from_secs(5_000)) };
            match chat.state.decide(command, &cx) {
                Ok(decision) => drop(chat.apply(decision, 0)),
                Err(rejected) => refused = refused.or(Some((n, rejected))),
            }
        }
        let (n, rejected) = refused.unwrap();
        assert_eq!(n, PROPERTIES_BYTES / (PROPERTY_TEXT_BYTES + 50), "{place:?}");
        assert!(matches!(rejected, Rejected::Invalid { field, .. } if field == "properties"));
    }
}

fn rate(place: Place, score: Option<i32>, comment: Option<&str>) -> Command {
    let mut given = Properties::default();
    if let Some(score) = score {
        given.set("rating", "score", PropertyValue::Int(score));
    }
    if let Some(comment) = comment {
        given.set("rating", "comment", PropertyValue::Text(comment.into()));
    }
    change(place, PropertyChange::Set(given))
}

/// Kind and variables of what the system said, all of it to agents only.
fn said_to_agents(done: &Done) -> Vec<String> {
    let events = done.told.iter().filter_map(|told| match &told.push {
        Push::EventPosted { event, .. } => Some((event, told.to.customer)),
        _ => None,
    });
    let line = |(event, customer): (&Arc<Event>, _)| {
        assert_eq!((event.visibility, customer), (Visibility::Agents, None));
        let EventBody::System(SystemMessage { kind, vars, .. }) = &event.body else { unreachable!() };
        let vars = vars.iter().map(|(name, value)| format!(" {name}={value}"));
        format!("{kind}{}", vars.collect::<String>())
    };
    events.map(line).collect()
}

#[test]
fn agents_are_told_how_the_customer_rates() {
    for place in [Place::Chat, Place::Thread(thread(1))] {
        // Ratings come after the end as a rule.
        let mut chat = busy().after("ann", close());
        let done = chat.run("mia", rate(place, Some(1), Some("fine"))).unwrap();
        assert_eq!(
            said_to_agents(&done),
            ["rating.chat_rated customer=mia score=1", "rating.chat_commented customer=mia comment=fine"]
        );
        assert_eq!(done.main(), ["properties_set"]);
        let done = chat.run("mia", rate(place, Some(0), Some("fine"))).unwrap();
        assert_eq!(said_to_agents(&done), ["rating.chat_rated customer=mia score=0"], "only what changed");
        let done = chat.run("mia", delete(place, &[("rating", "comment")])).unwrap();
        assert!(said_to_agents(&done).is_empty());
        let done = chat.run("mia", delete(place, &[("rating", "score")])).unwrap();
        assert_eq!(said_to_agents(&done), ["rating.chat_rating_canceled customer=mia"]);
        assert!(chat.state.active_thread().is_none(), "no thread is opened by it");
    }
}

#[test]
fn ratings_by_agents_and_of_events_are_not_remarked() {
    let mut chat = busy();
    assert!(said_to_agents(&chat.run("ann", rate(Place::Chat, Some(1), None)).unwrap()).is_empty());
    let of_event = rate(Place::Event(event_id(1, 2)), Some(1), None);
    assert!(said_to_agents(&chat.run("mia", of_event).unwrap()).is_empty());
}
