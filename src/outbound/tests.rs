//! The client against small receivers on this machine.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use switchboard_domain::webhook::{Outcome, Report};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;

use super::client::PAGE_BYTES;
use super::*;

/// Nothing here takes longer, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(20);

/// More requests than any test sends.
const MOST_REQUESTS: usize = 64;

fn client() -> WebhookClient {
    let addresses = AddressPolicy { allow_loopback: true, ..AddressPolicy::default() };
    WebhookClient::new(Options { addresses, ..Options::default() }).unwrap()
}

async fn post(client: &WebhookClient, url: &str, body: &[u8]) -> Attempted {
    post_within(client, DEADLINE, url, body).await
}

async fn post_within(client: &WebhookClient, timeout: Duration, url: &str, body: &[u8]) -> Attempted {
    let to = &Target::new(url);
    let post = Post { to, delivery: "CHAT-1", body: Bytes::copy_from_slice(body), timeout };
    tokio::time::timeout(DEADLINE, client.post(post, &Signer::new(["s3cr3t"]))).await.unwrap()
}

/// One request as it came: head and body.
#[derive(Debug)]
struct Received {
    head: String,
    body: Vec<u8>,
    /// Which connection brought it, from 0.
    connection: usize,
}

/// Reads one request; `None` when the client has no more.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, bytes[end..].to_vec()))
}

