//! Teams and who is in them. Source: spec 2.6.

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;
use switchboard_domain::desk::{DeskChange, Team};
use switchboard_domain::id::AgentId;

use super::super::call::{Answered, Call, empty, json, number};
use super::super::refusal::Refused;
use super::super::show;

/// Answers a call about teams.
pub(super) async fn answer(call: &Call<'_>, path: &[&str]) -> Answered {
    let me = call.asker.principal.agent();
    let shown = |team: &Team| show::team(&call.license, team, me);
    match (&call.method, path) {
        (&Method::GET, []) => json(call.license.desk.teams.values().map(shown).collect()),
        (&Method::POST, []) => {
            call.asker.must_administer()?;
            let blank = Team {
                number: call.engine.new_number(),
                name: "".into(),
                description: None,
                auto_assign: true,
                members: BTreeSet::new(),
            };
            call.fields.required_text("name")?;
            put(call, blank).await
        }
        (&Method::GET, [id]) => json(shown(team(call, id)?)),
        (&Method::PATCH | &Method::PUT, [id]) => {
            call.asker.must_administer()?;
            put(call, team(call, id)?.clone()).await
        }
        (&Method::DELETE, [id]) => {
            call.asker.must_administer()?;
            call.change(DeskChange::DeleteTeam(team(call, id)?.number)).await?;
            empty()
        }
        (_, [id, "team_members"]) => members(call, id).await,
        _ => Err(Refused::not_found()),
    }
}

fn team<'a>(call: &'a Call<'_>, id: &str) -> Result<&'a Team, Refused> {
    call.license.desk.teams.get(&number(id)?).ok_or_else(Refused::not_found)
}

/// Takes over what a request says of a team.
async fn put(call: &Call<'_>, mut team: Team) -> Answered {
    let fields = &call.fields;
    if fields.has("name") {
        team.name = fields.required_text("name")?.to_lowercase().into();
    }
    team.description = fields.clearable("description")?.unwrap_or(team.description);
    team.auto_assign = fields.flag("allow_auto_assign")?.unwrap_or(team.auto_assign);
    let id = team.number;
    let license = call.change(DeskChange::PutTeam(team)).await?;
    let team = license.desk.teams.get(&id).ok_or_else(Refused::not_found)?;
    json(show::team(&license, team, call.asker.principal.agent()))
}

async fn members(call: &Call<'_>, id: &str) -> Answered {
    let team = team(call, id)?;
    if call.method == Method::GET {
        return members_of(call, &team.members);
    }
    call.asker.must_administer()?;
    let named = call.fields.numbers("user_ids")?.ok_or_else(|| Refused::missing("user_ids"))?;
    let named: BTreeSet<AgentId> =
        named.into_iter().map(|id| call.agent(id).map(|agent| agent.id.clone())).collect::<Result<_, _>>()?;
    let members: BTreeSet<AgentId> = match call.method {
        Method::POST => team.members.union(&named).cloned().collect(),
        Method::PATCH | Method::PUT => named,
        Method::DELETE => team.members.difference(&named).cloned().collect(),
        _ => return Err(Refused::not_found()),
    };
    call.change(DeskChange::PutTeam(Team { members: members.clone(), ..team.clone() })).await?;
    if call.method == Method::DELETE { empty() } else { members_of(call, &members) }
}

fn members_of(call: &Call<'_>, members: &BTreeSet<AgentId>) -> Answered {
    let agents = call.agents();
    let own = agents.iter().filter(|agent| members.contains(&agent.id));
    json(own.map(|agent| show::agent(&call.license, agent)).collect::<Vec<Value>>().into())
}
