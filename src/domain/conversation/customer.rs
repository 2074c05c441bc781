//! Whose a conversation is. It has one customer for good; but two customers may turn out to be one, and
//! then that one said and did everything. Events in chunks go on naming who wrote them: whatever any customer
//! wrote in a conversation is shown as written by the one that it has now.

use std::sync::Arc;

use crate::conversation::decide::{Context, Decision};
use crate::conversation::event::Event;
use crate::conversation::fact::Change;
use crate::conversation::push::{Push, TicketPart, Told};
use crate::conversation::state::Conversation;
use crate::id::{CustomerId, UserId};

impl Event {
    /// Is its author, when a customer, this one?
    #[must_use]
    pub(super) fn is_said_by(&self, customer: Option<CustomerId>) -> bool {
        match (&self.author, customer) {
            (Some(UserId::Customer(author)), Some(customer)) => *author == customer,
            _ => true,
        }
    }

    /// The same said by the customer that its conversation has now, if a customer said it.
    #[must_use]
    pub fn said_by(self: Arc<Self>, customer: Option<CustomerId>) -> Arc<Self> {
        match customer {
            Some(customer) if !self.is_said_by(Some(customer)) => {
                Arc::new(Self { author: Some(UserId::Customer(customer)), ..Self::clone(&self) })
            }
            _ => self,
        }
    }
}

impl Conversation {
    /// Customers whose it was since the last snapshot.
    #[must_use]
    pub fn former_customers(&self) -> &[CustomerId] {
        &self.former
    }

    /// The first `count` of [`Conversation::former_customers`] have it in their lists no more.
    pub fn former_customers_saved(&mut self, count: usize) {
        self.former.drain(..count.min(self.former.len()));
    }

    pub(super) fn change_customer(&self, from: CustomerId, to: CustomerId, cx: &Context<'_>) -> Decision {
        let mut draft = self.draft(cx.now);
        if self.customer == Some(from) && from != to {
            draft.add(Change::CustomerChanged { from, to });
        }
        draft.done()
    }

    pub(super) fn customer_changed(&mut self, from: CustomerId, to: CustomerId, told: &mut Vec<Told>) {
        let (old, new) = (UserId::Customer(from), UserId::Customer(to));
        let was_present = self.active_thread().is_some() && self.is_present(&old);
        let left = self.keyed_address(None);
        self.customer = Some(to);
        self.former.push(from);
        for member in self.members.iter_mut().filter(|member| member.user == old) {
            member.user = new.clone();
        }
        for user in self.threads.iter_mut().flat_map(|thread| &mut thread.users).filter(|user| **user == old)
        {
            *user = new.clone();
        }
        let kept = self.unsaved.iter_mut().flat_map(|chunk| &mut chunk.events).chain(&mut self.tail);
        let last = self.last_events.values_mut().chain(self.last_visible.values_mut());
        for event in kept.chain(self.amended.values_mut()).chain(last.map(|last| &mut last.event)) {
            if !event.is_said_by(Some(to)) {
                *event = Arc::clone(event).said_by(Some(to));
            }
        }
        let member = self.members.iter().find(|member| member.user == new).cloned();
        if let (Some(thread), Some(member), true) = (self.threads.last(), member, was_present) {
            let (chat, thread) = (self.id, thread.id);
            let push = Push::MemberRemoved { chat, thread, user: old };
            told.push(Told { push, to: left, main: false, seq: None });
            told.push(self.tell_keyed(Push::MemberAdded { chat, thread, member }, None));
        }
        if self.ticket.is_some() {
            let push = Push::TicketChanged { chat: self.id, part: TicketPart::Customer };
            told.push(self.tell_keyed(push, None));
        }
    }
}
