//! `/admin/v1/webhooks`.

use http::StatusCode;
use switchboard_domain::webhook::{
    Action, DeliveryId, Disabled, Owner, ReceiverView, Registration, Settlement, Standing, Subscription,
    WhyDisabled,
};

use super::*;
use crate::outbound::Fault;

const AT: Timestamp = Timestamp::from_micros(1_750_000_000_250_000);
const SHOWN: &str = "2025-06-15T15:06:40.25Z";

pub(super) fn endpoint() -> EndpointView {
    let disabled = Some(Disabled { at: AT, why: WhyDisabled::Gone });
    EndpointView {
        id: EndpointId::new("b07"),
        owner: Owner::Bot(AgentId::new("b07")),
        client: ClientId::new("app"),
        url: "http://h/".into(),
        actions: vec![Action::EventPosted],
        hears: true,
        former_secret_until: None,
        receiver: ReceiverView {
            standing: Standing { failing_since: Some(AT), disabled },
            failures: 9,
            outstanding: 3,
            outstanding_bytes: 44,
            oldest: Some(AT),
            paused_until: None,
        },
        dead_letters: 7,
    }
}

pub(super) fn known(id: &EndpointId) -> Result<EndpointView, Failure> {
    let view = endpoint();
    if *id == view.id { Ok(view) } else { Err(Rejected::NotFound(Resource::Webhook).into()) }
}

pub(super) fn log() -> Vec<LogLine> {
    let line = |number, answer, retry_at| LogLine {
        at: AT,
        delivery: DeliveryId::new("C-1"),
        number,
        answer,
        latency: Duration::from_millis(12),
        sent_bytes: 100,
        answer_bytes: 2,
        retry_at,
    };
    vec![line(2, Ok(StatusCode::GONE), None), line(1, Err(Fault::Timeout), Some(AT))]
}

pub(super) fn dead() -> DeadLine {
    DeadLine {
        id: DeliveryId::new("C-1"),
        endpoint: EndpointId::new("b07"),
        url: "http://h/".into(),
        how: Settlement::Refused,
        due_since: AT,
        died_at: AT,
        bytes: 100,
    }
}

#[tokio::test]
async fn an_endpoint_is_shown_with_its_state_and_its_log() {
    let engine = installation(&[1]);
    let expected = json!({
        "id": "b07", "owner": "bot", "client_id": "app", "url": "http://h/", "actions": ["event_posted"],
        "state": "disabled", "former_secret_until": null, "failures_in_a_row": 9, "failing_since": SHOWN, "paused_until": null,
        "disabled_at": SHOWN, "disabled_why": "gone", "outstanding": 3, "outstanding_bytes": 44,
        "oldest_due_since": SHOWN, "dead_letters": 7,
    });
    assert_eq!(ok(&engine, "GET", "/webhooks", json!(null)).await, json!({ "webhooks": [expected] }));
    let mut one = ok(&engine, "GET", "/webhooks/b07", json!(null)).await;
    let log = one.as_object_mut().unwrap().remove("log");
    assert_eq!(one, expected);
    let line = |attempt: u8, status: Value, error: Value, retry_at: Value| {
        json!({ "at": SHOWN, "delivery_id": "C-1", "attempt": attempt, "status": status, "error": error,
            "latency_ms": 12, "sent_bytes": 100, "answer_bytes": 2, "retry_at": retry_at })
    };
    let gone = line(2, json!(410), json!(null), json!(null));
    assert_eq!(log.unwrap(), json!([gone, line(1, json!(null), json!("no answer in time"), json!(SHOWN))]));
    let enabled = ok(&engine, "POST", "/webhooks/b07/enable", json!(null)).await;
    assert_eq!((&enabled["state"], &enabled["disabled_why"]), (&json!("failing"), &json!(null)));
    assert_eq!(ok(&engine, "POST", "/webhooks/b07/disable", json!(null)).await["state"], "disabled");
}

/// What a license registered, as an endpoint.
pub(super) fn registered(webhook: &Registration) -> EndpointView {
    EndpointView {
        id: webhook.id.clone(),
        owner: Owner::License,
        former_secret_until: webhook.former.as_ref().map(|former| former.until),
        receiver: ReceiverView::default(),
        ..endpoint()
    }
}

fn with_a_registration() -> FakeEngine {
    let engine = installation(&[1]);
    let webhook = Registration {
        id: EndpointId::new("w1"),
        client: ClientId::new("app"),
        url: "http://h/".into(),
        secret_key: "s3cr3t".into(),
        description: None,
        subscription: Subscription { action: Action::EventPosted, filters: None, additional: None },
        dialect: 30,
        former: None,
    };
    engine.licenses.lock().unwrap()[0].webhooks.push(webhook);
    engine
}

