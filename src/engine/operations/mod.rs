//! What needs several actors, or none (design D7): each operation is its own task, detached so
//! that a lost socket cannot cut it, and asks one actor at a time. A request for one conversation
//! is no operation: it goes straight to its actor.

mod archive;
mod bots;
mod customer_list;
mod customers;
mod desk;
mod license;
mod login;
mod merge;
mod once;
mod people;
mod read;
mod resume;
mod routing;
mod staff;
mod start;
mod tenancy;
mod tokens;

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use actix::{Addr, Handler, Message};
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::command::{Command, OpenThread};
use switchboard_domain::conversation::idempotency::WriteKey;
use switchboard_domain::error::{PlacementNeed, Rejected};
use switchboard_domain::id::{ConversationId, CustomerId, GroupId, LicenseId, UserId};
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::participant::bot::BotChange;
use switchboard_domain::routing::{PlaceRequest, Placement};

use crate::engine::agent::{Disconnected, SetStatus};
use crate::engine::bot;
use crate::engine::conversation::{ConversationActor, Execute, NoWord};
use crate::engine::customer::{CustomerActor, Left};
use crate::engine::files::speaks_of_files;
use crate::engine::link;
use crate::engine::order::{Done, Failure, Order, Request};
use crate::engine::release::{Answer, Release, SessionKey};
use crate::engine::router::Place;
use crate::engine::shard::Shard;
use crate::storage::Lsn;

pub(crate) use bots::desk_bot;
pub(crate) use customers::end_banned;
pub(crate) use customers::{make_contact, open_widget};
pub(crate) use desk::{hand_off, set_inbox_bot};
pub(crate) use license::change_license;
pub(crate) use login::login;
pub(crate) use merge::{go_on_merging, merge_contacts};
pub(crate) use once::answer_again;
pub(crate) use people::{make_person, person};
pub(crate) use staff::administer;
pub(crate) use tenancy::{end_license, make_license, share_bots};
pub(crate) use tokens::{AgentToken, issue_agent_token, revoke};

/// Carries out a request and answers it.
pub(crate) fn run(shard: &Rc<Shard>, request: Request, answer: Answer) {
    let Request { by, order, group, key } = request;
    let key = key.map(|key| Box::new(key.of(by.license, &by.user)));
    shard.orders.ordered(shard.engine.meters(), &order);
    if speaks_of_files(&order) {
        let own = Rc::clone(shard);
        return detached(async move {
            let mut order = order;
            let (kept, done) = own.engine.keep_files(by.license, &mut order).await;
            let answer = kept.watch(answer);
            match done {
                Ok(()) => carry_out(&own, (by, order, group), key, answer),
                Err(rejected) => own.answer(answer, Err(rejected.into())),
            }
        });
    }
    carry_out(shard, (by, order, group), key, answer);
}

