//! What a help desk asks: its conversations, chosen and counted.

use std::rc::Rc;
use std::sync::Arc;

use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::command::{Command, StatusChange};
use switchboard_domain::conversation::ticket::Status;
use switchboard_domain::desk::DeskChange;
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::{AgentId, ConversationId, LicenseId, ThreadId};
use switchboard_domain::participant::license::LicenseChange;
use tokio::sync::oneshot;

use crate::engine::conversation::Execute;
use crate::engine::index::{self, TicketLine};
use crate::engine::link;
use crate::engine::operations;
use crate::engine::operations::read::{summaries, table};
use crate::engine::order::{
    Done, Failure, Held, ListTickets, TicketCondition, TicketCounts, TicketField, TicketPage,
};
use crate::engine::push::desk_view;
use crate::engine::release::Answer;
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::storage::Lsn;
use crate::telemetry::clock;

/// What takes a conversation from a bot that does not hear; it is answered when that is durable.
pub(crate) fn hand_off(answer: Answer) -> Execute {
    let why = "Conversation was marked open by system due to an error with the agent bot.";
    let to = StatusChange { from: Some(Status::Pending), why: Some(why), ..StatusChange::to(Status::Open) };
    Execute { answer, ..of_its_own(to) }
}

/// Lets a bot answer first in an inbox, or none. What the former one has there goes to people: that
/// follows from the one fact, and does nothing to what is not pending any more.
pub(crate) fn set_inbox_bot(
    shard: &Rc<Shard>,
    license: LicenseId,
    inbox: u64,
    bot: Option<AgentId>,
    answer: Answer,
) {
    let shard = Rc::clone(shard);
    actix::spawn(async move {
        let done = change_inbox_bot(&shard, license, inbox, bot).await;
        shard.answer(answer, done.map(|()| Done::Nothing));
    });
}

async fn change_inbox_bot(
    shard: &Rc<Shard>,
    license: LicenseId,
    inbox: u64,
    bot: Option<AgentId>,
) -> Result<(), Failure> {
    let table = table(shard, license)?;
    let known = table.license.load().desk.inboxes.get(&inbox).cloned();
    let known = known.ok_or(Rejected::NotFound(Resource::Inbox))?;
    let disconnected = bot.is_none();
    let change = LicenseChange::Desk(DeskChange::SetBot { inbox, bot });
    let (told, heard) = oneshot::channel();
    operations::change_license(shard, license, change, Answer::Waiter(told));
    heard.await.map_err(|_| Rejected::Internal)??;
    let Some(former) = known.bot.filter(|_| disconnected) else { return Ok(()) };
    let has = |line: &TicketLine| line.holder.as_ref() == Some(&former) && line.groups.contains(&known.group);
    for (chat, _) in index::all_tickets(&table, shard.engine.records())?.iter().filter(|(_, line)| has(line))
    {
        let actor = shard.engine.directory().conversation(&shard.engine, license, *chat)?;
        let to = StatusChange { from: Some(Status::Pending), ..StatusChange::to(Status::Open) };
        link::tell(&actor, of_its_own(to));
    }
    Ok(())
}

/// What the engine wants of a conversation.
fn of_its_own(to: StatusChange) -> Execute {
    let thread = ThreadId::from_random(clock::random_u64());
    let command = Command::SetStatus { to, thread, placement: None };
    Execute { command, by: None, answer: Answer::Nobody, placed_at: None, key: None }
}

/// A page of the desk's conversations.
pub(super) async fn list(
    shard: &Rc<Shard>,
    by: &Arc<Principal>,
    list: ListTickets,
) -> Result<(Done, Lsn), Failure> {
    let table = table(shard, by.license)?;
    let lines = index::tickets(&table, shard.engine.records(), by)?;
    let passes = |line: &TicketLine| list.conditions.iter().all(|condition| holds(&table, condition, line));
    let passing: Vec<_> = lines.into_iter().filter(|(_, line)| passes(line)).collect();
    let me = by.agent();
    let mine = |line: &TicketLine| me.is_some() && line.holder.as_ref() == me;
    let assigned = |line: &TicketLine| line.holder.as_ref().is_some_and(|holder| !holder.names_a_bot());
    let counts = TicketCounts {
        all: passing.len(),
        assigned: passing.iter().filter(|(_, line)| assigned(line)).count(),
        mine: passing.iter().filter(|(_, line)| mine(line)).count(),
    };
    let held = |line: &TicketLine| match list.held {
        Held::Anyhow => true,
        Held::ByMe => mine(line),
        Held::BySomebody => assigned(line),
        Held::ByNobody => !assigned(line),
    };
    let ids: Vec<ConversationId> = passing
        .iter()
        .filter(|(_, line)| held(line))
        .skip(list.skip)
        .take(list.limit)
        .map(|(chat, _)| *chat)
        .collect();
    let (found, lsn) = summaries(shard, Some(by), by.license, &ids).await?;
    let mut tickets = Vec::with_capacity(found.len());
    for summary in found {
        if let Some(customer) = summary.chat.customer {
            // Its profile is shown, so that it has to be known.
            drop(shard.engine.directory().customer(&shard.engine, by.license, customer));
        }
        tickets.push(desk_view(&table, summary.chat, &[]));
    }
    Ok((Done::Tickets(Box::new(TicketPage { tickets, counts })), lsn))
}

fn holds(table: &LicenseTable, condition: &TicketCondition, line: &TicketLine) -> bool {
    match condition {
        TicketCondition::Is { field, values, not } => {
            let have = values_of(table, *field, line);
            have.iter().any(|have| values.iter().any(|value| **value == **have)) != *not
        }
        TicketCondition::Present(field, present) => values_of(table, *field, line).is_empty() != *present,
    }
}

/// What a conversation has in a field, as text.
fn values_of(table: &LicenseTable, field: TicketField, line: &TicketLine) -> Vec<String> {
    let number = |number: u64| vec![number.to_string()];
    match field {
        TicketField::Status => vec![line.status.word().to_owned()],
        TicketField::Holder => {
            let profile = line.holder.as_ref().and_then(|holder| table.agent(holder));
            profile.map(|profile| number(profile.number)).unwrap_or_default()
        }
        TicketField::Inbox => {
            let license = table.license.load();
            let inbox = line.groups.iter().find_map(|group| license.desk.inbox_of(*group));
            inbox.map(|inbox| number(inbox.number)).unwrap_or_default()
        }
        TicketField::Team => line.team.map(number).unwrap_or_default(),
        TicketField::Customer => line.customer.iter().map(ToString::to_string).collect(),
        TicketField::Number => number(line.number),
        TicketField::Label => line.labels.iter().map(ToString::to_string).collect(),
        TicketField::Urgency => line.urgency.iter().map(|urgency| urgency.word().to_owned()).collect(),
    }
}
