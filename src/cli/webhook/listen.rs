//! `switchboard webhook listen`: a receiver that shows what arrives, and can misbehave.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::TcpStream as StdTcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use socket2::SockRef;
use switchboard_domain::webhook::limits::ATTEMPT_TIMEOUT;
use tokio::net::{TcpListener, TcpStream};

use super::{WebhookError, say};
use crate::cli::args::{Answer, ListenArgs};
use crate::outbound::{TOLERANCE_SECONDS, verify};
use crate::telemetry::clock;

/// Bytes of a body that are taken; more than a server sends.
const BODY_BYTES: usize = 16 << 20;
/// Calls whose repetitions are recognized; then the count begins anew.
const KNOWN_CALLS: usize = 100_000;
/// Between two bytes of a slow answer, and how many there are.
const DRIP: Duration = Duration::from_millis(500);
const DRIPS: usize = 240;
/// What a call asks for that is answered with a pause, in seconds.
const PAUSE: &str = "30";

type Answered = Result<Response<UnsyncBoxBody<Bytes, Infallible>>, io::Error>;

/// What it knows of the calls so far.
struct Receiver {
    args: ListenArgs,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    calls: usize,
    by_id: HashMap<String, usize>,
}

pub(super) async fn run(args: &ListenArgs) -> Result<(), WebhookError> {
    let address = args.listen;
    let listener =
        TcpListener::bind(address).await.map_err(|error| WebhookError::Listen { address, error })?;
    let here = listener.local_addr().map_err(|error| WebhookError::Listen { address, error })?;
    if args.json {
        say(&json!({ "listening": format!("http://{here}/") }).to_string());
    } else {
        say(&format!("listening at http://{here}/ (any path); Ctrl-C ends"));
    }
    let receiver = Arc::new(Receiver { args: args.clone(), seen: Mutex::default() });
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(serve(Arc::clone(&receiver), stream));
    }
}

async fn serve(receiver: Arc<Receiver>, stream: TcpStream) {
    // A second handle, by which a call can be answered with a reset.
    let Ok((stream, handle)) = doubled(stream) else { return };
    let handle = Arc::new(handle);
    let service = service_fn(move |request| {
        let (receiver, handle) = (Arc::clone(&receiver), Arc::clone(&handle));
        async move { receiver.take(request, &handle).await }
    });
    // Whatever ends the connection was told, or is the caller's business.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

fn doubled(stream: TcpStream) -> io::Result<(TcpStream, StdTcpStream)> {
    let stream = stream.into_std()?;
    let handle = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, handle))
}

impl Receiver {
    async fn take(&self, request: Request<Incoming>, connection: &StdTcpStream) -> Answered {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY_BYTES).collect().await else {
            return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, ""));
        };
        let body = body.to_bytes();
        let (answer, number, repetition) = self.count(&head.headers);
        self.show(head.uri.path(), &head.headers, &body, (answer, number, repetition));
        match answer {
            Answer::Status(status) if status == StatusCode::TOO_MANY_REQUESTS => {
                Ok(with(plain(status, "slowly\n"), header::RETRY_AFTER, PAUSE))
            }
            Answer::Status(status) if status.is_redirection() => {
                let here =
                    head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
                Ok(with(plain(status, ""), header::LOCATION, &format!("http://{here}/redirected")))
            }
            Answer::Status(status) => Ok(plain(status, "")),
            Answer::Late => {
                tokio::time::sleep(ATTEMPT_TIMEOUT + Duration::from_secs(2)).await;
                Ok(plain(StatusCode::OK, ""))
            }
            Answer::Hang => std::future::pending().await,
            Answer::Reset => {
                drop(SockRef::from(connection).set_linger(Some(Duration::ZERO)));
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Answer::Slow => Ok(slow()),
        }
    }

    /// What to answer now, which call it is, and the how manieth with its id.
    fn count(&self, headers: &HeaderMap) -> (Answer, usize, usize) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.calls += 1;
        let (number, answers) = (seen.calls, &self.args.answer);
        let answer =
            answers.get(number - 1).or(answers.last()).copied().unwrap_or(Answer::Status(StatusCode::OK));
        if seen.by_id.len() >= KNOWN_CALLS {
            seen.by_id.clear();
        }
        let count = seen.by_id.entry(text(headers, "webhook-id").to_owned()).or_default();
        *count += 1;
        (answer, number, *count)
    }

    fn show(&self, path: &str, headers: &HeaderMap, body: &[u8], told: (Answer, usize, usize)) {
        let (answer, number, repetition) = told;
        let (id, signature) = (text(headers, "webhook-id"), self.signature(headers, body));
        let shown: Value =
            serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into());
        if self.args.json {
            let line = json!({
                "call": number, "path": path, "webhook_id": id,
                "webhook_timestamp": text(headers, "webhook-timestamp"),
                "webhook_signature": text(headers, "webhook-signature"), "attempt": repetition, "signature": signature,
                "bytes": body.len(), "answer": answer.to_string(), "body": shown,
            });
            return say(&line.to_string());
        }
        let action = shown["action"].as_str().unwrap_or("no action");
        let again = if repetition > 1 { format!(", attempt {repetition}") } else { String::new() };
        say(&format!("#{number} {path} {action} {id}{again}, signature {signature}, answered: {answer}"));
        say(&serde_json::to_string_pretty(&shown).unwrap_or_default());
    }

    fn signature(&self, headers: &HeaderMap, body: &[u8]) -> String {
        let signatures = text(headers, "webhook-signature");
        let (Some(secret), false) = (&self.args.secret, signatures.is_empty()) else {
            return if signatures.is_empty() { "missing" } else { "not checked (--secret)" }.into();
        };
        let at = text(headers, "webhook-timestamp").parse().unwrap_or(0);
        let id = text(headers, "webhook-id");
        match verify(secret, (id, at), body, signatures, (clock::now().as_secs(), TOLERANCE_SECONDS)) {
            Ok(()) => "good".into(),
            Err(unverified) => format!("bad ({unverified})"),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn plain(status: StatusCode, body: &'static str) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let mut response = Response::new(Full::from(body).boxed_unsync());
    *response.status_mut() = status;
    response
}

fn with(
    mut response: Response<UnsyncBoxBody<Bytes, Infallible>>,
    name: header::HeaderName,
    value: &str,
) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    if let Ok(value) = value.parse() {
        response.headers_mut().insert(name, value);
    }
    response
}

/// A good status whose body comes in drops.
fn slow() -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let drops = futures_util::stream::iter(0..DRIPS).then(|_| async {
        tokio::time::sleep(DRIP).await;
        Ok(Frame::data(Bytes::from_static(b".")))
    });
    Response::new(StreamBody::new(drops).boxed_unsync())
}
