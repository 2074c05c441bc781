//! The streams of a shard, by what they hear.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use switchboard_domain::conversation::push::Push;
use switchboard_domain::conversation::view::ChatView;
use switchboard_domain::desk::Hearer;
use switchboard_domain::id::{CustomerId, LicenseId, UserId};
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::news::CustomerNews;

use super::socket::StreamSocket;
use super::subscription::Subscription;
use super::{Audience, StreamDialect};
use crate::engine::dialect::{Capture, Disconnect};
use crate::engine::entry::TokenHash;
use crate::engine::maps::Map;
use crate::engine::shard::Shard;
use crate::telemetry::clock;

/// The subscriptions of one license.
#[derive(Default)]
struct Listeners {
    staff: Vec<Rc<Subscription>>,
    contacts: Map<CustomerId, Vec<Rc<Subscription>>>,
}

/// Every stream of a shard.
#[derive(Default)]
pub(crate) struct Streams {
    sockets: RefCell<Map<u64, Rc<StreamSocket>>>,
    listeners: RefCell<Map<LicenseId, Listeners>>,
}

impl Streams {
    /// A socket was opened.
    pub(super) fn opened(&self, socket: &Rc<StreamSocket>) {
        self.sockets.borrow_mut().insert(socket.id(), Rc::clone(socket));
    }

    /// A socket is gone.
    pub(super) fn closed(&self, socket: u64) {
        self.sockets.borrow_mut().remove(&socket);
    }

    /// How many sockets are open.
    pub(crate) fn len(&self) -> usize {
        self.sockets.borrow().len()
    }

    /// Somebody hears from now on; false when that user has as many subscriptions as one may have.
    pub(super) fn subscribe(&self, new: &Rc<Subscription>, bound: usize) -> bool {
        let mut all = self.listeners.borrow_mut();
        let listeners = all.entry(new.license()).or_default();
        let (user, has_room) =
            (new.user(), |own: &mut dyn Iterator<Item = &Rc<Subscription>>| own.count() < bound);
        match user {
            UserId::Agent(_) => {
                let room = has_room(&mut listeners.staff.iter().filter(|one| one.user() == user));
                if room {
                    listeners.staff.push(Rc::clone(new));
                }
                room
            }
            UserId::Customer(id) => {
                let own = listeners.contacts.entry(id).or_default();
                let room = has_room(&mut own.iter());
                if room {
                    own.push(Rc::clone(new));
                }
                room
            }
        }
    }

    /// Somebody hears no more.
    pub(super) fn unsubscribe(&self, gone: &Rc<Subscription>) {
        let mut all = self.listeners.borrow_mut();
        let Some(listeners) = all.get_mut(&gone.license()) else { return };
        let is_other = |other: &Rc<Subscription>| !Rc::ptr_eq(other, gone);
        match gone.user() {
            UserId::Agent(_) => listeners.staff.retain(is_other),
            UserId::Customer(id) => {
                if let Some(own) = listeners.contacts.get_mut(&id) {
                    own.retain(is_other);
                    if own.is_empty() {
                        listeners.contacts.remove(&id);
                    }
                }
            }
        }
        if listeners.staff.is_empty() && listeners.contacts.is_empty() {
            all.remove(&gone.license());
        }
    }

    /// Tells a push to whoever hears it here.
    pub(crate) fn push(&self, license: LicenseId, capture: &Arc<Capture>) {
        let listeners = self.listeners.borrow();
        let Some(listeners) = listeners.get(&license) else { return };
        let Some(shard) = Shard::current() else { return };
        match (&capture.desk, &capture.what.push) {
            (Some(desk), _) => {
                let own = desk.chat.customer.and_then(|customer| listeners.contacts.get(&customer));
                let heard = |one: &&Rc<Subscription>| hears(one, &desk.chat, &capture.what.push);
                let copies = Copies::new(&desk.license, capture);
                listeners.staff.iter().filter(heard).for_each(|one| copies.tell(&shard, one));
                own.into_iter().flatten().filter(heard).for_each(|one| copies.tell(&shard, one));
            }
            (None, Push::Customer(news)) if news.of_contact().is_some() => {
                let Some(license) = shard.engine.license(license) else { return };
                let copies = Copies::new(&license, capture);
                listeners.staff.iter().for_each(|one| copies.tell(&shard, one));
                if let CustomerNews::Merged(customer) = news {
                    let own = listeners.contacts.get(&customer.id);
                    own.into_iter()
                        .flatten()
                        .filter(|one| speaks(one))
                        .for_each(|one| copies.tell(&shard, one));
                }
            }
            _ => {}
        }
    }