fn carry_out(
    shard: &Rc<Shard>,
    (by, order, group): (Arc<Principal>, Order, Option<GroupId>),
    key: Option<Box<WriteKey>>,
    answer: Answer,
) {
    match order {
        Order::Nothing => shard.answer(answer, Ok(Done::Nothing)),
        Order::Chat(
            chat,
            command @ (Command::AddUser(UserId::Customer(customer))
            | Command::Activate(OpenThread { customer: Some(customer), .. })),
        ) => {
            let bring_in = Execute { command, by: Some(by), answer, placed_at: None, key };
            detached(start::bring_in(Rc::clone(shard), chat, customer, bring_in));
        }
        Order::Chat(chat, command) => {
            let license = by.license;
            execute(shard, license, chat, Execute { command, by: Some(by), answer, placed_at: None, key });
        }
        Order::StartChat(open) => {
            let own = Rc::clone(shard);
            detached(async move { once::start_chat(&own, by, open, group, key, answer).await });
        }
        Order::ListChats(list) => {
            let own = Rc::clone(shard);
            detached(async move { answer_read(&own, answer, read::list(&own, &by, &list).await) });
        }
        Order::ListTickets(list) => {
            let own = Rc::clone(shard);
            detached(async move { answer_read(&own, answer, desk::list(&own, &by, *list).await) });
        }
        Order::GetThreads(chat, threads) => {
            let own = Rc::clone(shard);
            detached(async move {
                let read = read::threads(&own, by, chat, threads).await;
                answer_read(&own, answer, read);
            });
        }
        Order::SearchArchives(search) => {
            let (own, over_socket) = (Rc::clone(shard), answer.cause().is_some());
            detached(async move {
                let read = archive::page(&own, &by, search, over_socket).await;
                answer_read(&own, answer, read);
            });
        }
        Order::ListThreads(chat, page) => {
            let own = Rc::clone(shard);
            detached(async move {
                let read = read::thread_lines(&own, by, chat, page).await;
                answer_read(&own, answer, read);
            });
        }
        Order::GetGroupStatuses(groups) => {
            let own = Rc::clone(shard);
            detached(async move { own.answer(answer, routing::group_statuses(&own, &by, groups).await) });
        }
        Order::PredictAgent => {
            let own = Rc::clone(shard);
            detached(async move { own.answer(answer, routing::predict(&own, &by, group).await) });
        }
        Order::SetAway(away) => routing::set_away(shard, &by, away, answer),
        Order::SetStatus(agent, status) => set_status(shard, &by, agent, status, answer),
        Order::CreateBot(bot) => bots::create(shard, &by, bot, answer),
        Order::UpdateBot(id, change) => bots::update(shard, by, &id, change, answer),
        Order::RemoveBot { bot, any } => bots::remove(shard, by, &bot, any, answer),
        Order::ListBots { all } => shard.answer(answer, bots::list(shard, &by, all)),
        Order::GetBot { bot, any } => shard.answer(answer, bots::get(shard, &by, &bot, any)),
        Order::ChangeLicense(change) => change_license(shard, by.license, change, answer),
        Order::ListProperties { all } => shard.answer(answer, license::properties(shard, &by, all)),
        Order::ListWebhooks { all } => shard.answer(answer, license::webhooks(shard, &by, all)),
        Order::CreateCustomer(change) => customers::create(shard, &by, change, answer),
        Order::UpdateCustomer(customer, change) => customers::update(shard, &by, customer, change, answer),
        Order::ListCustomers(list) => {
            let own = Rc::clone(shard);
            detached(async move {
                let listed = customer_list::list(&own, &by, *list).await;
                own.answer(answer, listed);
            });
        }
        Order::ChangeCustomerAccess(customer, change) => {
            customers::change_access(shard, &by, customer, change, answer);
        }
        Order::BanCustomer { customer, days } => customers::ban(shard, &by, customer, days, answer),
        Order::OpenPage(page) => customers::open_page(shard, &by, page, answer),
        Order::Multicast(multicast) => customers::multicast(shard, &by, multicast, answer),
        Order::GetForm { group, kind } => {
            shard.answer(answer, license::form(shard, by.license, group, kind));
        }
        Order::GetPreview(url) => {
            let own = Rc::clone(shard);
            detached(async move {
                let found = own.engine.preview(&url).await;
                own.answer(answer, found.map(|found| Done::Preview(url, found)).map_err(Failure::from));
            });
        }
        Order::IssueCustomerToken { customer, life } => {
            detached(tokens::issue_customer_token(Rc::clone(shard), by, customer, life, answer));
        }
    }
}

/// Gives a command to its conversation.
fn execute(shard: &Shard, license: LicenseId, chat: ConversationId, execute: Execute) {
    let directory = shard.engine.directory();
    if let Some(running) = directory.address_of(license, chat) {
        return link::tell(&running, execute);
    }
    match directory.conversation(&shard.engine, license, chat) {
        Ok(started) => link::tell(&started, execute),
        Err(rejected) => shard.answer(execute.answer, Err(rejected.into())),
    }
}

/// Starts a task that runs to its end whatever becomes of the asker.
fn detached(operation: impl Future<Output = ()> + 'static) {
    actix::spawn(operation);
}

/// Answers a read when everything that it saw is durable.
fn answer_read(shard: &Rc<Shard>, answer: Answer, read: Result<(Done, Lsn), Failure>) {
    match read {
        Ok((done, lsn)) => shard.after(lsn, Release::reply(answer, Ok(done))),
        Err(failure) => shard.answer(answer, Err(failure)),
    }
}

