//! A call that succeeds: its answer, its pushes, its webhooks, and who must not hear of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use tokio_tungstenite::tungstenite::Message;

use super::call::Over;
use super::pushes;
use super::refuse::Attempt;
use super::scene::Set;
use super::shape::{
    AGENT_ANSWERS, AGENT_PUSHES, CONFIGURATION_ANSWERS, CUSTOMER_ANSWERS, CUSTOMER_PUSHES, Golden, WEBHOOKS,
};
use super::stage::Stage;
use super::table::{Api, By, Cause, Role};
use crate::support::rtm::{Push, Rtm};
use crate::support::sink::Hit;

/// What customers and connections cause whenever they come and go.
const AMBIENT: [&str; 5] = [
    "customer_visit_started",
    "customer_visit_ended",
    "customer_page_updated",
    "customer_side_storage_updated",
    "agent_updated",
];

/// What every call of a webhook has when nothing additional was asked for.
const ENVELOPE: [&str; 4] = ["webhook_id", "secret_key", "action", "data"];

/// Where each of the recorders stood before a call.
pub(super) struct Marks {
    agents: BTreeMap<Role, usize>,
    tabs: Vec<usize>,
    hits: BTreeMap<&'static str, usize>,
}

/// What was called, to be judged when everything has arrived.
pub(super) struct Deed {
    title: String,
    keys: Vec<String>,
    allowed: BTreeMap<Role, BTreeSet<&'static str>>,
    marks: BTreeMap<Role, usize>,
}

impl Marks {
    pub(super) fn now(stage: &Stage, set: &Set) -> Self {
        let standing = Role::ALL.into_iter().filter_map(|role| Some((role, stage.rtm(role)?.mark())));
        Self {
            agents: standing.collect(),
            tabs: set.tabs.iter().map(Rtm::mark).collect(),
            hits: stage.hooks().iter().map(|hook| (*hook, stage.sink.at(hook).len())).collect(),
        }
    }
}

impl Attempt<'_> {
    /// Checks the answer against the golden one.
    pub(super) fn check_answer(&self, answer: &Value) {
        let golden = match self.method.api {
            Api::Agent => &AGENT_ANSWERS,
            Api::Customer => &CUSTOMER_ANSWERS,
            Api::Configuration => &CONFIGURATION_ANSWERS,
        };
        let name = self.case.answer.unwrap_or(self.method.name);
        self.check_shape("the answer", golden, name, answer);
    }

    fn check_shape(&self, what: &str, golden: &Golden, name: &str, seen: &Value) {
        let faults = golden.faults(name, seen);
        if !faults.is_empty() {
            let check = format!("{what} has the golden shape of `{name}`");
            self.fail(&check, &faults.join("; "), &seen.to_string());
        }
    }

    /// Waits until everybody who must hear of the call has heard of it, and checks what they heard. What is in
    /// `maybe` may come to members and followers, too.
    pub(super) async fn check_causes(
        &self,
        causes: &[Cause],
        maybe: &[&'static str],
        answer: &Value,
        marks: &Marks,
    ) -> Deed {
        let mut keys = self.set.keys();
        keys.extend(answer["chat"]["id"].as_str().map(str::to_owned));
        let mut allowed: BTreeMap<Role, BTreeSet<&'static str>> = BTreeMap::new();
        for role in [Role::Holder, Role::Follower, Role::Customer] {
            allowed.entry(role).or_default().extend(maybe);
        }
        for (nth, cause) in causes.iter().enumerate() {
            for role in self.audience(cause) {
                allowed.entry(role).or_default().insert(cause.name());
                for (rtm, mark) in self.recorders(role, marks) {
                    let Some(push) = self.heard(cause.name(), &keys, role, rtm, mark).await else { continue };
                    let golden = if role == Role::Customer { &CUSTOMER_PUSHES } else { &AGENT_PUSHES };
                    let what = format!("push {} to {role:?}", cause.name());
                    self.check_shape(&what, golden, cause.name(), &push.payload);
                    self.check_request_id(nth, role, rtm, &push);
                }
            }
            self.check_webhook(cause, &keys, marks).await;
        }
        self.check_tabs(marks, &allowed).await;
        Deed { title: self.title(), keys, allowed, marks: marks.agents.clone() }
    }

    fn audience(&self, cause: &Cause) -> Vec<Role> {
        let asker = match (self.over, self.method.by) {
            (Over::Rtm, By::Holder) => Some(Role::Holder),
            (Over::Rtm, By::Colleague) => Some(Role::Colleague),
            _ => None,
        };
        match cause {
            Cause::To(_, roles) | Cause::Quiet(_, roles) => roles
                .iter()
                .filter_map(|role| if *role == Role::Asker { asker } else { Some(*role) })
                .collect(),
            Cause::Hook(_) => Vec::new(),
            Cause::Push(name) => {
                let push = pushes::find(name);
                let mut roles = push.audience.agents().to_vec();
                if push.customers && !self.set.tabs.is_empty() {
                    roles.push(Role::Customer);
                }
                roles
            }
        }
    }

    fn recorders(&self, role: Role, marks: &Marks) -> Vec<(&Rtm, usize)> {
        if role == Role::Customer {
            return self.set.tabs.iter().zip(marks.tabs.iter().copied()).collect();
        }
        self.stage.rtm(role).map(|rtm| (rtm, marks.agents[&role])).into_iter().collect()
    }

    async fn heard(&self, name: &str, keys: &[String], role: Role, rtm: &Rtm, mark: usize) -> Option<Push> {
        // A customer's own connection hears only what is meant for it.
        let keys = if role == Role::Customer { &[] } else { keys };
        let fits = |push: &Push| push.name == name && is_about(&push.payload, keys);
        let push = rtm.push_since(mark, self.stage.patience(), fits).await;
        if push.is_none() {
            let since: Vec<_> = rtm.since(mark).into_iter().map(|push| push.name).collect();
            self.fail(&format!("{role:?} hears {name}"), name, &format!("{since:?}"));
        }
        push
    }

    /// The main push carries the `request_id` to the connection that asked, and to no other.
    fn check_request_id(&self, nth: usize, role: Role, rtm: &Rtm, push: &Push) {
        let asker = self.over == Over::Rtm
            && match self.method.by {
                By::Holder => role == Role::Holder,
                By::Colleague => role == Role::Colleague,
                By::Customer => self.set.tabs.first().is_some_and(|tab| std::ptr::eq(tab, rtm)),
                By::NewConnection | By::OwnConnection => false,
            };
        let expected = asker && nth == 0;
        if push.request_id.is_some() != expected {
            let check = format!("push {} to {role:?} has the request_id only where it was asked", push.name);
            self.fail(&check, &format!("request_id: {expected}"), &format!("{push:?}"));
        }
    }

    async fn check_webhook(&self, cause: &Cause, keys: &[String], marks: &Marks) {
        let action = match cause {
            Cause::Quiet(..) => return,
            Cause::Hook(action) => action,
            Cause::Push("agent_updated") => "agent_status_changed",
            Cause::Push(name) | Cause::To(name, _) if pushes::find(name).webhook => name,
            Cause::Push(_) | Cause::To(..) => return,
        };
        for hook in self.stage.hooks() {
            let what = format!("webhook {action} at {hook}");
            let fits = |hit: &Hit| hit.action() == action && is_about(&hit.json, keys);
            let Some(hit) =
                self.stage.sink.hit_since(hook, marks.hits[hook], self.stage.patience(), fits).await
            else {
                self.fail(&what, "a call", "none");
                continue;
            };
            let envelope: Vec<_> = hit.json.as_object().unwrap().keys().map(String::as_str).collect();
            let whole = envelope.iter().all(|key| ENVELOPE.contains(key)) && envelope.len() == ENVELOPE.len();
            if !whole || hit.json["secret_key"] != "s3cr3t" {
                self.fail(
                    &format!("{what} has the envelope of 9.1"),
                    &format!("{ENVELOPE:?}"),
                    &hit.json.to_string(),
                );
            }
            let golden = if WEBHOOKS.has(action) { &WEBHOOKS } else { &AGENT_PUSHES };
            self.check_shape(&what, golden, action, &hit.json["data"]);
        }
    }

    /// The customer heard nothing that is not meant for customers.
    async fn check_tabs(&self, marks: &Marks, allowed: &BTreeMap<Role, BTreeSet<&'static str>>) {
        for (tab, mark) in self.set.tabs.iter().zip(&marks.tabs) {
            // What was caused before stands before the answer, or before the end of the connection.
            let ping = json!({ "action": "ping", "request_id": "fence" }).to_string();
            if tab.try_send(Message::text(ping)).await {
                tab.answered_or_closed("fence").await;
            }
            let nothing = BTreeSet::new();
            let allowed = allowed.get(&Role::Customer).unwrap_or(&nothing);
            for push in tab.since(*mark) {
                if !allowed.contains(push.name.as_str()) && !AMBIENT.contains(&push.name.as_str()) {
                    self.fail(
                        &format!("the customer hears only {allowed:?}"),
                        "nothing else",
                        &format!("{push:?}"),
                    );
                }
            }
        }
    }
}

