//! The addresses at which sockets are opened: a face says where and what is spoken, the engine
//! gives the session, this room the WebSocket.

use std::rc::Rc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::any;
use http::header::{CONTENT_TYPE, HeaderName, REFERER, USER_AGENT};
use http::{HeaderValue, Request, StatusCode};

use super::accept::Peer;
use super::limits::ORIGIN_CHARS;
use super::upgrade;
use crate::api::livechat::{Door, doors, license_not_found};
use crate::engine::EngineHandle;
use crate::engine::origin::Origin;
use crate::engine::outbox::Outbox;
use crate::engine::session::Session;
use crate::engine::shard::Shard;

/// Every address of every face.
pub fn router(engine: &EngineHandle) -> Router {
    doors().into_iter().fold(Router::new(), |router, door| {
        let engine = engine.clone();
        router
            .route(door.path, any(move |request: Request<Body>| async move { enter(door, &engine, request) }))
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
