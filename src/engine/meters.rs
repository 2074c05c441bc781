//! What the engine counts, in its own words; the registry itself is telemetry's.

use std::sync::Arc;

use switchboard_domain::webhook::Settlement;

use crate::engine::dialect::Side;
use crate::engine::order::{Order, Outcome};
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

    /// A session's request was answered.
    pub(crate) fn answered(&self, outcome: &Outcome) {
        self.count("rtm", outcome.is_ok());
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