/// Whether it names one of the keys; without any key everything counts.
fn is_about(value: &Value, keys: &[String]) -> bool {
    let text = value.to_string();
    keys.is_empty() || keys.iter().any(|key| text.contains(key.as_str()))
}

impl Stage {
    /// When all is said: nobody heard of a deed what the table does not say.
    pub(super) async fn judge(&self, deeds: &[Deed]) {
        // A last push that every agent of the license hears, and a last answer to everybody.
        let marks: Vec<_> =
            Role::ALL.into_iter().filter_map(|role| Some((role, self.rtm(role)?.mark()))).collect();
        let away = json!({ "routing_status": "not_accepting_chats" });
        self.rtm(Role::Holder).unwrap().ok("update_agent", away).await;
        for (role, mark) in marks {
            let rtm = self.rtm(role).unwrap();
            if !matches!(role, Role::Stranger | Role::Foreigner) {
                let last = rtm.push_since(mark, self.patience(), |push| push.name == "agent_updated").await;
                assert!(last.is_some(), "{role:?} should hear the last push");
            }
            rtm.ok("ping", json!({})).await;
        }
        for role in Role::ALL {
            let Some(rtm) = self.rtm(role) else { continue };
            let heard: Vec<_> =
                rtm.placed().into_iter().map(|(at, push)| (at, push.payload.to_string(), push)).collect();
            for deed in deeds {
                let nothing = BTreeSet::new();
                let allowed = deed.allowed.get(&role).unwrap_or(&nothing);
                for (_, payload, push) in heard.iter().filter(|(at, ..)| *at >= deed.marks[&role]) {
                    let fine = allowed.contains(push.name.as_str()) || AMBIENT.contains(&push.name.as_str());
                    if !fine && deed.keys.iter().any(|key| payload.contains(key.as_str())) {
                        let check = format!("{role:?} hears only {allowed:?}");
                        self.fault(&deed.title, &check, "nothing else", &format!("{push:?}"));
                    }
                }
            }
        }
        self.end();
    }
}
