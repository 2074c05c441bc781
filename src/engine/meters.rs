//! What the engine counts, in its own words; the registry itself is telemetry's.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use switchboard_domain::conversation::fact::Change;
use switchboard_domain::conversation::properties::PropertyValue;
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::webhook::Settlement;

use crate::engine::dialect::Side;
use crate::engine::entry::Entry;
use crate::engine::order::{Order, Outcome};
use crate::engine::profiles::AgentProfile;
use crate::engine::tables::LicenseTable;
use crate::telemetry::metrics::{
    self, DeliveryLabels, DeliveryResult, Metrics, RequestLabels, SessionLabels,
};

/// The engine's counters.
#[derive(Clone)]
pub(crate) struct Meters {
    all: Arc<Metrics>,
    /// Requests over a socket that were done, and that were refused: looked up once.
    rtm: [Counter; 2],
}

impl Meters {
    /// Counts in these.
    pub(crate) fn new(all: Arc<Metrics>) -> Self {
        let rtm = [true, false].map(|ok| requests(&all, "rtm", ok));
        Self { all, rtm }
    }

    /// A socket was opened.
    pub(crate) fn session_opened(&self, side: Side) {
        self.all.sessions.get_or_create(&labels(side)).inc();
    }

    /// A socket is gone.
    pub(crate) fn session_closed(&self, side: Side) {
        self.all.sessions.get_or_create(&labels(side)).dec();
    }

    /// A session's request was answered, so long after it was read.
    pub(crate) fn answered(&self, outcome: &Outcome, took: Duration) {
        self.all.request_seconds.observe(took.as_secs_f64());
        let [done, refused] = &self.rtm;
        let counter = if outcome.is_ok() { done } else { refused };
        counter.inc();
    }

    /// Sessions were told pushes.
    pub(crate) fn pushed(&self, pushes: u64) {
        if pushes > 0 {
            self.all.pushes_delivered.inc_by(pushes);
        }
    }

    /// A batch was journaled.
    pub(crate) fn journaled(&self, entries: &[Entry]) {
        self.all.journal_appends.inc();
        let events = |entry: &Entry| match entry {
            Entry::Conversation(_, _, fact) => match &fact.change {
                Change::EventPosted(_) => 1,
                Change::ThreadOpened { events, .. } => events.len() as u64,
                _ => 0,
            },
            _ => 0,
        };
        self.all.events_posted.inc_by(entries.iter().map(events).sum());
    }

    /// Everything as text, with what is counted when somebody looks.
    pub(crate) fn page(&self, licenses: &[Arc<LicenseTable>]) -> String {
        let (mut active, mut waiting, mut online) = (0, 0, 0);
        for table in licenses {
            for row in table.rows.iter().filter(|row| row.line.active) {
                active += 1;
                let unassigned = row.line.properties.get("routing", "unassigned");
                waiting += i64::from(unassigned == Some(&PropertyValue::Bool(true)));
            }
            let here = |profile: &AgentProfile| profile.duty.status != RoutingStatus::Offline;
            online += table.agents.iter().filter(|profile| here(profile)).map(|_| 1).sum::<i64>();
        }
        self.all.conversations_active.set(active);
        self.all.queue_waiting.set(waiting);
        self.all.agents_online.set(online);
        self.all.render()
    }

    /// A webhook call came to its end.
    pub(crate) fn delivery_settled(&self, how: Settlement) {
        let result = match how {
            Settlement::Delivered => DeliveryResult::Delivered,
            _ => DeliveryResult::Refused,
        };
        self.all.webhook_deliveries.get_or_create(&DeliveryLabels { result }).inc();
    }
}

/// The counters of orders that a shard has begun: looked up once each.
#[derive(Default)]
pub(crate) struct OrderMeters(RefCell<Vec<(&'static str, Counter)>>);

impl OrderMeters {
    /// An order was begun.
    pub(crate) fn ordered(&self, meters: &Meters, order: &Order) {
        let name = order.name();
        let mut used = self.0.borrow_mut();
        let counter = match used.iter().position(|(of, _)| *of == name) {
            Some(at) => &used[at].1,
            None => {
                used.push((name, requests(&meters.all, name, true)));
                &used[used.len() - 1].1
            }
        };
        counter.inc();
    }
}

fn requests(all: &Metrics, action: &'static str, ok: bool) -> Counter {
    let outcome = if ok { metrics::Outcome::Ok } else { metrics::Outcome::Rejected };
    all.requests.get_or_create(&RequestLabels { action, outcome }).clone()
}

fn labels(side: Side) -> SessionLabels {
    let side = match side {
        Side::Agent => "agent",
        Side::Customer => "customer",
    };
    SessionLabels { face: "rtm", side }
}
