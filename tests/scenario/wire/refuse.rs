//! Refusals: what a call may not be, field by field, and what a refusal must leave as it was.

use serde_json::{Value, json};

use super::call::{Line, Over as Transport};
use super::scene::Set;
use super::scopes::insufficient;
use super::stage::Stage;
use super::table::{Api, Case, Field, Kind, Method, Over, Role, What};
use crate::support::web::Web;

/// A call that must be refused.
struct Wrong {
    /// What is wrong with it.
    what: String,
    payload: Value,
    /// The field that the refusal must name.
    names: Option<String>,
}

/// What the tests of one case know.
pub(super) struct Attempt<'a> {
    pub(super) stage: &'a Stage,
    pub(super) method: &'static Method,
    pub(super) case: &'static Case,
    pub(super) over: Transport,
    pub(super) set: &'a Set,
}

impl Attempt<'_> {
    /// Method, transport and case, for messages.
    pub(super) fn title(&self) -> String {
        let payload: String = self.case.payload.split_whitespace().collect();
        format!("{} over {:?} with {payload}", self.method.title(), self.over)
    }

    pub(super) fn fail(&self, check: &str, expected: &str, seen: &str) {
        self.stage.fault(&self.title(), check, expected, seen);
    }

    /// Every field missing, of another type, over its limit; every id unknown or foreign.
    pub(super) async fn fields(&self, line: &Line<'_>) {
        let mut before = self.state().await;
        for field in self.case.fields {
            for wrong in self.wrongs(field) {
                self.refused(line, &wrong).await;
                self.unchanged(&mut before, &wrong.what).await;
            }
            if let Kind::Id(what) = field.kind {
                self.unknown_id(line, field, what).await;
                self.unchanged(&mut before, field.path).await;
            }
        }
    }

    async fn refused(&self, line: &Line<'_>, wrong: &Wrong) {
        let answer = line.call(self.method.name, wrong.payload.clone()).await;
        let named = |message: &str| wrong.names.as_ref().is_none_or(|name| message.contains(name));
        if !answer.as_ref().is_err_and(|error| error.kind == "validation" && named(&error.message)) {
            self.fail(&wrong.what, "a validation error that names the field", &short(&answer));
        }
    }

    fn wrongs(&self, field: &Field) -> Vec<Wrong> {
        let path = self.set.path(field.path);
        let plain = self.set.fill(self.case.payload);
        let name = path.iter().rev().find(|step| step.parse::<usize>().is_err()).cloned();
        let with = |what: String, value: Value| {
            let mut payload = plain.clone();
            *at(&mut payload, &path) = value;
            Wrong { what, payload, names: name.clone() }
        };
        let title = path.join(".");
        let mut wrongs = Vec::new();
        if field.required && path.last().is_some_and(|step| step.parse::<usize>().is_err()) {
            let mut payload = plain.clone();
            let (last, parents) = path.split_last().unwrap();
            at(&mut payload, parents).as_object_mut().unwrap().remove(last);
            wrongs.push(Wrong { what: format!("`{title}` is missing"), payload, names: name.clone() });
            wrongs.push(with(format!("`{title}` is null"), Value::Null));
        }
        for value in of_another_type(field.kind) {
            wrongs.push(with(format!("`{title}` is {value}"), value));
        }
        for over in field.over {
            let value = match over {
                Over::Number(number) => json!(number),
                Over::Chars(most) => json!("x".repeat(most + 1)),
                Over::Empty if field.kind == Kind::List => json!([]),
                Over::Empty => json!(""),
                Over::Wide(most) => json!({ "x": "x".repeat(*most) }),
                Over::Items(most) => self.repeated(field, most + 1),
            };
            wrongs.push(with(format!("`{title}` is over a limit: {over:?}"), value));
        }
        wrongs
    }

    /// The first entry of a list, so many times.
    fn repeated(&self, field: &Field, times: usize) -> Value {
        let mut payload = self.set.fill(self.case.payload);
        let first = at(&mut payload, &self.set.path(field.path))[0].clone();
        json!(vec![first; times])
    }

    /// What is exactly at a limit; `None` where the table does not say what that is.
    fn at_limit(&self, field: &Field, over: Over) -> Option<Value> {
        match over {
            Over::Number(number) if number >= 1 => Some(json!(number - 1)),
            Over::Number(number) if number < -1 => Some(json!(number + 1)),
            Over::Chars(most) => Some(json!("x".repeat(most))),
            Over::Items(most) => Some(self.repeated(field, most)),
            Over::Number(_) | Over::Empty | Over::Wide(_) => None,
        }
    }

    /// What each limit still allows is not refused: the call works with it, in a scene like this one.
    pub(super) async fn limits(&self) {
        let limits =
            self.case.fields.iter().flat_map(|field| field.over.iter().map(move |over| (field, *over)));
        for (field, over) in limits {
            let set = self.stage.prop(self.case.scene).await;
            let there = Attempt { set: &set, ..*self };
            let Some(value) = there.at_limit(field, over) else { continue };
            let mut payload = set.fill(self.case.payload);
            *at(&mut payload, &set.path(field.path)) = value;
            let answer = self.stage.caller_on_web(self.method, &set).call(self.method.name, payload).await;
            if answer.is_err() {
                let check = format!("`{}` is at its limit: {over:?}", field.path);
                self.fail(&check, "success", &short(&answer));
            }
        }
    }

    /// An id that nobody has and one of another license are refused alike, but for the id.
    async fn unknown_id(&self, line: &Line<'_>, field: &Field, what: What) {
        let path = self.set.path(field.path);
        let mut seen = Vec::new();
        for (kind, value) in
            [("unknown", nowhere(what)), ("foreign", self.stage.foreign[name_of(what)].clone())]
        {
            let check = format!("`{}` is an {kind} id", path.join("."));
            let mut payload = self.set.fill(self.case.payload);
            *at(&mut payload, &path) = value.clone();
            match line.call(self.method.name, payload).await {
                Err(error) if error.kind == "validation" => {
                    seen.push(error.message.replace(value.as_str().unwrap(), "<id>"));
                }
                answer => self.fail(&check, "validation", &short(&answer)),
            }
        }
        if seen.len() == 2 && seen[0] != seen[1] {
            let check = format!("a foreign `{}` is like an unknown one", path.join("."));
            self.fail(&check, &seen[0], &seen[1]);
        }
    }

    /// Without any sufficient scope a call is `authorization`, however wrong its fields are; with each of the
    /// sufficient ones alone its fields are looked at.
    pub(super) async fn scopes(&self) {
        let (method, stage) = (self.method, self.stage);
        let web = async |scopes: &[&str]| {
            Web::new(&stage.server, method.api, &stage.scoped(Role::Holder, scopes).await)
        };
        let nonsense = match self.case.fields.first() {
            Some(field) => {
                let mut payload = self.set.fill(self.case.payload);
                *at(&mut payload, &self.set.path(field.path)) = of_another_type(field.kind).remove(0);
                payload
            }
            None => json!({}),
        };
        let mut before = self.state().await;
        let short = web(&insufficient(method.scopes)).await;
        for payload in [self.set.fill(self.case.payload), nonsense.clone()] {
            let check = format!("every scope but {:?}, payload {payload}", method.scopes);
            match short.call(method.name, payload).await {
                Err((403, error)) if error.kind == "authorization" => {}
                other => self.fail(&check, "authorization, 403", &format!("{other:?}")),
            }
            self.unchanged(&mut before, &check).await;
        }
        for scope in method.scopes {
            let check = format!("scope {scope} alone, payload {nonsense}");
            let answer = web(&[scope]).await.call(method.name, nonsense.clone()).await;
            let looked_at = match &answer {
                Ok(_) => self.case.fields.is_empty(),
                Err((_, error)) => error.kind == "validation",
            };
            if !looked_at {
                self.fail(&check, "the fields are looked at", &format!("{answer:?}"));
            }
        }
    }

    /// A closed chat refuses, and stays as it is.
    pub(super) async fn closed(&self, line: &Line<'_>) {
        let mut before = self.state().await;
        let payload = self.set.fill(self.case.payload);
        let wrong = Wrong { what: "the chat is closed".into(), payload, names: None };
        self.refused(line, &wrong).await;
        self.unchanged(&mut before, &wrong.what).await;
    }

    async fn state(&self) -> Value {
        let chat = match self.set.names.get("chat") {
            Some(chat) => self.stage.look(chat).await,
            None => Value::Null,
        };
        let bots = if self.method.api == Api::Configuration { self.stage.bots().await } else { Value::Null };
        json!({ "chat": chat, "bots": bots })
    }

    /// Whatever was refused has left everything as it was.
    async fn unchanged(&self, before: &mut Value, what: &str) {
        let after = self.state().await;
        if let Some(difference) = difference(before, &after, "") {
            self.fail(what, "nothing changes", &difference);
            // One change is one fault, not one for every check that follows.
            *before = after;
        }
    }
}

