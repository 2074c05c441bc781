//! A customer that takes over another one, and one that is taken over. In which order, and that it comes to
//! its end, is the operation's ([`crate::engine::operations::merge_contacts`]).

use std::rc::Rc;
use std::sync::Arc;

use actix::{Context, Handler, Message, MessageResult};
use serde_json::{Map, Value};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{ConversationId, CustomerId, UserId};
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::participant::news::CustomerNews;

use super::CustomerActor;
use crate::engine::hub::Parcel;
use crate::engine::order::Done;
use crate::engine::release::{Answer, Release};

/// Another contact becomes part of this one.
pub(crate) struct Absorb(pub(crate) Arc<Customer>);

/// This contact becomes part of another one, which has all of it as it was read.
pub(crate) struct Vanish {
    /// As it was read.
    pub(crate) read: Arc<Customer>,
    /// The other one, that has it.
    pub(crate) heir: Arc<Customer>,
}

/// Another contact is part of this one, with all that it had.
pub(crate) struct TellMerged(pub(crate) Answer);

/// Are all its chats there, and none is being made?
pub(crate) struct IsSettled;

/// A chat is another customer's now.
pub(crate) struct Forget(pub(crate) ConversationId);

impl Message for Absorb {
    type Result = Result<Arc<Customer>, Rejected>;
}
impl Message for Vanish {
    /// Is that so? Not when it changed since it was read.
    type Result = Result<bool, Rejected>;
}
impl Message for TellMerged {
    type Result = ();
}
impl Message for IsSettled {
    type Result = bool;
}
impl Message for Forget {
    type Result = ();
}

impl Handler<Absorb> for CustomerActor {
    type Result = MessageResult<Absorb>;

    fn handle(&mut self, Absorb(other): Absorb, ctx: &mut Context<Self>) -> Self::Result {
        MessageResult(self.absorb(&other, ctx).map(|()| Arc::new(self.state.clone())))
    }
}

impl Handler<Vanish> for CustomerActor {
    type Result = MessageResult<Vanish>;

    fn handle(&mut self, Vanish { read, heir }: Vanish, ctx: &mut Context<Self>) -> Self::Result {
        if let Err(full) = self.shard.ready() {
            return MessageResult(Err(full));
        }
        if !self.state.brings_the_same(&read) {
            return MessageResult(Ok(false));
        }
        let fact = self.state.given_to(heir.id, self.shard.now());
        self.table.names.give_up(&self.state, &heir);
        let before = Arc::new(self.state.clone());
        self.state.apply(&fact);
        let news = self.updated(before, false);
        let release = self.tell_streams();
        self.commit(vec![fact], vec![news], release, ctx);
        MessageResult(Ok(true))
    }
}

impl Handler<TellMerged> for CustomerActor {
    type Result = ();

    fn handle(&mut self, TellMerged(answer): TellMerged, _: &mut Context<Self>) {
        let news = CustomerNews::Merged(Arc::new(self.state.clone()));
        let release = Release::reply(answer, Ok(Done::Customer(Box::new(self.card()))));
        self.show(vec![self.news_to_both(news, false)], release);
    }
}

impl Handler<IsSettled> for CustomerActor {
    type Result = bool;

    fn handle(&mut self, _: IsSettled, _: &mut Context<Self>) -> bool {
        self.chats.is_settled(self.shard.now())
    }
}

impl Handler<Forget> for CustomerActor {
    type Result = ();

    fn handle(&mut self, Forget(chat): Forget, _: &mut Context<Self>) {
        self.chats.forget(chat);
    }
}

impl CustomerActor {
    fn absorb(&mut self, other: &Customer, ctx: &mut Context<Self>) -> Result<(), Rejected> {
        self.shard.ready()?;
        let Some(fact) = self.state.absorb(other, joined, self.shard.now())? else { return Ok(()) };
        let mut after = self.state.clone();
        after.apply(&fact);
        let (engine, table) = (&self.shard.engine, &self.table);
        let as_it_is = |id: CustomerId| Self::as_it_is(engine, table, id);
        let within = (engine.records(), table.id);
        table.names.change_from(within, (Some(&self.state), Some(other.id)), &after, as_it_is)?;
        let before = Arc::new(std::mem::replace(&mut self.state, after));
        let news = self.updated(before, false);
        let release = self.tell_streams();
        self.commit(vec![fact], vec![news], release, ctx);
        Ok(())
    }

    /// Who hears a stream by one of its ways in learns that those are others now.
    fn tell_streams(&self) -> Release {
        let (shard, license, user) = (Rc::clone(&self.shard), self.table.id, UserId::Customer(self.state.id));
        let tell = move || shard.broadcast(|| Parcel::UserChanged(license, user.clone()));
        Release::default().first(tell)
    }
}

/// Two JSON objects as one: what the first one says counts, in objects inside of them as well.
fn joined(own: &str, other: &str) -> Box<str> {
    let read = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let mut all = read(own);
    fill(&mut all, read(other));
    Value::Object(all).to_string().into()
}

fn fill(own: &mut Map<String, Value>, other: Map<String, Value>) {
    for (name, value) in other {
        match (own.get_mut(&name), value) {
            (Some(Value::Object(own)), Value::Object(other)) => fill(own, other),
            (Some(_), _) => {}
            (None, value) => drop(own.insert(name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn what_the_first_one_says_counts_also_further_in() {
        let own = r#"{"plan":"gold","address":{"city":"Bonn"}}"#;
        let other = r#"{"plan":"free","address":{"city":"Köln","zip":"5"},"seats":[1]}"#;
        let both = r#"{"plan":"gold","address":{"city":"Bonn","zip":"5"},"seats":[1]}"#;
        assert_eq!(&*joined(own, other), both);
        assert_eq!(&*joined(both, other), both, "done again it is the same");
        assert_eq!((&*joined("{}", own), &*joined("", "")), (own, "{}"));
    }
}