/// A receiver that answers every request with the same bytes and passes on what it got.
async fn receiver(answer: impl Into<Vec<u8>>) -> (SocketAddr, mpsc::Receiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer.into());
    let (tell, told) = mpsc::channel(MOST_REQUESTS);
    tokio::spawn(async move {
        for connection in 0.. {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let (answer, tell) = (Arc::clone(&answer), tell.clone());
            tokio::spawn(async move {
                while let Some((head, body)) = read_request(&mut stream).await {
                    let _ = tell.try_send(Received { head, body, connection });
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, told)
}

fn answer(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok")
}

#[tokio::test]
async fn the_answer_decides_the_outcome() {
    for (status, outcome) in [
        ("200 OK", Outcome::Delivered),
        ("204 No Content", Outcome::Delivered),
        ("404 Not Found", Outcome::Refused),
        ("429 Too Many Requests", Outcome::Trouble),
        ("500 Internal Server Error", Outcome::Trouble),
    ] {
        let head =
            if status.starts_with("204") { format!("HTTP/1.1 {status}\r\n\r\n") } else { answer(status) };
        let (address, _told) = receiver(head).await;
        let attempted = post(&client(), &format!("http://{address}/hook"), b"{}").await;
        assert_eq!(attempted.answer.unwrap().as_str(), &status[..3]);
        assert_eq!(attempted.outcome(), outcome, "{status}");
    }
}

#[tokio::test]
async fn the_body_arrives_byte_for_byte_under_its_id() {
    let (address, mut told) = receiver(answer("200 OK")).await;
    let body: Vec<u8> = (0..=255u8).cycle().take(100_000).collect();
    post(&client(), &format!("http://{address}/hook?x=1"), &body).await.answer.unwrap();
    let received = told.recv().await.unwrap();
    assert!(received.head.starts_with("post /hook?x=1 http/1.1\r\n"), "{}", received.head);
    assert!(received.head.contains("\r\nwebhook-id: chat-1\r\n"), "{}", received.head);
    assert!(received.head.contains("\r\ncontent-type: application/json\r\n"), "{}", received.head);
    assert!(received.head.contains("\r\nuser-agent: switchboard/"), "{}", received.head);
    assert_eq!(received.body, body);
}

#[tokio::test]
async fn every_call_is_signed_by_the_published_form() {
    let (address, mut told) = receiver(answer("200 OK")).await;
    post(&client(), &format!("http://{address}/"), b"{\"a\":1}").await.answer.unwrap();
    let Received { head, body, .. } = told.recv().await.unwrap();
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    // Names and values came in lower case, which a signature does not survive: it is made again.
    let [at] = header("webhook-timestamp").try_into().unwrap();
    let expected = Signer::new(["s3cr3t"]).sign("CHAT-1", at.parse().unwrap(), &body).unwrap();
    assert_eq!(header("webhook-signature"), [expected.to_ascii_lowercase()]);
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_passed_on() {
    let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 77\r\ncontent-length: 2\r\n\r\nok";
    let (address, _told) = receiver(busy).await;
    let report = post(&client(), &format!("http://{address}/"), b"{}").await.report();
    assert_eq!(report, Report { outcome: Outcome::Trouble, retry_after: Some(Duration::from_secs(77)) });
}

#[tokio::test]
async fn a_redirect_is_trouble_and_not_followed() {
    let (target, mut visited) = receiver(answer("200 OK")).await;
    let redirect =
        format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{target}/\r\ncontent-length: 0\r\n\r\n");
    let (address, mut told) = receiver(redirect).await;
    let attempted = post(&client(), &format!("http://{address}/"), b"{}").await;
    assert_eq!(attempted.answer.unwrap(), 307);
    assert_eq!(attempted.outcome(), Outcome::Trouble);
    assert!(told.try_recv().is_ok());
    assert!(visited.try_recv().is_err());
}

#[tokio::test]
async fn silence_ends_in_a_timeout() {
    let (address, _told) = receiver("").await;
    let attempted =
        post_within(&client(), Duration::from_millis(200), &format!("http://{address}/"), b"{}").await;
    assert_eq!(attempted.answer, Err(Fault::Timeout));
    assert_eq!(attempted.outcome(), Outcome::Trouble);
    assert!(attempted.latency >= Duration::from_millis(200));
}

#[tokio::test]
async fn the_status_counts_even_when_the_body_breaks_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc").await.unwrap();
    });
    let attempted = post(&client(), &url, b"{}").await;
    assert_eq!(attempted.outcome(), Outcome::Delivered);
    server.await.unwrap();
}

#[tokio::test]
async fn no_listener_and_no_http_are_trouble() {
    // Bound, so that nobody else gets the port, but not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let unused = socket.local_addr().unwrap();
    let client = client();
    let nobody = post(&client, &format!("http://{unused}/"), b"{}").await;
    assert_eq!((nobody.answer, nobody.outcome()), (Err(Fault::Connect), Outcome::Trouble));
    let (address, _told) = receiver("220 smtp.example.org ESMTP\r\n").await;
    let other = post(&client, &format!("http://{address}/"), b"{}").await;
    assert_eq!((other.answer, other.outcome()), (Err(Fault::Broken), Outcome::Trouble));
}

#[tokio::test]
async fn what_can_never_be_sent_is_final() {
    let client = client();
    for url in ["", "host", "ftp://127.0.0.1/", "http://", "data:text/plain,x"] {
        let attempted = post(&client, url, b"{}").await;
        assert_eq!(attempted.answer, Err(Fault::Unsendable), "{url}");
        assert_eq!(attempted.outcome(), Outcome::Refused);
    }
    let to = &Target::new("http://127.0.0.1:9/");
    let odd = Post { to, delivery: "a\nb", body: Bytes::new(), timeout: DEADLINE };
    let odd_id = client.post(odd, &Signer::new([])).await;
    assert_eq!(odd_id.answer, Err(Fault::Unsendable));
}

#[tokio::test]
async fn this_machine_is_refused_by_default_in_every_spelling() {
    let (address, mut told) = receiver(answer("200 OK")).await;
    let port = address.port();
    let strict = WebhookClient::new(Options::default()).unwrap();
    for host in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "user@127.0.0.1",
        "169.254.169.254",
        "10.0.0.1",
    ] {
        let attempted = post(&strict, &format!("http://{host}:{port}/"), b"{}").await;
        assert_eq!(attempted.answer, Err(Fault::Forbidden), "{host}");
        assert_eq!(attempted.outcome(), Outcome::Trouble);
    }
    assert!(told.try_recv().is_err(), "nothing may have got through");
    let open = client();
    for host in ["127.0.0.1", "localhost", "2130706433"] {
        let attempted = post(&open, &format!("http://{host}:{port}/"), b"{}").await;
        assert_eq!(attempted.outcome(), Outcome::Delivered, "{host}: {attempted:?}");
    }
}

/// A name that is public when it is looked up first, and this machine from then on.
#[derive(Debug, Default)]
struct Turncoat(std::sync::atomic::AtomicUsize);

impl Names for Turncoat {
    fn look_up(&self, _: &str) -> Found {
        let first = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        // Of a network for documentation: nobody answers there.
        let address = if first { [192, 0, 2, 1] } else { [127, 0, 0, 1] };
        Box::pin(std::future::ready(Ok(vec![address.into()])))
    }
}

#[tokio::test]
async fn a_name_that_changes_its_mind_reaches_nothing() {
    let (address, mut told) = receiver(answer("200 OK")).await;
    let allow_cidrs = vec!["192.0.2.0/24".parse().unwrap()];
    let addresses = AddressPolicy { allow_cidrs, ..AddressPolicy::default() };
    let names: Option<Arc<dyn Names>> = Some(Arc::new(Turncoat::default()));
    let client = WebhookClient::new(Options { addresses, names, ..Options::default() }).unwrap();
    let url = format!("http://turncoat.example:{}/", address.port());
    // The first attempt goes to what was judged, and nowhere else; the second is judged anew.
    let first = post_within(&client, Duration::from_millis(300), &url, b"{}").await;
    assert!(matches!(first.answer, Err(Fault::Timeout | Fault::Connect)), "{first:?}");
    assert_eq!(post(&client, &url, b"{}").await.answer, Err(Fault::Forbidden));
    assert!(told.try_recv().is_err(), "nothing may have got through");
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    /// Far more than the buffers of both ends hold together.
    const ENOUGH: usize = 256 * 1024 * 1024;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await.unwrap();
        let mut written = 0;
        let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
        while sent.is_ok() && written < ENOUGH {
            sent = stream.write_all(&chunk).await;
            written += chunk.len();
        }
        written
    });
    let attempted = post(&client(), &format!("http://{address}/"), b"{}").await;
    assert_eq!(attempted.outcome(), Outcome::Delivered);
    let written = tokio::time::timeout(DEADLINE, server).await.unwrap().unwrap();
    assert!(written < ENOUGH, "the client read on: {written} bytes");
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let (address, mut told) = receiver(answer("200 OK")).await;
    let client = client();
    for _ in 0..3 {
        post(&client, &format!("http://{address}/"), b"{}").await.answer.unwrap();
        assert_eq!(told.recv().await.unwrap().connection, 0);
    }
}

