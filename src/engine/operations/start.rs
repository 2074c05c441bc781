//! Starts a chat: Customer.Reserve -> Router.Place -> Conversation.Create, one append. Whatever
//! fails on the way gives back what was taken before (design D7).

use std::rc::Rc;
use std::sync::Arc;

use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::Lookup;
use switchboard_domain::conversation::access::Access;
use switchboard_domain::conversation::command::{Command, NewConversation, OpenThread};
use switchboard_domain::conversation::idempotency::WriteKey;
use switchboard_domain::error::{PlacementNeed, Rejected};
use switchboard_domain::id::{ConversationId, CustomerId, GroupId, LicenseId, UserId};
use switchboard_domain::routing::Placement;

use crate::engine::conversation::{ConversationActor, Execute, ReadSummary};
use crate::engine::customer::{ReleaseChat, Reserve};
use crate::engine::link;
use crate::engine::operations::ask_router;
use crate::engine::release::Answer;
use crate::engine::resident::Held;
use crate::engine::router::Cancel;
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::telemetry::clock;

/// Makes a conversation with its first thread and answers with it.
pub(super) async fn start_chat(
    shard: &Rc<Shard>,
    by: Arc<Principal>,
    open: OpenThread,
    group: Option<GroupId>,
    answer: Answer,
) {
    let id = ConversationId::from_random(clock::random_u64());
    start_chat_as(shard, (id, None), by, open, group, answer).await;
}

/// The same, under a name, with the key that it comes from.
pub(super) async fn start_chat_as(
    shard: &Rc<Shard>,
    (id, key): (ConversationId, Option<WriteKey>),
    by: Arc<Principal>,
    mut open: OpenThread,
    group: Option<GroupId>,
    answer: Answer,
) {
    let Some(table) = shard.engine.tables().license(by.license) else {
        return shard.answer(answer, Err(Rejected::Internal.into()));
    };
    if open.access.is_none() {
        open.access = group.map(Access::of);
    }
    let customer = match by.user {
        UserId::Customer(customer) => Some(customer),
        UserId::Agent(_) => open.customer,
    };
    let placed_at = clock::now();
    let prepared = prepare(shard, &table, &by, &mut open, customer, id).await;
    if let Err(rejected) = prepared {
        return shard.answer(answer, Err(rejected.into()));
    }
    let number = table.next_conversation();
    let new = NewConversation { license: by.license, id, number, open };
    let by_key = (&*by, key.as_ref());
    if let Err((rejected, answer)) = ConversationActor::create(shard, &table, new, by_key, placed_at, answer)
    {
        give_back(shard, by.license, customer, id);
        shard.answer(answer, Err(rejected.into()));
    }
}

/// Brings a customer into a chat that is there already: its place is reserved first, and lapses
/// unless the chat takes it. What will be refused anyway reserves nothing.
pub(super) async fn bring_in(shard: Rc<Shard>, chat: ConversationId, customer: CustomerId, bring: Execute) {
    let opens = matches!(bring.command, Command::Activate(_));
    let reserved = match &bring.by {
        Some(by) => reserve(&shard, by, chat, customer, opens).await,
        None => Err(Rejected::Internal),
    };
    match reserved {
        Ok(actor) => link::tell(&actor, bring),
        Err(rejected) => shard.answer(bring.answer, Err(rejected.into())),
    }
}

async fn reserve(
    shard: &Rc<Shard>,
    by: &Arc<Principal>,
    chat: ConversationId,
    customer: CustomerId,
    opens: bool,
) -> Result<Held<ConversationActor>, Rejected> {
    let directory = shard.engine.directory();
    let actor = directory.conversation(&shard.engine, by.license, chat)?;
    let (known, _) = link::ask(&actor, ReadSummary(Some(Arc::clone(by)))).await??;
    let place = directory.customer(&shard.engine, by.license, customer)?;
    match known.chat.customer {
        Some(mine) if mine != customer => return Err(Rejected::CustomerFixed),
        // A thread is opened where none is active, and joined where one is.
        None if opens != known.chat.active => link::ask(&place, Reserve(chat)).await??,
        _ => {}
    }
    Ok(actor)
}

/// Takes the customer's place and, for a customer's chat, the agent's slot.
async fn prepare(
    shard: &Rc<Shard>,
    table: &LicenseTable,
    by: &Principal,
    open: &mut OpenThread,
    customer: Option<CustomerId>,
    id: ConversationId,
) -> Result<(), Rejected> {
    let access = open.access.clone().unwrap_or_default();
    let known = &table.license.load().groups;
    if let Some(&unknown) = access.groups.iter().find(|group| !known.contains_key(group)) {
        return Err(Rejected::GroupNotFound(unknown));
    }
    if let Some(customer) = customer {
        let actor = shard.engine.directory().customer(&shard.engine, by.license, customer)?;
        link::ask(&actor, Reserve(id)).await??;
    }
    if by.agent().is_some() || (open.ticket.is_some() && table.bot_of(&access).is_some()) {
        return Ok(());
    }
    let need = PlacementNeed {
        may_wait_offline: open.ticket.is_some() || open.continuous.unwrap_or(false),
        team: open.ticket.as_ref().and_then(|ticket| ticket.team),
        ..PlacementNeed::of(access.groups)
    };
    let placement = ask_router(shard, by.license, id, need).await;
    if !matches!(placement, Ok(Placement::Assigned(_) | Placement::Queued { .. } | Placement::Unassigned)) {
        give_back(shard, by.license, customer, id);
    }
    open.placement = Some(placement?);
    Ok(())
}

fn give_back(shard: &Shard, license: LicenseId, customer: Option<CustomerId>, id: ConversationId) {
    let directory = shard.engine.directory();
    if let Some(actors) = directory.license(license) {
        link::tell(&actors.router, Cancel(id));
    }
    if let Some(actor) = customer.and_then(|customer| directory.running_customer(license, customer)) {
        link::tell(&actor, ReleaseChat(id));
    }
}
