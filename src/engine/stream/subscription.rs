//! One subscription: who hears by it, and whether it is there.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use switchboard_domain::desk::Hearer;
use switchboard_domain::id::{LicenseId, UserId};

use super::admission::{Admitted, arrive, counts, presence, seen_again};
use super::{Audience, Of, StreamDialect};
use crate::engine::entry::TokenHash;
use crate::engine::limits::{PRESENCE_PAUSE, PRESENCE_TIME};
use crate::engine::operations;
use crate::engine::order::Failure;
use crate::engine::origin::Origin;
use crate::engine::outbox::Outbox;
use crate::engine::release::SessionKey;
use crate::engine::shard::Shard;
use crate::telemetry::clock;

/// Does its actor count it among the connections?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It may be so soon.
    Coming,
    /// It does, until then unless the client says again that somebody is there.
    Here(Duration),
    /// Not any more: the client fell silent. It goes on hearing.
    Lapsed,
    /// It is over.
    Ended,
}

/// Somebody who hears over a socket.
pub(crate) struct Subscription {
    key: SessionKey,
    /// The socket that carries it.
    pub(super) socket: u64,
    of: RefCell<Of>,
    token: Option<TokenHash>,
    dialect: &'static dyn StreamDialect,
    envelope: [String; 2],
    outbox: Rc<Outbox>,
    standing: Cell<Standing>,
    /// Who is there may be told again then.
    presence_at: Cell<Duration>,
    /// It asked before that.
    presence_owed: Cell<bool>,
}

impl Subscription {
    /// Of somebody who was admitted, over a socket.
    pub(super) fn new(
        (shard, socket): (&Shard, u64),
        admitted: Admitted,
        (dialect, name): (&'static dyn StreamDialect, &str),
        outbox: Rc<Outbox>,
    ) -> Rc<Self> {
        Rc::new(Self {
            key: SessionKey { shard: shard.index, id: shard.hub.next_id() },
            socket,
            of: RefCell::new(admitted.of),
            token: admitted.token,
            dialect,
            envelope: dialect.envelope(name),
            outbox,
            standing: Cell::new(Standing::Lapsed),
            presence_at: Cell::new(Duration::ZERO),
            presence_owed: Cell::new(false),
        })
    }

    /// The tenant.
    pub(super) fn license(&self) -> LicenseId {
        self.of.borrow().license
    }

    /// Who hears.
    pub(super) fn user(&self) -> UserId {
        self.of.borrow().hearer.user()
    }

    /// What kind of hearer it is.
    pub(super) fn audience(&self) -> Audience {
        Audience::of(&self.of.borrow().hearer)
    }

    /// Is it hearing so, of whatever `what` asks?
    pub(super) fn is(&self, what: impl FnOnce(&Hearer) -> bool) -> bool {
        what(&self.of.borrow().hearer)
    }

    /// What it is told in.
    pub(super) fn dialect(&self) -> &'static dyn StreamDialect {
        self.dialect
    }

    /// Does it live by this token?
    pub(super) fn uses_token(&self, token: &TokenHash) -> bool {
        self.token.as_ref() == Some(token)
    }

    /// Its token has ended.
    pub(super) fn token_expired(&self, shard: &Shard) -> bool {
        let tables = shard.engine.tables();
        self.token.as_ref().is_some_and(|hash| match tables.token(hash) {
            Some(token) => token.expired(clock::now()),
            None => tables.people.with_token(hash).is_none(),
        })
    }

    /// Tells it one thing.
    pub(super) fn tell(&self, shard: &Shard, message: &str) {
        let [before, behind] = &self.envelope;
        self.outbox.push_text_of(&[before.as_bytes(), message.as_bytes(), behind.as_bytes()]);
        shard.hub.count_push();
    }

    /// Tells it who is there; a little later when it was told so just now.
    pub(super) fn tell_presence(&self, shard: &Shard) {
        let now = clock::monotonic();
        self.presence_owed.set(self.presence_at.get() > now);
        if self.presence_owed.get() {
            return;
        }
        self.presence_at.set(now + PRESENCE_PAUSE);
        let Some(license) = shard.engine.license(self.license()) else { return };
        let presence = presence(&shard.engine, license.id, self.audience());
        self.tell(shard, &self.dialect.presence(&license, &presence, self.audience()));
    }

    /// Takes over what it may hear now; false when that is nothing any more.
    pub(super) fn refresh(&self, shard: &Shard) -> bool {
        let mut of = self.of.borrow_mut();
        let Some(table) = shard.engine.tables().license(of.license) else { return false };
        match seen_again(&shard.engine, &table, &of.hearer) {
            Some(now) => {
                let before = std::mem::replace(&mut of.hearer, now).user();
                let license = of.license;
                drop(of);
                if before != self.user() && matches!(self.standing.get(), Standing::Here(_)) {
                    // It is there as somebody else, as soon as its client says so again.
                    self.standing.set(Standing::Lapsed);
                    operations::connection_gone(shard, (license, &before), self.key, None);
                }
                !self.token_expired(shard)
            }
            None => false,
        }
    }

    /// Does its actor still count it?
    pub(super) async fn counts(&self, shard: &Rc<Shard>) -> bool {
        let of = self.of.borrow().clone();
        counts(shard, &of, self.key).await
    }

    /// Somebody is there: for the first time, again, or still.
    ///
    /// # Errors
    /// Why it may not be.
    pub(super) async fn is_here(&self, shard: &Rc<Shard>, origin: Origin) -> Result<(), Failure> {
        match self.standing.get() {
            Standing::Here(_) => self.standing.set(Standing::Here(clock::monotonic() + PRESENCE_TIME)),
            Standing::Coming | Standing::Ended => {}
            Standing::Lapsed => {
                self.standing.set(Standing::Coming);
                let of = self.of.borrow().clone();
                let arrived = arrive(shard, &of, self.key, origin).await;
                let ended = self.standing.get() == Standing::Ended;
                let is_another = of.hearer.user() != self.user();
                if ended || is_another {
                    // It came as whom it was when it began to come.
                    operations::connection_gone(shard, (of.license, &of.hearer.user()), self.key, None);
                }
                if !ended {
                    let here = Standing::Here(clock::monotonic() + PRESENCE_TIME);
                    self.standing.set(if arrived.is_ok() && !is_another { here } else { Standing::Lapsed });
                }
                arrived?;
            }
        }
        Ok(())
    }

    /// Looks whether the client has said lately that somebody is there.
    pub(super) fn tick(&self, shard: &Shard, now: Duration) {
        if self.presence_owed.get() {
            self.tell_presence(shard);
        }
        if let Standing::Here(until) = self.standing.get()
            && until <= now
        {
            self.standing.set(Standing::Lapsed);
            self.gone(shard);
        }
    }

    /// It is over.
    pub(super) fn end(&self, shard: &Shard) {
        // One that is coming is gone when it has come.
        if matches!(self.standing.replace(Standing::Ended), Standing::Here(_)) {
            self.gone(shard);
        }
    }

    fn gone(&self, shard: &Shard) {
        operations::connection_gone(shard, (self.license(), &self.user()), self.key, None);
    }
}
