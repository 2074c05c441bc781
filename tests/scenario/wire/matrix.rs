//! Drives the authorization matrix (`matrix.txt`): each method as each principal.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::later;
use super::methods;
use super::scene::Set;
use super::scopes::up_to;
use super::stage::{FOREIGN_LICENSE, Stage};
use super::table::{Api, Method, Role};
use crate::support::WireError;
use crate::support::people::Person;
use crate::support::rtm::{Rtm, Side};
use crate::support::shape::text;
use crate::support::web::send;

const TABLE: &str = include_str!("matrix.txt");

/// One line of the table: a method, and what each principal is answered.
struct Row {
    method: &'static Method,
    cells: Vec<(&'static str, char)>,
}

/// The rows of one API.
fn rows(api: Api, name: &str) -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let words = |line: &'static str| line.split_whitespace().filter(|word| *word != "|").collect::<Vec<_>>();
    let mut columns = None;
    let mut rows = Vec::new();
    for line in lines.map(words) {
        if ["agent", "customer", "configuration"].contains(&line[0]) {
            columns = (line[0] == name).then_some(line);
        } else if let Some(columns) = &columns {
            assert_eq!(line.len(), columns.len(), "matrix.txt, {}: a cell for each column", line[0]);
            let cells = columns.iter().zip(&line).skip(1);
            let cells = cells.map(|(column, cell)| (*column, cell.chars().next().unwrap())).collect();
            rows.push(Row { method: methods::find(api, line[0]), cells });
        }
    }
    rows
}

/// Who calls over the Web.
#[derive(Clone, Debug, Default)]
struct Principal {
    token: Option<String>,
    author: Option<String>,
    license: Option<u64>,
}

/// An answer in the letters of the table.
fn letter(answer: &Result<Value, WireError>) -> char {
    match answer {
        Ok(_) => '.',
        Err(error) => match error.kind.as_str() {
            "authentication" => 'T',
            "authorization" => 'A',
            "validation" => 'V',
            _ => '?',
        },
    }
}

impl Stage {
    async fn post(
        &self,
        api: Api,
        by: &Principal,
        action: &str,
        payload: &Value,
    ) -> Result<Value, WireError> {
        let (name, query) = match api {
            Api::Agent => ("agent", String::new()),
            Api::Configuration => ("configuration", String::new()),
            Api::Customer => {
                ("customer", format!("?license_id={}", by.license.unwrap_or_else(|| self.server.license())))
            }
        };
        let mut body = json!({ "payload": payload });
        if let Some(author) = &by.author {
            body["author_id"] = json!(author);
        }
        let path = format!("/v3.0/{name}/action/{action}{query}");
        let mut request = self.server.raw(reqwest::Method::POST, &path).json(&body);
        if let Some(token) = &by.token {
            request = request.bearer_auth(token);
        }
        match send(request).await {
            (200, answer) => Ok(answer),
            (_, answer) => Err(WireError::read(&answer)),
        }
    }

    /// Calls a method as everybody in its row. A scene is used until something in it may have changed.
    async fn hold_to(&self, row: &Row, over: &str, call: impl AsyncFn(&str, &Set, Value) -> Option<char>) {
        let case = &row.method.cases[0];
        let mut set = self.prop(case.scene).await;
        for (column, expected) in &row.cells {
            let Some(seen) = call(column, &set, set.fill(case.payload)).await else { continue };
            if seen != *expected {
                let check = format!("{} over {over}, as {column}", row.method.title());
                self.fault(&check, "the authorization matrix", &expected.to_string(), &seen.to_string());
            }
            if seen == '.' {
                set = self.prop(case.scene).await;
            }
        }
    }

