//! What the engine counts, in its own words; the registry itself is telemetry's.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use switchboard_domain::conversation::fact::Change;
use switchboard_domain::conversation::properties::PropertyValue;
use switchboard_domain::id::LicenseId;
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::webhook::{self, Settlement};

use crate::engine::dialect::Side;
use crate::engine::entry::Entry;
use crate::engine::order::{Order, Outcome};
use crate::engine::profiles::AgentProfile;
use crate::engine::tables::LicenseTable;
use crate::telemetry::metrics::{
    self, ActorLabels, ActorName, AttemptLabels, AttemptResult, DeliveryLabels, DeliveryResult,
    LicenseLabels, Metrics, RequestLabels, SessionLabels,
};
use crate::telemetry::traffic::Traffic;

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

    /// A stream's socket was opened.
    pub(crate) fn stream_opened(&self) {
        self.all.streams.inc();
    }

    /// A stream's socket is gone.
    pub(crate) fn stream_closed(&self) {
        self.all.streams.dec();
    }

    /// A session's request was answered, so long after it was read.
    pub(crate) fn answered(&self, outcome: &Outcome, took: Duration) {
        self.all.request_seconds.observe(took.as_secs_f64());
        let [done, refused] = &self.rtm;
        let counter = if outcome.is_ok() { done } else { refused };
        counter.inc();
    }

    /// A session left too much unread.
    pub(crate) fn too_slow(&self) {
        self.all.sessions_too_slow.inc();
    }

    /// Sessions were told pushes.
    pub(crate) fn pushed(&self, pushes: u64) {
        if pushes > 0 {
            self.all.pushes_delivered.inc_by(pushes);
        }
    }

    /// The sockets of a shard were read and written.
    pub(crate) fn moved(&self, Traffic { reads, writes }: Traffic) {
        self.all.socket_reads.inc_by(reads);
        self.all.socket_writes.inc_by(writes);
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
    pub(crate) fn page(&self, licenses: &[Arc<LicenseTable>], population: (usize, usize)) -> String {
        let actors = |kind, count| self.all.actors.get_or_create(&ActorLabels { kind }).set(count as i64);
        actors(ActorName::Conversation, population.0);
        actors(ActorName::Customer, population.1);
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
            Settlement::Dropped => DeliveryResult::Dropped,
            _ => DeliveryResult::Dead,
        };
        self.all.webhook_deliveries.get_or_create(&DeliveryLabels { result }).inc();
    }

    /// So many dead letters were forgotten before their time, because there were too many.
    pub(crate) fn dead_letters_forgotten(&self, count: usize) {
        self.all.webhook_dead_letters_forgotten.inc_by(count as u64);
    }

    /// A webhook was called.
    pub(crate) fn attempted(&self, outcome: webhook::Outcome) {
        let result = match outcome {
            webhook::Outcome::Delivered => AttemptResult::Delivered,
            webhook::Outcome::Refused | webhook::Outcome::Gone => AttemptResult::Refused,
            webhook::Outcome::Trouble => AttemptResult::Trouble,
        };
        self.all.webhook_attempts.get_or_create(&AttemptLabels { result }).inc();
    }

    /// A receiver took a webhook call, so long after it became due.
    pub(crate) fn lagged(&self, lag: Duration) {
        self.all.webhook_lag_seconds.observe(lag.as_secs_f64());
    }

    /// A license is no more.
    pub(crate) fn license_ended(&self, license: LicenseId) {
        let (gauges, labels) = (&self.all.webhooks, LicenseLabels { license: license.0 });
        for gauge in [&gauges.outstanding, &gauges.oldest_seconds, &gauges.dead_letters, &gauges.disabled] {
            gauge.remove(&labels);
        }
    }

    /// How the webhooks of a license stand: what is owed, how old the oldest is, dead letters,
    /// disabled receivers.
    pub(crate) fn webhooks(&self, license: LicenseId, owed: (usize, Duration), dead: usize, disabled: usize) {
        let gauges = &self.all.webhooks;
        let set = |gauge: &Family<LicenseLabels, Gauge>, value: usize| {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            gauge.get_or_create(&LicenseLabels { license: license.0 }).set(value);
        };
        set(&gauges.outstanding, owed.0);
        set(&gauges.oldest_seconds, usize::try_from(owed.1.as_secs()).unwrap_or(usize::MAX));
        set(&gauges.dead_letters, dead);
        set(&gauges.disabled, disabled);
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
