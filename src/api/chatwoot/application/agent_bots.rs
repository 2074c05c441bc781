//! Agent bots: made, changed, connected to inboxes. Source: spec 2.1; seeds 003 and 004.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use switchboard_domain::desk::DeskHearing;
use switchboard_domain::id::{AgentId, LicenseId};
use switchboard_domain::limits::{MAX_CHATS_COUNT, URL_CHARS};
use switchboard_domain::participant::bot::{Bot, BotChange, DeskBot};
use switchboard_domain::participant::{Duty, RoutingStatus};
use switchboard_domain::routing::Priority;
use switchboard_domain::webhook::{Action, BotWebhooks, Subscription, check_url};

use super::super::call::{Answered, Call, empty, json, number};
use super::super::fields::Fields;
use super::super::refusal::Refused;
use super::super::{NUMBER, show};
use crate::engine::handle::EngineHandle;
use crate::engine::order::{BotOrder, Done, NewBot};
use crate::engine::secret;

/// All that a bot may hear of.
const ACTIONS: [Action; 5] = [
    Action::ChatStarted,
    Action::EventPosted,
    Action::EventUpdated,
    Action::StatusChanged,
    Action::WidgetOpened,
];

/// What a request says of a bot.
pub(in super::super) struct BotFields {
    name: Option<Box<str>>,
    avatar: Option<Box<str>>,
    description: Option<Option<Box<str>>>,
    url: Option<Option<Box<str>>>,
    config: Option<Box<str>>,
}

impl BotFields {
    /// Those that take a bot's picture away.
    pub(in super::super) fn without_avatar() -> Self {
        Self { name: None, avatar: Some("".into()), description: None, url: None, config: None }
    }

    /// Reads them.
    ///
    /// # Errors
    /// 422, naming the field.
    pub(in super::super) fn read(fields: &Fields) -> Result<Self, Refused> {
        let kind = fields.text("bot_type")?;
        if kind.as_deref().is_some_and(|kind| !["webhook", "0", ""].contains(&kind)) {
            return Err(Refused::field("bot_type", "is not supported: it must be webhook"));
        }
        let url = fields.clearable("outgoing_url")?;
        if let Some(Some(url)) = &url {
            if url.chars().count() > URL_CHARS {
                let reason = format!("is too long (maximum is {URL_CHARS} characters)");
                return Err(Refused::field("outgoing_url", &reason));
            }
            check_url("outgoing_url", url)?;
        }
        Ok(Self {
            name: if fields.has("name") { Some(fields.required_text("name")?) } else { None },
            avatar: fields.text("avatar_url")?,
            description: fields.clearable("description")?,
            url,
            config: fields.object_text("bot_config")?,
        })
    }
}

/// Where a bot hears, by its own settings.
fn webhooks(desk: &DeskBot) -> Option<BotWebhooks> {
    let config = show_object(&desk.config);
    let words = config["events"].as_array().into_iter().flatten();
    let words = words.filter_map(Value::as_str).map(Into::into).collect();
    let hears_itself = config["receive_own_messages"].as_bool().unwrap_or(false);
    let actions = ACTIONS.map(|action| Subscription { action, filters: None, additional: None });
    Some(BotWebhooks {
        url: desk.url.clone()?,
        secret_key: desk.secret.clone(),
        actions: actions.into(),
        dialect: NUMBER,
        former: None,
        desk: Some(DeskHearing { words, hears_itself, group: None }),
    })
}

fn show_object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// Makes a bot in a license.
///
/// # Errors
/// 422, naming the field.
pub(in super::super) async fn made_bot(
    engine: &EngineHandle,
    license: LicenseId,
    fields: BotFields,
    (system, by_platform): (bool, bool),
) -> Result<Arc<Bot>, Refused> {
    let name = fields.name.ok_or_else(|| Refused::field("name", "can't be blank"))?;
    let desk = DeskBot {
        description: fields.description.flatten(),
        config: fields.config.unwrap_or_else(|| "{}".into()),
        token: secret::draw_short().into(),
        secret: secret::draw_short().into(),
        url: fields.url.flatten(),
        system,
        by_platform,
    };
    let new = NewBot {
        name,
        avatar: fields.avatar,
        // It answers first where it is connected, and is never chosen elsewhere.
        duty: Duty {
            status: RoutingStatus::Accepting,
            max_chats: MAX_CHATS_COUNT,
            default_priority: Priority::Supervisor,
            ..Duty::default()
        },
        webhooks: webhooks(&desk),
        desk: Some(Box::new(desk)),
        id: None,
        number: None,
    };
    let Done::BotCreated(id) = engine.desk_bot(license, BotOrder::Make(Box::new(new))).await? else {
        return Err(Refused::not_found());
    };
    found(engine, license, &id)
}

fn found(engine: &EngineHandle, license: LicenseId, id: &AgentId) -> Result<Arc<Bot>, Refused> {
    engine.desk_bots(license).into_iter().find(|bot| bot.id == *id).ok_or_else(Refused::not_found)
}

