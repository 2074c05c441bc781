//! A stranger on the Web APIs: spoiled bodies, with good and bad tokens and types.

use reqwest::Method;
use serde_json::{Value, json};

use super::Known;
use super::frames::assert_deserved;
use super::grammar::{self, Asker};
use super::json::Node;
use crate::chance::Chance;
use crate::support::server::Server;
use crate::support::shape::assert_fit_for_customer;

/// Statuses of answers (section 2); 503 is `group_offline` or `group_unavailable`.
const STATUSES: [u16; 11] = [200, 400, 401, 403, 404, 405, 413, 414, 415, 429, 503];

/// Posts so many bodies, one after the other.
pub(super) async fn post(server: &Server, known: &Known, mut chance: Chance, bodies: u64) {
    let person = server.person().await;
    known.add("customer_id", &person.id);
    let agent = server.agent_token(0);
    let apis = [
        ("agent", grammar::agent(), server.agent_id(0), agent.as_str()),
        ("customer", grammar::customer(), person.id.clone(), person.token.as_str()),
        ("configuration", grammar::configuration(), server.agent_id(0), agent.as_str()),
    ];
    for _ in 0..bodies {
        let Some((api, patterns, me, token)) = chance.pick(&apis) else { unreachable!("there are APIs") };
        let asker = Asker { known, me: &me, token };
        let Some((action, pattern)) = chance.pick(&patterns) else { unreachable!("there are patterns") };
        let (path, arguments) = if chance.one_in(20) {
            let wish = json!({ "client_id": server.ready["client_id"], "response_type": "token", "customer_id": "$id",
                "redirect_uri": "https://example.com/", "valid_for": 60 });
            ("/customer/".to_owned(), asker.arguments(&wish, &mut chance))
        } else {
            let path = format!("/v3.0/{api}/action/{action}?license_id={}", server.license());
            (path, asker.arguments(&pattern, &mut chance))
        };
        let body = asker.anything(&mut chance).unwrap_or_else(|| match chance.below(3) {
            0 => arguments,
            1 => Node::Map(vec![("payload".to_owned(), arguments)]),
            _ => {
                let author = Node::Text(known.pick("bot_agent_id", &mut chance));
                Node::Map(vec![("payload".to_owned(), arguments), ("author_id".to_owned(), author)])
            }
        });
        let text = asker.text(&body, &mut chance);
        let token = if chance.one_in(15) { "no token at all" } else { token };
        let kind = if chance.one_in(15) { "text/plain" } else { "application/json" };
        let request = server.raw(Method::POST, &path).bearer_auth(token).header("content-type", kind);
        let (status, answer) = crate::support::web::send(request.body(text.clone())).await;
        assert!(STATUSES.contains(&status), "{status} {answer} to {path} {text}");
        known.count(status == 200);
        if status == 200 {
            assert!(answer.is_object(), "{answer} to {path} {text}");
        } else {
            assert_deserved(&answer["error"], &text);
        }
        if api == "customer" && path.starts_with("/v3.0/") {
            assert_fit_for_customer(&answer);
        }
        known.learn(&without_tokens(answer));
    }
}

/// Tokens of customers are nobody's ids.
fn without_tokens(mut answer: Value) -> Value {
    if let Some(map) = answer.as_object_mut() {
        map.remove("access_token");
    }
    answer
}
