//! The endpoint table: who hears what in a license, at one moment (design D10).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::participant::RoutingStatus;
use crate::participant::bot::Bot;
use crate::webhook::{Action, Endpoint, Occasion, Registration};

/// All live endpoints of a license. Immutable: a change of a bot or of the license makes a new one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointTable {
    by_action: BTreeMap<Action, Vec<Arc<Endpoint>>>,
}

impl EndpointTable {
    /// The endpoints that the license has, and those of all bots that hear: that are neither offline
    /// nor removed. Nothing becomes due for a receiver that is disabled.
    pub fn build<'a>(
        registered: &[Registration],
        of_desk: Vec<Endpoint>,
        bots: impl Iterator<Item = &'a Bot>,
        disabled: &BTreeSet<Arc<str>>,
    ) -> Self {
        let hearing = bots.filter(|bot| !bot.removed && bot.duty.status != RoutingStatus::Offline);
        let of_bots =
            hearing.flat_map(|bot| bot.webhooks.iter().flat_map(|hook| hook.endpoints(&bot.id, &bot.client)));
        let all = registered.iter().map(Registration::endpoint).chain(of_desk).chain(of_bots);
        all.filter(|endpoint| !disabled.contains(&endpoint.url)).collect()
    }

    /// Does anybody hear of this action at all? Spares the trouble to describe the occasion.
    #[must_use]
    pub fn hears(&self, action: Action) -> bool {
        self.by_action.contains_key(&action)
    }

    /// The endpoints that want to hear of this.
    pub fn matching<'a>(&'a self, occasion: &'a Occasion<'_>) -> impl Iterator<Item = &'a Arc<Endpoint>> {
        let hearing = self.by_action.get(&occasion.action).map_or(&[][..], Vec::as_slice);
        hearing.iter().filter(|endpoint| endpoint.wants(occasion))
    }
}

