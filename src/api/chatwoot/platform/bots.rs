//! Bots that the platform makes: of the installation, or of one account.

use std::sync::Arc;

use http::Method;
use serde_json::Value;
use switchboard_domain::id::LicenseId;
use switchboard_domain::participant::bot::Bot;
use switchboard_domain::participant::license::License;

use super::super::application::agent_bots::{changed_bot, remove};
use super::super::application::{BotFields, made_bot};
use super::super::call::{Answered, empty, json, number};
use super::super::fields::Fields;
use super::super::refusal::Refused;
use super::super::show;
use crate::engine::handle::EngineHandle;

/// Every bot once: one of the installation is in each license.
fn all_bots(engine: &EngineHandle) -> Vec<(Arc<License>, Arc<Bot>)> {
    let mut all: Vec<(Arc<License>, Arc<Bot>)> = Vec::new();
    for license in engine.licenses() {
        for bot in engine.desk_bots(license.id) {
            if !all.iter().any(|(_, known)| known.number == bot.number) {
                all.push((Arc::clone(&license), bot));
            }
        }
    }
    all.sort_by_key(|(_, bot)| bot.number);
    all
}

/// Did the platform make it?
fn is_its_own(bot: &Bot) -> bool {
    bot.desk.as_ref().is_some_and(|desk| desk.by_platform)
}

/// The same bot wherever it is.
fn everywhere(engine: &EngineHandle, id: u64) -> Vec<(LicenseId, Arc<Bot>)> {
    let of = |license: &Arc<License>| {
        let bots = engine.desk_bots(license.id);
        bots.into_iter().find(|bot| bot.number == id).map(|bot| (license.id, bot))
    };
    engine.licenses().iter().filter_map(of).collect()
}

/// Changes a bot wherever it is, while no license gets it as it was; one that ends meanwhile needs nothing.
async fn change(
    engine: &EngineHandle,
    bot: u64,
    fields: impl Fn() -> Result<BotFields, Refused>,
) -> Result<(), Refused> {
    let _turn = engine.sharing_turn().await?;
    for (license, bot) in everywhere(engine, bot) {
        let changed = changed_bot(engine, license, &bot, fields()?).await;
        if engine.license_exists(license) {
            changed?;
        }
    }
    Ok(())
}

/// Answers a call about bots.
pub(super) async fn answer(
    engine: &EngineHandle,
    method: &Method,
    path: &[&str],
    fields: &Fields,
) -> Answered {
    let one = |id: &str| -> Result<(Arc<License>, Arc<Bot>), Refused> {
        let id = number(id)?;
        let found =
            all_bots(engine).into_iter().find(|(_, bot)| bot.number == id).ok_or_else(Refused::not_found)?;
        if is_its_own(&found.1) { Ok(found) } else { Err(Refused::not_permissible()) }
    };
    match (method, path) {
        (&Method::GET, []) => {
            let mut all = all_bots(engine);
            all.retain(|(_, bot)| is_its_own(bot));
            json(all.iter().map(|(license, bot)| show::bot(license, bot)).collect::<Vec<Value>>().into())
        }
        (&Method::POST, []) => {
            if let Some(account) = fields.number("account_id")? {
                let license = engine.account(account).ok_or_else(Refused::not_found)?;
                let bot = made_bot(engine, license.id, BotFields::read(fields)?, (false, true)).await?;
                return json(show::bot(&license, &bot));
            }
            // Made in one license, it is shared with all the others, and with those to come.
            let first = engine.licenses().into_iter().next().ok_or_else(Refused::not_found)?;
            let bot = made_bot(engine, first.id, BotFields::read(fields)?, (true, true)).await?;
            engine.share_bots().await?;
            json(show::bot(&first, &bot))
        }
        (&Method::GET, [id]) => {
            let (license, bot) = one(id)?;
            json(show::bot(&license, &bot))
        }
        (&Method::PATCH | &Method::PUT, [id]) => {
            one(id)?;
            change(engine, number(id)?, || BotFields::read(fields)).await?;
            let (license, bot) = one(id)?;
            json(show::bot(&license, &bot))
        }
        (&Method::DELETE, [id, "avatar"]) => {
            one(id)?;
            change(engine, number(id)?, || Ok(BotFields::without_avatar())).await?;
            let (license, bot) = one(id)?;
            json(show::bot(&license, &bot))
        }
        (&Method::DELETE, [id]) => {
            one(id)?;
            let _turn = engine.sharing_turn().await?;
            for (license, bot) in everywhere(engine, number(id)?) {
                let removed = remove(engine, license, &bot).await;
                if engine.license_exists(license) {
                    removed?;
                }
            }
            empty()
        }
        _ => Err(Refused::not_found()),
    }
}
