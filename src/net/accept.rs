//! A shard's accept loop and its HTTP connections.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use futures_util::future::{Either, select};
use http::header::CONNECTION;
use http::uri::Scheme;
use http::{HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::body::Watched;
use super::conn::{Conn, Connections, Slot};
use super::drain::Drain;
use super::http_conn::HttpConn;
use super::limits::{
    ACCEPT_PAUSE, FIRST_REQUEST_WAIT, HEAD_BYTES, HEAD_FIELDS, HEADER_READ_TIMEOUT, TLS_HANDSHAKE_TIMEOUT,
    URL_BYTES,
};
use super::refusal::refusal;

/// Who sent a request; an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other end of the connection.
    pub address: SocketAddr,
    /// Whether it came over TLS.
    pub tls: bool,
}

/// How long a client may take for what it must do before it is served.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the head of a request, from the end of the one before.
    pub head: Duration,
    /// For the TLS handshake.
    pub tls_handshake: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: HEADER_READ_TIMEOUT, tls_handshake: TLS_HANDSHAKE_TIMEOUT }
    }
}

/// Accepts connections for one shard and serves HTTP on them.
pub struct Acceptor {
    /// A listening, non-blocking socket.
    pub listener: std::net::TcpListener,
    /// Present when the socket speaks TLS.
    pub tls: Option<TlsAcceptor>,
    /// Answers the requests.
    pub router: Router,
    /// Counts and bounds the shard's open connections; shared by the shard's acceptors.
    pub connections: Connections,
    /// How long clients may take.
    pub patience: Patience,
}

impl Acceptor {
    /// Accepts until `drain` starts, then until nothing waits in the listen queue, and closes the listener.
    ///
    /// Requests in hand go on after that and end their connections: [`Connections::idle`] waits for them.
    /// Runs in a [`tokio::task::LocalSet`], on which connections are spawned.
    ///
    /// # Errors
    /// When the runtime cannot take the listener.
    pub async fn run(self, drain: Drain) -> io::Result<()> {
        let listener = TcpListener::from_std(self.listener)?;
        let connections = self.connections;
        let http = Rc::new(Http::new(self.router, self.tls, self.patience, drain.clone()));
        {
            let accepting = pin!(accept_all(&listener, &connections, &http));
            let drained = pin!(drain.started());
            select(accepting, drained).await;
        }
        accept_waiting(&listener.into_std()?, &connections, &http);
        Ok(())
    }
}

/// Accepts for ever, while there is room: at the bound the kernel's queue holds the rest.
async fn accept_all(listener: &TcpListener, connections: &Connections, http: &Rc<Http>) {
    loop {
        connections.room().await;
        match listener.accept().await {
            Ok((stream, address)) => spawn(http, stream, address, connections.slot()),
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections; trying again soon");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Accepts what waits already: the kernel told those clients that they are connected. Asks the kernel itself,
/// because the runtime may not have heard of them yet.
fn accept_waiting(listener: &std::net::TcpListener, connections: &Connections, http: &Rc<Http>) {
    while connections.has_room() {
        match listener.accept().and_then(|(stream, address)| {
            stream.set_nonblocking(true)?;
            Ok((TcpStream::from_std(stream)?, address))
        }) {
            Ok((stream, address)) => spawn(http, stream, address, connections.slot()),
            Err(error) if concerns_one_connection(&error) => {}
            Err(_) => return,
        }
    }
}

/// Whether an error of `accept` says nothing about the next connection. Others (no descriptors, no memory)
/// stay for a while.
pub(crate) fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

fn spawn(http: &Rc<Http>, stream: TcpStream, address: SocketAddr, slot: Slot) {
    tokio::task::spawn_local(Rc::clone(http).connection(stream, address, slot));
}

/// What all connections of an acceptor share.
struct Http {
    protocol: http1::Builder,
    router: Router,
    tls: Option<TlsAcceptor>,
    patience: Patience,
    drain: Drain,
}

impl Http {
    fn new(router: Router, tls: Option<TlsAcceptor>, patience: Patience, drain: Drain) -> Self {
        let mut protocol = http1::Builder::new();
        protocol
            .timer(TokioTimer::new())
            .header_read_timeout(patience.head)
            .max_buf_size(HEAD_BYTES)
            .max_header_size(HEAD_BYTES)
            .max_headers(HEAD_FIELDS);
        Self { protocol, router, tls, patience, drain }
    }

    async fn connection(self: Rc<Self>, stream: TcpStream, address: SocketAddr, slot: Slot) {
        let Some(conn) = self.handshake(stream, address, slot).await else { return };
        let peer = Peer { address, tls: self.tls.is_some() };
        let asked = Notify::new();
        let service = service_fn(|request| {
            asked.notify_one();
            self.answer(request, peer)
        });
        let connection =
            self.protocol.serve_connection(TokioIo::new(HttpConn::new(conn)), service).with_upgrades();
        let mut connection = pin!(connection);
        let drained = pin!(async {
            self.drain.started().await;
            // hyper would close a connection that has not asked yet; a request may be on its way.
            timeout(FIRST_REQUEST_WAIT, asked.notified()).await.ok();
        });
        let served = match select(connection.as_mut(), drained).await {
            Either::Left((served, _)) => served,
            Either::Right(_) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, %address, "an HTTP connection ended early");
        }
    }

    async fn handshake(&self, stream: TcpStream, address: SocketAddr, slot: Slot) -> Option<Conn> {
        // Every write is complete in itself: there is nothing to wait for.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %address, "the connection is gone already");
            return None;
        }
        let Some(tls) = &self.tls else { return Some(Conn::plain(stream, Some(slot))) };
        match timeout(self.patience.tls_handshake, tls.accept(stream)).await {
            Ok(Ok(stream)) => Some(Conn::tls(stream, Some(slot))),
            Ok(Err(error)) => {
                tracing::debug!(%error, %address, "TLS handshake failed");
                None
            }
            Err(_) => {
                tracing::debug!(%address, "TLS handshake took too long");
                None
            }
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Result<Response, std::convert::Infallible> {
        let url = request.uri().path_and_query().map_or(0, |url| url.as_str().len());
        if url > URL_BYTES {
            let message = format!("URL too long: at most {URL_BYTES} bytes");
            return Ok(refusal(StatusCode::URI_TOO_LONG, "entity_too_large", &message));
        }
        let (head, body) = request.into_parts();
        let (body, reading) = Watched::new(body);
        let mut request = Request::from_parts(head, Body::new(body));
        if peer.tls {
            request.extensions_mut().insert(Scheme::HTTPS);
        }
        request.extensions_mut().insert(peer);
        let mut response = self.router.clone().oneshot(request).await?;
        if !reading.is_whole() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}
