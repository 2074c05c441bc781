//! The answer of every method, on both sides.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use switchboard_domain::conversation::properties::PropertyValue;
use switchboard_domain::conversation::recent::Seq;
use switchboard_domain::conversation::view::{ThreadLine, Threads};
use switchboard_domain::id::{AgentId, ClientId, GroupId, LicenseId};
use switchboard_domain::participant::bot::Bot;
use switchboard_domain::participant::{Duty, RoutingStatus};
use switchboard_domain::routing::{GroupStatus, Priority};
use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::{
    Action, Additional, BotWebhooks, Filters, PropertyFilter, PropertyRule, Subscription,
};

use super::{ann, hello, mia, note, routing, started, thread};
use crate::api::livechat::v3_0::read::testing::principal;
use crate::api::livechat::v3_0::show::testing as world;
use crate::api::livechat::v3_0::{NUMBER, V3_0};
use crate::engine::dialect::{Dialect, FrameHead, Side};
use crate::engine::order::{
    AgentWelcome, ChatPage, CustomerWelcome, Done, IssuedToken, LinesPage, ListPlace, PageEdge, ResumedChat,
};

/// The payload of a response to Ann or Mia.
pub(super) fn answer(side: Side, action: &str, done: Done) -> Value {
    let head = FrameHead { request_id: Some("7".into()), action: action.into() };
    let text = V3_0.answer(side, &head, &Ok(done), Some(&principal(side, &["*"])));
    let frame: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        frame,
        json!({ "request_id": "7", "action": action, "type": "response", "success": true, "payload": frame["payload"] })
    );
    frame["payload"].clone()
}

#[test]
fn methods_without_a_payload_answer_an_empty_one() {
    for action in [
        "close_thread",
        "ping",
        "logout",
        "add_user_to_chat",
        "update_agent",
        "follow_chat",
        "unfollow_chat",
        "tag_chat_thread",
        "untag_chat_thread",
        "send_typing_indicator",
        "update_chat_properties",
        "delete_event_properties",
        "send_rich_message_postback",
        "grant_access",
        "revoke_access",
        "set_access",
        "transfer_chat",
        "set_away_status",
    ] {
        assert_eq!(answer(Side::Agent, action, Done::Nothing), json!({}));
    }
    for action in ["close_thread", "send_sneak_peek"] {
        assert_eq!(answer(Side::Customer, action, Done::Nothing), json!({}));
    }
}

#[test]
fn send_event_answers_the_whole_event() {
    for side in [Side::Agent, Side::Customer] {
        let mut event = world::event(1, "hello");
        // Even a property that only its author's application defined.
        event.properties.set("app-7", "own", PropertyValue::Bool(true));
        let done = Done::Posted { thread: world::thread_id(), event: Arc::new(event) };
        let mut expected = hello();
        expected["properties"] = json!({ "app-7": { "own": { "value": true } } });
        assert_eq!(answer(side, "send_event", done), json!({ "thread_id": "THR0000001", "event": expected }));
    }
}

#[test]
fn start_chat_answers_one_thread_and_activate_chat_a_list_without_order() {
    let opened = || Done::Opened(Box::new(world::shown((world::chat(), world::thread()))));
    assert_eq!(answer(Side::Agent, "start_chat", opened()), started(true, true));
    assert_eq!(answer(Side::Customer, "start_chat", opened()), started(false, false));
    let activated = json!({ "chat": { "id": "CHA0000001", "users": [mia(true), ann(true)], "properties": routing(),
                            "access": { "group_ids": [0] }, "threads": [thread(true)], "is_followed": true } });
    assert_eq!(answer(Side::Agent, "activate_chat", opened()), activated);
    assert_eq!(
        answer(Side::Customer, "activate_chat", opened()),
        json!({ "chat": { "id": "CHA0000001", "users": [mia(false), ann(false)], "properties": routing(),
                          "access": { "group_ids": [0] }, "threads": [thread(false)] } })
    );
}

