//! The HTTP client: one attempt is one POST, bounded in time and in what is read back.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use reqwest::{Client, Request, Response, Url, redirect, retry};
use rustls::pki_types::CertificateDer;
use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::limits::ATTEMPTS_IN_ALL;
use switchboard_domain::webhook::{Outcome, Report};

use crate::outbound::address::{AddressPolicy, Forbidden, GuardedResolver, Names, SystemNames};
use crate::outbound::preview::Preview;
use crate::outbound::roots::tls_config;
use crate::outbound::signature::Signer;
use crate::outbound::target::Target;
use crate::telemetry::clock::{monotonic, now};

/// Bytes of an answer's body that are read, so that its connection can be used again; what is
/// longer is cut off together with the connection. The bytes themselves interest nobody.
pub const RESPONSE_BYTES: usize = 16 * 1024;

/// Bytes of a web page that are looked at (spec v3.0, 12 #27); its head is far shorter.
pub(super) const PAGE_BYTES: usize = 512 * 1024;

/// How long a look at a web page may take in all, redirects included (spec v3.0, 12 #27).
const PAGE_TIME: Duration = Duration::from_secs(5);

/// Redirects that are followed to a web page: to HTTPS, to `www`, to a language.
const PAGE_REDIRECTS: usize = 3;

/// How long an unused connection is kept. Shorter than the usual patience of servers, so that a
/// connection is rarely found closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// Unused connections that are kept for one host. More than the calls to one URL: a call that finds
/// none free at the moment begins to connect, and takes what comes first; were the other one not kept,
/// most calls would begin a connection that is closed at once.
const IDLE_CONNECTIONS: usize = ATTEMPTS_IN_ALL;

/// How a client is to be.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which addresses it may reach.
    pub addresses: AddressPolicy,
    /// Who looks names up; `None`: the system.
    pub names: Option<Arc<dyn Names>>,
    /// Certificate authorities to trust beside the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// No connection: name, network, TLS.
    #[error("no connection")]
    Connect,
    /// The connection broke, or what came is no HTTP.
    #[error("the connection broke, or what came is no HTTP")]
    Broken,
    /// The address policy forbids the host.
    #[error("the host may not be reached: it is no public address, nor allowed")]
    Forbidden,
    /// It cannot be a request: a URL or id that HTTP cannot express.
    #[error("the URL cannot be called")]
    Unsendable,
}

/// The status of an answer, or why there is none.
pub type Answer = Result<StatusCode, Fault>;

/// What is to be posted.
#[derive(Debug, Clone)]
pub struct Post<'a> {
    /// Where.
    pub to: &'a Target,
    /// The id of the delivery.
    pub delivery: &'a str,
    /// What: sent byte for byte.
    pub body: Bytes,
    /// How long it may take in all, name resolution included.
    pub timeout: Duration,
}

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempted {
    /// The answer's status, or why there is none.
    pub answer: Answer,
    /// Until the head of the answer, or until the fault.
    pub latency: Duration,
    /// How long the receiver asks to be left alone.
    pub retry_after: Option<Duration>,
    /// Bytes of the answer's body that were read. What they say is kept nowhere and told nobody: it
    /// would turn a webhook into a way to read what only this machine can reach.
    pub answer_bytes: usize,
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

    /// The same, with what the receiver asked for.
    #[must_use]
    pub fn report(&self) -> Report {
        Report { outcome: self.outcome(), retry_after: self.retry_after }
    }
}

/// Posts bodies to where others say. Uses no proxy, follows no redirect by itself, repeats nothing, and
/// reaches only what its address policy permits. Cheap to clone: clones share the connections.
/// Runs on any tokio runtime.
#[derive(Debug, Clone)]
pub struct WebhookClient {
    http: Client,
    addresses: Arc<AddressPolicy>,
}

