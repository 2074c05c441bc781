//! Customers: profile, ban, pages, and messages to connections. Source: spec v3.0, 5.3, 5.5, 10.6.

use std::rc::Rc;
use std::sync::Arc;

use actix::{Handler, Message};
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::access::AccessChange;
use switchboard_domain::conversation::command::Command;
use switchboard_domain::conversation::push::{Address, Hearing, Push, Told, WidgetOpening};
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::{ConversationId, CustomerId, LicenseId, UserId};
use switchboard_domain::participant::customer::{Ban, CustomerChange};

use crate::engine::conversation::Execute;
use crate::engine::customer::{Change, ChangeAccess, CustomerActor, ImposeBan, OpenPage, OpenWidget};
use crate::engine::link;
use crate::engine::operations::read::table;
use crate::engine::order::{DeskContext, Done, Multicast, NewPage};
use crate::engine::push::capture;
use crate::engine::release::{Answer, Release};
use crate::engine::shard::Shard;
use crate::storage::Lsn;
use crate::telemetry::clock;

/// Makes a customer with an id of its own.
pub(super) fn create(shard: &Rc<Shard>, by: &Principal, change: CustomerChange, answer: Answer) {
    make_contact(shard, by.license, change, answer);
}

/// Makes a customer that a help desk knows.
pub(crate) fn make_contact(shard: &Rc<Shard>, license: LicenseId, change: CustomerChange, answer: Answer) {
    let table = match shard.ready().and_then(|()| table(shard, license)) {
        Ok(table) => table,
        Err(rejected) => return shard.answer(answer, Err(rejected.into())),
    };
    let id = CustomerId::from_random(clock::random_u128());
    if let Err((rejected, answer)) = CustomerActor::create(shard, &table, id, change, answer) {
        shard.answer(answer, Err(rejected.into()));
    }
}

/// A customer opened the window to write in.
pub(crate) fn open_widget(
    shard: &Rc<Shard>,
    license: LicenseId,
    (opening, current): (WidgetOpening, Option<Arc<DeskContext>>),
    answer: Answer,
) {
    let customer = opening.customer.id;
    give(shard, license, customer, answer, |answer| OpenWidget { opening, current, answer });
}

/// Changes a customer's profile.
pub(super) fn update(
    shard: &Rc<Shard>,
    by: &Principal,
    customer: CustomerId,
    change: CustomerChange,
    answer: Answer,
) {
    give(shard, by.license, customer, answer, |answer| Change { change, answer });
}

/// Changes who may see a customer.
pub(super) fn change_access(
    shard: &Rc<Shard>,
    by: &Arc<Principal>,
    customer: CustomerId,
    change: AccessChange,
    answer: Answer,
) {
    let asker = Arc::clone(by);
    give(shard, by.license, customer, answer, |answer| ChangeAccess { change, by: asker, answer });
}

/// Bans a customer; its actor does what is to be done at once.
pub(super) fn ban(shard: &Rc<Shard>, by: &Principal, customer: CustomerId, days: u32, answer: Answer) {
    let agent = by.agent().cloned();
    give(shard, by.license, customer, answer, |answer| ImposeBan { days, by: agent, answer });
}

/// What follows from a ban: the active threads of the customer end. Does nothing to those that
/// have ended, so it may be done again.
pub(crate) fn end_banned(
    shard: &Shard,
    license: LicenseId,
    chats: impl IntoIterator<Item = ConversationId>,
    ban: &Ban,
) {
    for chat in chats {
        match shard.engine.directory().conversation(&shard.engine, license, chat) {
            Ok(actor) => {
                let command = Command::EndBanned(ban.clone());
                link::tell(
                    &actor,
                    Execute { command, by: None, answer: Answer::Nobody, placed_at: None, key: None },
                );
            }
            Err(error) => tracing::error!(%error, %chat, "a banned customer's chat cannot be closed"),
        }
    }
}

/// The asking customer opened a page.
pub(super) fn open_page(shard: &Rc<Shard>, by: &Principal, page: NewPage, answer: Answer) {
    match by.user {
        UserId::Customer(customer) => {
            give(shard, by.license, customer, answer, |answer| OpenPage { page, answer });
        }
        UserId::Agent(_) => shard.answer(answer, Err(Rejected::NotFound(Resource::User).into())),
    }
}

/// Tells something to connections; nothing is kept. The asker is told, too: it waits for that.
pub(super) fn multicast(shard: &Rc<Shard>, by: &Principal, multicast: Multicast, answer: Answer) {
    let table = match table(shard, by.license) {
        Ok(table) => table,
        Err(rejected) => return shard.answer(answer, Err(rejected.into())),
    };
    let Multicast { all_agents, agents, groups, mut customers, content, kind } = multicast;
    customers.sort_unstable();
    customers.dedup();
    let push = Push::Multicast { author: by.user.clone(), content, kind };
    let to = Address {
        agents,
        groups,
        license: all_agents,
        customers,
        hearing: Hearing::Anything,
        ..Address::nobody()
    };
    let mut release = Release::reply(answer, Ok(Done::Nothing));
    release.pushes.push((by.license, capture(&table, Told { push, to, main: true, seq: None })));
    shard.after(Lsn::ZERO, release);
}

/// Gives a customer's actor something, or answers that there is no such customer.
fn give<M>(
    shard: &Rc<Shard>,
    license: LicenseId,
    customer: CustomerId,
    answer: Answer,
    message: impl FnOnce(Answer) -> M,
) where
    CustomerActor: Handler<M>,
    M: Message<Result = ()> + Send + 'static,
{
    match shard.engine.directory().customer(&shard.engine, license, customer) {
        Ok(actor) => link::tell(&actor, message(answer)),
        Err(rejected) => shard.answer(answer, Err(rejected.into())),
    }
}
