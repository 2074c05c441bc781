//! The whole room over real sockets of this machine: a small echo service behind it, clients before it.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod certificates;
mod handshake;
mod http_limits;
mod listening;
mod sessions;
mod slow_clients;
mod stopping;

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Extension;
use axum::routing::{any, get};
use http::Request;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, LocalSet, spawn_local, yield_now};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::accept::{Acceptor, Patience, Peer};
use super::conn::Connections;
use super::drain::Drain;
use super::listen::Listeners;
use super::upgrade::websocket;
use crate::engine::outbox::{DirtyList, Outbox, SocketEvents, TurnTask};

/// No test takes longer.
const DEADLINE: Duration = Duration::from_secs(20);

thread_local! {
    /// Handlers must be `Send`, so the shard is found by its thread.
    static SHARD: RefCell<Option<Rc<Shard>>> = const { RefCell::new(None) };
}

struct Shard {
    dirty: DirtyList,
    sessions: RefCell<Vec<Rc<Echo>>>,
    /// Lets the handler of `/slow` go on.
    release: Notify,
}

/// A session that echoes, but for a few words that it obeys.
struct Echo {
    outbox: Rc<Outbox>,
    texts: RefCell<Vec<String>>,
    binaries: Cell<usize>,
    lives: Cell<usize>,
    gone: Cell<usize>,
}

impl Echo {
    fn new(outbox: Rc<Outbox>) -> Rc<Self> {
        Rc::new(Self {
            outbox,
            texts: RefCell::default(),
            binaries: Cell::new(0),
            lives: Cell::new(0),
            gone: Cell::new(0),
        })
    }
}

impl SocketEvents for Echo {
    fn on_text(&self, text: &str) {
        self.texts.borrow_mut().push(text.to_owned());
        match text {
            "pause" => self.outbox.pause_reading(),
            "close" => self.outbox.close(1001, "bye"),
            "panic" => std::panic::resume_unwind(Box::new("asked to")),
            _ => self.outbox.push_text(text.as_bytes()),
        }
    }

    fn on_binary(&self) {
        self.binaries.set(self.binaries.get() + 1);
        self.outbox.push_text(b"no binary");
    }

    fn on_life(&self) {
        self.lives.set(self.lives.get() + 1);
    }

    fn on_gone(&self) {
        self.gone.set(self.gone.get() + 1);
    }
}

/// What differs between the servers of the tests.
struct Options {
    tls: Option<TlsAcceptor>,
    patience: Patience,
    bound: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { tls: None, patience: Patience::default(), bound: 100 }
    }
}

/// A shard with an acceptor, on the thread of the test.
struct Server {
    address: SocketAddr,
    shard: Rc<Shard>,
    connections: Connections,
    drain: Drain,
    accepting: JoinHandle<std::io::Result<()>>,
}

impl Server {
    fn start() -> Self {
        Self::with(Options::default())
    }

    fn with(options: Options) -> Self {
        let shard =
            Rc::new(Shard { dirty: DirtyList::new(), sessions: RefCell::default(), release: Notify::new() });
        SHARD.set(Some(Rc::clone(&shard)));
        spawn_local(TurnTask::new(shard.dirty.clone()).run());

        let mut listeners = Listeners::bind(loopback(0), NonZeroUsize::MIN).unwrap();
        let connections = Connections::new(options.bound);
        let drain = Drain::new();
        let acceptor = Acceptor {
            listener: listeners.sockets.remove(0),
            tls: options.tls,
            router: router(),
            connections: connections.clone(),
            patience: options.patience,
        };
        let accepting = spawn_local(acceptor.run(drain.clone()));
        Self { address: listeners.address, shard, connections, drain, accepting }
    }

    async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn client(&self) -> WebSocketStream<TcpStream> {
        client_on(self.tcp().await).await
    }

    /// A client and the session that serves it.
    async fn session(&self) -> (WebSocketStream<TcpStream>, Rc<Echo>) {
        let before = self.shard.sessions.borrow().len();
        let client = self.client().await;
        self.until(|| self.shard.sessions.borrow().len() > before).await;
        let echo = Rc::clone(&self.shard.sessions.borrow()[before]);
        (client, echo)
    }

    /// Lets the other tasks run until `condition` holds; the test's deadline bounds it.
    async fn until(&self, condition: impl Fn() -> bool) {
        while !condition() {
            yield_now().await;
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

async fn client_on<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(stream: S) -> WebSocketStream<S> {
    client_async("ws://localhost/ws", stream).await.unwrap().0
}

fn router() -> Router {
    Router::new().route("/ws", any(upgrade)).route("/slow", get(slow)).route("/peer", get(peer))
}

async fn upgrade(request: Request<Body>) -> axum::response::Response {
    websocket(request, &["ours-v1", "ours-v2"], |upgraded| {
        let shard = SHARD.with_borrow(|shard| Rc::clone(shard.as_ref().unwrap()));
        let dirty = shard.dirty.clone();
        upgraded.serve(Outbox::new(dirty), move |outbox| {
            let echo = Echo::new(outbox);
            shard.sessions.borrow_mut().push(Rc::clone(&echo));
            echo
        });
    })
}

async fn slow() -> &'static str {
    // `Rc` must not be held over the wait, as handlers are `Send`; so the wait is a task of its own.
    let (done, released) = tokio::sync::oneshot::channel::<()>();
    let shard = SHARD.with_borrow(|shard| Rc::clone(shard.as_ref().unwrap()));
    spawn_local(async move {
        shard.release.notified().await;
        done.send(()).unwrap();
    });
    released.await.unwrap();
    "done"
}

async fn peer(Extension(peer): Extension<Peer>) -> String {
    format!("{} {}", peer.address.ip(), peer.tls)
}

/// Runs a test on a shard's kind of thread, with a deadline.
fn on_shard(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async { timeout(DEADLINE, test).await.unwrap() });
}
