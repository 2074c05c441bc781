//! What the process counts, in the names that a Prometheus scrape sees.
//!
//! One [`Metrics`] is made at start and passed on as an `Arc`. On a hot path keep a clone of the
//! counter (a shared atomic), not a lookup by labels. Label values come from code, never from the
//! wire: a client must not be able to grow the number of series.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bucket bounds in seconds for requests and journal commits: a commit takes about 0.3 ms on a good
/// disk, and a request is given up after 15 s.
const SECONDS_BUCKETS: [f64; 13] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0];

/// Bucket bounds in seconds for webhooks: a good receiver answers in milliseconds, the schedule ends
/// after most of a day.
const LAG_BUCKETS: [f64; 11] = [0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0, 3_600.0, 21_600.0, 86_400.0];

/// Which sessions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SessionLabels {
    /// The face that speaks with them, such as `livechat`.
    pub face: &'static str,
    /// Who sits there: `agent` or `customer`.
    pub side: &'static str,
}

/// Which requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The action as its table of methods names it; `unknown` for all that is not there.
    pub action: &'static str,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Done.
    Ok,
    /// Refused by a rule: the caller's doing.
    Rejected,
    /// Failed inside: ours.
    Failed,
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        let name = match self {
            Self::Ok => "ok",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        };
        EncodeLabelValue::encode(&name, encoder)
    }
}

/// Which webhook deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DeliveryLabels {
    /// How they ended.
    pub result: DeliveryResult,
}

/// How a webhook delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryResult {
    /// The receiver took it.
    Delivered,
    /// Given up: it is a dead letter.
    Dead,
    /// Nobody wants to hear of it any more: its bot is offline, its registration gone.
    Dropped,
}

impl EncodeLabelValue for DeliveryResult {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        let name = match self {
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Dropped => "dropped",
        };
        EncodeLabelValue::encode(&name, encoder)
    }
}

/// Which attempts to call a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AttemptLabels {
    /// How they ended.
    pub result: AttemptResult,
}

/// How an attempt to call a webhook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptResult {
    /// The receiver took it (2xx).
    Delivered,
    /// The receiver refused it for good (4xx but 408, 425 and 429).
    Refused,
    /// No answer or a troubled one.
    Trouble,
}

impl EncodeLabelValue for AttemptResult {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        let name = match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Trouble => "trouble",
        };
        EncodeLabelValue::encode(&name, encoder)
    }
}

/// Which license.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LicenseLabels {
    /// Its number: of those that are configured.
    pub license: u64,
}

/// How the webhooks of each license stand.
#[derive(Debug, Clone, Default)]
pub struct WebhookGauges {
    /// Deliveries that are due and not over.
    pub outstanding: Family<LicenseLabels, Gauge>,
    /// Age of the oldest of them, in seconds.
    pub oldest_seconds: Family<LicenseLabels, Gauge>,
    /// Dead letters that are kept.
    pub dead_letters: Family<LicenseLabels, Gauge>,
    /// Receivers to which nothing is sent any more.
    pub disabled: Family<LicenseLabels, Gauge>,
}

impl WebhookGauges {
    fn register(&self, r: &mut Registry) {
        let mut gauge =
            |name, help, gauge: &Family<LicenseLabels, Gauge>| r.register(name, help, gauge.clone());
        gauge("webhook_outstanding", "Webhook deliveries due and not over", &self.outstanding);
        gauge("webhook_oldest_seconds", "Age of the oldest of them", &self.oldest_seconds);
        gauge("webhook_dead_letters", "Webhook deliveries given up and kept", &self.dead_letters);
        gauge("webhook_receivers_disabled", "Receivers that are called no more", &self.disabled);
    }
}

/// Which actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ActorLabels {
    /// What they stand for.
    pub kind: ActorName,
}

/// What an actor stands for that leaves memory when nobody asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorName {
    /// A conversation.
    Conversation,
    /// A customer.
    Customer,
}

impl EncodeLabelValue for ActorName {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        let name = match self {
            Self::Conversation => "conversation",
            Self::Customer => "customer",
        };
        EncodeLabelValue::encode(&name, encoder)
    }
}

