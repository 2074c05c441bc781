//! Customers outside of chats: answers and pushes on both sides, and the webhook.

use std::sync::Arc;

use serde_json::{Value, json};
use switchboard_domain::conversation::push::Push;
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::participant::news::CustomerNews;
use switchboard_domain::participant::statistics::Statistics;
use switchboard_domain::participant::visit::{Page, Visit};
use switchboard_domain::participant::window::PagePlace;
use switchboard_domain::time::Timestamp;

use super::answers::answer;
use super::pushes::{expect, told};
use super::webhooks::expect as expect_webhook;
use crate::api::livechat::v3_0::show::testing as world;
use crate::engine::dialect::Side;
use crate::engine::order::{CustomerCard, CustomerPage, Done};

const NOON: Timestamp = Timestamp::from_secs(1_561_896_000);

fn visit() -> Visit {
    Visit {
        number: 42,
        started_at: NOON,
        referrer: "https://example.com/".into(),
        ip: "203.0.113.9".into(),
        user_agent: "Mozilla/5.0".into(),
        pages: vec![page()],
    }
}

fn page() -> Page {
    Page {
        opened_at: Timestamp::from_secs(1_561_896_005),
        url: "https://shop.example/cart".into(),
        title: "Cart".into(),
    }
}

fn mia(visit: Option<Visit>) -> Arc<Customer> {
    let changed_at = Timestamp::from_secs(1_561_899_995);
    Arc::new(Customer { changed_at, visit, visits: 5, ..(*world::mia()).clone() })
}

/// What agents always see of Mia.
fn profile() -> Value {
    json!({ "id": world::MIA, "type": "customer", "name": "Mia", "email": "mia@example.com",
            "fields": { "plan": "free" }, "created_at": "2019-06-30T12:00:00.000000Z" })
}

/// What Mia sees of herself.
fn oneself() -> Value {
    json!({ "id": world::MIA, "type": "customer", "name": "Mia", "email": "mia@example.com",
            "fields": { "plan": "free" }, "present": true, "last_seen_timestamp": 1_561_899_995 })
}

fn card(visit: Option<Visit>, statistics: Statistics) -> Done {
    Done::Customer(Box::new(CustomerCard { customer: mia(visit), present: true, statistics }))
}

#[test]
fn a_customer_is_answered_bare_with_what_is_known_of_it() {
    let mut expected = profile();
    expected["statistics"] = json!({ "chats_count": 0, "threads_count": 0, "visits_count": 5 });
    for action in ["create_customer", "update_customer"] {
        assert_eq!(answer(Side::Agent, action, card(None, Statistics::default())), expected);
    }
    let talked = Statistics {
        chats: 1,
        threads: 2,
        agent_spoke_at: Some(Timestamp::from_secs(1_561_896_300)),
        customer_spoke_at: Some(Timestamp::from_secs(1_561_896_360)),
    };
    expected["statistics"] = json!({ "chats_count": 1, "threads_count": 2, "visits_count": 5 });
    expected["agent_last_event_created_at"] = json!("2019-06-30T12:05:00.000000Z");
    expected["customer_last_event_created_at"] = json!("2019-06-30T12:06:00.000000Z");
    expected["last_visit"] = json!({ "started_at": "2019-06-30T12:00:00.000000Z",
        "referrer": "https://example.com/", "ip": "203.0.113.9", "user_agent": "Mozilla/5.0", "geolocation": {},
        "last_pages": [{ "opened_at": "2019-06-30T12:00:05.000000Z", "url": "https://shop.example/cart",
                         "title": "Cart" }] });
    assert_eq!(answer(Side::Agent, "update_customer", card(Some(visit()), talked)), expected);

    assert_eq!(answer(Side::Customer, "update_customer", card(Some(visit()), talked)), oneself());
    assert_eq!(answer(Side::Customer, "set_customer_fields", card(None, talked)), json!({}));
}

#[test]
fn a_page_of_customers_says_how_many_there_are_and_where_it_goes_on() {
    let card = |customer| CustomerCard { customer, present: false, statistics: Statistics::default() };
    let page = |next, previous| {
        let customers = vec![card(mia(None))];
        Done::Customers(CustomerPage { customers, total: 7, next, previous })
    };
    let mut customer = profile();
    customer["statistics"] = json!({ "chats_count": 0, "threads_count": 0, "visits_count": 5 });
    let mut expected = json!({ "customers": [customer], "total_customers": 7 });
    assert_eq!(answer(Side::Agent, "get_customers", page(None, None)), expected);
    expected["next_page_id"] = json!("YWZ0ZXIuNQ");
    expected["previous_page_id"] = json!("YmVmb3JlLjM");
    let between = page(Some(PagePlace::After(5)), Some(PagePlace::Before(3)));
    assert_eq!(answer(Side::Agent, "get_customers", between), expected);
}

