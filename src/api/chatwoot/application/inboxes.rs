//! Inboxes, their bot and their members. Source: spec 2.2.

use std::sync::Arc;

use http::Method;
use serde_json::{Map, Value, json};
use switchboard_domain::desk::{Channel, DeskChange, Inbox};
use switchboard_domain::id::GroupId;
use switchboard_domain::routing::Priority;

use super::super::call::{Answered, Call, empty, json, number};
use super::super::fields::Fields;
use super::super::refusal::Refused;
use super::super::{NUMBER, show};
use crate::engine::order::AgentOrder;
use crate::engine::profiles::AgentProfile;
use crate::engine::secret;
use crate::telemetry::clock;

/// What is kept of an inbox for those who show it, and obeyed by nobody here.
const KEPT: [&str; 22] = [
    "greeting_enabled",
    "greeting_message",
    "auto_assignment_config",
    "enable_email_collect",
    "csat_survey_enabled",
    "timezone",
    "working_hours",
    "working_hours_enabled",
    "out_of_office_message",
    "sender_name_type",
    "business_name",
    "additional_attributes",
    "website_url",
    "widget_color",
    "welcome_title",
    "welcome_tagline",
    "reply_time",
    "pre_chat_form_enabled",
    "pre_chat_form_options",
    "selected_feature_flags",
    "agent_away_message",
    "avatar_url",
];

/// Answers a call about inboxes.
pub(super) async fn answer(call: &Call<'_>, path: &[&str]) -> Answered {
    let (license, admin) = (&call.license, call.asker.admin);
    match (&call.method, path) {
        (&Method::GET, []) => {
            let inboxes = license.desk.inboxes.values().filter(|inbox| call.serves(inbox));
            let shown: Vec<Value> = inboxes.map(|inbox| show::inbox(license, inbox, admin)).collect();
            json(json!({ "payload": shown }))
        }
        (&Method::POST, []) => {
            call.asker.must_administer()?;
            let (inbox, name) = made(&call.fields, call.engine.new_number())?;
            put(call, inbox, name).await
        }
        (&Method::GET, [id]) => json(show::inbox(license, call.inbox(number(id)?)?, admin)),
        (&Method::PATCH | &Method::PUT, [id]) => {
            call.asker.must_administer()?;
            let mut inbox = call.inbox(number(id)?)?.clone();
            change(&mut inbox, &call.fields)?;
            let before =
                license.groups.get(&inbox.group).map_or_else(|| "Inbox".into(), |group| group.name.clone());
            let name = if call.fields.has("name") { call.fields.required_text("name")? } else { before };
            put(call, inbox, name).await
        }
        (&Method::DELETE, [id]) => {
            call.asker.must_administer()?;
            let inbox = call.inbox(number(id)?)?.number;
            call.change(DeskChange::DeleteInbox(inbox)).await?;
            json(json!({ "message": "Your inbox deletion request will be processed in some time." }))
        }
        (&Method::GET, [id, "agent_bot"]) => {
            let inbox = call.inbox(number(id)?)?;
            let bots = call.engine.desk_bots(license.id);
            let bot = bots.iter().find(|bot| inbox.bot.as_ref() == Some(&bot.id));
            let shown = bot.map_or_else(|| json!({}), |bot| show::bot_of(license, bot, admin));
            json(json!({ "agent_bot": shown }))
        }
        (&Method::POST, [id, "set_agent_bot"]) => {
            call.asker.must_administer()?;
            let inbox = call.inbox(number(id)?)?.number;
            let bot = call.fields.number("agent_bot")?.map(|bot| call.bot(bot)).transpose()?;
            call.engine.set_inbox_bot(license.id, inbox, bot.map(|bot| bot.id.clone())).await?;
            empty()
        }
        (&Method::GET, [id, "assignable_agents"]) => {
            let inbox = call.inbox(number(id)?)?;
            members_of(call, inbox.group)
        }
        _ => Err(Refused::not_found()),
    }
}

async fn put(call: &Call<'_>, inbox: Inbox, name: Box<str>) -> Answered {
    let id = inbox.number;
    let license = call.change(DeskChange::PutInbox { inbox: Box::new(inbox), name }).await?;
    let inbox = license.desk.inboxes.get(&id).ok_or_else(Refused::not_found)?;
    json(show::inbox(&license, inbox, true))
}