#[test]
fn threads_are_listed_by_names_of_each_side() {
    let second = ThreadLine { id: "THR0000002".parse().unwrap(), order: 2, active: false, ..world::line() };
    let page = |next, previous| {
        let lines = vec![second.clone(), world::line()];
        Done::ThreadLines(LinesPage { lines, found: 5, next, previous })
    };
    let first = json!({ "threads_summary": [{ "id": "THR0000002", "order": 2, "events_count": 2 },
                                            { "id": "THR0000001", "order": 1, "events_count": 2 }],
                        "found_threads": 5 });
    assert_eq!(answer(Side::Agent, "get_chat_threads_summary", page(None, None)), first);
    let middle = answer(Side::Agent, "get_chat_threads_summary", page(Some(3), Some(4)));
    assert!(middle["next_page_id"].is_string() && middle["previous_page_id"].is_string());
    assert_ne!(middle["next_page_id"], middle["previous_page_id"]);
    assert_eq!(
        answer(Side::Customer, "get_chat_threads_summary", page(Some(3), Some(4))),
        json!({ "threads_summary": [{ "id": "THR0000002", "order": 2, "total_events": 1, "active": false },
                                    { "id": "THR0000001", "order": 1, "total_events": 1, "active": true }],
                "total_threads": 5 })
    );
}

#[test]
fn update_last_seen_timestamp_answers_the_marker() {
    for side in [Side::Agent, Side::Customer] {
        let seen = Done::Seen(Timestamp::from_micros(1_561_900_100_999_999));
        assert_eq!(answer(side, "update_last_seen_timestamp", seen), json!({ "timestamp": 1_561_900_100 }));
    }
}

#[test]
fn get_chat_threads_hides_from_customers_what_is_not_theirs() {
    let threads = || {
        let what =
            Threads { chat: world::chat(), threads: vec![world::thread()], lines: vec![world::line()] };
        Done::Threads(Box::new(world::shown(what)))
    };
    assert_eq!(
        answer(Side::Agent, "get_chat_threads", threads()),
        json!({ "chat": { "id": "CHA0000001", "users": [mia(true), ann(true)], "threads": [thread(true)],
                          "threads_summary": [{ "thread_id": "THR0000001", "order": 1 }],
                          "properties": routing(), "access": { "group_ids": [0] }, "is_followed": true } })
    );
    assert_eq!(
        answer(Side::Customer, "get_chat_threads", threads()),
        json!({ "chat": { "id": "CHA0000001", "order": 1_561_899_990, "users": [mia(false), ann(false)],
                          "properties": routing(), "access": { "group_ids": [0] }, "threads": [thread(false)] } })
    );
}

fn agents_summary() -> Value {
    json!({ "id": "CHA0000001", "users": [mia(true), ann(true)], "properties": routing(),
            "access": { "group_ids": [0] }, "is_followed": true,
            "last_event_per_type": { "message": { "thread_id": "THR0000001", "thread_order": 1, "event": note() } },
            "last_thread_summary": { "id": "THR0000001", "order": 1, "timestamp": 1_561_899_990,
                "user_ids": [world::MIA, world::ANN], "properties": routing(), "tags": ["refund"] } })
}

#[test]
fn lists_of_chats_are_paged_by_place_for_agents_and_by_number_for_customers() {
    let page = |next, previous| {
        Done::Chats(Box::new(world::shown(ChatPage {
            chats: vec![world::summary()],
            found: 12,
            next,
            previous,
        })))
    };
    let place = ListPlace { at: Timestamp::from_micros(5), chat: world::chat().id };
    let (next, previous) = (Some(PageEdge::Behind(place)), Some(PageEdge::Before(place)));
    let seen = answer(Side::Agent, "get_chats_summary", page(next, previous));
    assert!(seen["next_page_id"].is_string() && seen["previous_page_id"].is_string());
    assert_ne!(seen["next_page_id"], seen["previous_page_id"]);
    assert_eq!(
        answer(Side::Agent, "get_chats_summary", page(None, None)),
        json!({ "chats_summary": [agents_summary()], "found_chats": 12 })
    );
    assert_eq!(
        answer(Side::Customer, "get_chats_summary", page(next, previous)),
        json!({ "chats_summary": [{ "id": "CHA0000001", "order": 1_561_899_990, "last_thread_id": "THR0000001",
            "users": [mia(false), ann(false)], "properties": routing(), "access": { "group_ids": [0] }, "active": true,
            "last_event_per_type": { "message": { "thread_id": "THR0000001", "thread_order": 1, "event": hello() } } }],
            "total_chats": 12 })
    );
}

