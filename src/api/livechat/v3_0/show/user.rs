//! Users as each side sees them (spec v3.0, 4.4).

use serde::Serialize;
use switchboard_domain::conversation::view::Member;
use switchboard_domain::id::UserId;
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::participant::agent::Role;
use switchboard_domain::participant::customer::Customer;

use super::{Lens, Text};
use crate::engine::dialect::Side;
use crate::engine::profiles::AgentProfile;

/// A user in a chat.
#[derive(Serialize)]
pub(super) struct UserOut<'a> {
    id: Text<&'a UserId>,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    profile: Option<ProfileOut<'a>>,
    present: bool,
    last_seen_timestamp: u64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ProfileOut<'a> {
    Agent(AgentOut<'a>),
    Customer(CustomerOut<'a>),
}

#[derive(Serialize)]
struct AgentOut<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    avatar: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing_status: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct CustomerOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<&'a std::collections::BTreeMap<Box<str>, Box<str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
}

/// The profile of whoever logged in.
#[derive(Serialize)]
pub(super) struct MyProfile<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    profile: AgentOut<'a>,
    present: bool,
    last_seen_timestamp: u64,
    permission: &'static str,
}

impl<'a> Lens<'a> {
    pub(super) fn user(self, member: &'a Member) -> UserOut<'a> {
        let (kind, profile) = match &member.user {
            UserId::Agent(id) => {
                ("agent", self.profiles.agent(id).map(|agent| ProfileOut::Agent(agent_out(self.side, agent))))
            }
            UserId::Customer(id) => {
                let profile = self.profiles.customer(*id);
                ("customer", profile.map(|customer| ProfileOut::Customer(customer_out(self.side, customer))))
            }
        };
        UserOut {
            id: Text(&member.user),
            kind,
            profile,
            present: member.present,
            last_seen_timestamp: member.seen_at.unwrap_or_default().as_secs(),
        }
    }
}

impl<'a> From<&'a AgentProfile> for MyProfile<'a> {
    fn from(me: &'a AgentProfile) -> Self {
        Self {
            id: me.id.as_str(),
            kind: "agent",
            profile: agent_out(Side::Agent, me),
            present: true,
            last_seen_timestamp: 0,
            permission: match me.role {
                Role::Owner => "owner",
                Role::Administrator => "administrator",
                Role::Normal => "normal",
            },
        }
    }
}

/// A human agent's id is its e-mail address, for other agents only; a bot has none.
fn agent_out(side: Side, agent: &AgentProfile) -> AgentOut<'_> {
    let to_agents = side == Side::Agent;
    AgentOut {
        name: &agent.name,
        email: (to_agents && agent.bot_of.is_none()).then(|| agent.id.as_str()),
        avatar: &agent.avatar,
        // Told only of those who are logged in.
        routing_status: (to_agents && agent.duty.status != RoutingStatus::Offline)
            .then(|| routing_status(agent.duty.status)),
    }
}

pub(super) fn customer_out(side: Side, customer: &Customer) -> CustomerOut<'_> {
    CustomerOut {
        name: customer.name.as_deref(),
        email: customer.email.as_deref(),
        avatar: customer.avatar.as_deref(),
        fields: (!customer.fields.is_empty()).then_some(&customer.fields),
        created_at: (side == Side::Agent).then(|| iso_time(customer.created_at)),
    }
}

/// ISO 8601 in UTC, with microseconds.
pub(super) fn iso_time(at: switchboard_domain::time::Timestamp) -> String {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX);
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// How the Agent API spells a status.
pub(super) const fn routing_status(status: RoutingStatus) -> &'static str {
    match status {
        RoutingStatus::Accepting => "accepting_chats",
        RoutingStatus::NotAccepting => "not_accepting_chats",
        RoutingStatus::Offline => "offline",
    }
}

/// How the Configuration API and webhooks spell a status.
pub(super) const fn spaced_status(status: RoutingStatus) -> &'static str {
    match status {
        RoutingStatus::Accepting => "accepting chats",
        RoutingStatus::NotAccepting => "not accepting chats",
        RoutingStatus::Offline => "offline",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::livechat::v3_0::show::testing::{ANN, BOT, MIA, as_json, lens, member};
    use serde_json::json;

    #[test]
    fn agents_see_more_of_agents_than_customers_do() {
        let world = lens();
        let ann = member(ANN);
        assert_eq!(
            as_json(&world.side(Side::Agent).user(&ann)),
            json!({ "id": ANN, "type": "agent", "name": "Ann", "email": ANN, "present": true,
                    "last_seen_timestamp": 1_561_900_000, "avatar": "", "routing_status": "accepting_chats" })
        );
        assert_eq!(
            as_json(&world.side(Side::Customer).user(&ann)),
            json!({ "id": ANN, "type": "agent", "name": "Ann", "avatar": "", "present": true,
                    "last_seen_timestamp": 1_561_900_000 })
        );
    }

    #[test]
    fn a_bot_has_no_email_and_an_offline_one_no_status() {
        assert_eq!(
            as_json(&lens().side(Side::Agent).user(&member(BOT))),
            json!({ "id": BOT, "type": "agent", "name": "Parcel bot", "avatar": "cdn.example.org/p.png",
                    "present": true, "last_seen_timestamp": 1_561_900_000 })
        );
    }

    #[test]
    fn customers_show_what_they_told() {
        let world = lens();
        let mia = member(MIA);
        let mut expected = json!({ "id": MIA, "type": "customer", "name": "Mia", "email": "mia@example.com",
            "fields": { "plan": "free" }, "present": true, "last_seen_timestamp": 1_561_900_000 });
        assert_eq!(as_json(&world.side(Side::Customer).user(&mia)), expected);
        expected["created_at"] = json!("2019-06-30T12:00:00.000000Z");
        assert_eq!(as_json(&world.side(Side::Agent).user(&mia)), expected);
        let unknown = member("00000000-0000-4000-8000-000000000000");
        assert_eq!(
            as_json(&world.side(Side::Agent).user(&unknown)),
            json!({ "id": "00000000-0000-4000-8000-000000000000", "type": "customer", "present": true,
                    "last_seen_timestamp": 1_561_900_000 })
        );
    }
}