#[test]
fn customer_created_is_nested_and_told_to_webhooks() {
    let push = || Push::Customer(CustomerNews::Created(mia(None)));
    let payload = json!({ "customer": profile() });
    expect(Side::Agent, push(), "customer_created", payload.clone());
    assert_eq!(told(Side::Customer, push(), false), None);
    let action = switchboard_domain::webhook::Action::CustomerCreated;
    expect_webhook(action, push(), "customer_created", &payload);
}

#[test]
fn customer_updated_is_flat_for_agents_and_nested_for_the_customer() {
    let push = || {
        Push::Customer(CustomerNews::Updated {
            customer: mia(None),
            before: mia(None),
            present: true,
            banned: false,
        })
    };
    let payload = json!({ "id": world::MIA, "type": "customer", "name": "Mia", "email": "mia@example.com",
        "avatar": "", "present": true, "banned": false, "fields": { "plan": "free" } });
    expect(Side::Agent, push(), "customer_updated", payload);
    expect(Side::Customer, push(), "customer_updated", json!({ "customer": oneself() }));
}

#[test]
fn bans_and_visits_are_told_to_agents() {
    let customer = world::mia().id;
    let banned = || Push::Customer(CustomerNews::Banned { customer, days: 3 });
    let payload = json!({ "customer_id": world::MIA, "ban": { "days": 3 } });
    expect(Side::Agent, banned(), "customer_banned", payload);
    let started = || Push::Customer(CustomerNews::VisitStarted { customer, visit: Arc::new(visit()) });
    let payload = json!({ "customer_id": world::MIA, "visit_id": 42, "started_at": "2019-06-30T12:00:00.000000Z",
                          "ip": "203.0.113.9", "user_agent": "Mozilla/5.0", "geolocation": {} });
    expect(Side::Agent, started(), "customer_visit_started", payload);
    let at = Timestamp::from_secs(1_561_896_540);
    let ended = || Push::Customer(CustomerNews::VisitEnded { customer, visit: 42, at });
    let payload =
        json!({ "customer_id": world::MIA, "visit_id": 42, "ended_at": "2019-06-30T12:09:00.000000Z" });
    expect(Side::Agent, ended(), "customer_visit_ended", payload);
    for push in [banned(), started(), ended()] {
        assert_eq!(told(Side::Customer, push, false), None);
    }
}

#[test]
fn a_page_is_told_to_both_sides_in_their_own_shape() {
    let news = CustomerNews::PageOpened { customer: world::mia().id, visit: Arc::new(visit()), page: page() };
    let payload = json!({ "customer_id": world::MIA, "visit_id": 42, "opened_at": "2019-06-30T12:00:05.000000Z",
        "url": "https://shop.example/cart", "title": "Cart", "referrer": "https://example.com/" });
    expect(Side::Agent, Push::Customer(news.clone()), "customer_page_updated", payload);
    let payload = json!({ "url": "https://shop.example/cart", "title": "Cart", "timestamp": 1_561_896_005 });
    expect(Side::Customer, Push::Customer(news), "customer_page_updated", payload);
}

#[test]
fn side_storage_is_for_the_customer_alone() {
    let push = || Push::Customer(CustomerNews::SideStorage([("visits".into(), "5".into())].into()));
    let payload = json!({ "customer_side_storage": { "visits": "5" } });
    expect(Side::Customer, push(), "customer_side_storage_updated", payload);
    assert_eq!(told(Side::Agent, push(), false), None);
}

#[test]
fn a_multicast_keeps_its_content_and_only_agents_hear_of_its_type() {
    let push = |author: &str, content: &str, kind: Option<&str>| Push::Multicast {
        author: world::user(author),
        content: content.into(),
        kind: kind.map(Into::into),
    };
    let alert = || push(world::BOT, r#"{"alert":{"level":2}}"#, Some("alert"));
    let mut payload = json!({ "author_id": world::BOT, "content": { "alert": { "level": 2 } } });
    expect(Side::Customer, alert(), "incoming_multicast", payload.clone());
    payload["type"] = json!("alert");
    expect(Side::Agent, alert(), "incoming_multicast", payload);
    let payload = json!({ "author_id": world::ANN, "content": [1, null] });
    expect(Side::Agent, push(world::ANN, "[1,null]", None), "incoming_multicast", payload);
}
