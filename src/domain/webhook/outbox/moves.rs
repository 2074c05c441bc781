//! Who hears at all, and where: what is owed follows its endpoint, and ends with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Outbox, Phase, settled};
use crate::id::{AgentId, ConversationId};
use crate::webhook::{Delivery, DeliveryFact, EndpointId, Lane, Outcome, Owner, Settlement};

/// Who hears where.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    /// Of each bot that was heard of; `None` for one that hears nothing.
    bots: BTreeMap<AgentId, Option<Arc<str>>>,
    /// Of each endpoint that the license has.
    registered: BTreeMap<EndpointId, Arc<str>>,
}

impl Hearing {
    /// Where a delivery goes now; `None` when nobody may hear of it any more.
    fn place<'a>(&'a self, delivery: &'a Delivery) -> Option<&'a Arc<str>> {
        match &delivery.owner {
            Owner::Bot(bot) | Owner::DeskBot(bot) => match self.bots.get(bot) {
                Some(place) => place.as_ref(),
                None => Some(&delivery.url),
            },
            // Each endpoint of a license is a lane of its own for each conversation.
            Owner::License | Owner::DeskHook => self.registered.get(&delivery.lane.endpoint),
        }
    }
}

impl Outbox {
    /// A bot hears nothing: it went offline, was removed, or has no webhooks. What it is owed is dropped,
    /// and what still comes in too, until [`Outbox::bot_online`]. An attempt under way cannot be called
    /// back.
    #[must_use = "a settled delivery must be journaled, or it is sent again after a restart"]
    pub fn bot_offline(&mut self, bot: &AgentId) -> Vec<DeliveryFact> {
        self.hearing.bots.insert(bot.clone(), None);
        self.drop_deaf(&self.lanes_of_bot(bot))
    }

    /// The chats whose customers wait for what a bot makes of what it is owed.
    #[must_use]
    pub fn awaited_of(&self, bot: &AgentId) -> Vec<ConversationId> {
        let waits = |lane: &Lane| {
            let queue = self.lanes.get(lane)?;
            lane.conversation.filter(|_| queue.deliveries.iter().any(|delivery| delivery.awaited))
        };
        self.lanes_of_bot(bot).iter().filter_map(waits).collect()
    }

    /// A bot hears, and does so here: what it is owed goes there, too. What was dropped stays dropped.
    /// True when it heard nothing or elsewhere until now.
    pub fn bot_online(&mut self, bot: &AgentId, url: &Arc<str>) -> bool {
        let before = self.hearing.bots.insert(bot.clone(), Some(Arc::clone(url)));
        self.lanes_of_bot(bot).iter().for_each(|lane| self.point(lane));
        before.flatten().as_ref() != Some(url)
    }

    /// From now on the license has these endpoints, at these URLs: what they are owed goes there. What others
    /// are owed is dropped, and what still comes in for them too. An attempt under way cannot be called
    /// back.
    #[must_use = "a settled delivery must be journaled, or it is sent again after a restart"]
    pub fn registered(&mut self, endpoints: BTreeMap<EndpointId, Arc<str>>) -> Vec<DeliveryFact> {
        self.hearing.registered = endpoints;
        let lanes: Vec<_> = self.lanes.keys().cloned().collect();
        lanes.iter().for_each(|lane| self.point(lane));
        self.drop_deaf(&lanes)
    }

    /// A delivery as it goes to where its endpoint is; `None` when nobody may hear of it any more.
    pub(super) fn aimed(&self, delivery: Arc<Delivery>) -> Option<Arc<Delivery>> {
        let url = self.hearing.place(&delivery)?;
        Some(if *url == delivery.url { delivery } else { Arc::new(delivery.moved(url)) })
    }

    /// Was the first of a lane, which was under way, moved meanwhile? Then nothing but that it arrived
    /// counts of what its former receiver said.
    pub(super) fn is_outdated(&self, delivery: &Delivery, outcome: Outcome) -> bool {
        let first = self.lanes.get(&delivery.lane).and_then(|queue| queue.deliveries.front());
        outcome != Outcome::Delivered && first.is_some_and(|first| first.url != delivery.url)
    }

    fn lanes_of_bot(&self, bot: &AgentId) -> Vec<Lane> {
        let endpoint = EndpointId::of_all(bot);
        let first = Lane { endpoint: endpoint.clone(), conversation: None };
        let own = self.lanes.range(first..).take_while(|(lane, _)| lane.endpoint == endpoint);
        own.map(|(lane, _)| lane.clone()).collect()
    }

    fn drop_deaf(&mut self, lanes: &[Lane]) -> Vec<DeliveryFact> {
        let queues = lanes.iter().filter_map(|lane| self.lanes.get(lane));
        let deaf = |delivery: &&Arc<Delivery>| self.hearing.place(delivery).is_none();
        let owed = queues.flat_map(|queue| &queue.deliveries).filter(deaf);
        let ids: Vec<_> = owed.map(|delivery| delivery.id.clone()).collect();
        ids.iter()
            .map(|id| {
                self.remove(id);
                settled(id, Settlement::Dropped)
            })
            .collect()
    }

