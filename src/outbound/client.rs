//! The HTTP client: one attempt is one POST, bounded in time and in what is read back.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use reqwest::{Client, Response, Url, redirect, retry};
use rustls::pki_types::CertificateDer;
use switchboard_domain::webhook::Outcome;
use switchboard_domain::webhook::limits::{ATTEMPT_TIMEOUT, ATTEMPTS_PER_URL};

use crate::outbound::address::{AddressPolicy, Forbidden, GuardedResolver};
use crate::outbound::roots::tls_config;
use crate::telemetry::clock::monotonic;

/// Bytes of an answer's body that are read, so that its connection can be used again; what is
/// longer is cut off together with the connection. The bytes themselves interest nobody.
pub const RESPONSE_BYTES: usize = 16 * 1024;

/// How long an unused connection is kept. Shorter than the usual patience of servers, so that a
/// connection is rarely found closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// Names the delivery in each attempt.
const DELIVERY_HEADER: HeaderName = HeaderName::from_static("webhook-id");

/// How a client is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which addresses it may reach.
    pub addresses: AddressPolicy,
    /// How long one attempt may take in all, name resolution included.
    pub timeout: Duration,
    /// Certificate authorities to trust beside the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { addresses: AddressPolicy::default(), timeout: ATTEMPT_TIMEOUT, extra_roots: Vec::new() }
    }
}

/// The client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// An extra certificate is of no use.
    #[error("TLS of the webhook client: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP client refused its settings.
    #[error("webhook client: {0}")]
    Http(#[from] reqwest::Error),
}

/// Why an attempt brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// No answer in time.
    Timeout,
    /// No connection: name, network, TLS.
    Connect,
    /// The connection broke, or what came is no HTTP.
    Broken,
    /// The address policy forbids the host.
    Forbidden,
    /// It cannot be a request: a URL or id that HTTP cannot express.
    Unsendable,
}

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempted {
    /// The answer's status, or why there is none.
    pub answer: Result<StatusCode, Fault>,
    /// Until the head of the answer, or until the fault.
    pub latency: Duration,
}

impl Attempted {
    /// What that means for the delivery. Only what can never be sent is final among the faults:
    /// a host that is forbidden now may resolve differently later.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.answer {
            Ok(status) => Outcome::of_status(status.as_u16()),
            Err(Fault::Unsendable) => Outcome::Refused,
            Err(Fault::Timeout | Fault::Connect | Fault::Broken | Fault::Forbidden) => Outcome::Trouble,
        }
    }
}

/// Posts bodies to where others say. Uses no proxy, follows no redirect, repeats nothing, and
/// reaches only what its address policy permits. Cheap to clone: clones share the connections.
/// Runs on any tokio runtime.
#[derive(Debug, Clone)]
pub struct WebhookClient {
    http: Client,
    addresses: AddressPolicy,
}

impl WebhookClient {
    /// Makes a client. Reads the system's certificates from disk.
    ///
    /// # Errors
    /// When an extra certificate is of no use.
    pub fn new(options: Options) -> Result<Self, BuildError> {
        let http = Client::builder()
            .tls_backend_preconfigured(tls_config(options.extra_roots)?)
            .dns_resolver(GuardedResolver(options.addresses))
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .user_agent(concat!("Switchboard/", env!("CARGO_PKG_VERSION")))
            .timeout(options.timeout)
            .pool_max_idle_per_host(ATTEMPTS_PER_URL)
            .pool_idle_timeout(IDLE_CONNECTION)
            .build()?;
        Ok(Self { http, addresses: options.addresses })
    }

    /// Posts a JSON body, byte for byte, under the id of its delivery. `headers` come on top and
    /// may replace the content type.
    pub async fn post(&self, url: &str, delivery: &str, body: Bytes, headers: HeaderMap) -> Attempted {
        let start = monotonic();
        let sent = self.send(url, delivery, body, headers).await;
        let latency = monotonic().saturating_sub(start);
        let answer = match sent {
            Ok(response) => {
                let status = response.status();
                drain(response).await;
                Ok(status)
            }
            Err(fault) => Err(fault),
        };
        Attempted { answer, latency }
    }

    async fn send(&self, url: &str, delivery: &str, body: Bytes, more: HeaderMap) -> Result<Response, Fault> {
        let url = Url::parse(url).map_err(|_| Fault::Unsendable)?;
        self.check_literal(&url)?;
        let mut headers = HeaderMap::with_capacity(2 + more.len());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(more);
        let delivery = HeaderValue::from_str(delivery).map_err(|_| Fault::Unsendable)?;
        headers.insert(DELIVERY_HEADER, delivery);
        let response = self.http.post(url).headers(headers).body(body).send().await;
        response.map_err(|error| fault_of(&error))
    }

    /// The resolver never sees a host that is an address already. The parser of the URL has
    /// brought every odd spelling (`0x7f.1`, `2130706433`) into the usual form.
    fn check_literal(&self, url: &Url) -> Result<(), Fault> {
        let host = url.host_str().ok_or(Fault::Unsendable)?;
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(address) if !self.addresses.permits(address) => Err(Fault::Forbidden),
            _ => Ok(()),
        }
    }
}

fn fault_of(error: &reqwest::Error) -> Fault {
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    if causes.any(|cause| cause.is::<Forbidden>()) {
        Fault::Forbidden
    } else if error.is_timeout() {
        Fault::Timeout
    } else if error.is_connect() {
        Fault::Connect
    } else if error.is_builder() {
        Fault::Unsendable
    } else {
        Fault::Broken
    }
}

/// Reads a short body to its end and lets go of a longer one. The status counts, whatever becomes
/// of the body.
async fn drain(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > RESPONSE_BYTES {
            return;
        }
    }
}
