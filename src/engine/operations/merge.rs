//! One contact becomes part of another. The license's fact that it is to be makes the one that goes change no
//! more; then the other takes over what it has, it vanishes, and its conversations change hands. Each step may
//! be done again, and a start goes on with every merge that the license knows of (design D7).

use std::rc::Rc;
use std::sync::Arc;

use switchboard_domain::conversation::command::Command;
use switchboard_domain::desk::{DeskChange, Merge};
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::LicenseId;
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::participant::license::LicenseChange;
use tokio::sync::oneshot;

use super::{change_license, detached, execute};
use crate::engine::conversation::Execute;
use crate::engine::customer::{Absorb, ChatsOf, IsSettled, ReadCustomer, TellMerged, Vanish};
use crate::engine::limits::{CHATS_MOVED_AT_ONCE, FULL_DISK_PAUSE, SETTLE_PAUSE};
use crate::engine::link;
use crate::engine::order::{Done, Failure, Outcome};
use crate::engine::release::Answer;
use crate::engine::shard::Shard;

/// Makes one contact part of another; answered with the other one when all of it is.
pub(crate) fn merge_contacts(shard: &Rc<Shard>, license: LicenseId, merge: Merge, answer: Answer) {
    let shard = Rc::clone(shard);
    detached(async move {
        match begin(&shard, license, merge).await {
            Ok(()) => carry_out(&shard, license, merge, answer).await,
            Err(failure) => shard.answer(answer, Err(failure)),
        }
    });
}

/// Goes on with a merge that an earlier process began.
pub(crate) fn go_on_merging(shard: &Rc<Shard>, license: LicenseId, merge: Merge) {
    let shard = Rc::clone(shard);
    detached(async move { carry_out(&shard, license, merge, Answer::Nobody).await });
}

async fn begin(shard: &Rc<Shard>, license: LicenseId, merge: Merge) -> Result<(), Failure> {
    for customer in [merge.base, merge.mergee] {
        let actor = shard.engine.directory().customer(&shard.engine, license, customer)?;
        let card = link::ask(&actor, ReadCustomer).await?;
        card.customer.known_contact().ok_or(Rejected::NotFound(Resource::User))?;
    }
    change(shard, license, DeskChange::BeginMerge(merge)).await
}

/// Does all of it. What cannot be done now is tried again: it has begun, and half of it is no end.
async fn carry_out(shard: &Rc<Shard>, license: LicenseId, merge: Merge, answer: Answer) {
    let taken = persist(shard, license, async || take_over(shard, license, merge).await).await;
    let moved = match taken {
        Ok(()) => persist(shard, license, async || move_chats(shard, license, merge).await).await,
        Err(refused) => Err(refused),
    };
    let ended = async || change(shard, license, DeskChange::EndMerge(merge)).await;
    match (moved, persist(shard, license, ended).await) {
        (Ok(()), Ok(())) => match shard.engine.directory().customer(&shard.engine, license, merge.base) {
            Ok(base) => link::tell(&base, TellMerged(answer)),
            Err(rejected) => shard.answer(answer, Err(rejected.into())),
        },
        (Err(failure), _) | (_, Err(failure)) => shard.answer(answer, Err(failure)),
    }
}

/// Does something until it is done or refused for good, as long as the license is there.
async fn persist(
    shard: &Rc<Shard>,
    license: LicenseId,
    step: impl AsyncFn() -> Result<(), Failure>,
) -> Result<(), Failure> {
    loop {
        match step().await {
            Err(failure) if failure.may_pass() && shard.engine.license_exists(license) => {
                tokio::time::sleep(FULL_DISK_PAUSE).await;
            }
            done => return done,
        }
    }
}

/// The one takes over what the other has, and the other vanishes.
async fn take_over(shard: &Rc<Shard>, license: LicenseId, merge: Merge) -> Result<(), Failure> {
    let directory = shard.engine.directory();
    let base = directory.customer(&shard.engine, license, merge.base)?;
    let mergee = directory.customer(&shard.engine, license, merge.mergee)?;
    loop {
        let read: Arc<Customer> = link::ask(&mergee, ReadCustomer).await?.customer;
        if read.merged_into() == Some(merge.base) {
            return Ok(());
        }
        let heir = link::ask(&base, Absorb(Arc::clone(&read))).await??;
        // A chat of it that is being made would be nobody's.
        while !link::ask(&mergee, IsSettled).await? {
            tokio::time::sleep(SETTLE_PAUSE).await;
        }
        if link::ask(&mergee, Vanish { read, heir }).await?? {
            return Ok(());
        }
    }
}

/// The conversations of the one are the other's.
async fn move_chats(shard: &Rc<Shard>, license: LicenseId, merge: Merge) -> Result<(), Failure> {
    let mergee = shard.engine.directory().customer(&shard.engine, license, merge.mergee)?;
    let chats = link::ask(&mergee, ChatsOf).await?;
    for some in chats.chunks(CHATS_MOVED_AT_ONCE) {
        let mut moving = Vec::new();
        for chat in some {
            let (told, heard) = oneshot::channel();
            let command = Command::ChangeCustomer { from: merge.mergee, to: merge.base };
            let answer = Answer::Waiter(told);
            execute(shard, license, *chat, Execute { command, by: None, answer, placed_at: None, key: None });
            moving.push(heard);
        }
        for moved in moving {
            moved.await.unwrap_or(Err(Rejected::Internal.into()))?;
        }
    }
    Ok(())
}

async fn change(shard: &Rc<Shard>, license: LicenseId, change: DeskChange) -> Result<(), Failure> {
    let (told, heard) = oneshot::channel();
    change_license(shard, license, LicenseChange::Desk(change), Answer::Waiter(told));
    let outcome: Outcome = heard.await.unwrap_or(Err(Rejected::Internal.into()));
    outcome.map(|_: Done| ())
}