/// The first place where two values differ.
fn difference(before: &Value, after: &Value, path: &str) -> Option<String> {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().find_map(|(key, value)| difference(value, &b[key], &format!("{path}.{key}")))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(at, (a, b))| difference(a, b, &format!("{path}.{at}")))
        }
        (a, b) => (a != b).then(|| format!("`{path}` was {a} and is {b}")),
    }
}

/// An answer in so many words that a list of faults stays readable.
fn short(answer: &impl std::fmt::Debug) -> String {
    format!("{answer:?}").chars().take(400).collect()
}

/// The place in a payload; what is missing on the way is made.
fn at<'a>(value: &'a mut Value, path: &[String]) -> &'a mut Value {
    path.iter().fold(value, |value, step| match value {
        Value::Array(list) => &mut list[step.parse::<usize>().unwrap()],
        other => {
            if !other.is_object() {
                *other = json!({});
            }
            other.as_object_mut().unwrap().entry(step.clone()).or_insert(Value::Null)
        }
    })
}

fn of_another_type(kind: Kind) -> Vec<Value> {
    match kind {
        Kind::Text => vec![json!(5), json!(true), json!({}), json!([])],
        Kind::Word => vec![json!("of no kind"), json!(5)],
        Kind::Id(_) => vec![json!(5), json!({})],
        Kind::Int => vec![json!("five"), json!(1.5), json!(true), json!({})],
        Kind::Bool => vec![json!("yes"), json!(1), json!({})],
        Kind::Map => vec![json!("x"), json!(5), json!([])],
        Kind::List => vec![json!("x"), json!(5), json!({})],
        Kind::Any => Vec::new(),
    }
}

fn name_of(what: What) -> &'static str {
    match what {
        What::Chat => "chat",
        What::Thread => "thread",
        What::Event => "event",
        What::Customer => "customer",
        What::Agent => "agent",
        What::Bot => "bot",
        What::Webhook => "webhook",
    }
}

/// An id of the right form that nobody has.
fn nowhere(what: What) -> Value {
    json!(match what {
        What::Chat | What::Thread => "ZZZZZZZZZZ",
        What::Event => "ZZZZZZZZZZ_1",
        What::Customer => "00000000-0000-4000-8000-000000000001",
        What::Agent => "nobody@example.org",
        What::Bot => "00000000000000000000000000000001",
        What::Webhook => "aaaaaaaaaaaaaaaaaaaaaaaaa",
    })
}
