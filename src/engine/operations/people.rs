//! People of the installation: made, changed, removed. What follows in the licenses that they are in
//! follows from the one fact; a start does it again when a crash came between.

use std::rc::Rc;
use std::sync::Arc;

use actix::Actor as _;
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::AgentId;
use switchboard_domain::participant::person::{Person, PersonChange};
use switchboard_domain::participant::staff::AgentChange;
use tokio::sync::oneshot;

use crate::engine::link;
use crate::engine::operations::{administer, detached};
use crate::engine::order::{AgentOrder, Done, Failure, PersonOrder};
use crate::engine::people::{Administer, PersonActor};
use crate::engine::release::Answer;
use crate::engine::shard::Shard;
use crate::storage::Lsn;
use crate::telemetry::clock;

/// Makes a person.
pub(crate) fn make_person(shard: &Rc<Shard>, email: AgentId, description: PersonChange, answer: Answer) {
    match prepare(shard, email, description) {
        Err(rejected) => shard.answer(answer, Err(rejected.into())),
        Ok(person) => {
            let (own, number) = (Rc::clone(shard), person.number);
            let actor = PersonActor::create(move |ctx| {
                let mut actor = PersonActor::new(own, person, Lsn::ZERO);
                actor.born(answer, ctx);
                actor
            });
            shard.engine.directory().people.insert(number, actor);
        }
    }
}

fn prepare(shard: &Shard, email: AgentId, description: PersonChange) -> Result<Person, Rejected> {
    shard.ready()?;
    let tables = shard.engine.tables();
    Person::room_beside(tables.people.len())?;
    // An agent of a license that is nobody's person keeps its address to itself.
    let is_an_agents = |table: &_| agent_is_there(table, &email);
    if tables.licenses().iter().any(is_an_agents) {
        return Err(Rejected::taken("email"));
    }
    let person = Person::new((tables.next_number(), email), description, clock::now())?;
    if tables.people.claim(&person.email, person.number) { Ok(person) } else { Err(Rejected::taken("email")) }
}

fn agent_is_there(table: &Arc<crate::engine::tables::LicenseTable>, email: &AgentId) -> bool {
    table.agent(email).is_some_and(|agent| !agent.removed)
}

/// Carries out an order about a person; answered when it is true in every license, too.
pub(crate) fn person(shard: &Rc<Shard>, number: u64, order: PersonOrder, answer: Answer) {
    let shard = Rc::clone(shard);
    detached(async move {
        let done = carry_out(&shard, number, order).await;
        shard.answer(answer, done.map(Done::Person));
    });
}

async fn carry_out(shard: &Rc<Shard>, number: u64, order: PersonOrder) -> Result<Arc<Person>, Failure> {
    let before = shard.engine.person(number).ok_or(Rejected::NotFound(Resource::User))?;
    let actor = {
        let start = || {
            let state = Person::clone(&before);
            PersonActor::new(Rc::clone(shard), state, shard.engine.journal().durable()).start()
        };
        shard.engine.directory().people.entry(number).or_insert_with(start).clone()
    };
    let (told, heard) = oneshot::channel();
    link::tell(&actor, Administer { order, answer: Answer::Waiter(told) });
    let done = heard.await.map_err(|_| Rejected::Internal)??;
    let Done::Person(after) = done else { return Err(Rejected::Internal.into()) };
    let follows = if after.removed {
        Some(AgentOrder::Remove)
    } else if after.shown_name() == before.shown_name() {
        None
    } else {
        Some(AgentOrder::Change(AgentChange {
            name: Some(after.shown_name().into()),
            ..AgentChange::default()
        }))
    };
    for (license, agent) in shard.engine.memberships(&after).into_iter().filter(|_| follows.is_some()) {
        let (told, heard) = oneshot::channel();
        let order = follows.clone().unwrap_or(AgentOrder::SendOff);
        administer(shard, license.id, &agent.id, order, Answer::Waiter(told));
        // One that is gone by now, with its license perhaps, needs nothing more.
        drop(heard.await);
    }
    Ok(after)
}
