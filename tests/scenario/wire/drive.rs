//! Drives every method over every transport that it is served on.

use serde_json::{Value, json};

use super::act::{Deed, Marks};
use super::call::{Line, Over};
use super::later;
use super::methods;
use super::refuse::Attempt;
use super::scene::Set;
use super::stage::Stage;
use super::table::{Api, By, Case, Cause, Closed, Method, Role};
use crate::support::WireError;

/// Which part of the table a test drives; the parts are driven side by side.
fn rows(part: impl Fn(&Method) -> bool) -> impl Iterator<Item = (&'static Method, Over)> {
    let driven = move |method: &&'static Method| part(method) && later::driven(method.api, method.name);
    methods::all().filter(driven).flat_map(|method| {
        let over = [(method.rtm, Over::Rtm), (method.web, Over::Web)];
        over.into_iter().filter(|(served, _)| *served).map(move |(_, over)| (method, over))
    })
}

#[tokio::test]
async fn agents_over_rtm() {
    drive(|method| method.api == Api::Agent, Over::Rtm).await;
}

#[tokio::test]
async fn agents_over_web() {
    drive(|method| method.api == Api::Agent, Over::Web).await;
}

#[tokio::test]
async fn customers_over_rtm() {
    drive(|method| method.api == Api::Customer, Over::Rtm).await;
}

#[tokio::test]
async fn customers_over_web() {
    drive(|method| method.api == Api::Customer, Over::Web).await;
}

#[tokio::test]
async fn configuration() {
    drive(|method| method.api == Api::Configuration, Over::Web).await;
}

async fn drive(part: impl Fn(&Method) -> bool, over: Over) {
    let stage = Stage::set().await;
    let mut deeds = Vec::new();
    for (method, _) in rows(part).filter(|(_, transport)| *transport == over) {
        for (nth, case) in method.cases.iter().enumerate() {
            deeds.extend(perform(&stage, method, case, over, nth == 0).await);
        }
        deeds.extend(on_a_closed_chat(&stage, method, over).await);
    }
    stage.judge(&deeds).await;
}

/// First everything that must be refused, then, on the same connection and chat, the call that must work.
async fn perform(
    stage: &Stage,
    method: &'static Method,
    case: &'static Case,
    over: Over,
    first: bool,
) -> Option<Deed> {
    stage.stay().await;
    let mut set = stage.scene(case.scene, false).await;
    stage.connect_caller(method, &mut set).await;
    let attempt = Attempt { stage, method, case, over, set: &set };
    let line = line(stage, method, over, &set);
    attempt.fields(&line).await;
    if over == Over::Web {
        attempt.limits().await;
    }
    if first && over == Over::Web && !method.scopes.is_empty() {
        attempt.scopes().await;
    }
    let marks = Marks::now(stage, &set);
    let answer = succeed(&attempt, &line).await?;
    attempt.check_answer(&answer);
    Some(attempt.check_causes(case.causes, &[], &answer, &marks).await)
}

async fn succeed(attempt: &Attempt<'_>, line: &Line<'_>) -> Option<Value> {
    let answer = line.call(attempt.method.name, attempt.set.fill(attempt.case.payload)).await;
    if let Err(error) = &answer {
        attempt.fail("the call works", "success", &format!("{error:?}"));
    }
    answer.ok()
}

/// What the table says of a chat without an active thread.
async fn on_a_closed_chat(stage: &Stage, method: &'static Method, over: Over) -> Option<Deed> {
    if method.closed == Closed::Moot {
        return None;
    }
    let case = &method.cases[0];
    let mut set = stage.scene(case.scene, true).await;
    stage.connect_caller(method, &mut set).await;
    let attempt = Attempt { stage, method, case, over, set: &set };
    let line = line(stage, method, over, &set);
    let before = stage.look(&set.names["chat"]).await;
    let threads = |look: &Value| look["chat"]["threads"].as_array().unwrap().len();
    if method.closed == Closed::Refused {
        attempt.closed(&line).await;
        return None;
    }
    let marks = Marks::now(stage, &set);
    let answer = succeed(&attempt, &line).await?;
    attempt.check_answer(&answer);
    let after = stage.look(&set.names["chat"]).await;
    let opened = threads(&after) - threads(&before);
    let expected = usize::from(method.closed == Closed::Opens);
    if opened != expected {
        let seen = format!("{opened} opened");
        attempt.fail("threads opened in a closed chat", &format!("{expected} opened"), &seen);
    }
    // Whether routing has something to say about the new thread depends on who opened it.
    let maybe: &[&str] = if method.closed == Closed::Opens { &["incoming_event"] } else { &[] };
    let one = |name| [Cause::Push(name)];
    Some(match method.closed {
        Closed::Opens => attempt.check_causes(&one("incoming_chat_thread"), maybe, &answer, &marks).await,
        Closed::Tells(name) => attempt.check_causes(&one(name), maybe, &answer, &marks).await,
        _ => attempt.check_causes(case.causes, maybe, &answer, &marks).await,
    })
}

fn line<'a>(stage: &'a Stage, method: &Method, over: Over, set: &'a Set) -> Line<'a> {
    match (over, method.by) {
        (Over::Web, _) => Line::Web(stage.caller_on_web(method, set)),
        (Over::Rtm, By::Holder) => Line::Rtm(stage.rtm(Role::Holder).unwrap()),
        (Over::Rtm, By::Colleague) => Line::Rtm(stage.rtm(Role::Colleague).unwrap()),
        (Over::Rtm, By::Customer) => Line::Rtm(&set.tabs[0]),
        (Over::Rtm, By::NewConnection | By::OwnConnection) => Line::Rtm(set.own.as_ref().unwrap()),
    }
}

/// What is not served answers that the action is unknown, so that the list of it cannot go stale.
#[tokio::test]
async fn what_is_listed_as_not_served_is_unknown() {
    let stage = Stage::set().await;
    let set = stage.scene(super::table::Scene::Customer, false).await;
    for (api, name, _) in later::METHODS {
        for (answer, title) in asked(&stage, &set, *api, name).await {
            assert!(
                unknown(&answer),
                "{title} is served now ({answer:?}): take it out of METHODS in later.rs, and drive its row"
            );
        }
    }
    for (api, name) in later::NOT_DRIVEN {
        for (answer, title) in asked(&stage, &set, *api, name).await {
            assert!(!unknown(&answer), "{title} is listed as served, but is not: {answer:?}");
        }
    }
}

fn unknown(answer: &Result<Value, WireError>) -> bool {
    answer.as_ref().is_err_and(|error| error.kind == "validation" && error.message.contains("nknown action"))
}

/// The answers to a call without arguments, over every transport of the method.
async fn asked(stage: &Stage, set: &Set, api: Api, name: &str) -> Vec<(Result<Value, WireError>, String)> {
    let method = methods::find(api, name);
    let mut answers = Vec::new();
    if method.web {
        let web = match api {
            Api::Customer => stage.server.customer_web(set.person.as_ref().unwrap()),
            api => stage.web(api, Role::Holder),
        };
        answers.push((Line::Web(web).call(name, json!({})).await, method.title()));
    }
    if method.rtm {
        let rtm = if api == Api::Customer { &set.tabs[0] } else { stage.rtm(Role::Holder).unwrap() };
        answers.push((Line::Rtm(rtm).call(name, json!({})).await, method.title()));
    }
    answers
}