    /// What is owed in a lane goes to where its endpoint is now; the first of it at once, with the whole
    /// schedule before it.
    fn point(&mut self, lane: &Lane) {
        let Some(queue) = self.lanes.get_mut(lane) else { return };
        let mut left = None;
        for (at, delivery) in queue.deliveries.iter_mut().enumerate() {
            let Some(url) = self.hearing.place(delivery).filter(|url| **url != delivery.url) else {
                continue;
            };
            let moved = Arc::new(delivery.moved(url));
            self.backlog.subtract(delivery);
            self.backlog.add(&moved);
            let before = std::mem::replace(delivery, moved);
            if at == 0 {
                left = Some(Arc::clone(&before.url));
            }
        }
        let Some(left) = left else { return };
        queue.failures = 0;
        match queue.phase {
            Phase::Running => return,
            Phase::Ready(ticket) => self.turns.leave(&left, ticket),
            Phase::Waiting(until) => {
                self.waiting.remove(&(until, lane.clone()));
            }
        }
        self.make_ready(lane);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::webhook::outbox::tests::{START, delivery, over, sent, with};
    use crate::webhook::outbox::{News, Verdict};
    use crate::webhook::{Standing, WhyDisabled};

    fn url(text: &str) -> Arc<str> {
        Arc::from(text)
    }

    /// Where and what is sent now.
    fn told(outbox: &mut Outbox) -> Vec<(String, String)> {
        let attempts = std::iter::from_fn(|| outbox.next(START));
        attempts.map(|it| (it.delivery.url.to_string(), it.delivery.id.to_string())).collect()
    }

    #[test]
    fn what_a_bot_is_owed_follows_it_to_where_it_hears_now() {
        let (bot, new) = (AgentId::new("bot"), url("http://new/"));
        let (waits, behind) = (delivery("bot", 1, 1), delivery("bot", 1, 2));
        let (under_way, other) = (delivery("bot", 2, 1), delivery("other", 1, 1));
        let mut outbox = with(&[&waits]);
        assert_eq!(sent(&mut outbox, START).len(), 1);
        assert!(matches!(outbox.done(&waits.id, Outcome::Trouble, START, 0.0), Verdict::RetryAt(_)));
        for delivery in [&behind, &under_way, &other] {
            assert_eq!(outbox.due(Arc::clone(delivery)), None);
        }
        assert_eq!(sent(&mut outbox, START).len(), 2);

        assert!(outbox.bot_online(&bot, &new));
        assert!(!outbox.bot_online(&bot, &new), "it is there already");
        assert_eq!(
            told(&mut outbox),
            [(new.to_string(), waits.id.to_string())],
            "at once, and not there any more"
        );
        assert_eq!((outbox.receiver(&waits.url).outstanding, outbox.receiver(&new).outstanding), (0, 3));
        let verdict = outbox.done(&waits.id, Outcome::Delivered, START, 0.0);
        assert_eq!(verdict, over(&waits.id, Settlement::Delivered));
        assert_eq!(told(&mut outbox), [(new.to_string(), behind.id.to_string())]);
        // What the former place says of the one under way is nothing but whether it arrived.
        for outcome in [Outcome::Refused, Outcome::Trouble, Outcome::Gone] {
            let mut outbox = with(&[&under_way]);
            assert_eq!(sent(&mut outbox, START).len(), 1);
            assert!(outbox.bot_online(&bot, &new));
            assert_eq!(outbox.done(&under_way.id, outcome, START, 0.0), Verdict::RetryAt(START));
            assert_eq!(told(&mut outbox), [(new.to_string(), under_way.id.to_string())]);
        }
        let verdict = outbox.done(&under_way.id, Outcome::Delivered, START, 0.0);
        assert_eq!(verdict, over(&under_way.id, Settlement::Delivered));
        // It was matched before its bot moved, and comes in after.
        let late = delivery("bot", 3, 1);
        assert_eq!(outbox.due(Arc::clone(&late)), None);
        assert_eq!(told(&mut outbox), [(new.to_string(), late.id.to_string())]);
    }

    #[test]
    fn it_is_known_whose_customers_wait_for_a_bot() {
        let awaited = |bot, chat| Delivery { awaited: true, ..Delivery::clone(&delivery(bot, chat, 1)) };
        let (waits, other) = (Arc::new(awaited("bot", 2)), Arc::new(awaited("bot2", 3)));
        let outbox = with(&[&delivery("bot", 1, 1), &waits, &delivery("bot", 2, 2), &other]);
        assert_eq!(outbox.awaited_of(&AgentId::new("bot")), [ConversationId::from_random(2)]);
    }

    #[test]
    fn a_place_that_is_off_gets_nothing_from_whoever_moves_there() {
        let (bot, new) = (AgentId::new("bot"), url("http://new/"));
        let owed = delivery("bot", 1, 1);
        let mut outbox = with(&[&owed]);
        outbox.disable(&new, WhyDisabled::ByHand, START);
        let _ = outbox.news();
        assert!(outbox.bot_online(&bot, &new));
        assert_eq!(told(&mut outbox), []);
        outbox.bury_disabled();
        let news = outbox.news();
        assert!(matches!(&news[..], [News::Died { delivery, .. }] if delivery.id == owed.id), "{news:?}");
        assert_eq!(outbox.receiver(&owed.url).standing, Standing::default());
    }

    #[test]
    fn a_hook_of_the_license_takes_along_what_it_is_owed() {
        let owed = Arc::unwrap_or_clone(delivery("hook", 1, 1));
        let owed = Arc::new(Delivery { owner: Owner::DeskHook, ..owed });
        let at = |url: Arc<str>| BTreeMap::from([(EndpointId::new("hook"), url)]);
        let mut outbox = Outbox::default();
        assert!(outbox.registered(at(Arc::clone(&owed.url))).is_empty());
        assert_eq!(outbox.due(Arc::clone(&owed)), None);
        assert!(outbox.registered(at(url("http://new/"))).is_empty());
        assert_eq!(told(&mut outbox), [("http://new/".to_owned(), owed.id.to_string())]);
        // After a restart it is stored as it was matched.
        let mut outbox = Outbox::default();
        outbox.restore(DeliveryFact::Due(owed));
        assert!(outbox.registered(at(url("http://new/"))).is_empty());
        assert_eq!(told(&mut outbox).pop().unwrap().0, "http://new/");
    }
}
