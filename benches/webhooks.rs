//! What a webhook call of the pool costs, next to a bare `reqwest` loop that posts the same bytes to the
//! same receiver: outbox, address guard, signature, request and what is made of the answer. Processor
//! time of the calling thread; what a call costs the journal is in `loadtest bench --work w4`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use switchboard::outbound::{AddressPolicy, Options, Post, Signer, Target, WebhookClient};
use switchboard_domain::id::ConversationId;
use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::limits::ATTEMPTS_PER_URL;
use switchboard_domain::webhook::{
    Delivery, DeliveryId, EndpointId, Lane, Outbox, Owner, Schedules, Verdict,
};
use tokio::runtime::Runtime;
use tokio::task::{JoinSet, LocalSet};

/// Bytes of a body: a message of 200 bytes as bots hear it.
const BODY_BYTES: usize = 527;

/// Rounds that alternate, and calls of each: a round is some milliseconds.
const ROUNDS: usize = 101;
const CALLS_PER_ROUND: u64 = 200;

/// A receiver that takes everything at once; each connection has a thread of its own.
fn receiver() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || take(stream).ok());
        }
    });
    Ok(address)
}

fn take(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let (name, value) = line.trim_end().split_once(": ").unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().unwrap_or(0);
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    }
}

/// Processor time of this thread until now.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The pool: an outbox, and the client of its workers.
struct Pool {
    client: WebhookClient,
    outbox: Outbox,
    signer: Arc<Signer>,
    to: Arc<Target>,
    url: Arc<str>,
    body: Arc<[u8]>,
    next: u64,
}

impl Pool {
    fn new(to: SocketAddr) -> Option<Self> {
        let addresses = AddressPolicy { allow_loopback: true, ..AddressPolicy::default() };
        let url = format!("http://{to}/hook");
        Some(Self {
            client: WebhookClient::new(Options { addresses, ..Options::default() }).ok()?,
            outbox: Outbox::new(Schedules::default()),
            signer: Arc::new(Signer::new(["a secret of thirty-two characters"])),
            to: Arc::new(Target::new(&url)),
            url: url.into(),
            body: vec![b'x'; BODY_BYTES].into(),
            next: 0,
        })
    }

    /// A call for each of so many conversations.
    fn due(&mut self, calls: u64) -> Vec<Arc<Delivery>> {
        let first = self.next;
        self.next += calls;
        let call = |n| {
            let conversation = ConversationId::from_random(n);
            Arc::new(Delivery {
                id: DeliveryId::of_conversation(conversation, 1),
                lane: Lane { endpoint: EndpointId::new("hook"), conversation: Some(conversation) },
                owner: Owner::License,
                url: Arc::clone(&self.url),
                body: Arc::clone(&self.body),
                due_since: Timestamp::from_secs(1),
                awaited: false,
                passing: false,
            })
        };
        (first..self.next).map(call).collect()
    }

    async fn post(&mut self, due: Vec<Arc<Delivery>>) {
        assert_eq!(self.outbox.registered([(EndpointId::new("hook"), Arc::clone(&self.url))].into()), []);
        let now = Timestamp::from_secs(1);
        for delivery in due {
            assert_eq!(self.outbox.due(delivery), None);
        }
        let mut running = JoinSet::new();
        loop {
            while let Some(attempt) = self.outbox.next(now) {
                let (client, to, signer) =
                    (self.client.clone(), Arc::clone(&self.to), Arc::clone(&self.signer));
                running.spawn_local(async move {
                    let delivery = &attempt.delivery;
                    let body = Bytes::from_owner(Arc::clone(&delivery.body));
                    let post =
                        Post { to: &to, delivery: delivery.id.as_str(), body, timeout: attempt.timeout };
                    let attempted = client.post(post, &signer).await;
                    (attempt, attempted)
                });
            }
            let Some(Ok((attempt, attempted))) = running.join_next().await else { break };
            assert!(attempted.answer.is_ok(), "{attempted:?}");
            let verdict = self.outbox.done(&attempt.delivery.id, attempted.report(), now, 0.5);
            assert!(matches!(verdict, Verdict::Settled(_)), "{verdict:?}");
        }
    }
}

/// So many posts, as many at once as the pool makes to one URL.
async fn bare(client: reqwest::Client, url: &str, calls: u64) {
    let (left, body) = (Rc::new(std::cell::Cell::new(calls)), Bytes::from(vec![b'x'; BODY_BYTES]));
    let mut running = JoinSet::new();
    for _ in 0..ATTEMPTS_PER_URL {
        let (client, url, body, left) = (client.clone(), url.to_owned(), body.clone(), Rc::clone(&left));
        running.spawn_local(async move {
            while left.get() > 0 {
                left.set(left.get() - 1);
                let post = client.post(&url).header("content-type", "application/json").body(body.clone());
                let answer = post.send().await;
                assert!(answer.is_ok(), "{answer:?}");
                let read = answer.map(reqwest::Response::bytes);
                if let Ok(read) = read {
                    read.await.ok();
                }
            }
        });
    }
    while running.join_next().await.is_some() {}
}

/// Processor time of a call of the pool over that of a bare one, the median of rounds that alternate: on a
/// shared machine the same code takes half as long again from one second to the next.
fn ratio(runtime: &Runtime, pool: &mut Pool, client: &reqwest::Client, url: &str) -> f64 {
    let mut ratios: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let due = pool.due(CALLS_PER_ROUND);
            let before = processor_time();
            LocalSet::new().block_on(runtime, pool.post(due));
            let between = processor_time();
            LocalSet::new().block_on(runtime, bare(client.clone(), url, CALLS_PER_ROUND));
            let ours = between.saturating_sub(before);
            ours.as_secs_f64() / processor_time().saturating_sub(between).as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

pub(crate) fn benches(criterion: &mut Criterion) {
    // Both clients ask for a provider, though nothing here is encrypted.
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => unreachable!("no runtime: {error}"),
    };
    let to = match receiver() {
        Ok(to) => to,
        Err(error) => unreachable!("no receiver: {error}"),
    };
    let (pool, client) = (Pool::new(to), reqwest::Client::builder().no_proxy().build());
    let (Some(mut pool), Ok(client)) = (pool, client) else { unreachable!("no client") };
    let url = format!("http://{to}/hook");
    if std::env::args().any(|asked| asked.contains("webhooks")) {
        // The connections are made before.
        ratio(&runtime, &mut pool, &client, &url);
        let ratio = ratio(&runtime, &mut pool, &client, &url);
        let mut out = std::io::stdout();
        writeln!(out, "processor time of a call of the pool / a bare reqwest call: {ratio:.2}").ok();
    }
    let mut group = criterion.benchmark_group("webhooks");
    group.throughput(Throughput::Elements(1));
    group.bench_function("a call of the pool", |b| {
        b.iter_custom(|calls| {
            let due = pool.due(calls);
            let before = processor_time();
            LocalSet::new().block_on(&runtime, pool.post(due));
            processor_time().saturating_sub(before)
        });
    });
    group.bench_function("a bare reqwest call", |b| {
        b.iter_custom(|calls| {
            let before = processor_time();
            LocalSet::new().block_on(&runtime, bare(client.clone(), &url, calls));
            processor_time().saturating_sub(before)
        });
    });
    group.finish();
}
