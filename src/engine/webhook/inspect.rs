//! What an administrator sees of webhooks, and may do: look, replay dead letters, switch a receiver
//! off and on.

use std::sync::Arc;

use actix::{Context, Handler, Message};
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::{AgentId, ClientId, LicenseId};
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::participant::bot::Bot;
use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::{
    Action, DeadLine, EndpointId, FormerSecret, Owner, ReceiverView, Registration, Which, WhyDisabled,
};

use tokio::sync::oneshot;

use super::dispatcher::DispatcherActor;
use super::log::LogLine;
use crate::engine::entry::Entry;
use crate::engine::handle::EngineHandle;
use crate::engine::limits::DEAD_LETTER_PAGE;
use crate::engine::link;
use crate::engine::order::Failure;
use crate::storage::Save;

/// Somebody who hears by webhook: a bot, or one registration of the license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointView {
    /// Names it: the bot's id, or the registration's.
    pub id: EndpointId,
    /// Whose it is.
    pub owner: Owner,
    /// The application behind it.
    pub client: ClientId,
    /// Where it hears.
    pub url: Arc<str>,
    /// What it hears of.
    pub actions: Vec<Action>,
    /// Does it hear now? A bot that is offline does not.
    pub hears: bool,
    /// Until when its former secret signs, while it does.
    pub former_secret_until: Option<Timestamp>,
    /// How its receiver is.
    pub receiver: ReceiverView,
    /// Its dead letters.
    pub dead_letters: usize,
}

/// What became of a wish to replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// Dead letters that are due again.
    pub count: usize,
    /// Of those that were chosen, how many still wait to be asked for.
    pub left: usize,
}

/// Something that a dispatcher is asked to do, or to show.
pub(super) struct Visit(Ask);

type Ask = Box<dyn FnOnce(&mut DispatcherActor, &mut Context<DispatcherActor>) + Send>;

impl Message for Visit {
    type Result = ();
}

impl Handler<Visit> for DispatcherActor {
    type Result = ();

    fn handle(&mut self, Visit(visit): Visit, ctx: &mut Context<Self>) {
        visit(self, ctx);
    }
}

impl DispatcherActor {
    fn views(&self) -> Vec<EndpointView> {
        let mut bots: Vec<_> = self.table.bots.iter().map(|bot| Arc::clone(bot.value())).collect();
        bots.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
        let of_bots = bots.iter().filter(|bot| !bot.removed).filter_map(|bot| self.of_bot(bot));
        self.registered.values().map(|webhook| self.of_license(webhook)).chain(of_bots).collect()
    }

    fn of_bot(&self, bot: &Bot) -> Option<EndpointView> {
        let webhooks = bot.webhooks.as_ref()?;
        let actions = webhooks.actions.iter().map(|subscription| subscription.action).collect();
        let hears = bot.duty.status != RoutingStatus::Offline;
        let former_secret_until = self.until(webhooks.former.as_ref(), webhooks.dialect);
        let owner = match webhooks.desk {
            Some(_) => Owner::DeskBot(bot.id.clone()),
            None => Owner::Bot(bot.id.clone()),
        };
        let view = self.view(EndpointId::of_all(&bot.id), owner, &bot.client, &webhooks.url);
        Some(EndpointView { actions, hears, former_secret_until, ..view })
    }

    fn of_license(&self, webhook: &Registration) -> EndpointView {
        let actions = vec![webhook.subscription.action];
        let former_secret_until = self.until(webhook.former.as_ref(), webhook.dialect);
        let is_own = self.table.license.load().webhooks.iter().any(|own| own.id == webhook.id);
        let owner = if is_own { Owner::License } else { Owner::DeskHook };
        let view = self.view(webhook.id.clone(), owner, &webhook.client, &webhook.url);
        EndpointView { actions, former_secret_until, ..view }
    }

    /// Until when a former secret signs, while it does. Where a version has its own form of signature there is
    /// one, by the newest.
    fn until(&self, former: Option<&FormerSecret>, dialect: u16) -> Option<Timestamp> {
        let former = former.filter(|former| former.signs(self.shard.now()) && self.form(dialect).is_none());
        former.map(|former| former.until)
    }

    /// One that hears, of nothing yet.
    fn view(&self, id: EndpointId, owner: Owner, client: &ClientId, url: &str) -> EndpointView {
        let receiver = self.outbox.receiver(url);
        let dead_letters = self.graves.lines.count(&id);
        EndpointView {
            id,
            owner,
            client: client.clone(),
            url: url.into(),
            actions: Vec::new(),
            hears: true,
            former_secret_until: None,
            receiver,
            dead_letters,
        }
    }

    fn find(&self, id: &EndpointId) -> Result<EndpointView, Rejected> {
        let found = match self.registered.get(id) {
            Some(webhook) => Some(self.of_license(webhook)),
            None => self.table.bot(&AgentId::new(id.as_str())).and_then(|bot| self.of_bot(&bot)),
        };
        found.ok_or(Rejected::NotFound(Resource::Webhook))
    }