/// Changes a bot.
pub(in super::super) async fn changed_bot(
    engine: &EngineHandle,
    license: LicenseId,
    bot: &Bot,
    fields: BotFields,
) -> Result<Arc<Bot>, Refused> {
    let mut desk = bot.desk.as_deref().cloned().ok_or_else(Refused::not_found)?;
    desk.description = fields.description.unwrap_or(desk.description);
    desk.url = fields.url.unwrap_or(desk.url);
    desk.config = fields.config.unwrap_or(desk.config);
    let change = BotChange { name: fields.name, avatar: fields.avatar, ..with(desk) };
    engine.desk_bot(license, BotOrder::Change(bot.id.clone(), Box::new(change))).await?;
    found(engine, license, &bot.id)
}

fn with(desk: DeskBot) -> BotChange {
    BotChange { webhooks: webhooks(&desk), deaf: true, desk: Some(Box::new(desk)), ..BotChange::default() }
}

/// Answers a call about agent bots.
pub(super) async fn answer(call: &Call<'_>, path: &[&str]) -> Answered {
    let admin = call.asker.admin;
    let license = &call.license;
    match (&call.method, path) {
        (&Method::GET, []) => {
            let bots = call.engine.desk_bots(license.id);
            json(bots.iter().map(|bot| show::bot_of(license, bot, admin)).collect())
        }
        (&Method::POST, []) => {
            call.asker.must_administer()?;
            let fields = BotFields::read(&call.fields)?;
            let bot = made_bot(call.engine, license.id, fields, (false, false)).await?;
            json(show::bot_of(license, &bot, true))
        }
        (&Method::GET, [id]) => json(show::bot_of(license, &*call.bot(number(id)?)?, admin)),
        (&Method::PATCH | &Method::PUT, [id]) => {
            let bot = own(call, id)?;
            let bot = changed_bot(call.engine, license.id, &bot, BotFields::read(&call.fields)?).await?;
            json(show::bot_of(license, &bot, true))
        }
        (&Method::DELETE, [id]) => {
            let bot = own(call, id)?;
            remove(call.engine, license.id, &bot).await?;
            empty()
        }
        (&Method::DELETE, [id, "avatar"]) => {
            let bot = own(call, id)?;
            let change = BotChange { avatar: Some("".into()), ..BotChange::default() };
            call.engine.desk_bot(license.id, BotOrder::Change(bot.id.clone(), Box::new(change))).await?;
            json(show::bot_of(license, &*found(call.engine, license.id, &bot.id)?, true))
        }
        (&Method::POST, [id, action @ ("reset_access_token" | "reset_secret")]) => {
            let bot = own(call, id)?;
            let mut desk = bot.desk.as_deref().cloned().ok_or_else(Refused::not_found)?;
            let fresh = secret::draw_short().into();
            if *action == "reset_secret" {
                desk.secret = fresh;
            } else {
                desk.token = fresh;
            }
            call.engine.desk_bot(license.id, BotOrder::Change(bot.id.clone(), Box::new(with(desk)))).await?;
            json(show::bot_of(license, &*found(call.engine, license.id, &bot.id)?, true))
        }
        (_, [id, "agent_bot_inboxes", rest @ ..]) => connections(call, id, rest).await,
        _ => Err(Refused::not_found()),
    }
}

/// A bot that the account's administrators may change.
fn own(call: &Call<'_>, id: &str) -> Result<Arc<Bot>, Refused> {
    call.asker.must_administer()?;
    let bot = call.bot(number(id)?)?;
    let system = bot.desk.as_ref().is_some_and(|desk| desk.system);
    if system { Err(Refused::not_found()) } else { Ok(bot) }
}

/// Removes a bot from a license; what it has in its inboxes goes to people.
pub(in super::super) async fn remove(
    engine: &EngineHandle,
    license: LicenseId,
    bot: &Bot,
) -> Result<(), Refused> {
    let known = engine.license(license).ok_or_else(Refused::not_found)?;
    for inbox in known.desk.inboxes.values().filter(|inbox| inbox.bot.as_ref() == Some(&bot.id)) {
        engine.set_inbox_bot(license, inbox.number, None).await?;
    }
    engine.desk_bot(license, BotOrder::Remove(bot.id.clone())).await?;
    Ok(())
}

/// A bot's connections to inboxes, as seed 004 has them.
async fn connections(call: &Call<'_>, id: &str, path: &[&str]) -> Answered {
    call.asker.must_administer()?;
    let bot = call.bot(number(id)?)?;
    let shown = |inbox: u64| {
        json!({
            "id": inbox, "agent_bot_id": bot.number, "inbox_id": inbox,
            "account_id": call.license.desk.account, "status": "active",
        })
    };
    match (&call.method, path) {
        (&Method::GET, []) => {
            let inboxes = call.license.desk.inboxes.values();
            let own = inboxes.filter(|inbox| inbox.bot.as_ref() == Some(&bot.id));
            json(own.map(|inbox| shown(inbox.number)).collect())
        }
        (&Method::POST, []) => {
            let inbox = call.fields.number("inbox_id")?.ok_or_else(|| Refused::missing("inbox_id"))?;
            call.inbox(inbox)?;
            call.engine.set_inbox_bot(call.license.id, inbox, Some(bot.id.clone())).await?;
            json(shown(inbox))
        }
        (&Method::DELETE, [inbox]) => {
            let inbox = call.inbox(number(inbox)?)?;
            if inbox.bot.as_ref() != Some(&bot.id) {
                return Err(Refused::not_found());
            }
            call.engine.set_inbox_bot(call.license.id, inbox.number, None).await?;
            empty()
        }
        _ => Err(Refused::not_found()),
    }
}
