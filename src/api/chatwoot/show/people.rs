//! Agents, bots as somebody who writes, teams.

use serde_json::{Value, json};
use switchboard_domain::desk::Team;
use switchboard_domain::id::AgentId;
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::participant::agent::Role;
use switchboard_domain::participant::license::License;

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
const fn role(role: Role) -> &'static str {
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
