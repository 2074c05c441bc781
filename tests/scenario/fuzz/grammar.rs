//! Requests as the wire wants them, one pattern for each method of the specification (v3.0, sections 5 to 7), served
//! or not. `$id` stands for any id that is known, `$me` for the one who asks, `$token` for their token.

use serde_json::{Value, json};

use super::Known;
use super::json::{Node, any};
use crate::chance::Chance;

/// One method: its name and a full set of arguments.
type Pattern = (&'static str, Value);

/// The events of every type.
fn events() -> Vec<Value> {
    let form = json!([{ "type": "name", "id": "q1", "label": "Name", "answer": "Mia" },
        { "type": "checkbox", "id": "q2", "label": "What", "answers": [{ "id": "0", "label": "A" }] },
        { "type": "group_chooser", "id": "q3", "label": "Who", "answer": { "group_id": 1, "label": "Sales" } }]);
    let button = json!({ "text": "Buy", "postback_id": "buy", "user_ids": [], "type": "phone", "value": "1",
        "webview_height": "full" });
    let image = json!({ "url": "https://cdn.example.org/a.png", "name": "a.png", "content_type": "image/png",
        "size": 5, "width": 5, "height": 5 });
    let postback = json!({ "id": "p", "thread_id": "$id", "event_id": "$id", "type": "t", "value": "v" });
    let properties = json!({ "test": { "string_property": "x", "int_property": 5, "bool_property": true } });
    vec![
        json!({ "type": "message", "text": "hello", "custom_id": "c", "recipients": "all", "postback": postback,
            "properties": properties }),
        json!({ "type": "system_message", "text": "s", "system_message_type": "t", "text_vars": { "a": "b" },
            "recipients": "agents" }),
        json!({ "type": "annotation", "annotation_type": "a", "text": "t" }),
        json!({ "type": "filled_form", "form_id": "f", "fields": form }),
        json!({ "type": "file", "url": "https://cdn.example.org/f", "name": "f", "content_type": "text/plain",
            "size": 5 }),
        json!({ "type": "custom", "content": { "deep": { "list": [1, 2.5, null] } } }),
        json!({ "type": "rich_message", "template_id": "cards", "elements": [{ "title": "T", "subtitle": "S",
            "image": image, "buttons": [button] }] }),
    ]
}

fn chat() -> Value {
    json!({ "id": "$id", "access": { "group_ids": [0, 1] },
        "properties": { "test": { "int_property": 1 }, "source": { "type": { "value": "sms" } } },
        "users": [{ "id": "$id", "type": "customer" }],
        "thread": { "events": events(), "properties": { "rating": { "score": 1, "comment": "fine" } }, "tags": ["a"] },
        "is_followed": true })
}

/// What both Chat APIs have.
fn common() -> Vec<Pattern> {
    let place = json!({ "chat_id": "$id", "thread_id": "$id", "event_id": "$id",
        "properties": { "test": { "string_property": "new" }, "rating": { "score": 1 } } });
    let names = json!({ "chat_id": "$id", "thread_id": "$id", "event_id": "$id",
        "properties": { "test": ["string_property"], "rating": ["score", "comment"] } });
    let mut all = vec![
        ("ping", Value::Null),
        (
            "get_chats_summary",
            json!({ "limit": 10, "offset": 0, "order": "desc", "page_id": "b2Zmc2V0PTEw",
            "filters": { "include_active": true, "properties": { "test": { "int_property": { "values": [1] } } } } }),
        ),
        ("get_chat_threads_summary", json!({ "chat_id": "$id", "limit": 25, "offset": 0, "order": "asc" })),
        ("get_chat_threads", json!({ "chat_id": "$id", "thread_ids": ["$id"] })),
        ("start_chat", json!({ "chat": chat(), "continuous": true })),
        ("start_chat", json!({ "chat": {} })),
        ("activate_chat", json!({ "chat": chat(), "continuous": false })),
        ("close_thread", json!({ "chat_id": "$id", "require_requester_presence": false })),
        (
            "send_rich_message_postback",
            json!({ "chat_id": "$id", "thread_id": "$id", "event_id": "$id",
            "postback": { "id": "buy", "toggled": true } }),
        ),
        ("update_last_seen_timestamp", json!({ "chat_id": "$id", "timestamp": 1_561_900_100 })),
        ("update_chat_properties", place.clone()),
        ("update_chat_thread_properties", place.clone()),
        ("update_event_properties", place),
        ("delete_chat_properties", names.clone()),
        ("delete_chat_thread_properties", names.clone()),
        ("delete_event_properties", names),
        (
            "update_customer",
            json!({ "customer_id": "$id", "name": "M", "email": "m@example.com", "avatar": "a",
            "fields": { "plan": "free" } }),
        ),
    ];
    all.extend(events().into_iter().map(|event| {
        (
            "send_event",
            json!({ "chat_id": "$id", "event": event, "attach_to_last_thread": true,
            "require_active_thread": false }),
        )
    }));
    all
}

/// The Agent Chat API.
pub(super) fn agent() -> Vec<Pattern> {
    let access = json!({ "resource": "chat", "id": "$id", "access": { "type": "group", "id": 1 } });
    let member = json!({ "chat_id": "$id", "user_id": "$id", "user_type": "agent" });
    let tag = json!({ "chat_id": "$id", "thread_id": "$id", "tag": "refund" });
    let mut all = common();
    all.extend([
        ("login", json!({ "token": "$token", "timezone": "Europe/Warsaw", "reconnect": true,
            "push_notifications": { "firebase_token": "f", "platform": "ios" },
            "application": { "name": "n", "version": "1" } })),
        ("logout", Value::Null),
        ("get_archives", json!({ "filters": { "date_from": "2019-06-01", "date_to": "2030-01-01", "agent_ids": ["$me"],
            "group_ids": [0], "query": "hello", "properties": { "test": { "int_property": { "exists": true } } } },
            "pagination": { "page": 1, "limit": 25 } })),
        ("get_filtered_chats", json!({ "filters": { "include_active": true } })),
        ("follow_chat", json!({ "chat_id": "$id" })),
        ("unfollow_chat", json!({ "chat_id": "$id" })),
        ("grant_access", access.clone()),
        ("revoke_access", access.clone()),
        ("set_access", access),
        ("transfer_chat", json!({ "chat_id": "$id", "target": { "type": "group", "ids": [0, 1] }, "force": true })),
        ("transfer_chat", json!({ "chat_id": "$id", "target": { "type": "agent", "ids": ["$id"] }, "force": false })),
        ("add_user_to_chat", member.clone()),
        ("add_user_to_chat", json!({ "chat_id": "$id", "user_id": "$me", "user_type": "agent" })),
        ("remove_user_from_chat", member),
        ("send_typing_indicator", json!({ "chat_id": "$id", "is_typing": true, "recipients": "all" })),
        ("multicast", json!({ "scopes": { "agents": { "all": false, "ids": ["$id"], "groups": [1] },
            "customers": { "ids": ["$id"] } }, "content": { "alert": 1 }, "type": "t" })),
        ("tag_chat_thread", tag.clone()),
        ("untag_chat_thread", tag),
        ("get_customers", json!({ "limit": 10, "order": "desc", "page_id": "x", "filters": {
            "country": { "values": ["Poland"] }, "chats_count": { "gte": 1, "lt": 5 },
            "created_at": { "gt": "2019-06-30T12:00:00.000000Z" } } })),
        ("create_customer", json!({ "name": "M", "email": "m@example.com", "avatar": "a", "fields": { "a": "b" } })),
        ("ban_customer", json!({ "customer_id": "$id", "ban": { "days": 1 } })),
        ("update_agent", json!({ "agent_id": "$me", "routing_status": "accepting_chats" })),
        ("set_away_status", json!({ "away": true })),
        ("change_push_notifications", json!({ "firebase_token": "f", "platform": "ios", "enabled": true })),
    ]);
    all
}

/// The Customer Chat API.
pub(super) fn customer() -> Vec<Pattern> {
    let mut all = common();
    all.extend([
        ("login", json!({ "token": "$token", "group_id": 0, "customer": { "name": "M", "email": "e", "avatar": "a",
            "fields": { "a": "b" } }, "customer_page": { "url": "https://shop.example/", "title": "Shop" },
            "referrer": "https://example.com/", "customer_side_storage": { "visits": "1" }, "is_mobile": true })),
        ("send_sneak_peek", json!({ "chat_id": "$id", "sneak_peek_text": "I wan" })),
        ("set_customer_fields", json!({ "fields": { "plan": "free" } })),
        ("update_customer_page", json!({ "url": "https://shop.example/cart", "title": "Cart" })),
        ("get_groups_status", json!({ "all": true, "groups": [0, 1, 99] })),
        ("get_predicted_agent", Value::Null),
        ("get_url_details", json!({ "url": "https://shop.example/" })),
        ("get_form", json!({ "group_id": 0, "type": "prechat" })),
    ]);
    all
}

/// The Configuration API.
pub(super) fn configuration() -> Vec<Pattern> {
    let filters = json!({ "chat_member_ids": { "agents_any": ["$id"] }, "author_type": "customer",
        "only_my_chats": true, "chat_properties": { "source": { "type": { "values": ["sms"] } } } });
    // Port 9 of the loopback discards: a call that is due there fails at once.
    let webhooks = json!({ "url": "http://127.0.0.1:9/", "secret_key": "s", "actions": [{ "name": "incoming_event",
        "filters": filters, "additional_data": ["chat_properties"] }] });
    let bot = json!({ "id": "$id", "name": "B", "avatar": "a", "status": "not accepting chats", "max_chats_count": 3,
        "default_group_priority": "normal", "groups": [{ "id": 0, "priority": "last" }], "webhooks": webhooks });
    let locations = json!({ "chat": { "access": { "agent": { "read": true, "write": true } } } });
    vec![
        ("create_bot_agent", bot.clone()),
        ("update_bot_agent", bot),
        ("remove_bot_agent", json!({ "bot_agent_id": "$id" })),
        ("get_bot_agents", json!({ "all": true })),
        ("get_bot_agent_details", json!({ "bot_agent_id": "$id" })),
        (
            "register_webhook",
            json!({ "url": "http://127.0.0.1:9/", "action": "incoming_event", "secret_key": "s",
            "description": "d", "filters": filters, "additional_data": ["chat_properties"] }),
        ),
        ("get_webhooks_config", json!({})),
        ("unregister_webhook", json!({ "webhook_id": "$id" })),
        (
            "create_properties",
            json!({ "p": { "type": "int", "description": "d", "range": { "from": 0, "to": 9 },
            "locations": locations } }),
        ),
        ("get_property_configs", json!({ "all": true })),
    ]
}

/// Who asks, for the patterns.
pub(super) struct Asker<'a> {
    pub(super) known: &'a Known,
    pub(super) me: &'a str,
    pub(super) token: &'a str,
}

