//! One scene: a fresh chat, customer or bot, with names for what is in it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::later;
use super::stage::Stage;
use super::table::{Api, By, Method, Role, Scene};
use crate::support::people::Person;
use crate::support::rtm::{Rtm, Side};
use crate::support::shape::id;
use crate::support::web::Web;

/// What was set up for one call.
pub(crate) struct Set {
    /// What `$name` in a payload stands for.
    pub(crate) names: BTreeMap<String, Value>,
    pub(crate) person: Option<Person>,
    /// The connections of the customer.
    pub(crate) tabs: Vec<Rtm>,
    /// A connection that only this scene has.
    pub(crate) own: Option<Rtm>,
    /// Whether somebody records what is heard.
    watched: bool,
}

impl Stage {
    /// Sets a scene for a method, and waits until everybody has heard of it. `closed` closes the thread when
    /// everything is there.
    pub(crate) async fn scene(&self, scene: Scene, closed: bool) -> Set {
        self.build(scene, closed, true).await
    }

    /// The same when nobody watches: the customer has no connection, and what is heard is not waited for.
    pub(crate) async fn prop(&self, scene: Scene) -> Set {
        self.build(scene, false, false).await
    }

    async fn build(&self, scene: Scene, closed: bool, watched: bool) -> Set {
        let mut set = Set { names: self.names(), person: None, tabs: Vec::new(), own: None, watched };
        match scene {
            Scene::Nothing => {}
            Scene::Customer => self.add_customer(&mut set).await,
            Scene::Bot => self.add_bot(&mut set).await,
            Scene::Webhook => self.add_webhook(&mut set).await,
            Scene::Open | Scene::Closed | Scene::Propertied | Scene::OpenToBoth => {
                self.add_chat(&mut set, scene == Scene::OpenToBoth).await;
            }
            Scene::OpenWithBot | Scene::OpenBesideBot => {
                self.add_chat(&mut set, false).await;
                self.add_bot(&mut set).await;
            }
        }
        if scene == Scene::OpenWithBot {
            self.seat_bot(&set).await;
        }
        if scene == Scene::Propertied {
            self.decorate(&set).await;
        }
        if closed || scene == Scene::Closed {
            self.close(&set).await;
        }
        set
    }

    fn names(&self) -> BTreeMap<String, Value> {
        let agents = [
            ("holder", Role::Holder),
            ("follower", Role::Follower),
            ("colleague", Role::Colleague),
            ("outsider", Role::Outsider),
        ];
        let mut names: BTreeMap<_, _> =
            agents.into_iter().map(|(name, role)| (name.to_owned(), json!(self.agent_id(role)))).collect();
        names.insert("name".into(), json!(format!("made_{}", self.serial())));
        names.insert("newcomer_token".into(), json!(self.newcomer_token()));
        names
    }

    async fn add_customer(&self, set: &mut Set) {
        let person = self.server.person().await;
        set.names.insert("customer".into(), json!(person.id));
        set.names.insert("customer_token".into(), json!(person.token));
        for _ in 0..if set.watched { 2 } else { 0 } {
            set.tabs.push(self.tab(&person).await);
        }
        set.person = Some(person);
    }

    /// The customer starts a chat, the holder gets it and answers with a card, the follower follows.
    async fn add_chat(&self, set: &mut Set, both_groups: bool) {
        self.add_customer(set).await;
        let person = set.person.as_ref().unwrap();
        let groups = if both_groups { json!([1, 2]) } else { json!([1]) };
        let chat = self.server.chat_of(person, json!({ "access": { "group_ids": groups } })).await;
        let name = id(&chat);
        set.names.insert("chat".into(), chat["id"].clone());
        set.names.insert("thread".into(), chat["thread"]["id"].clone());
        set.names.insert("event".into(), chat["thread"]["events"][0]["id"].clone());
        if set.watched && later::served(Api::Agent, "follow_chat") {
            let follower = self.rtm(Role::Follower).unwrap();
            follower.push_in(&name, "incoming_chat_thread").await;
            follower.ok("follow_chat", json!({ "chat_id": name })).await;
            follower.push_in(&name, "incoming_chat_thread").await;
        }
        let card = json!({ "type": "rich_message", "template_id": "cards", "elements": [{ "title": "Card",
            "buttons": [{ "text": "Buy", "postback_id": "buy", "user_ids": [] }] }] });
        let holder = self.web(Api::Agent, Role::Holder);
        let sent = holder.ok("send_event", json!({ "chat_id": name, "event": card })).await;
        set.names.insert("rich".into(), sent["event"]["id"].clone());
        self.heard(set, "incoming_chat_thread", |event| event["type"] == "rich_message").await;
        if set.watched && both_groups {
            self.rtm(Role::Outsider).unwrap().push_in(&name, "incoming_chat_thread").await;
        }
    }

    async fn add_bot(&self, set: &mut Set) {
        let bot = self.server.bot(json!({ "status": "not accepting chats" })).await;
        set.names.insert("bot".into(), json!(bot));
    }

    async fn add_webhook(&self, set: &mut Set) {
        let hook = json!({ "url": "http://127.0.0.1:9/", "action": "thread_closed", "secret_key": "s" });
        let answer = self.web(Api::Configuration, Role::Holder).ok("register_webhook", hook).await;
        set.names.insert("webhook".into(), answer["webhook_id"].clone());
    }