/// Reads a new inbox.
fn made(fields: &Fields, id: u64) -> Result<(Inbox, Box<str>), Refused> {
    let name = fields.required_text("name")?;
    let channel = fields.inside("channel")?.unwrap_or_default();
    let kind = channel.text("type")?;
    let kind = match kind.as_deref() {
        Some("api") => Channel::Api,
        Some("web_widget") => Channel::Website,
        None => return Err(Refused::missing("channel.type")),
        Some(other) => {
            return Err(Refused::unprocessable(format!("'{other}' is not a supported channel type")));
        }
    };
    if kind == Channel::Website {
        channel.required_text("website_url")?;
    }
    let drawn = [secret::draw_short(), secret::draw_short(), secret::draw_short()].map(Into::into);
    let mut inbox = Inbox { created_at: clock::now(), ..Inbox::new(id, kind, drawn) };
    change(&mut inbox, fields)?;
    Ok((inbox, name))
}

/// Takes over what a request says of an inbox, at the top or inside `channel`.
fn change(inbox: &mut Inbox, fields: &Fields) -> Result<(), Refused> {
    inbox.dialect = NUMBER;
    let channel = fields.inside("channel")?.unwrap_or_default();
    inbox.auto_assign = fields.flag("enable_auto_assignment")?.unwrap_or(inbox.auto_assign);
    inbox.lock_to_single = fields.flag("lock_to_single_conversation")?.unwrap_or(inbox.lock_to_single);
    inbox.reopens = fields.flag("allow_messages_after_resolved")?.unwrap_or(inbox.reopens);
    for from in [fields, &channel] {
        inbox.hmac_mandatory = from.flag("hmac_mandatory")?.unwrap_or(inbox.hmac_mandatory);
        if let Some(url) = from.clearable("webhook_url")? {
            inbox.webhook_url = url;
        }
    }
    if let Some(config) = fields.inside("auto_assignment_config")? {
        inbox.max_per_agent = config.limit("max_assignment_limit")?;
    }
    let mut kept: Map<String, Value> = serde_json::from_str(&inbox.extras).unwrap_or_default();
    for name in KEPT {
        if let Some(value) = channel.raw(name).or_else(|| fields.raw(name)) {
            kept.insert(name.to_owned(), value.clone());
        }
    }
    inbox.extras = Value::Object(kept).to_string().into();
    Ok(())
}

/// Answers a call about the members of inboxes.
pub(super) async fn members(call: &Call<'_>, path: &[&str]) -> Answered {
    if let (&Method::GET, [id]) = (&call.method, path) {
        let inbox = call.inbox(number(id)?)?;
        return members_of(call, inbox.group);
    }
    if !path.is_empty() {
        return Err(Refused::not_found());
    }
    call.asker.must_administer()?;
    let inbox = call.fields.number("inbox_id")?.ok_or_else(|| Refused::missing("inbox_id"))?;
    let group = call.inbox(inbox)?.group;
    let named = call.fields.numbers("user_ids")?.ok_or_else(|| Refused::missing("user_ids"))?;
    let named: Vec<Arc<AgentProfile>> =
        named.into_iter().map(|id| call.agent(id)).collect::<Result<_, _>>()?;
    match call.method {
        Method::POST => place(call, &named, group, true).await?,
        Method::PATCH | Method::PUT => {
            let others: Vec<_> = call
                .agents()
                .into_iter()
                .filter(|agent| !named.iter().any(|own| own.id == agent.id))
                .collect();
            place(call, &others, group, false).await?;
            place(call, &named, group, true).await?;
        }
        Method::DELETE => {
            place(call, &named, group, false).await?;
            return empty();
        }
        _ => return Err(Refused::not_found()),
    }
    members_of(call, group)
}

async fn place(
    call: &Call<'_>,
    agents: &[Arc<AgentProfile>],
    group: GroupId,
    inside: bool,
) -> Result<(), Refused> {
    for agent in agents {
        let known = agent.duty.groups.iter().any(|(own, _)| *own == group);
        if known != inside {
            let order = AgentOrder::Place(group, inside.then_some(Priority::Normal));
            call.engine.administer(call.license.id, &agent.id, order).await?;
        }
    }
    Ok(())
}

/// The people who serve a group; everybody serves group 0.
fn members_of(call: &Call<'_>, group: GroupId) -> Answered {
    let serves = |agent: &AgentProfile| {
        group == GroupId::EVERYBODY || agent.duty.groups.iter().any(|(own, _)| *own == group)
    };
    let members: Vec<Value> = call
        .agents()
        .iter()
        .filter(|agent| serves(agent))
        .map(|agent| show::agent(&call.license, agent))
        .collect();
    json(json!({ "payload": members }))
}
