//! Who asks, and about which license.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use switchboard_domain::participant::license::License;

use super::engine::Engine;
use super::refusal::Refused;

/// The administrator: whoever has its token.
pub(super) struct Admin;

impl<E: Engine> FromRequestParts<E> for Admin {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, engine: &E) -> Result<Self, Refused> {
        let known = bearer(&parts.headers).is_some_and(|token| engine.admin_token_matches(token));
        if known { Ok(Self) } else { Err(Refused::stranger()) }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The license that the query names as `license_id`; with only one in the installation it need not.
/// The administrator's token is asked for first.
pub(super) struct Tenant(pub(super) Arc<License>);

impl<E: Engine> FromRequestParts<E> for Tenant {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, engine: &E) -> Result<Self, Refused> {
        Admin::from_request_parts(parts, engine).await?;
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(query) = query.map_err(|error| Refused::field("query", error))?;
        let named = query.iter().rfind(|(name, _)| name == "license_id").map(|(_, id)| id);
        match named {
            Some(id) => license(engine, id).map(Self),
            None => match engine.licenses().as_slice() {
                [only] => Ok(Self(Arc::clone(only))),
                _ => Err(Refused::field(
                    "license_id",
                    "missing: there are several licenses; name one in the query",
                )),
            },
        }
    }
}

/// A license by its id as written in an address.
pub(super) fn license<E: Engine>(engine: &E, id: &str) -> Result<Arc<License>, Refused> {
    let found = engine.licenses().into_iter().find(|license| license.id.to_string() == id);
    found.ok_or_else(|| Refused::unknown("license_id", "license"))
}
