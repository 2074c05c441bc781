//! One socket of streams: it carries subscriptions and gives signs of life.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use switchboard_domain::time::Timestamp;

use super::admission::admit;
use super::subscription::Subscription;
use super::{Claim, StreamAsk, StreamDialect};
use crate::engine::dialect::Disconnect;
use crate::engine::limits::{
    STREAM_BEAT, STREAM_EMPTY_TIME, STREAM_REFUSALS, SUBSCRIPTION_NAME_BYTES, SUBSCRIPTIONS_PER_STREAM,
};
use crate::engine::origin::{Origin, Stranger};
use crate::engine::outbox::{Outbox, SocketEvents};
use crate::engine::shard::Shard;
use crate::telemetry::clock;

/// A subscription by the client's name of it; `None` while it is looked up.
type Named = (Box<str>, Option<Rc<Subscription>>);

/// A socket that carries subscriptions.
pub struct StreamSocket {
    id: u64,
    dialect: &'static dyn StreamDialect,
    outbox: Rc<Outbox>,
    shard: Rc<Shard>,
    origin: Origin,
    subscriptions: RefCell<Vec<Named>>,
    next_beat: Cell<Duration>,
    /// Since when nobody is subscribed; `None` while somebody is.
    empty_since: Cell<Option<Duration>>,
    /// Subscriptions that were refused.
    refusals: Cell<u32>,
    /// Counts it among the connections that nobody has been admitted over.
    stranger: RefCell<Option<Stranger>>,
    me: Weak<Self>,
}

impl StreamSocket {
    /// For a socket that was just opened on this shard.
    #[must_use]
    pub fn open(
        shard: &Rc<Shard>,
        dialect: &'static dyn StreamDialect,
        origin: Origin,
        outbox: Rc<Outbox>,
    ) -> Rc<Self> {
        let socket = Rc::new_cyclic(|me| Self {
            id: shard.hub.next_id(),
            dialect,
            outbox,
            shard: Rc::clone(shard),
            origin,
            subscriptions: RefCell::default(),
            next_beat: Cell::new(clock::monotonic() + STREAM_BEAT),
            empty_since: Cell::new(Some(clock::monotonic())),
            refusals: Cell::new(0),
            stranger: RefCell::default(),
            me: me.clone(),
        });
        let here = Rc::clone(shard);
        socket.outbox.set_last_word(move || {
            here.engine.meters().too_slow();
            dialect.disconnect(Disconnect::TooSlow)
        });
        shard.hub.streams.opened(&socket);
        shard.engine.meters().stream_opened();
        if socket.enter() {
            socket.say(&dialect.greeting());
        }
        socket
    }

    /// Takes its place among those over which nobody hears, or is turned away: false.
    fn enter(&self) -> bool {
        let Some(address) = self.origin.address else { return true };
        let limit = self.shard.engine.settings().strangers_per_address;
        let stranger = self.shard.engine.strangers().enter(address, limit);
        let admitted = stranger.is_some();
        drop(self.stranger.replace(stranger));
        if !admitted {
            self.disconnect(Disconnect::TooManyUnauthorized);
        }
        admitted
    }

    /// Unique on its shard.
    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    fn say(&self, text: &str) {
        self.outbox.push_text(text.as_bytes());
    }

    fn answer(&self, name: &str, admitted: bool) {
        self.say(&self.dialect.answer(name, admitted));
        if !admitted {
            self.refusals.set(self.refusals.get() + 1);
            if self.refusals.get() >= STREAM_REFUSALS {
                self.disconnect(Disconnect::TooManyUnauthorized);
            }
        }
    }

    fn named(&self, name: &str) -> Option<Option<Rc<Subscription>>> {
        self.subscriptions.borrow().iter().find(|(own, _)| **own == *name).map(|(_, one)| one.clone())
    }

    fn subscribe(&self, name: Box<str>, claim: Option<Claim>) {
        match self.named(&name) {
            Some(Some(_)) => return self.answer(&name, true),
            // Its answer is on the way.
            Some(None) => return,
            None => {}
        }
        let full = self.subscriptions.borrow().len() >= SUBSCRIPTIONS_PER_STREAM;
        let (Some(claim), Some(me)) = (claim, self.me.upgrade()) else { return self.answer(&name, false) };
        if full || name.len() > SUBSCRIPTION_NAME_BYTES {
            return self.answer(&name, false);
        }
        self.subscriptions.borrow_mut().push((name.clone(), None));
        // One at a time: whoever asks faster than it is answered waits.
        self.outbox.pause_reading();
        actix::spawn(async move {
            Rc::clone(&me).admit(name, claim).await;
            me.outbox.resume_reading();
        });
    }