#[test]
fn a_client_outlives_the_runtime_that_used_it() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime();
    let (address, _told) = server.block_on(receiver(answer("200 OK")));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = std::thread::spawn(move || server.block_on(async { drop(stopped.await) }));
    let client = client();
    for _ in 0..3 {
        let attempted = runtime().block_on(post(&client, &format!("http://{address}/"), b"{}"));
        assert_eq!(attempted.outcome(), Outcome::Delivered, "{attempted:?}");
    }
    drop(stop);
    serving.join().unwrap();
}

fn page(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_page_is_found_behind_redirects_that_are_judged_each() {
    let (shop, _told) = receiver(page("200 OK\r\ncontent-type: text/html", "<title>Shop</title>")).await;
    let moved = |to: &str| page(&format!("301 Moved Permanently\r\nlocation: {to}"), "");
    let (here, _told) = receiver(moved(&format!("http://{shop}/new"))).await;
    let seen = client().preview(&format!("http://{here}/")).await.unwrap();
    assert_eq!(seen.title.as_deref(), Some("Shop"));

    // From a place that may be reached to one that may not.
    let (tempter, mut told) = receiver(moved("http://169.254.169.254/latest/meta-data")).await;
    assert_eq!(client().preview(&format!("http://{tempter}/")).await, Err(Fault::Forbidden));
    assert!(told.try_recv().is_ok());
    let (circle, mut told) = receiver(moved("/again")).await;
    assert_eq!(client().preview(&format!("http://{circle}/")).await, Err(Fault::Broken));
    assert_eq!(std::iter::from_fn(|| told.try_recv().ok()).count(), 4, "three are followed");
    let strict = WebhookClient::new(Options::default()).unwrap();
    assert_eq!(strict.preview(&format!("http://{shop}/")).await, Err(Fault::Forbidden));
}

#[tokio::test]
async fn what_is_no_page_or_has_no_end_is_none() {
    for odd in [
        page("200 OK\r\ncontent-type: image/png", "<title>x</title>"),
        page("404 Not Found", "gone"),
        page("301 Moved Permanently", ""),
    ] {
        let (address, _told) = receiver(odd.clone()).await;
        assert_eq!(client().preview(&format!("http://{address}/")).await, Err(Fault::Broken), "{odd}");
    }
    assert_eq!(client().preview("ftp://h/").await, Err(Fault::Unsendable));
    // The head of an endless page is enough.
    let rest = "x".repeat(2 * PAGE_BYTES);
    let endless = format!("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n<title>Long</title>{rest}");
    let (address, _told) = receiver(endless).await;
    let seen = client().preview(&format!("http://{address}/")).await.unwrap();
    assert_eq!(seen.title.as_deref(), Some("Long"));
}

/// A TLS receiver for `localhost`; also says which certificate to trust.
async fn tls_receiver() -> (SocketAddr, rustls::pki_types::CertificateDer<'static>) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = own.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                serve_one(&mut stream).await;
            }
        }
    });
    (address, certificate)
}

async fn serve_one(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    if read_request(stream).await.is_some() {
        let _ = stream.write_all(answer("200 OK").as_bytes()).await;
    }
}

#[tokio::test]
async fn tls_is_checked_against_the_trusted_authorities() {
    let (address, certificate) = tls_receiver().await;
    let url = format!("https://localhost:{}/", address.port());
    let stranger = post(&client(), &url, b"{}").await;
    assert_eq!(stranger.answer, Err(Fault::Connect));
    let addresses = AddressPolicy { allow_loopback: true, ..AddressPolicy::default() };
    let options = Options { addresses, extra_roots: vec![certificate], ..Options::default() };
    let trusting = WebhookClient::new(options).unwrap();
    assert_eq!(post(&trusting, &url, b"{}").await.outcome(), Outcome::Delivered);
}