#[test]
fn logins_welcome_each_side() {
    let welcome = AgentWelcome {
        license: LicenseId(900_001),
        license_created_at: Timestamp::from_secs(1_559_347_200),
        me: world::ann(),
        chats: vec![world::summary()],
        resumed: None,
    };
    assert_eq!(
        answer(Side::Agent, "login", Done::AgentLogin(Box::new(world::shown(welcome)))),
        json!({ "license": { "id": "900001", "plan": "business", "expiration_timestamp": 4_102_444_800_u64,
                             "creation_timestamp": 1_559_347_200, "in_trial": false },
                "my_profile": { "id": world::ANN, "type": "agent", "name": "Ann", "email": world::ANN, "present": true,
                                "last_seen_timestamp": 0, "avatar": "", "routing_status": "accepting_chats",
                                "permission": "administrator" },
                "chats_summary": [agents_summary()] })
    );
    let chats = vec![(world::chat().id, true, false)];
    let chat = world::chat().id;
    let stands = |seq: Option<u64>, recovered| ResumedChat {
        chat,
        seq: seq.map(|number| Seq { epoch: 0xfe, number }),
        recovered,
    };
    let resumed = vec![stands(Some(7), None), stands(Some(9), Some(true)), stands(None, Some(false))];
    let welcome = CustomerWelcome {
        customer: world::mia(),
        chats,
        online_groups: vec![GroupId(0), GroupId(2)],
        resumed: Some(resumed),
    };
    assert_eq!(
        answer(Side::Customer, "login", Done::CustomerLogin(Box::new(welcome))),
        json!({ "customer_id": world::MIA, "has_active_thread": true,
                "chats": [{ "chat_id": "CHA0000001", "has_unread_events": false }],
                "__priv_dynamic_config": { "online_groups_ids": [0, 2] },
                "resume": { "chats": [{ "chat_id": "CHA0000001", "seq": "fe-7" },
                                      { "chat_id": "CHA0000001", "seq": "fe-9", "recovered": true },
                                      { "chat_id": "CHA0000001", "recovered": false }] } })
    );
}

fn bot() -> Bot {
    let sms = PropertyFilter {
        namespace: "source".into(),
        name: "type".into(),
        rule: PropertyRule::Values(vec![PropertyValue::Text("sms".into())]),
    };
    let started = Subscription {
        action: Action::ChatStarted,
        filters: Some(Filters { properties: vec![sms], ..Filters::default() }),
        additional: None,
    };
    let posted = Subscription {
        action: Action::EventPosted,
        filters: None,
        additional: Some(vec![Additional::ChatProperties]),
    };
    let webhooks = BotWebhooks {
        desk: None,
        url: "https://bots.example.org/hook".into(),
        secret_key: "s3cr3t".into(),
        actions: vec![started, posted],
        dialect: NUMBER,
        former: None,
    };
    Bot {
        desk: None,
        id: AgentId::new(world::BOT),
        number: 1,
        client: ClientId::new("app-7"),
        name: "Parcel bot".into(),
        avatar: Some("cdn.example.org/p.png".into()),
        duty: Duty {
            status: RoutingStatus::NotAccepting,
            groups: vec![(GroupId(0), Priority::Last), (GroupId(3), Priority::First)],
            default_priority: Priority::Supervisor,
            max_chats: 4,
        },
        webhooks: Some(webhooks),
        token: None,
        removed: false,
        version: 1,
        changed_at: Timestamp::default(),
        offline_since: Timestamp::default(),
    }
}