    /// What somebody may hear is otherwise now; `None`: what everybody may. Who may hear nothing any more
    /// is let go.
    pub(crate) fn refresh(&self, license: LicenseId, user: Option<&UserId>) {
        let Some(shard) = Shard::current() else { return };
        let is_meant =
            |one: &Subscription| one.license() == license && user.is_none_or(|user| one.user() == *user);
        self.end(Disconnect::TokenRevoked, |one| is_meant(one) && !one.refresh(&shard));
        if let Some(UserId::Customer(customer)) = user {
            self.follow(license, *customer);
        }
    }

    /// Whoever heard as a customer that became part of another one hears as that one.
    fn follow(&self, license: LicenseId, customer: CustomerId) {
        let mut all = self.listeners.borrow_mut();
        let Some(contacts) = all.get_mut(&license).map(|listeners| &mut listeners.contacts) else { return };
        let is_other = |one: &Rc<Subscription>| one.user() != UserId::Customer(customer);
        if !contacts.get(&customer).is_some_and(|own| own.iter().any(is_other)) {
            return;
        }
        for one in contacts.remove(&customer).unwrap_or_default() {
            if let UserId::Customer(now) = one.user() {
                contacts.entry(now).or_default().push(one);
            }
        }
    }

    /// Ends the subscriptions of which `is` is true.
    fn end(&self, why: Disconnect, is: impl Fn(&Subscription) -> bool) {
        let gone: Vec<_> = {
            let listeners = self.listeners.borrow();
            let all = listeners.values().flat_map(|of| of.staff.iter().chain(of.contacts.values().flatten()));
            all.filter(|one| is(one)).map(Rc::clone).collect()
        };
        for one in gone {
            let socket = self.sockets.borrow().get(&one.socket).cloned();
            if let Some(socket) = socket {
                socket.let_go(&one, why);
            }
        }
    }

    /// A token is in force no more.
    pub(crate) fn token_gone(&self, token: &TokenHash, why: Disconnect) {
        self.end(why, |one| one.uses_token(token));
    }

    /// Somebody has to go.
    pub(crate) fn user_gone(&self, license: LicenseId, user: &UserId, why: Disconnect) {
        self.end(why, |one| one.license() == license && one.user() == *user);
    }

    /// Everybody of a license has to go.
    pub(crate) fn license_gone(&self, license: LicenseId, why: Disconnect) {
        self.end(why, |one| one.license() == license);
    }

    /// Tells every socket that the server stops.
    pub(crate) fn shut_down(&self) {
        self.sockets.borrow().values().for_each(|socket| socket.disconnect(Disconnect::Shutdown));
    }

    /// Looks at every socket's timers.
    pub(crate) fn tick(&self) {
        let (now, today) = (clock::monotonic(), clock::now());
        let all: Vec<_> = self.sockets.borrow().values().cloned().collect();
        all.iter().for_each(|socket| socket.tick(now, today));
    }
}

/// May whoever hears see the contact's profile?
fn speaks(one: &Subscription) -> bool {
    one.is(|hearer| matches!(hearer, Hearer::Contact { entry, .. } if entry.speaks()))
}

/// Does a subscription hear this of a conversation? Whoever is typing knows that already.
fn hears(one: &Subscription, chat: &ChatView, push: &Push) -> bool {
    one.is(|hearer: &Hearer| match push {
        Push::Typing { author, .. } if hearer.user() == *author => false,
        Push::Mentioned { agents, .. } => {
            hearer.user().agent().is_some_and(|own| agents.contains(own)) && hearer.hears(chat)
        }
        _ => hearer.hears(chat),
    })
}

/// A push as one kind of hearer is told it in one dialect.
type Form = (Audience, &'static dyn StreamDialect, Rc<[String]>);

/// A push in every form that somebody here needs, each made when first asked for.
struct Copies<'a> {
    license: &'a License,
    capture: &'a Capture,
    made: RefCell<Vec<Form>>,
}

impl<'a> Copies<'a> {
    fn new(license: &'a License, capture: &'a Capture) -> Self {
        Self { license, capture, made: RefCell::default() }
    }

    fn tell(&self, shard: &Shard, one: &Subscription) {
        let messages = self.of(one.audience(), one.dialect());
        messages.iter().for_each(|message| one.tell(shard, message));
    }

    fn of(&self, to: Audience, dialect: &'static dyn StreamDialect) -> Rc<[String]> {
        let mut made = self.made.borrow_mut();
        let known = made.iter().find(|(of, by, _)| *of == to && std::ptr::addr_eq(*by, dialect));
        if let Some((_, _, messages)) = known {
            return Rc::clone(messages);
        }
        let messages: Rc<[String]> = dialect.events(self.license, self.capture, to).into();
        made.push((to, dialect, Rc::clone(&messages)));
        messages
    }
}