impl FromIterator<Endpoint> for EndpointTable {
    fn from_iter<I: IntoIterator<Item = Endpoint>>(endpoints: I) -> Self {
        let mut by_action: BTreeMap<Action, Vec<Arc<Endpoint>>> = BTreeMap::new();
        for endpoint in endpoints {
            by_action.entry(endpoint.action).or_default().push(Arc::new(endpoint));
        }
        Self { by_action }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::properties::Properties;
    use crate::id::{AgentId, ClientId};
    use crate::participant::Duty;
    use crate::time::Timestamp;
    use crate::webhook::{Additional, BotWebhooks, EndpointId, Filters, Owner, Subscription};

    fn bot(id: &str, status: RoutingStatus, actions: Vec<Subscription>) -> Bot {
        let url = format!("http://{id}.example").into();
        Bot {
            desk: None,
            id: AgentId::new(id),
            number: 1,
            client: ClientId::new("app"),
            name: id.into(),
            avatar: None,
            duty: Duty { status, ..Duty::default() },
            webhooks: Some(BotWebhooks {
                desk: None,
                url,
                secret_key: "s".into(),
                actions,
                dialect: 30,
                former: None,
            }),
            token: None,
            removed: false,
            version: 1,
            changed_at: Timestamp::default(),
            offline_since: Timestamp::default(),
        }
    }

    fn on(action: Action, filters: Option<Filters>) -> Subscription {
        Subscription { action, filters, additional: None }
    }

    fn matched(table: &EndpointTable, action: Action, members: &[AgentId]) -> Vec<String> {
        let chat_properties = &Properties::default();
        let occasion = Occasion { desk: None, action, author: None, members, subject: None, chat_properties };
        table.matching(&occasion).map(|endpoint| endpoint.id.to_string()).collect()
    }

    #[test]
    fn bots_hear_unless_offline_or_removed() {
        let on_event = || vec![on(Action::EventPosted, None)];
        let mut gone = bot("gone", RoutingStatus::Accepting, on_event());
        gone.removed = true;
        let mut deaf = bot("deaf", RoutingStatus::Accepting, vec![]);
        deaf.webhooks = None;
        let bots = [
            bot("works", RoutingStatus::Accepting, on_event()),
            bot("listens", RoutingStatus::NotAccepting, on_event()),
            bot("sleeps", RoutingStatus::Offline, on_event()),
            gone,
            deaf,
        ];
        let table = EndpointTable::build(&[], Vec::new(), bots.iter(), &BTreeSet::new());
        let hearing = ["works.event_posted", "listens.event_posted"];
        assert_eq!(matched(&table, Action::EventPosted, &[]), hearing);
        assert!(!table.hears(Action::ThreadClosed));
        assert!(matched(&table, Action::ThreadClosed, &[]).is_empty());
    }

    #[test]
    fn the_license_hears_beside_its_bots_whatever_their_status() {
        let registered = Registration {
            id: EndpointId::new("w1"),
            client: ClientId::new("app"),
            url: "http://h.example".into(),
            secret_key: "s".into(),
            description: None,
            subscription: on(Action::EventPosted, None),
            dialect: 30,
            former: None,
        };
        let bots = [
            bot("sleeps", RoutingStatus::Offline, vec![on(Action::EventPosted, None)]),
            bot("works", RoutingStatus::Accepting, vec![on(Action::EventPosted, None)]),
        ];
        let table = EndpointTable::build(&[registered], Vec::new(), bots.iter(), &BTreeSet::new());
        assert_eq!(matched(&table, Action::EventPosted, &[]), ["w1", "works.event_posted"]);
        assert!(!table.hears(Action::ThreadClosed));
    }

    #[test]
    fn a_disabled_receiver_hears_nothing_whoever_leads_there() {
        let bots = ["works", "gone"]
            .map(|id| bot(id, RoutingStatus::Accepting, vec![on(Action::EventPosted, None)]));
        let disabled = BTreeSet::from(["http://gone.example".into()]);
        let table = EndpointTable::build(&[], Vec::new(), bots.iter(), &disabled);
        assert_eq!(matched(&table, Action::EventPosted, &[]), ["works.event_posted"]);
    }

    #[test]
    fn a_bot_hears_each_action_by_its_own_filters() {
        let with_ann = Filters { agents_any: Some(vec![AgentId::new("ann")]), ..Filters::default() };
        let actions = vec![on(Action::ChatStarted, Some(with_ann)), on(Action::ThreadClosed, None)];
        let table = EndpointTable::build(
            &[],
            Vec::new(),
            [bot("b", RoutingStatus::Accepting, actions)].iter(),
            &BTreeSet::new(),
        );
        assert!(matched(&table, Action::ChatStarted, &[]).is_empty());
        assert_eq!(matched(&table, Action::ChatStarted, &[AgentId::new("ann")]), ["b.chat_started"]);
        assert_eq!(matched(&table, Action::ThreadClosed, &[]), ["b.thread_closed"]);
    }

    #[test]
    fn an_endpoint_carries_all_that_a_delivery_needs() {
        let mut wants = on(Action::MemberAdded, None);
        wants.additional = Some(vec![Additional::Access, Additional::ThreadId]);
        let table = EndpointTable::build(
            &[],
            Vec::new(),
            [bot("b", RoutingStatus::Accepting, vec![wants])].iter(),
            &BTreeSet::new(),
        );
        let chat_properties = &Properties::default();
        let action = Action::MemberAdded;
        let occasion =
            Occasion { desk: None, action, author: None, members: &[], subject: None, chat_properties };
        let found: Vec<_> = table.matching(&occasion).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(&*found[0].url, "http://b.example");
        assert_eq!(found[0].owner, Owner::Bot(AgentId::new("b")));
        assert_eq!(found[0].additional, [Additional::Access, Additional::ThreadId]);
        assert_eq!((found[0].dialect, &*found[0].secret_key), (30, "s"));
    }
}
