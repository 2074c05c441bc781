//! Agents, bots as somebody who writes, teams.

use serde_json::{Value, json};
use switchboard_domain::desk::Team;
use switchboard_domain::id::AgentId;
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::participant::agent::Role;
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::person::Person;

use std::sync::Arc;

use super::{extend, object};
use crate::engine::profiles::AgentProfile;

/// Is somebody there?
fn availability(agent: &AgentProfile) -> &'static str {
    match agent.duty.status {
        RoutingStatus::Accepting => "online",
        RoutingStatus::NotAccepting => "busy",
        RoutingStatus::Offline => "offline",
    }
}

/// The word for a role.
pub(in super::super) const fn role(role: Role) -> &'static str {
    match role {
        Role::Owner | Role::Administrator => "administrator",
        Role::Normal => "agent",
    }
}

/// An agent.
pub(in super::super) fn agent(license: &License, agent: &AgentProfile) -> Value {
    json!({
        "id": agent.number,
        "account_id": license.desk.account,
        "name": agent.name,
        "available_name": agent.name,
        "email": agent.id.as_str(),
        "role": role(agent.role),
        "availability_status": availability(agent),
        "auto_offline": true,
        "confirmed": true,
        "provider": "email",
        "thumbnail": agent.avatar,
    })
}

/// A person of the installation, with every account that it is in.
pub(in super::super) fn person(person: &Person, accounts: &[(Arc<License>, Arc<AgentProfile>)]) -> Value {
    json!({
        "id": person.number,
        "name": person.name,
        "display_name": person.display_name,
        "available_name": person.shown_name(),
        "email": person.email.as_str(),
        "uid": person.email.as_str(),
        "provider": "email",
        "confirmed": true,
        "custom_attributes": object(&person.attributes),
        "accounts": accounts.iter().map(|(license, agent)| membership(license, agent)).collect::<Vec<_>>(),
    })
}

/// An account, as somebody is in it.
pub(in super::super) fn membership(license: &License, agent: &AgentProfile) -> Value {
    let more = json!({
        "role": role(agent.role),
        "availability_status": availability(agent),
        "auto_offline": true,
    });
    extend(status_of_account(license), more)
}

/// An account by its number, name and status.
fn status_of_account(license: &License) -> Value {
    let status = if license.desk.about.suspended { "suspended" } else { "active" };
    json!({ "id": license.desk.account, "name": license.desk.name, "status": status })
}

/// An account, as the installation's owner sees it.
pub(in super::super) fn whole_account(license: &License) -> Value {
    let about = &license.desk.about;
    let mut limits = json!({});
    for (name, count) in [("agents", about.allowance.agents), ("inboxes", about.allowance.inboxes)] {
        if let Some(count) = count {
            limits[name] = count.into();
        }
    }
    let more = json!({
        "locale": about.locale,
        "domain": about.domain,
        "support_email": about.support_email,
        "limits": limits,
        "custom_attributes": object(&about.attributes),
        "features": {},
    });
    extend(status_of_account(license), more)
}

/// A bot as somebody that a conversation is assigned to.
pub(in super::super) fn slim_bot(bot: &AgentProfile) -> Value {
    json!({ "id": bot.number, "name": bot.name, "thumbnail": bot.avatar, "type": "agent_bot" })
}

/// Whoever wrote a message, as answers show it.
pub(in super::super) fn sender(agent: &AgentProfile) -> Value {
    if agent.bot_of.is_some() {
        return json!({
            "id": agent.number,
            "name": agent.name,
            "avatar_url": agent.avatar,
            "thumbnail": agent.avatar,
            "type": "agent_bot",
        });
    }
    json!({
        "id": agent.number,
        "name": agent.name,
        "available_name": agent.name,
        "avatar_url": agent.avatar,
        "thumbnail": agent.avatar,
        "availability_status": availability(agent),
        "type": "user",
    })
}

/// A person or bot, as events show it.
pub(in super::super) fn person_in_event(agent: &AgentProfile) -> Value {
    if agent.bot_of.is_some() {
        return json!({ "id": agent.number, "name": agent.name, "type": "agent_bot" });
    }
    json!({ "id": agent.number, "name": agent.name, "email": agent.id.as_str(), "type": "user" })
}

/// A team, as `me` sees it.
pub(in super::super) fn team(license: &License, team: &Team, me: Option<&AgentId>) -> Value {
    json!({
        "id": team.number,
        "name": team.name,
        "description": team.description,
        "allow_auto_assign": team.auto_assign,
        "account_id": license.desk.account,
        "is_member": me.is_some_and(|me| team.members.contains(me)),
    })
}