    async fn seat_bot(&self, set: &Set) {
        let seat = json!({ "chat_id": set.names["chat"], "user_id": set.names["bot"], "user_type": "agent" });
        self.web(Api::Agent, Role::Holder).ok("add_user_to_chat", seat).await;
        let added = |event: &Value| event["system_message_type"] == "agent_added";
        self.heard(set, "chat_user_added", added).await;
    }

    /// Chat, thread and event get a property, the thread a tag.
    async fn decorate(&self, set: &Set) {
        let holder = self.web(Api::Agent, Role::Holder);
        let mut args =
            json!({ "chat_id": set.names["chat"], "properties": { "test": { "int_property": 7 } } });
        for method in ["update_chat_properties", "update_chat_thread_properties", "update_event_properties"] {
            if later::served(Api::Agent, method) {
                holder.ok(method, args.clone()).await;
            }
            let next = if args.get("thread_id").is_none() { "thread" } else { "event" };
            args[format!("{next}_id")] = set.names[next].clone();
        }
        if later::served(Api::Agent, "tag_chat_thread") {
            let tag =
                json!({ "chat_id": set.names["chat"], "thread_id": set.names["thread"], "tag": "tagged" });
            holder.ok("tag_chat_thread", tag).await;
        }
        let done = json!({ "type": "message", "text": "decorated" });
        holder.ok("send_event", json!({ "chat_id": set.names["chat"], "event": done })).await;
        let tagged = later::served(Api::Agent, "tag_chat_thread");
        let key_change = if tagged { "chat_thread_tagged" } else { "" };
        self.heard(set, key_change, |event| event["text"] == "decorated").await;
    }

    async fn close(&self, set: &Set) {
        let customer = self.server.customer_web(set.person.as_ref().unwrap());
        customer.ok("close_thread", json!({ "chat_id": set.names["chat"] })).await;
        let chat = set.text("chat");
        for rtm in
            [Role::Holder, Role::Follower].into_iter().filter_map(|role| self.rtm(role)).chain(&set.tabs)
        {
            rtm.push_in(&chat, "thread_closed").await;
        }
        let closed = |event: &Value| event["system_message_type"] == "manual_archived_customer";
        self.heard(set, "thread_closed", closed).await;
    }

    /// Waits until members and followers have heard of an event of the chat, and agents with access of its last
    /// key change, so that what is heard next is new.
    async fn heard(&self, set: &Set, key_change: &str, fits: impl Fn(&Value) -> bool) {
        if !set.watched {
            return;
        }
        let chat = set.text("chat");
        let it = |payload: &Value| payload["chat_id"] == chat.as_str() && fits(&payload["event"]);
        for rtm in
            [Role::Holder, Role::Follower].into_iter().filter_map(|role| self.rtm(role)).chain(&set.tabs)
        {
            rtm.push("incoming_event", it).await;
        }
        if !key_change.is_empty() {
            self.rtm(Role::Colleague).unwrap().push_in(&chat, key_change).await;
        }
        for hook in self.hooks() {
            self.sink.hit("an event of the scene", |hit| hit.path == *hook && it(&hit.json["data"])).await;
        }
    }

    /// Gives the scene the connection that the caller of this method needs beside the usual ones.
    pub(crate) async fn connect_caller(&self, method: &Method, set: &mut Set) {
        let side = if method.api == Api::Customer { Side::Customer } else { Side::Agent };
        set.own = match method.by {
            By::NewConnection => Some(Rtm::connect(&self.server, side).await),
            By::OwnConnection => Some(self.server.login_agent(&self.newcomer_token()).await),
            _ => None,
        };
    }

    /// Someone who may call a method over the Web, with every right that there is.
    pub(crate) fn caller_on_web(&self, method: &Method, set: &Set) -> Web {
        match method.by {
            By::Customer => self.server.customer_web(set.person.as_ref().unwrap()),
            By::Colleague => self.web(method.api, Role::Colleague),
            _ => self.web(method.api, Role::Holder),
        }
    }
}

impl Set {
    pub(crate) fn text(&self, name: &str) -> String {
        self.names[name].as_str().unwrap().to_owned()
    }

    /// What tells everything of this scene from all others: the ids of what is in it.
    pub(crate) fn keys(&self) -> Vec<String> {
        let keys = ["chat", "customer", "bot"].into_iter().filter_map(|name| self.names.get(name)?.as_str());
        keys.map(str::to_owned).collect()
    }

    /// A payload of the table with the names of this scene filled in.
    pub(crate) fn fill(&self, payload: &str) -> Value {
        let mut value: Value = serde_json::from_str(payload).unwrap();
        self.fill_in(&mut value);
        value
    }

    /// A path of the table with the names of this scene filled in.
    pub(crate) fn path(&self, path: &str) -> Vec<String> {
        path.split('.')
            .map(|step| self.named(step).map_or(step.to_owned(), |v| v.as_str().unwrap().to_owned()))
            .collect()
    }

    fn named(&self, text: &str) -> Option<&Value> {
        let name = text.strip_prefix('$')?;
        Some(self.names.get(name).unwrap_or_else(|| panic!("the scene has no `${name}`")))
    }

    fn fill_in(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(named) = self.named(text) {
                    *value = named.clone();
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|entry| self.fill_in(entry)),
            Value::Object(map) => {
                let filled = std::mem::take(map).into_iter().map(|(key, mut entry)| {
                    self.fill_in(&mut entry);
                    let key = self.named(&key).map_or(key.clone(), |v| v.as_str().unwrap().to_owned());
                    (key, entry)
                });
                *map = filled.collect();
            }
            _ => {}
        }
    }
}
