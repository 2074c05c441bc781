//! Changes of a customer's profile, and bans.

use std::rc::Rc;
use std::sync::Arc;

use actix::{Context, Handler, Message};
use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::access::AccessChange;
use switchboard_domain::conversation::push::{Address, Hearing, Push, Told};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, UserId};
use switchboard_domain::participant::customer::{Customer, CustomerChange};
use switchboard_domain::participant::news::CustomerNews;

use super::CustomerActor;
use crate::engine::dialect::Disconnect;
use crate::engine::hub::Parcel;
use crate::engine::operations;
use crate::engine::order::Done;
use crate::engine::push::capture;
use crate::engine::release::{Answer, Release};

/// Some fields are to change.
pub struct Change {
    /// Which, to what.
    pub change: CustomerChange,
    /// Who hears how it went.
    pub answer: Answer,
}

/// Others are to see the customer.
pub struct ChangeAccess {
    /// Who.
    pub change: AccessChange,
    /// Who wants it.
    pub by: Arc<Principal>,
    /// Who hears how it went.
    pub answer: Answer,
}

/// The customer is to be banned from now on.
pub struct ImposeBan {
    /// For so many days.
    pub days: u32,
    /// By whom.
    pub by: Option<AgentId>,
    /// Who hears how it went.
    pub answer: Answer,
}

impl Message for Change {
    type Result = ();
}
impl Message for ChangeAccess {
    type Result = ();
}
impl Message for ImposeBan {
    type Result = ();
}

impl Handler<Change> for CustomerActor {
    type Result = ();

    fn handle(&mut self, Change { change, answer }: Change, ctx: &mut Context<Self>) {
        let desk = &self.table.license.load().desk;
        let may = self.shard.ready().and_then(|()| self.state.may_change(&change, desk));
        let fact = may.and_then(|()| self.state.change(change, self.shard.now()));
        match fact {
            Err(rejected) => self.reply(answer, Err(rejected.into())),
            Ok(None) => {
                // Clients wait for a push even when nothing changes (spec v3.0, 5.4).
                let mut release = Release::reply(answer, Ok(Done::Customer(Box::new(self.card()))));
                let same = Arc::new(self.state.clone());
                release.echo = Some(capture(&self.table, self.updated(same, true)));
                self.show(Vec::new(), release);
            }
            Ok(Some(fact)) => {
                let mut after = self.state.clone();
                after.apply(&fact);
                let (engine, table) = (&self.shard.engine, &self.table);
                let other = |id| Self::as_it_is(engine, table, id);
                let records = (engine.records(), table.id);
                let named = table.names.change(records, Some(&self.state), &after, other);
                if let Err(taken) = named {
                    return self.reply(answer, Err(taken.into()));
                }
                let entries = |customer: &Customer| {
                    customer.contact.as_ref().map(|contact| contact.entries.clone()).unwrap_or_default()
                };
                let other_ways = entries(&self.state) != entries(&after);
                let before = Arc::new(std::mem::replace(&mut self.state, after));
                let news = self.updated(before, true);
                let mut release = Release::reply(answer, Ok(Done::Customer(Box::new(self.card()))));
                if other_ways {
                    let (shard, license) = (Rc::clone(&self.shard), self.table.id);
                    let user = UserId::Customer(self.state.id);
                    let tell = move || shard.broadcast(|| Parcel::UserChanged(license, user.clone()));
                    release = release.first(tell);
                }
                self.commit(vec![fact], vec![news], release, ctx);
            }
        }
    }
}

impl Handler<ChangeAccess> for CustomerActor {
    type Result = ();

    fn handle(&mut self, ChangeAccess { change, by, answer }: ChangeAccess, ctx: &mut Context<Self>) {
        let row = |chat| self.table.rows.get(&chat);
        let with = |agent| {
            self.chats
                .existing()
                .filter_map(row)
                .any(|row| row.line.active && row.line.agents.contains(agent))
        };
        let together = by.agent().is_some_and(with);
        let fact = self.shard.ready().and_then(|()| {
            self.state.change_access(change.clone(), (&by, together), &*self.table, self.shard.now())
        });
        let before = self.state.access.clone();
        match fact {
            Err(rejected) => self.reply(answer, Err(rejected.into())),
            Ok(None) => {
                let mut release = Release::reply(answer, Ok(Done::Nothing));
                release.echo = Some(capture(&self.table, self.state.access_told(change, &before)));
                self.show(Vec::new(), release);
            }
            Ok(Some(fact)) => {
                self.state.apply(&fact);
                let told = self.state.access_told(change, &before);
                self.commit(vec![fact], vec![told], Release::reply(answer, Ok(Done::Nothing)), ctx);
            }
        }
    }
}

impl Handler<ImposeBan> for CustomerActor {
    type Result = ();

    /// The fact makes the ban true at once: logins and commands are refused, connections end. That
    /// active threads end follows, and is continued at the next start if need be (design D7).
    fn handle(&mut self, ImposeBan { days, by, answer }: ImposeBan, ctx: &mut Context<Self>) {
        let fact = self.shard.ready().and_then(|()| self.state.ban(days, by, self.shard.now()));
        let fact = match fact {
            Ok(fact) => fact,
            Err(rejected) => return self.reply(answer, Err(rejected.into())),
        };
        let before = Arc::new(self.state.clone());
        self.state.apply(&fact);
        let Some(ban) = self.state.ban.clone().filter(|_| self.state.banned(self.shard.now())) else {
            return self.reply(answer, Err(Rejected::Internal.into()));
        };
        let (shard, license, id) = (Rc::clone(&self.shard), self.table.id, self.state.id);
        let chats: Vec<_> = self.chats.existing().collect();
        let carry_out = move || {
            let user = UserId::Customer(id);
            shard.broadcast(|| Parcel::UserGone(license, user.clone(), Disconnect::CustomerBanned));
            operations::end_banned(&shard, license, chats, &ban);
        };
        let banned = Told {
            push: Push::Customer(CustomerNews::Banned { customer: id, days }),
            to: Address { license: true, hearing: Hearing::Anything, ..Address::nobody() },
            main: true,
            seq: None,
        };
        let mut updated = self.updated(before, false);
        updated.to.customer = None;
        let release = Release::reply(answer, Ok(Done::Nothing)).first(carry_out);
        self.commit(vec![fact], vec![banned, updated], release, ctx);
    }
}