    /// A token that ends at once, and is seen to have ended.
    async fn expired(&self, api: Api, probe: &str, token: String) -> Principal {
        let by = Principal { token: Some(token), ..Principal::default() };
        let ended = async {
            while letter(&self.post(api, &by, probe, &json!({})).await) != 'T' {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(crate::support::DEADLINE, ended)
            .await
            .expect("a token of one second should end");
        by
    }

    async fn revoked(&self) -> Principal {
        let token = self.server.issue(json!({ "agent_id": self.agent_id(Role::Holder) })).await;
        let revoke = self.server.raw(reqwest::Method::DELETE, &format!("/token?token={token}"));
        assert_eq!(revoke.bearer_auth(&token).send().await.unwrap().status(), 200);
        Principal { token: Some(token), ..Principal::default() }
    }

    /// Those who may be refused for their token alone.
    async fn tokens(&self, api: Api, probe: &str) -> BTreeMap<&'static str, Principal> {
        let short = json!({ "agent_id": self.agent_id(Role::Holder), "expires_in": 1 });
        let token = self.server.issue(short).await;
        let customer = self.server.person().await.token;
        BTreeMap::from([
            ("none", Principal::default()),
            ("expired", self.expired(api, probe, token).await),
            ("customer", Principal { token: Some(customer), ..Principal::default() }),
            ("revoked", self.revoked().await),
        ])
    }

    /// An agent with every scope up to a reach.
    async fn reaching(&self, role: Role, reach: &str) -> Principal {
        Principal { token: Some(self.scoped(role, &up_to(reach)).await), ..Principal::default() }
    }

    async fn agents(&self) -> BTreeMap<&'static str, Principal> {
        let bot = self.server.bot(json!({ "status": "not accepting chats" })).await;
        let other = json!({ "agent_id": self.agent_id(Role::Holder), "client_id": "another-app" });
        let other = Principal { token: Some(self.server.issue(other).await), ..Principal::default() };
        let new = json!({ "name": "Other bot", "status": "not accepting chats" });
        let made = self.post(Api::Configuration, &other, "create_bot_agent", &new).await.unwrap();
        let acting =
            |principal: Principal, bot: &str| Principal { author: Some(bot.to_owned()), ..principal };
        let mut all = self.tokens(Api::Agent, "get_chats_summary").await;
        all.extend([
            ("my-in", self.reaching(Role::Holder, "my").await),
            ("my-out", self.reaching(Role::Colleague, "my").await),
            ("access-in", self.reaching(Role::Colleague, "access").await),
            ("access-out", self.reaching(Role::Outsider, "access").await),
            ("all-out", self.reaching(Role::Outsider, "all").await),
            ("bot", acting(self.reaching(Role::Holder, "all").await, &bot)),
            ("bot-my", acting(self.reaching(Role::Holder, "my").await, &bot)),
            ("bot-other", acting(self.reaching(Role::Holder, "all").await, &text(&made["bot_agent_id"]))),
            ("abroad", Principal { token: Some(self.token(Role::Foreigner)), ..Principal::default() }),
        ]);
        all
    }

    /// The customer of a row, by its column.
    fn customer_of<'a>(&self, column: &str, set: &'a Set, other: &'a Person) -> &'a Person {
        if column == "other" { other } else { set.person.as_ref().unwrap() }
    }
}

#[tokio::test]
async fn agents_over_web() {
    let stage = Stage::set().await;
    let principals = stage.agents().await;
    for row in rows(Api::Agent, "agent").iter().filter(|row| row.is_driven() && row.method.web) {
        let call = async |column: &str, _: &Set, payload: Value| {
            Some(letter(&stage.post(Api::Agent, &principals[column], row.method.name, &payload).await))
        };
        stage.hold_to(row, "Web", call).await;
    }
    stage.end();
}

#[tokio::test]
async fn agents_over_rtm() {
    let stage = Stage::set().await;
    let principals = stage.agents().await;
    let mut lines = BTreeMap::from([("none", Rtm::connect(&stage.server, Side::Agent).await)]);
    for (column, by) in &principals {
        if let (
            "my-in" | "my-out" | "access-in" | "access-out" | "all-out" | "bot" | "bot-my" | "bot-other"
            | "abroad",
            Some(token),
        ) = (*column, &by.token)
        {
            lines.insert(column, stage.server.login_agent(token).await);
        }
    }
    for row in rows(Api::Agent, "agent").iter().filter(|row| row.is_driven() && row.method.rtm) {
        let call = async |column: &str, _: &Set, payload: Value| {
            let rtm = lines.get(column)?;
            let answer = match &principals[column].author {
                Some(bot) => rtm.call_as(bot, row.method.name, payload).await,
                None => rtm.call(row.method.name, payload).await,
            };
            Some(letter(&answer))
        };
        stage.hold_to(row, "RTM", call).await;
    }
    stage.end();
}

