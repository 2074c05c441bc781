//! Licenses that begin and end while the server runs.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use actix::Actor as _;
use switchboard_domain::desk::{AccountChange, DeskChange};
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::{ClientId, LicenseId};
use switchboard_domain::participant::bot::Bot;
use switchboard_domain::participant::license::{License, LicenseChange};
use tokio::sync::oneshot;

use crate::engine::license::LicenseActor;
use crate::engine::link;
use crate::engine::operations::{desk_bot, detached};
use crate::engine::order::{BotOrder, Done, Failure, NewBot, Outcome};
use crate::engine::release::Answer;
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::engine::tenancy::{Begin, End};
use crate::engine::webhook::Graves;
use crate::storage::Lsn;
use crate::telemetry::clock;

/// Makes a license of the platform's; answered when it serves, the installation's bots included.
pub(crate) fn make_license(shard: &Rc<Shard>, description: AccountChange, answer: Answer) {
    let shard = Rc::clone(shard);
    detached(async move {
        let made = make(&shard, description).await;
        if made.is_ok() {
            give_bots(&shard).await;
        }
        shard.answer(answer, made);
    });
}

async fn make(shard: &Rc<Shard>, description: AccountChange) -> Outcome {
    let engine = &shard.engine;
    shard.ready()?;
    License::room_beside(engine.tables().licenses().len())?;
    let (organization, client) = (uuid(clock::random_u128()), format!("{:032x}", clock::random_u128()));
    // Described before it has numbers: what is refused takes none.
    let bare = License::new(LicenseId(0), &organization, ClientId::new(&client), clock::now());
    let mut license = described(bare, description)?;
    license.desk.about.by_platform = true;
    (license.id, license.desk.account) = engine.tables().next_license();
    let dead =
        Graves::open(engine.records(), license.id, engine.settings().dead_letters).map_err(|error| {
            tracing::error!(%error, "a license cannot begin");
            Rejected::Internal
        })?;
    let at = engine.home(license.id).ok_or(Rejected::Internal)?;
    let table = Arc::new(LicenseTable::new(license.clone()));
    let actor = LicenseActor::start_in_arbiter(&at, move |_| {
        LicenseActor::new(Shard::here(), table, license, Lsn::ZERO)
    });
    let (told, heard) = oneshot::channel();
    link::tell(&actor, Begin { dead, answer: Answer::Waiter(told) });
    heard.await.map_err(|_| Rejected::Internal)?
}

fn described(mut license: License, description: AccountChange) -> Result<License, Rejected> {
    if description.name.is_none() {
        return Err(Rejected::blank("name"));
    }
    let change = LicenseChange::Desk(DeskChange::Describe(Box::new(description)));
    license.change(change)?.iter().for_each(|fact| license.apply(fact));
    Ok(license)
}

/// The text of a UUID of version 4 with these bits.
fn uuid(bits: u128) -> String {
    let bits = (bits & !(0xf000 << 64) & !(0xc000 << 48)) | (0x4000 << 64) | (0x8000 << 48);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Ends a license: when this is answered nobody is served any more.
pub(crate) fn end_license(shard: &Rc<Shard>, license: LicenseId, answer: Answer) {
    match shard.engine.directory().license(license) {
        Some(actors) => link::tell(&actors.license, End { answer }),
        None => shard.answer(answer, Err(Rejected::NotFound(Resource::License).into())),
    }
}

/// Sees that every license has every bot of the installation.
pub(crate) fn share_bots(shard: &Rc<Shard>, answer: Answer) {
    let shard = Rc::clone(shard);
    detached(async move {
        give_bots(&shard).await;
        shard.answer(answer, Ok(Done::Nothing));
    });
}

/// One at a time looks.
async fn give_bots(shard: &Rc<Shard>) {
    let Ok(_turn) = shard.engine.sharing_turn().await else { return };
    let licenses = shard.engine.tables().licenses();
    let mut shared: BTreeMap<u64, Arc<Bot>> = BTreeMap::new();
    for table in &licenses {
        let own = table.bots.iter().filter(|bot| bot.is_shared());
        shared.extend(own.map(|bot| (bot.number, Arc::clone(&bot))));
    }
    for table in licenses {
        // Also one that was removed there: it does not come back.
        let there: BTreeSet<u64> = table.bots.iter().map(|bot| bot.number).collect();
        for bot in shared.values().filter(|bot| !there.contains(&bot.number)) {
            let number = bot.number;
            if let Err(failure) = share(shard, &table, bot).await {
                tracing::warn!(license = %table.id, number, ?failure, "a bot of the installation is missing there");
            }
        }
    }
}

async fn share(shard: &Rc<Shard>, table: &LicenseTable, bot: &Bot) -> Result<(), Failure> {
    let copy = bot.in_another_license(bot.id.clone(), clock::now());
    let new = NewBot {
        name: copy.name,
        avatar: copy.avatar,
        duty: copy.duty,
        webhooks: copy.webhooks,
        desk: copy.desk,
        id: None,
        number: Some(copy.number),
    };
    let (told, heard) = oneshot::channel();
    desk_bot(shard, table.id, BotOrder::Make(Box::new(new)), Answer::Waiter(told));
    heard.await.map_err(|_| Rejected::Internal)?.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_has_a_uuid_of_version_4() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
