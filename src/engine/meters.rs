//! What the engine counts, in its own words; the registry itself is telemetry's.

use std::sync::Arc;
use std::time::Duration;

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
pub(crate) struct Meters(pub(crate) Arc<Metrics>);

impl Meters {
    /// A socket was opened.
    pub(crate) fn session_opened(&self, side: Side) {
        self.0.sessions.get_or_create(&labels(side)).inc();
    }

    /// A socket is gone.
    pub(crate) fn session_closed(&self, side: Side) {
        self.0.sessions.get_or_create(&labels(side)).dec();
    }

    /// A session's request was answered, so long after it was read.
    pub(crate) fn answered(&self, outcome: &Outcome, took: Duration) {
        self.0.request_seconds.observe(took.as_secs_f64());
        self.count("rtm", outcome.is_ok());
    }

    /// A session was told a push.
    pub(crate) fn pushed(&self) {
        self.0.pushes_delivered.inc();
    }

    /// A batch was journaled.
    pub(crate) fn journaled(&self, entries: &[Entry]) {
        self.0.journal_appends.inc();
        let events = |entry: &Entry| match entry {
            Entry::Conversation(_, _, fact) => match &fact.change {
                Change::EventPosted(_) => 1,
                Change::ThreadOpened { events, .. } => events.len() as u64,
                _ => 0,
            },
            _ => 0,
        };
        self.0.events_posted.inc_by(entries.iter().map(events).sum());
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
        self.0.conversations_active.set(active);
        self.0.queue_waiting.set(waiting);
        self.0.agents_online.set(online);
        self.0.render()
    }

    /// An order was begun.
    pub(crate) fn ordered(&self, order: &Order) {
        self.count(order.name(), true);
    }

    /// A webhook call came to its end.
    pub(crate) fn delivery_settled(&self, how: Settlement) {
        let result = match how {
            Settlement::Delivered => DeliveryResult::Delivered,
            _ => DeliveryResult::Refused,
        };
        self.0.webhook_deliveries.get_or_create(&DeliveryLabels { result }).inc();
    }

    fn count(&self, action: &'static str, ok: bool) {
        let outcome = if ok { metrics::Outcome::Ok } else { metrics::Outcome::Rejected };
        self.0.requests.get_or_create(&RequestLabels { action, outcome }).inc();
    }
}

fn labels(side: Side) -> SessionLabels {
    let side = match side {
        Side::Agent => "agent",
        Side::Customer => "customer",
    };
    SessionLabels { face: "rtm", side }
}