/// Asks the router what a conversation needs to know, then gives it its command again.
pub(crate) fn place(
    shard: &Rc<Shard>,
    (license, chat): (LicenseId, ConversationId),
    actor: Addr<ConversationActor>,
    need: PlacementNeed,
    mut message: Execute,
) {
    let shard = Rc::clone(shard);
    detached(async move {
        let at = shard.now();
        match ask_router(&shard, license, chat, need).await {
            Ok(placement) => {
                message.placed_at = Some(at);
                message.command = message.command.with_placement(placement);
                link::tell(&actor, message);
            }
            Err(rejected) => link::tell(&actor, NoWord(message.answer, rejected)),
        }
    });
}

async fn ask_router(
    shard: &Shard,
    license: LicenseId,
    chat: ConversationId,
    need: PlacementNeed,
) -> Result<Placement, Rejected> {
    let actors = shard.engine.directory().license(license).ok_or(Rejected::Internal)?;
    let request = PlaceRequest {
        conversation: chat,
        groups: need.groups,
        continuous: need.may_wait_offline,
        exclude: need.exclude,
        team: need.team,
        at: shard.now(),
        among: need.among,
        at_once: need.at_once,
    };
    link::ask(&actors.router, Place(request)).await
}

/// A customer learns that a chat is its own now (`Confirm`), or another's (`Forget`), before anybody is
/// answered. One that left memory is read again: what is stored may say otherwise still.
pub(crate) fn tell_whose<M>(
    shard: &Rc<Shard>,
    (license, customer): (LicenseId, CustomerId),
    message: M,
    release: &mut Release,
) where
    CustomerActor: Handler<M>,
    M: Message<Result = ()> + Send + 'static,
{
    let engine = shard.engine.clone();
    release.first.push(Box::new(move || match engine.directory().customer(&engine, license, customer) {
        Ok(actor) => link::tell(&actor, message),
        Err(rejected) => tracing::debug!(%customer, ?rejected, "nobody to hear of a chat"),
    }));
}

/// A connection logged out (who hears of it is in `logout`) or was lost. A bot's or a stranger's
/// changes nothing.
pub(crate) fn connection_gone(
    shard: &Shard,
    (license, user): (LicenseId, &UserId),
    session: SessionKey,
    logout: Option<Answer>,
) {
    let directory = shard.engine.directory();
    match user {
        UserId::Agent(agent) => match (directory.agent(license, agent), logout) {
            (Some(actor), logout) => link::tell(&actor, Disconnected { session, logout }),
            (None, Some(answer)) => shard.answer(answer, Ok(Done::Nothing)),
            (None, None) => {}
        },
        UserId::Customer(customer) => {
            if let Some(actor) = directory.running_customer(license, *customer) {
                link::tell(&actor, Left(session));
            }
            if let Some(answer) = logout {
                shard.answer(answer, Ok(Done::Nothing));
            }
        }
    }
}

fn set_status(
    shard: &Rc<Shard>,
    by: &Arc<Principal>,
    agent: Option<switchboard_domain::id::AgentId>,
    status: RoutingStatus,
    answer: Answer,
) {
    let target = agent.or_else(|| by.agent().cloned());
    let allowed = target.as_ref().ok_or(Rejected::NoAccess).and_then(|target| by.may_set_status(target));
    let (Some(target), Ok(())) = (target, &allowed) else {
        return shard.answer(answer, allowed.map(|()| Done::Nothing).map_err(Failure::from));
    };
    let directory = shard.engine.directory();
    if let Some(actor) = directory.agent(by.license, &target) {
        link::tell(&actor, SetStatus { status, answer });
        return;
    }
    let bot = shard.engine.tables().license(by.license).and_then(|table| table.bot(&target));
    match (bot, directory.bot(by.license, &target)) {
        (Some(bot), Some(actor)) if bot.client == by.client => {
            let change = BotChange { status: Some(status), token: Some(by.token), ..BotChange::default() };
            link::tell(&actor, bot::Change { by: None, change, answer });
        }
        _ => {
            let missing = Rejected::NotFound(switchboard_domain::error::Resource::User);
            shard.answer(answer, Err(missing.into()));
        }
    }
}
