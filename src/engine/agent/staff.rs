//! What the administration does with an agent. The rules are the domain's.

use std::rc::Rc;

use actix::{Context, Handler, Message};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::UserId;
use switchboard_domain::participant::agent::AgentFact;
use switchboard_domain::participant::staff::AgentChange;

use super::AgentActor;
use crate::engine::dialect::Disconnect;
use crate::engine::hub::Parcel;
use crate::engine::order::{AgentOrder, Done};
use crate::engine::release::{Answer, Release, SessionKey};

/// The administration wants something of the agent.
pub(crate) struct Administer {
    /// What.
    pub(crate) order: AgentOrder,
    /// Who hears how it went.
    pub(crate) answer: Answer,
}

/// Does this connection still count as the agent's?
pub(crate) struct Counts(pub(crate) SessionKey);

impl Message for Administer {
    type Result = ();
}
impl Message for Counts {
    type Result = bool;
}

impl AgentActor {
    /// Whoever is made again has the number of before, unless that was of a person who is no more: by that
    /// number whoever was one goes at the next start.
    fn with_number(&self, profile: AgentChange) -> AgentChange {
        let engine = &self.shard.engine;
        let is_nobodys = engine.tables().people.was_removed(self.state.number);
        let fresh = (profile.number.is_none() && is_nobodys).then(|| engine.new_number());
        AgentChange { number: profile.number.or(fresh), ..profile }
    }

    fn decide(&self, order: AgentOrder) -> Result<Option<AgentFact>, Rejected> {
        self.shard.ready()?;
        let license = self.table.license.load();
        let (exists, now) = (|group| license.has_group(group), self.shard.now());
        match order {
            AgentOrder::Enroll(profile) => {
                self.state.enroll(self.with_number(profile), exists, now).map(Some)
            }
            AgentOrder::Change(change) => self.state.change(change, exists),
            AgentOrder::Place(group, priority) => {
                let change = AgentChange { place: Some((group, priority)), ..AgentChange::default() };
                self.state.change(change, exists)
            }
            AgentOrder::SendOff => self.state.send_off(now),
            AgentOrder::Remove => self.state.remove(now).map(Some),
        }
    }
}

impl Handler<Administer> for AgentActor {
    type Result = ();

    fn handle(&mut self, Administer { order, answer }: Administer, ctx: &mut Context<Self>) {
        let sends_off = order == AgentOrder::SendOff;
        let leaves = sends_off || order == AgentOrder::Remove;
        let fact = match self.decide(order) {
            Err(rejected) => return self.reply(answer, Err(rejected.into())),
            Ok(None) => return self.reply(answer, Ok(Done::Nothing)),
            Ok(Some(fact)) => fact,
        };
        let mut release = Release::reply(answer, Ok(Done::Nothing));
        if leaves {
            // Whoever is on the way in asks again whether it counts.
            self.connections.clear();
        }
        if sends_off {
            let why = Disconnect::LoggedOutRemotely;
            let (shard, license) = (Rc::clone(&self.shard), self.table.id);
            let user = UserId::Agent(self.state.id.clone());
            release = release.first(move || shard.broadcast(|| Parcel::UserGone(license, user.clone(), why)));
        }
        self.commit_with(vec![fact], release, ctx);
    }
}

impl Handler<Counts> for AgentActor {
    type Result = bool;

    fn handle(&mut self, Counts(session): Counts, _: &mut Context<Self>) -> bool {
        self.connections.contains_key(&session)
    }
}