impl Asker<'_> {
    /// The arguments of a pattern: as they should be, or spoiled in up to three places.
    pub(super) fn arguments(&self, pattern: &Value, chance: &mut Chance) -> Node {
        let mut arguments = Node::fill(pattern, &mut |name, place| match name {
            "me" => self.me.to_owned(),
            "token" => self.token.to_owned(),
            _ => self.known.pick(place, chance),
        });
        let spoiled = if chance.one_in(2) { 0 } else { 1 + chance.below(3) };
        for _ in 0..spoiled {
            arguments.spoil(chance, self.known);
        }
        arguments
    }

    /// A text that holds the node, at times with a byte lost, doubled or changed.
    pub(super) fn text(&self, node: &Node, chance: &mut Chance) -> String {
        let mut text = String::new();
        node.write(&mut text);
        if chance.one_in(12) {
            garble(&mut text, chance);
        }
        text
    }

    /// Anything at all, now and then.
    pub(super) fn anything(&self, chance: &mut Chance) -> Option<Node> {
        chance.one_in(20).then(|| any(chance, self.known, 4))
    }
}

fn garble(text: &mut String, chance: &mut Chance) {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let Some(at) = chance.pick(&places) else { return };
    match chance.below(4) {
        0 => text.truncate(at),
        1 => drop(text.remove(at)),
        2 => text.insert(at, chance.pick(&['{', '}', '"', ',', ':', '\\', '\0', '\u{1f600}']).unwrap_or(' ')),
        _ => {
            let rest = text[at..].to_owned();
            text.push_str(&rest);
        }
    }
}