    fn replay(&mut self, id: &EndpointId, which: &Which, most: usize) -> Result<Replayed, Rejected> {
        let view = self.find(id)?;
        if !view.hears {
            return Err(Rejected::invalid("webhook_id", "the bot is offline: it hears nothing now"));
        }
        if view.receiver.standing.disabled.is_some() {
            return Err(Rejected::invalid("webhook_id", "its receiver is disabled: enable it first"));
        }
        self.shard.ready()?;
        let chosen: Vec<_> =
            self.graves.lines.of(id, which).into_iter().map(|line| line.id.clone()).collect();
        if chosen.is_empty() && matches!(which, Which::One(_)) {
            return Err(Rejected::invalid("delivery_id", "the endpoint has no such dead letter"));
        }
        // All are read before the first one is owed again: what cannot be read changes nothing.
        let page = &chosen[..chosen.len().min(DEAD_LETTER_PAGE).min(most)];
        let letters = self.graves.letters(self.shard.engine.records(), page).map_err(|error| {
            tracing::error!(%error, "a dead letter cannot be read");
            Rejected::Internal
        })?;
        let now = self.shard.now();
        let mut revived = Vec::new();
        for letter in letters {
            // Where the endpoint is now: the letter may have been for another place.
            let delivery = Arc::new(letter.delivery.revived(now, &view.url));
            // As much as its backlog bears: the rest stays where it is.
            if self.outbox.revive(Arc::clone(&delivery)).is_err() {
                break;
            }
            revived.push(delivery);
        }
        let license = self.table.id;
        let entries: Vec<_> = revived
            .iter()
            .map(|delivery| {
                Entry::DeliveryRevived(license, delivery.id.clone(), now, Arc::clone(&delivery.url))
            })
            .collect();
        if !entries.is_empty() {
            self.journal(&entries);
            let mut save = Save::new();
            self.revived(&mut save, &revived);
            let ids: Vec<_> = revived.iter().map(|delivery| delivery.id.clone()).collect();
            self.graves.forget(&mut save, &ids);
            self.save(save);
        }
        Ok(Replayed { count: revived.len(), left: chosen.len() - revived.len() })
    }
}

impl EngineHandle {
    /// Everybody in a license who hears by webhook.
    ///
    /// # Errors
    /// `Internal` for a license that does not exist.
    pub async fn webhook_endpoints(&self, license: LicenseId) -> Result<Vec<EndpointView>, Failure> {
        self.visit(license, |dispatcher, _| Ok(dispatcher.views())).await
    }

    /// One endpoint, with its last attempts, the newest first.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn webhook_endpoint(
        &self,
        license: LicenseId,
        id: &EndpointId,
    ) -> Result<(EndpointView, Vec<LogLine>), Failure> {
        let id = id.clone();
        self.visit(license, move |dispatcher, _| Ok((dispatcher.find(&id)?, dispatcher.log.of(&id)))).await
    }

    /// Dead letters of an endpoint as they became due, at most [`DEAD_LETTER_PAGE`], and how many there
    /// are.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn dead_letters(
        &self,
        license: LicenseId,
        id: &EndpointId,
        which: Which,
    ) -> Result<(Vec<DeadLine>, usize), Failure> {
        let id = id.clone();
        let look = move |dispatcher: &mut DispatcherActor, _: &mut Context<DispatcherActor>| {
            dispatcher.find(&id)?;
            let lines = dispatcher.graves.lines.of(&id, &which);
            let page = lines.iter().take(DEAD_LETTER_PAGE).map(|line| DeadLine::clone(line));
            Ok((page.collect(), lines.len()))
        };
        self.visit(license, look).await
    }

    /// Makes dead letters due again, oldest first, as many as a page holds and not more than `most`: who wants
    /// all asks until none is left.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` when nothing may be sent there now.
    pub async fn replay(
        &self,
        license: LicenseId,
        id: &EndpointId,
        which: Which,
        most: usize,
    ) -> Result<Replayed, Failure> {
        let id = id.clone();
        let replay = move |dispatcher: &mut DispatcherActor, ctx: &mut Context<DispatcherActor>| {
            let replayed = dispatcher.replay(&id, &which, most);
            dispatcher.send(ctx);
            replayed
        };
        self.visit(license, replay).await
    }

    /// Calls the receiver of an endpoint again, or not any more.
    ///
    /// # Errors
    /// `NotFound`, `StorageFull`.
    pub async fn switch_webhooks(
        &self,
        license: LicenseId,
        id: &EndpointId,
        on: bool,
    ) -> Result<EndpointView, Failure> {
        let id = id.clone();
        let switch = move |dispatcher: &mut DispatcherActor, ctx: &mut Context<DispatcherActor>| {
            let url = dispatcher.find(&id)?.url;
            dispatcher.shard.ready()?;
            if on {
                dispatcher.outbox.enable(&url);
            } else {
                dispatcher.outbox.disable(&url, WhyDisabled::ByHand, dispatcher.shard.now());
            }
            dispatcher.follow();
            dispatcher.send(ctx);
            dispatcher.find(&id)
        };
        self.visit(license, switch).await
    }

    /// Asks a license's dispatcher; it is answered when all that it had journaled is durable.
    async fn visit<T: Send + 'static>(
        &self,
        license: LicenseId,
        ask: impl FnOnce(&mut DispatcherActor, &mut Context<DispatcherActor>) -> Result<T, Rejected>
        + Send
        + 'static,
    ) -> Result<T, Failure> {
        let dispatcher = self.dispatcher(license).ok_or(Rejected::Internal)?;
        let (tell, told) = oneshot::channel();
        let visit = Visit(Box::new(move |dispatcher, ctx| {
            let seen = ask(dispatcher, ctx);
            dispatcher.when_durable(move || drop(tell.send(seen)));
        }));
        link::tell(&dispatcher, visit);
        Ok(told.await.map_err(|_| Rejected::Internal)??)
    }
}