    /// Subscribed first and confirmed then: whatever follows the confirmation is heard.
    async fn admit(self: Rc<Self>, name: Box<str>, claim: Claim) {
        let admitted = admit(&self.shard.engine, self.dialect, &claim).await;
        let one = admitted.map(|admitted| {
            let outbox = Rc::clone(&self.outbox);
            Subscription::new((&self.shard, self.id), admitted, (self.dialect, &name), outbox)
        });
        let one = match one {
            Ok(one) => one.is_here(&self.shard, self.origin.clone()).await.map(|()| one),
            Err(failure) => Err(failure),
        };
        // Unsubscribed meanwhile, or the socket is gone: then its place is, too.
        let place = self.subscriptions.borrow().iter().position(|(own, one)| *own == name && one.is_none());
        match (place, one) {
            (Some(place), Ok(one)) => {
                self.subscriptions.borrow_mut()[place].1 = Some(Rc::clone(&one));
                let bound = self.shard.engine.settings().connections_per_user;
                // Asked again: it may have changed, or been taken back, while it came.
                let stays = self.shard.hub.streams.subscribe(&one, bound)
                    && one.refresh(&self.shard)
                    && one.counts(&self.shard).await;
                if !stays {
                    return self.let_go(&one, Disconnect::TokenRevoked);
                }
                self.stranger.take();
                self.empty_since.set(None);
                self.answer(&name, true);
                one.tell_presence(&self.shard);
            }
            (Some(place), Err(failure)) => {
                self.subscriptions.borrow_mut().remove(place);
                // A client that is refused does not come back; one that hears nothing asks again.
                if !failure.may_pass() {
                    self.answer(&name, false);
                }
            }
            (None, Ok(one)) => one.end(&self.shard),
            (None, Err(_)) => {}
        }
    }

    fn unsubscribe(&self, name: &str) {
        let place = self.subscriptions.borrow().iter().position(|(own, _)| **own == *name);
        let Some(place) = place else { return };
        let (_, one) = self.subscriptions.borrow_mut().remove(place);
        one.iter().for_each(|one| self.leave(one));
        self.look_who_is_left();
    }

    fn leave(&self, one: &Rc<Subscription>) {
        self.shard.hub.streams.unsubscribe(one);
        one.end(&self.shard);
    }

    /// With nobody left it is a stranger's again.
    fn look_who_is_left(&self) {
        let is_empty = self.subscriptions.borrow().is_empty();
        if is_empty && self.empty_since.get().is_none() && self.enter() {
            self.empty_since.set(Some(clock::monotonic()));
        }
    }

    /// One of its subscriptions has to go; with the last one, the socket.
    pub(super) fn let_go(&self, one: &Rc<Subscription>, why: Disconnect) {
        let is_it = |own: &Named| own.1.as_ref().is_some_and(|own| Rc::ptr_eq(own, one));
        let place = self.subscriptions.borrow().iter().position(is_it);
        self.leave(one);
        let Some(place) = place else { return };
        let (name, _) = self.subscriptions.borrow_mut().remove(place);
        if self.subscriptions.borrow().is_empty() && self.empty_since.get().is_none() {
            self.disconnect(why);
        } else {
            self.answer(&name, false);
        }
    }

    fn is_here(&self, name: &str) {
        let (Some(Some(one)), Some(me)) = (self.named(name), self.me.upgrade()) else { return };
        actix::spawn(async move {
            // Who may not come back hears on, and is not shown as being there.
            drop(one.is_here(&me.shard, me.origin.clone()).await);
            one.tell_presence(&me.shard);
        });
    }

    /// Ends the connection, telling why.
    pub(super) fn disconnect(&self, why: Disconnect) {
        if !self.outbox.is_closing() {
            self.say(&self.dialect.disconnect(why));
            self.outbox.close(why.close_code(), "");
        }
    }

    /// Looks at its timers. `now` is the time as [`clock::monotonic`] and `today` as [`clock::now`]
    /// tell it.
    pub(super) fn tick(&self, now: Duration, today: Timestamp) {
        let all: Vec<_> = self.subscriptions.borrow().iter().filter_map(|(_, one)| one.clone()).collect();
        all.iter().for_each(|one| one.tick(&self.shard, now));
        if self.next_beat.get() > now {
            return;
        }
        self.next_beat.set(now + STREAM_BEAT);
        for one in all.iter().filter(|one| one.token_expired(&self.shard)) {
            self.let_go(one, Disconnect::TokenExpired);
        }
        if self.empty_since.get().is_some_and(|since| now.saturating_sub(since) >= STREAM_EMPTY_TIME) {
            self.disconnect(Disconnect::Timeout);
        }
        self.say(&self.dialect.beat(today));
    }
}

impl SocketEvents for StreamSocket {
    fn on_text(&self, text: &str) {
        match self.dialect.read(text) {
            Some((name, StreamAsk::Subscribe(claim))) => self.subscribe(name, claim),
            Some((name, StreamAsk::Unsubscribe)) => self.unsubscribe(&name),
            Some((name, StreamAsk::Present)) => self.is_here(&name),
            None => tracing::debug!("a stream's client said something that cannot be read"),
        }
    }

    fn on_binary(&self) {
        self.on_text("");
    }

    fn on_life(&self) {}

    fn on_gone(&self) {
        self.stranger.take();
        let all = std::mem::take(&mut *self.subscriptions.borrow_mut());
        all.iter().filter_map(|(_, one)| one.as_ref()).for_each(|one| self.leave(one));
        self.shard.hub.streams.closed(self.id);
        self.shard.engine.meters().stream_closed();
    }
}