/// Everything that the process counts.
#[derive(Debug)]
pub struct Metrics {
    /// Sessions that are open now.
    pub sessions: Family<SessionLabels, Gauge>,
    /// Requests answered, over any transport.
    pub requests: Family<RequestLabels, Counter>,
    /// Seconds from reading a request to handing its answer to the socket.
    pub request_seconds: Histogram,
    /// Events that became durable in a thread.
    pub events_posted: Counter,
    /// Sockets that carry a help desk's streams, open now.
    pub streams: Gauge,
    /// Pushes handed to sessions; one push to three sessions counts three.
    pub pushes_delivered: Counter,
    /// Sessions closed because they left too much unread.
    pub sessions_too_slow: Counter,
    /// Times a WebSocket was read and had something.
    pub socket_reads: Counter,
    /// Times a WebSocket was offered bytes.
    pub socket_writes: Counter,
    /// Records appended to the journal.
    pub journal_appends: Counter,
    /// Webhook deliveries that are over.
    pub webhook_deliveries: Family<DeliveryLabels, Counter>,
    /// Dead letters that were forgotten before their time.
    pub webhook_dead_letters_forgotten: Counter,
    /// Attempts to call a webhook.
    pub webhook_attempts: Family<AttemptLabels, Counter>,
    /// Seconds from when a delivery became due to when its receiver took it.
    pub webhook_lag_seconds: Histogram,
    /// How the webhooks of each license stand.
    pub webhooks: WebhookGauges,
    /// Actors in memory.
    pub actors: Family<ActorLabels, Gauge>,
    /// Conversations whose last thread is active.
    pub conversations_active: Gauge,
    /// Conversations that wait for an agent.
    pub queue_waiting: Gauge,
    /// Agents and bots that are not offline.
    pub agents_online: Gauge,
    registry: Registry,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A set of its own with everything at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            sessions: Family::default(),
            streams: Gauge::default(),
            requests: Family::default(),
            request_seconds: Histogram::new(SECONDS_BUCKETS),
            events_posted: Counter::default(),
            pushes_delivered: Counter::default(),
            sessions_too_slow: Counter::default(),
            socket_reads: Counter::default(),
            socket_writes: Counter::default(),
            journal_appends: Counter::default(),
            webhook_deliveries: Family::default(),
            webhook_dead_letters_forgotten: Counter::default(),
            webhook_attempts: Family::default(),
            webhook_lag_seconds: Histogram::new(LAG_BUCKETS),
            webhooks: WebhookGauges::default(),
            actors: Family::default(),
            conversations_active: Gauge::default(),
            queue_waiting: Gauge::default(),
            agents_online: Gauge::default(),
            registry: Registry::with_prefix("switchboard"),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("sessions", "Sessions open now", self.sessions.clone());
        r.register("streams", "Sockets of a help desk's streams open now", self.streams.clone());
        r.register("requests", "Requests answered", self.requests.clone());
        r.register_with_unit(
            "request",
            "Time from request to answer",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        r.register("events_posted", "Events durable in a thread", self.events_posted.clone());
        r.register("pushes_delivered", "Pushes handed to sessions", self.pushes_delivered.clone());
        r.register(
            "sessions_too_slow",
            "Sessions closed for reading too slowly",
            self.sessions_too_slow.clone(),
        );
        r.register("socket_reads", "Times a WebSocket was read", self.socket_reads.clone());
        r.register("socket_writes", "Times a WebSocket was offered bytes", self.socket_writes.clone());
        r.register("journal_appends", "Records appended to the journal", self.journal_appends.clone());
        r.register("webhook_deliveries", "Webhook deliveries that are over", self.webhook_deliveries.clone());
        r.register(
            "webhook_dead_letters_forgotten",
            "Dead letters forgotten because there were too many",
            self.webhook_dead_letters_forgotten.clone(),
        );
        r.register("webhook_attempts", "Attempts to call a webhook", self.webhook_attempts.clone());
        r.register_with_unit(
            "webhook_lag",
            "Time from due to taken",
            Unit::Seconds,
            self.webhook_lag_seconds.clone(),
        );
        self.webhooks.register(r);
        r.register("actors", "Conversations and customers in memory", self.actors.clone());
        r.register(
            "conversations_active",
            "Conversations with an active thread",
            self.conversations_active.clone(),
        );
        r.register("queue_waiting", "Conversations that wait for an agent", self.queue_waiting.clone());
        r.register("agents_online", "Agents and bots not offline", self.agents_online.clone());
    }

    /// All of it as OpenMetrics text, which Prometheus reads. Send it as [`CONTENT_TYPE`].
    #[must_use]
    pub fn render(&self) -> String {
        let mut page = String::new();
        if let Err(error) = text::encode(&mut page, &self.registry) {
            // Writing to a string fails only when a metric cannot encode itself.
            tracing::error!(%error, "the metrics page is cut short");
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_page_is_complete_and_ends_as_the_format_asks() {
        let page = Metrics::new().render();
        for line in [
            "switchboard_events_posted_total 0\n",
            "switchboard_pushes_delivered_total 0\n",
            "switchboard_sessions_too_slow_total 0\n",
            "switchboard_socket_reads_total 0\n",
            "switchboard_socket_writes_total 0\n",
            "switchboard_journal_appends_total 0\n",
            "switchboard_conversations_active 0\n",
            "switchboard_queue_waiting 0\n",
            "switchboard_agents_online 0\n",
            "switchboard_request_seconds_count 0\n",
            "switchboard_webhook_lag_seconds_count 0\n",
            "switchboard_request_seconds_bucket{le=\"+Inf\"} 0\n",
        ] {
            assert!(page.contains(line), "{line:?} is missing in\n{page}");
        }
        assert!(page.ends_with("# EOF\n"));
    }

    #[test]
    fn what_is_counted_is_shown_with_its_labels() {
        let metrics = Metrics::new();
        metrics.sessions.get_or_create(&SessionLabels { face: "livechat", side: "agent" }).inc();
        let rejected = RequestLabels { action: "send_event", outcome: Outcome::Rejected };
        metrics.requests.get_or_create(&rejected).inc_by(2);
        let delivered = DeliveryLabels { result: DeliveryResult::Delivered };
        metrics.webhook_deliveries.get_or_create(&delivered).inc();

        let page = metrics.render();
        for line in [
            "switchboard_sessions{face=\"livechat\",side=\"agent\"} 1\n",
            "switchboard_requests_total{action=\"send_event\",outcome=\"rejected\"} 2\n",
            "switchboard_webhook_deliveries_total{result=\"delivered\"} 1\n",
        ] {
            assert!(page.contains(line), "{line:?} is missing in\n{page}");
        }
    }
}