#[test]
fn bots_are_shown_as_stored() {
    assert_eq!(
        answer(Side::Agent, "create_bot_agent", Done::BotCreated(AgentId::new(world::BOT))),
        json!({ "bot_agent_id": world::BOT })
    );
    let line = json!({ "id": world::BOT, "name": "Parcel bot", "avatar": "cdn.example.org/p.png",
                       "status": "not accepting chats" });
    assert_eq!(
        answer(Side::Agent, "get_bot_agents", Done::Bots(vec![Arc::new(bot())])),
        json!({ "bot_agents": [line] })
    );
    let expected = json!({ "bot_agent": { "id": world::BOT, "name": "Parcel bot", "avatar": "cdn.example.org/p.png",
        "status": "not accepting chats", "application": { "client_id": "app-7" }, "max_chats_count": 4,
        "groups": [{ "id": 0, "priority": "last" }, { "id": 3, "priority": "first" }],
        "webhooks": { "url": "https://bots.example.org/hook", "secret_key": "s3cr3t", "actions": [
            { "name": "incoming_chat_thread",
              "filters": { "chat_properties": { "source": { "type": { "values": ["sms"] } } } } },
            { "name": "incoming_event", "additional_data": ["chat_properties"] }] } } });
    assert_eq!(answer(Side::Agent, "get_bot_agent_details", Done::Bot(Arc::new(bot()))), expected);

    // What was never set is left out.
    let plain = Bot { avatar: None, webhooks: None, duty: Duty::default(), ..bot() };
    assert_eq!(
        answer(Side::Agent, "get_bot_agent_details", Done::Bot(Arc::new(plain))),
        json!({ "bot_agent": { "id": world::BOT, "name": "Parcel bot", "status": "offline",
                "application": { "client_id": "app-7" }, "max_chats_count": 6, "groups": [] } })
    );
}

#[test]
fn every_filter_comes_back_as_it_was_given() {
    use crate::api::livechat::v3_0::read::{create_bot, testing::read};
    use crate::engine::order::Order;

    let webhooks = json!({ "url": "http://x.example/hook", "secret_key": "s", "actions": [
        { "name": "incoming_event", "additional_data": ["access", "chat_properties"], "filters": {
            "chat_member_ids": { "agents_any": ["a@x", "b@x"] }, "author_type": "customer", "only_my_chats": false,
            "chat_properties": { "rating": { "score": { "exclude_values": [0, 1] } }, "test": {
                "bool_property": { "values": [true] }, "int_property": { "exists": true } } } } },
        { "name": "thread_closed", "filters": { "chat_member_ids": { "agents_exclude": [] } } },
        { "name": "agent_status_changed", "filters": {}, "additional_data": [] }] });
    let args = json!({ "name": "x", "status": "offline", "webhooks": webhooks });
    let Ok(Order::CreateBot(new)) = read(create_bot, &principal(Side::Agent, &["*"]), &args) else {
        panic!()
    };
    let stored = Bot { webhooks: new.webhooks, ..bot() };
    let shown = answer(Side::Agent, "get_bot_agent_details", Done::Bot(Arc::new(stored)));
    assert_eq!(shown["bot_agent"]["webhooks"], webhooks);
}

#[test]
fn routing_is_told_to_customers() {
    let groups = vec![
        (GroupId(0), GroupStatus::Online),
        (GroupId(1), GroupStatus::Offline),
        (GroupId(3), GroupStatus::OnlineForQueue),
    ];
    assert_eq!(
        answer(Side::Customer, "get_groups_status", Done::GroupStatuses(groups)),
        json!({ "groups_status": { "0": "online", "1": "offline", "3": "online_for_queue" } })
    );
    assert_eq!(
        answer(Side::Customer, "get_predicted_agent", Done::Agent(world::ann())),
        json!({ "agent": { "id": world::ANN, "name": "Ann", "avatar": "", "is_bot": false, "job_title": "Agent",
                           "type": "agent" } })
    );
}

#[test]
fn a_customers_token_is_for_the_accounts_calls_only() {
    let issued = IssuedToken {
        token: "secret".into(),
        client: ClientId::new("app-7"),
        customer: world::mia().id,
        life: Duration::from_secs(1),
    };
    assert_eq!(answer(Side::Agent, "odd", Done::CustomerToken(issued)), json!({}));
}
