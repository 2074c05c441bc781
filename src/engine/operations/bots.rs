//! Bots of an application. Source: spec v3.0, 7.1.

use std::rc::Rc;
use std::sync::Arc;

use actix::Actor;
use switchboard_domain::auth::Principal;
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::{AgentId, ClientId, LicenseId};
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::participant::bot::{Bot, BotChange};

use crate::engine::bot::{BotActor, Change, Remove};
use crate::engine::desk::DESK_CLIENT;
use crate::engine::limits::BOTS_PER_LICENSE;
use crate::engine::link;
use crate::engine::operations::read::table;
use crate::engine::order::{BotOrder, Done, Failure, NewBot, Outcome};
use crate::engine::release::Answer;
use crate::engine::shard::Shard;
use crate::storage::Lsn;
use crate::telemetry::clock;

/// Carries out an order about a help desk's bot.
pub(crate) fn desk_bot(shard: &Rc<Shard>, license: LicenseId, order: BotOrder, answer: Answer) {
    let found = |id: &AgentId| shard.engine.directory().bot(license, id);
    match order {
        BotOrder::Make(new) => make(shard, license, (ClientId::new(DESK_CLIENT), None), *new, answer),
        BotOrder::Change(id, change) => match found(&id) {
            Some(actor) => link::tell(&actor, Change { by: None, change: *change, answer }),
            None => shard.answer(answer, Err(unknown())),
        },
        BotOrder::Remove(id) => match found(&id) {
            Some(actor) => link::tell(&actor, Remove { by: None, any: true, answer }),
            None => shard.answer(answer, Err(unknown())),
        },
    }
}

/// Makes a bot of the asking application.
pub(super) fn create(shard: &Rc<Shard>, by: &Principal, new: NewBot, answer: Answer) {
    make(shard, by.license, (by.client.clone(), Some(by.token)), new, answer);
}

fn make(
    shard: &Rc<Shard>,
    license: LicenseId,
    (client, token): (ClientId, Option<[u8; 32]>),
    new: NewBot,
    answer: Answer,
) {
    let made = table(shard, license).and_then(|table| {
        shard.ready()?;
        if table.bots.iter().filter(|bot| !bot.removed).count() >= BOTS_PER_LICENSE {
            let reason = format!("a license may have at most {BOTS_PER_LICENSE} bots");
            return Err(Rejected::invalid("name", reason));
        }
        let now = clock::now();
        let bot = Bot {
            id: new.id.unwrap_or_else(|| AgentId::bot_from_random(clock::random_u128())),
            number: new.number.unwrap_or_else(|| shard.engine.tables().next_number()),
            client,
            name: new.name,
            avatar: new.avatar,
            token: token.filter(|_| new.duty.status != RoutingStatus::Offline),
            duty: new.duty,
            webhooks: new.webhooks,
            removed: false,
            version: 0,
            changed_at: now,
            offline_since: now,
            desk: new.desk,
        };
        bot.check(|group| table.license.load().groups.contains_key(&group))?;
        Ok((table, bot))
    });
    match made {
        Err(rejected) => shard.answer(answer, Err(rejected.into())),
        Ok((table, bot)) => {
            let (own, id) = (Rc::clone(shard), bot.id.clone());
            let actor = BotActor::create(move |ctx| {
                let mut actor = BotActor::new(own, table, bot, Lsn::ZERO);
                actor.born(answer, ctx);
                actor
            });
            shard.engine.directory().bots.insert((license, id), actor);
        }
    }
}

/// Changes a bot; its actor checks whose it is.
pub(super) fn update(
    shard: &Rc<Shard>,
    by: Arc<Principal>,
    id: &AgentId,
    mut change: BotChange,
    answer: Answer,
) {
    change.token = Some(by.token);
    match shard.engine.directory().bot(by.license, id) {
        Some(actor) => link::tell(&actor, Change { by: Some(by), change, answer }),
        None => shard.answer(answer, Err(unknown())),
    }
}

/// Removes a bot; its actor checks whose it is.
pub(super) fn remove(shard: &Rc<Shard>, by: Arc<Principal>, id: &AgentId, any: bool, answer: Answer) {
    match shard.engine.directory().bot(by.license, id) {
        Some(actor) => link::tell(&actor, Remove { by: Some(by), any, answer }),
        None => shard.answer(answer, Err(unknown())),
    }
}

/// The application's bots, or all, in the order of creation.
pub(super) fn list(shard: &Shard, by: &Principal, all: bool) -> Outcome {
    let table = table(shard, by.license)?;
    let mut bots: Vec<Arc<Bot>> = table
        .bots
        .iter()
        .map(|entry| Arc::clone(entry.value()))
        .filter(|bot| !bot.removed && (all || bot.client == by.client))
        .collect();
    bots.sort_by_key(|bot| bot.number);
    Ok(Done::Bots(bots))
}

/// One bot in full.
pub(super) fn get(shard: &Shard, by: &Principal, id: &AgentId, any: bool) -> Outcome {
    let bot = table(shard, by.license)?.bot(id);
    let bot = bot.filter(|bot| any || bot.client == by.client).ok_or_else(unknown)?;
    Ok(Done::Bot(bot))
}

fn unknown() -> Failure {
    Rejected::NotFound(Resource::Bot).into()
}
