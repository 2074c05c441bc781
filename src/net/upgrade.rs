//! From an HTTP request to a WebSocket (RFC 6455, 4.2).

use std::rc::Rc;

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    ALLOW, CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::conn::Conn;
use super::http_conn::HttpConn;
use super::refusal::refusal;
use super::socket;
use crate::engine::outbox::{Outbox, SocketEvents};

/// Bytes of the nonce that a client sends in base64 as its key.
const KEY_BYTES: usize = 16;

/// A connection that has become a WebSocket, on the shard that accepted it.
pub struct Upgraded {
    conn: Conn,
    read_buf: Bytes,
}

impl Upgraded {
    /// Starts the session as a task of its own, see [`socket::serve`].
    pub fn serve(self, outbox: Rc<Outbox>, make: impl FnOnce(Rc<Outbox>) -> Rc<dyn SocketEvents> + 'static) {
        tokio::task::spawn_local(socket::serve(self.conn, self.read_buf, outbox, make));
    }
}

/// Answers the request for a WebSocket without sub-protocol: see [`websocket`].
pub fn rtm(request: Request<Body>, start: impl FnOnce(Upgraded) + 'static) -> Response {
    websocket(request, &[], start)
}

/// Answers the request for a WebSocket and calls `start` on this thread once the client has the answer.
///
/// Of the sub-protocols that the client offers, the first that is in `protocols` is chosen; none is fine too.
/// A request that is no handshake is answered with 400, 405 or 426 and what is wrong, and `start` is dropped.
///
/// Must be called on a shard's thread, by a handler that its [`Acceptor`](super::accept::Acceptor) serves.
pub fn websocket(
    mut request: Request<Body>,
    protocols: &[&'static str],
    start: impl FnOnce(Upgraded) + 'static,
) -> Response {
    let accept = match accept_key(&request) {
        Ok(accept) => accept,
        Err(refused) => return *refused,
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(protocol) = tokens(request.headers(), &SEC_WEBSOCKET_PROTOCOL)
        .find_map(|offered| protocols.iter().find(|ours| **ours == offered))
    {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    }

    let upgrade = hyper::upgrade::on(&mut request);
    tokio::task::spawn_local(async move {
        match upgrade.await.map(|upgraded| upgraded.downcast::<TokioIo<HttpConn>>()) {
            Ok(Ok(parts)) => {
                start(Upgraded { conn: parts.io.into_inner().into_conn(), read_buf: parts.read_buf });
            }
            Ok(Err(_)) => tracing::error!("a WebSocket was asked for on a connection that is not ours"),
            Err(error) => tracing::debug!(%error, "the connection ended before it became a WebSocket"),
        }
    });
    response
}

/// Checks the handshake; answers the value of `Sec-WebSocket-Accept`, or the refusal.
fn accept_key(request: &Request<Body>) -> Result<HeaderValue, Box<Response>> {
    let headers = request.headers();
    if request.method() != Method::GET {
        let response = refused(StatusCode::METHOD_NOT_ALLOWED, "a WebSocket is asked for with GET");
        return Err(with_header(response, ALLOW, "GET"));
    }
    if !names(headers, &UPGRADE, "websocket") {
        let response = refused(StatusCode::UPGRADE_REQUIRED, "this address speaks WebSocket only");
        return Err(with_header(response, UPGRADE, "websocket"));
    }
    if request.version() != Version::HTTP_11 {
        return Err(refused(StatusCode::BAD_REQUEST, "a WebSocket needs HTTP/1.1"));
    }
    if !names(headers, &CONNECTION, "upgrade") {
        return Err(refused(StatusCode::BAD_REQUEST, "the Connection header does not name Upgrade"));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let response = refused(StatusCode::UPGRADE_REQUIRED, "Sec-WebSocket-Version must be 13");
        return Err(with_header(response, SEC_WEBSOCKET_VERSION, "13"));
    }
    headers
        .get(SEC_WEBSOCKET_KEY)
        .map(HeaderValue::as_bytes)
        .filter(|key| STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == KEY_BYTES))
        .and_then(|key| HeaderValue::try_from(derive_accept_key(key)).ok())
        .ok_or_else(|| {
            refused(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key must be 16 random bytes in base64")
        })
}

fn refused(status: StatusCode, message: &str) -> Box<Response> {
    Box::new(refusal(status, "validation", message))
}

fn with_header(mut response: Box<Response>, name: HeaderName, value: &'static str) -> Box<Response> {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

fn names(headers: &HeaderMap, header: &HeaderName, token: &str) -> bool {
    tokens(headers, header).any(|named| named.eq_ignore_ascii_case(token))
}

/// The comma-separated tokens of a header, over all its lines.
fn tokens<'a>(headers: &'a HeaderMap, header: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(header)
        .into_iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(',').map(str::trim))
}