impl WebhookClient {
    /// Makes a client. Reads the system's certificates from disk.
    ///
    /// # Errors
    /// When an extra certificate is of no use.
    pub fn new(options: Options) -> Result<Self, BuildError> {
        let policy = Arc::new(options.addresses);
        let names = options.names.unwrap_or_else(|| Arc::new(SystemNames));
        let http = Client::builder()
            .tls_backend_preconfigured(tls_config(options.extra_roots)?)
            .dns_resolver(GuardedResolver { policy: Arc::clone(&policy), names })
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .user_agent(concat!("Switchboard/", env!("CARGO_PKG_VERSION")))
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_CONNECTION)
            .build()?;
        Ok(Self { http, addresses: policy })
    }

    /// Posts a JSON body under the id of its delivery, signed with the secrets in force.
    pub async fn post(&self, post: Post<'_>, signer: &Signer) -> Attempted {
        let start = monotonic();
        let sent = self.send(post, signer).await;
        let latency = monotonic().saturating_sub(start);
        match sent {
            Ok(response) => {
                let (status, retry_after) = (response.status(), retry_after(response.headers(), now()));
                let answer_bytes = drain(response).await;
                Attempted { answer: Ok(status), latency, retry_after, answer_bytes }
            }
            Err(fault) => Attempted { answer: Err(fault), latency, retry_after: None, answer_bytes: 0 },
        }
    }

    async fn send(&self, post: Post<'_>, signer: &Signer) -> Result<Response, Fault> {
        let url = self.judged(post.to)?.clone();
        let mut headers = HeaderMap::with_capacity(5);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let signed = signer.headers(post.delivery, now().as_secs(), &post.body, &mut headers);
        signed.map_err(|_| Fault::Unsendable)?;
        let mut request = Request::new(Method::POST, url);
        *request.headers_mut() = headers;
        *request.timeout_mut() = Some(post.timeout);
        *request.body_mut() = Some(post.body.into());
        self.http.execute(request).await.map_err(|error| fault_of(&error))
    }

    /// What a web page says of itself. A few redirects are followed, each judged like the first.
    ///
    /// # Errors
    /// Why it cannot be had; `Broken` for what is no web page.
    pub async fn preview(&self, url: &str) -> Result<Preview, Fault> {
        tokio::time::timeout(PAGE_TIME, self.page(url)).await.map_err(|_| Fault::Timeout)?
    }

    async fn page(&self, url: &str) -> Result<Preview, Fault> {
        let mut url = Url::parse(url).map_err(|_| Fault::Unsendable)?;
        for _ in 0..=PAGE_REDIRECTS {
            self.judged(&Target::of(url.clone()))?;
            let request = self.http.get(url.clone()).header(ACCEPT, "text/html, application/xhtml+xml");
            let response = request.send().await.map_err(|error| fault_of(&error))?;
            if response.status().is_redirection() {
                let target = response.headers().get(LOCATION).and_then(|target| target.to_str().ok());
                url = target.and_then(|target| url.join(target).ok()).ok_or(Fault::Broken)?;
                continue;
            }
            let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            let is_page = kind.is_none_or(|kind| kind.to_ascii_lowercase().contains("html"));
            if !response.status().is_success() || !is_page {
                return Err(Fault::Broken);
            }
            return Ok(Preview::read(&url, &beginning(response).await));
        }
        Err(Fault::Broken)
    }

    /// The URL of a target that may be called. The resolver never sees a host that is an address already.
    fn judged<'a>(&self, target: &'a Target) -> Result<&'a Url, Fault> {
        let (url, address) = target.parts().ok_or(Fault::Unsendable)?;
        match address {
            Some(address) if !self.addresses.permits(address) => Err(Fault::Forbidden),
            _ => Ok(url),
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

/// The beginning of a page, as far as it comes.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut page = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = PAGE_BYTES - page.len();
        page.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
    page
}

/// How long a receiver asks to be left alone (RFC 9110, 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(date.saturating_sub(Duration::from_micros(now.as_micros())))
}

/// Reads a short body to its end and lets go of a longer one; says how much was read. The status
/// counts, whatever becomes of the body.
async fn drain(mut response: Response) -> usize {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > RESPONSE_BYTES {
            break;
        }
    }
    read
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn a_pause_is_seconds_or_a_date() {
        let now = Timestamp::from_secs(784_111_000);
        let of = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
            retry_after(&headers, now).map(|pause| pause.as_secs())
        };
        assert_eq!(of("120"), Some(120));
        assert_eq!(of(" 0 "), Some(0));
        assert_eq!(of("Sun, 06 Nov 1994 08:49:37 GMT"), Some(777));
        assert_eq!(of("Sat, 05 Nov 1994 08:49:37 GMT"), Some(0), "it is over");
        for odd in ["", "-1", "1.5", "soon", "99999999999999999999999"] {
            assert_eq!(of(odd), None, "{odd}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
