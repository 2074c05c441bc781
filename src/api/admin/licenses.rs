//! `/admin/v1/licenses`: the tenants and how their chats are routed.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use switchboard_domain::participant::license::{License, LicenseChange};

use super::engine::Engine;
use super::fields::{Fields, body};
use super::refusal::Refused;
use super::settings;
use super::tenant::{Admin, license};

fn show(license: &License) -> Value {
    json!({
        "id": license.id.0,
        "organization_id": license.organization_id,
        "client_id": license.client.as_str(),
        "settings": settings::show(&license.settings),
        "max_customer_chats_count": license.max_customer_chats,
    })
}

/// `GET /admin/v1/licenses`
pub(super) async fn list<E: Engine>(_: Admin, State(engine): State<E>) -> Json<Value> {
    let licenses: Vec<_> = engine.licenses().iter().map(|license| show(license)).collect();
    Json(json!({ "licenses": licenses }))
}

/// `GET /admin/v1/licenses/{id}`
pub(super) async fn get<E: Engine>(
    _: Admin,
    State(engine): State<E>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refused> {
    Ok(Json(show(&*license(&engine, &id)?)))
}

/// `PATCH /admin/v1/licenses/{id}`
pub(super) async fn change<E: Engine>(
    _: Admin,
    State(engine): State<E>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refused> {
    let old = license(&engine, &id)?;
    let value = body(&bytes)?;
    let fields = Fields::of(&value)?;
    fields.only(&["settings", "max_customer_chats_count"])?;
    let change = LicenseChange::Configure {
        settings: settings::read(&fields)?,
        max_customer_chats: fields.number("max_customer_chats_count")?,
    };
    engine.change_license(old.id, change).await?;
    Ok(Json(show(&*license(&engine, &id)?)))
}