#[tokio::test]
async fn a_registered_webhook_gets_another_secret() {
    let engine = with_a_registration();
    let path = "/webhooks/w1/rotate_secret";
    let shown = ok(&engine, "POST", path, json!({ "secret_key": "new" })).await;
    assert!(shown["id"] == "w1" && shown["former_secret_until"].is_string(), "{shown}");
    assert!(!shown.to_string().contains("s3cr3t"), "secrets are not told again");
    let again = ok(&engine, "POST", path, json!({ "secret_key": "new" })).await;
    assert_eq!(again, shown, "asked again it changes nothing");
    let license = engine.licenses.lock().unwrap()[0].clone();
    let secrets: Vec<_> = license.webhooks[0].secrets(Timestamp::default()).collect();
    assert_eq!(secrets, ["new", "s3cr3t"]);
}

#[tokio::test]
async fn a_secret_that_is_none_is_refused_by_name() {
    let engine = with_a_registration();
    let good = json!({ "secret_key": "new" });
    for (id, body, code, words) in [
        ("w1", json!({}), 400, "secret_key: missing"),
        ("w1", json!({ "secret_key": 7 }), 400, "secret_key: must be a string"),
        ("w1", json!({ "secret_key": "" }), 400, "secret_key: must not be empty"),
        ("w1", json!({ "secret_key": "x".repeat(257) }), 400, "secret_key: "),
        ("w1", json!({ "secret": "x" }), 400, "secret: is not known"),
        ("b07", good.clone(), 400, "webhook_id: is a bot's"),
        ("none", good, 404, "webhook_id: no such webhook"),
    ] {
        let (status, message) =
            refused(&engine, "POST", &format!("/webhooks/{id}/rotate_secret"), body).await;
        assert!(status == code && message.starts_with(words), "{status} {message}");
    }
    assert_eq!(engine.licenses.lock().unwrap()[0].webhooks[0].former, None);
}

#[tokio::test]
async fn dead_letters_are_listed_and_replayed_as_chosen() {
    let engine = installation(&[1]);
    let path = "/webhooks/b07/dead_letters";
    let listed = ok(&engine, "GET", path, json!(null)).await;
    let expected = json!({ "delivery_id": "C-1", "why": "refused", "url": "http://h/", "due_since": SHOWN,
        "died_at": SHOWN, "bytes": 100 });
    assert_eq!(listed, json!({ "dead_letters": [expected], "total": 7 }));
    ok(&engine, "GET", &format!("{path}?from={SHOWN}"), json!(null)).await;
    let end = Timestamp::from_micros(u64::MAX);
    assert_eq!(std::mem::take(&mut *engine.asked.lock().unwrap()), [Which::All, Which::Range(AT, end)]);

    let replayed = ok(&engine, "POST", "/webhooks/b07/replay", json!({ "all": true })).await;
    assert_eq!(replayed, json!({ "replayed": 1000, "left": 100 }));
    assert_eq!(std::mem::take(&mut *engine.asked.lock().unwrap()), [Which::All, Which::All, Which::All]);
    let most = std::mem::take(&mut *engine.most.lock().unwrap());
    assert_eq!(most, [usize::MAX, 600, 100], "what died again meanwhile is not asked for");
    ok(&engine, "POST", "/webhooks/b07/replay", json!({ "delivery_id": "C-1" })).await;
    assert_eq!(engine.asked.lock().unwrap()[0], Which::One(DeliveryId::new("C-1")));
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_name() {
    let engine = installation(&[1]);
    for (path, body, words) in [
        ("replay", json!({}), "request: needs one of"),
        ("replay", json!({ "all": false }), "request: needs one of"),
        ("replay", json!({ "all": true, "delivery_id": "x" }), "request: needs one of"),
        ("replay", json!({ "from": "yesterday" }), "from: must be a time"),
        ("replay", json!({ "from": SHOWN, "to": "2020-01-01T00:00:00Z" }), "to: must not be before"),
        ("replay", json!({ "every": true }), "every: is not known"),
    ] {
        let (status, message) = refused(&engine, "POST", &format!("/webhooks/b07/{path}"), body).await;
        assert!(status == 400 && message.starts_with(words), "{message}");
    }
    let (status, message) = refused(&engine, "GET", "/webhooks/b07/dead_letters?to=never", json!(null)).await;
    assert!(status == 400 && message.starts_with("to: "), "{message}");
    let unknown = (404, "webhook_id: no such webhook".to_owned());
    for (method, path) in [("GET", ""), ("GET", "/dead_letters"), ("POST", "/enable"), ("POST", "/disable")] {
        assert_eq!(refused(&engine, method, &format!("/webhooks/none{path}"), json!(null)).await, unknown);
    }
    let all = json!({ "all": true });
    assert_eq!(refused(&engine, "POST", "/webhooks/none/replay", all).await, unknown);
    assert!(engine.asked.lock().unwrap().is_empty());
}
