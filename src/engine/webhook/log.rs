//! The last attempts at each endpoint, for whoever asks why something did not arrive. In memory, and
//! gone with the process: what must outlive it is in the journal.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::{DeliveryId, EndpointId};

use crate::engine::limits::WEBHOOK_LOG_LINES;
use crate::outbound::Answer;

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it ended.
    pub at: Timestamp,
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// Which attempt of it since the start of the process, from 1.
    pub number: usize,
    /// What was answered, or why nothing.
    pub answer: Answer,
    /// Until the head of the answer, or until the fault.
    pub latency: Duration,
    /// Bytes of the body that was sent.
    pub sent_bytes: usize,
    /// Bytes of the answer's body that were read; they are kept nowhere.
    pub answer_bytes: usize,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
}

/// The last attempts at each endpoint.
#[derive(Debug, Default)]
pub(super) struct DeliveryLog(BTreeMap<EndpointId, VecDeque<LogLine>>);

impl DeliveryLog {
    pub(super) fn add(&mut self, endpoint: &EndpointId, line: LogLine) {
        if !self.0.contains_key(endpoint) {
            self.0.insert(endpoint.clone(), VecDeque::new());
        }
        if let Some(lines) = self.0.get_mut(endpoint) {
            if lines.len() >= WEBHOOK_LOG_LINES {
                lines.pop_front();
            }
            lines.push_back(line);
        }
    }

    /// Those of an endpoint, the newest first.
    pub(super) fn of(&self, endpoint: &EndpointId) -> Vec<LogLine> {
        self.0.get(endpoint).map(|lines| lines.iter().rev().cloned().collect()).unwrap_or_default()
    }

    /// Forgets the endpoints that are no more.
    pub(super) fn retain(&mut self, exists: impl Fn(&EndpointId) -> bool) {
        self.0.retain(|endpoint, _| exists(endpoint));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    fn line(n: usize) -> LogLine {
        LogLine {
            at: Timestamp::from_secs(n as u64),
            delivery: DeliveryId::new("C-1"),
            number: n,
            answer: Ok(StatusCode::OK),
            latency: Duration::ZERO,
            sent_bytes: 0,
            answer_bytes: 0,
            retry_at: None,
        }
    }

    #[test]
    fn the_last_ones_of_each_endpoint_are_kept() {
        let mut log = DeliveryLog::default();
        let (busy, calm) = (EndpointId::new("busy"), EndpointId::new("calm"));
        log.add(&calm, line(0));
        for n in 1..=WEBHOOK_LOG_LINES + 7 {
            log.add(&busy, line(n));
        }
        let numbers: Vec<_> = log.of(&busy).iter().map(|line| line.number).collect();
        assert!(numbers.into_iter().eq((8..=WEBHOOK_LOG_LINES + 7).rev()));
        assert_eq!(log.of(&calm), [line(0)]);
        log.retain(|endpoint| *endpoint == calm);
        assert!(log.of(&busy).is_empty() && !log.of(&calm).is_empty());
    }
}