#[tokio::test]
async fn customers() {
    let stage = Stage::set().await;
    let short = stage.server.customer_token(json!({ "valid_for": 1 })).await;
    let expired = stage.expired(Api::Customer, "get_chats_summary", text(&short["access_token"])).await;
    let other = stage.server.person().await;
    let abroad = Principal {
        token: Some(stage.customer_abroad().await.1),
        license: Some(FOREIGN_LICENSE),
        ..Principal::default()
    };
    for row in rows(Api::Customer, "customer").iter().filter(|row| row.is_driven()) {
        let call = async |column: &str, set: &Set, payload: Value| {
            let own = || Some(set.person.as_ref().unwrap().token.clone());
            let by = match column {
                "none" => Principal::default(),
                "expired" => expired.clone(),
                "agent" => Principal { token: Some(stage.token(Role::Holder)), ..Principal::default() },
                "abroad" => abroad.clone(),
                "astray" => Principal { token: own(), license: abroad.license, ..Principal::default() },
                // Each call of a stranger is a new one's, who has no chat yet.
                "other" if row.method.name == "start_chat" => {
                    Principal { token: Some(stage.server.person().await.token), ..Principal::default() }
                }
                "other" => Principal { token: Some(other.token.clone()), ..Principal::default() },
                _ => Principal { token: own(), ..Principal::default() },
            };
            if !row.method.web && !matches!(column, "own") {
                return None;
            }
            Some(letter(&stage.post(Api::Customer, &by, row.method.name, &payload).await))
        };
        stage.hold_to(row, "Web", call).await;
        let call = async |column: &str, set: &Set, payload: Value| {
            if !matches!(column, "own" | "other") {
                return None;
            }
            let rtm = stage.tab(stage.customer_of(column, set, &other)).await;
            Some(letter(&rtm.call(row.method.name, payload).await))
        };
        stage.hold_to(row, "RTM", call).await;
    }
    stage.end();
}

#[tokio::test]
async fn configuration() {
    let stage = Stage::set().await;
    let mut principals = stage.tokens(Api::Configuration, "get_bot_agents").await;
    let other = async |scopes: &[&str]| {
        let fields = json!({ "agent_id": stage.agent_id(Role::Colleague), "client_id": "another-app", "scopes": scopes });
        Principal { token: Some(stage.server.issue(fields).await), ..Principal::default() }
    };
    principals.extend([
        ("own", stage.reaching(Role::Holder, "all").await),
        ("own-my", stage.reaching(Role::Holder, "my").await),
        ("other", other(&up_to("all")).await),
        ("other-my", other(&up_to("my")).await),
        ("abroad", Principal { token: Some(stage.token(Role::Foreigner)), ..Principal::default() }),
    ]);
    for row in rows(Api::Configuration, "configuration").iter().filter(|row| row.is_driven()) {
        let call = async |column: &str, _: &Set, payload: Value| {
            Some(letter(
                &stage.post(Api::Configuration, &principals[column], row.method.name, &payload).await,
            ))
        };
        stage.hold_to(row, "Web", call).await;
    }
    stage.end();
}

impl Row {
    fn is_driven(&self) -> bool {
        later::driven(self.method.api, self.method.name)
    }
}

#[test]
fn every_method_with_arguments_stands_in_the_matrix() {
    for (api, name) in
        [(Api::Agent, "agent"), (Api::Customer, "customer"), (Api::Configuration, "configuration")]
    {
        let rows = rows(api, name);
        // What has no token of its own is no matter of authorization, and an own connection can only be one's own.
        let own = ["login", "logout", "ping", "set_away_status", "update_customer_page"];
        for method in methods::all().filter(|method| method.api == api && later::driven(api, method.name)) {
            let stands = rows.iter().filter(|row| row.method.name == method.name).count();
            assert_eq!(
                stands,
                usize::from(!own.contains(&method.name)),
                "rows of {} in matrix.txt",
                method.title()
            );
        }
    }
}
