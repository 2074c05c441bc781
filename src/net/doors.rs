//! The addresses at which sockets are opened: a face says where and what is spoken, the engine
//! gives the session, this room the WebSocket.

use std::rc::Rc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::any;
use http::header::{CONTENT_TYPE, HeaderName, ORIGIN, REFERER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, StatusCode};

use super::accept::Peer;
use super::limits::ORIGIN_CHARS;
use super::refusal::refusal as refused;
use super::upgrade;
use crate::api::chatwoot::{StreamDoor, stream_doors};
use crate::api::livechat::{Door, doors, license_not_found};
use crate::engine::origin::Origin;
use crate::engine::outbox::Outbox;
use crate::engine::session::Session;
use crate::engine::shard::Shard;
use crate::engine::stream::StreamSocket;
use crate::engine::{EngineHandle, Settings};

/// Every address of every face.
pub fn router(engine: &EngineHandle) -> Router {
    let router = doors().into_iter().fold(Router::new(), |router, door| {
        let engine = engine.clone();
        router
            .route(door.path, any(move |request: Request<Body>| async move { enter(door, &engine, request) }))
    });
    stream_doors().into_iter().fold(router, |router, door| {
        let engine = engine.clone();
        let enter =
            move |request: Request<Body>| async move { enter_stream(door, engine.settings(), request) };
        router.route(door.path, any(enter))
    })
}

fn enter_stream(door: StreamDoor, settings: &Settings, request: Request<Body>) -> Response {
    if !comes_from(request.headers(), &settings.stream_origins) {
        return refused(StatusCode::FORBIDDEN, "not_allowed", "pages of this origin may not open a stream");
    }
    let origin = origin(&request);
    let bound = settings.outbox_bytes;
    upgrade::websocket(request, door.protocols, move |upgraded| {
        let shard = Shard::here();
        let outbox = Outbox::with_bound(shard.dirty.clone(), bound);
        upgraded.serve(outbox, move |outbox| {
            let socket: Rc<StreamSocket> = StreamSocket::open(&shard, door.dialect, origin, outbox);
            socket
        });
    })
}

fn enter(door: Door, engine: &EngineHandle, request: Request<Body>) -> Response {
    let admitted = (door.admit)(request.uri().query()).and_then(|license| match license {
        Some(license) if !engine.license_exists(license) => Err(license_not_found()),
        license => Ok(license),
    });
    let license = match admitted {
        Ok(license) => license,
        Err((status, body)) => return refusal(status, body),
    };
    let bound = engine.settings().outbox_bytes;
    let origin = origin(&request);
    upgrade::rtm(request, move |upgraded| {
        let shard = Shard::here();
        let outbox = Outbox::with_bound(shard.dirty.clone(), bound);
        upgraded.serve(outbox, move |outbox| {
            let session: Rc<Session> =
                Session::open(&shard, door.side, door.dialect, license, origin, outbox);
            session
        });
    })
}

/// Is it from a page of one of these origins? Who sends no `Origin` is no page, and any will do when
/// none is listed.
fn comes_from(headers: &HeaderMap, origins: &[String]) -> bool {
    let listed = |origin: &HeaderValue| origins.iter().any(|own| origin.as_bytes() == own.as_bytes());
    origins.is_empty() || headers.get(ORIGIN).is_none_or(listed)
}

/// Where the request comes from, cut to what is kept of it.
fn origin(request: &Request<Body>) -> Origin {
    let header = |name: HeaderName| {
        let text = request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        text.chars().take(ORIGIN_CHARS).collect::<String>().into()
    };
    Origin {
        address: request.extensions().get::<Peer>().map(|peer| peer.address.ip().to_canonical()),
        user_agent: header(USER_AGENT),
        referrer: header(REFERER),
    }
}

fn refusal(status: u16, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_opens_a_stream_when_its_origin_is_listed_or_none_is() {
        let from = |origin: &'static str| HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))]);
        let listed = ["https://shop.example".to_owned()];
        assert!(comes_from(&from("https://shop.example"), &listed));
        assert!(!comes_from(&from("https://evil.example"), &listed));
        assert!(!comes_from(&from("https://shop.example.evil.example"), &listed));
        assert!(!comes_from(&from("null"), &listed));
        assert!(comes_from(&HeaderMap::new(), &listed), "no page");
        assert!(comes_from(&from("https://evil.example"), &[]), "any");
    }
}
