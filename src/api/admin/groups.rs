//! `/admin/v1/groups`: where chats arrive and agents belong.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};
use switchboard_domain::id::GroupId;
use switchboard_domain::participant::license::{License, LicenseChange};

use super::engine::Engine;
use super::fields::{Fields, body};
use super::refusal::Refused;
use super::settings;
use super::tenant::Tenant;
use crate::engine::order::Done;

/// A group of the license by its number as written in an address.
pub(super) fn known(license: &License, id: &str) -> Result<GroupId, Refused> {
    let found =
        id.parse().ok().map(GroupId).filter(|group| group.to_string() == id && license.has_group(*group));
    found.ok_or_else(|| Refused::unknown("group_id", "group"))
}

fn show(license: &License, id: GroupId) -> Result<Json<Value>, Refused> {
    let group = license.groups.get(&id).ok_or_else(|| Refused::unknown("group_id", "group"))?;
    let own = group.settings.as_ref().map(settings::show);
    Ok(Json(json!({ "id": id.0, "name": group.name, "settings": own })))
}

/// The group as it is after a change.
fn changed<E: Engine>(engine: &E, license: &License, id: GroupId) -> Result<Json<Value>, Refused> {
    let newest = engine.licenses().into_iter().find(|newest| newest.id == license.id);
    show(&*newest.ok_or_else(|| Refused::unknown("license_id", "license"))?, id)
}

/// `GET /admin/v1/groups`
pub(super) async fn list(Tenant(license): Tenant) -> Result<Json<Value>, Refused> {
    let groups: Result<Vec<_>, _> =
        license.groups.keys().map(|id| show(&license, *id).map(|Json(group)| group)).collect();
    Ok(Json(json!({ "groups": groups? })))
}

/// `GET /admin/v1/groups/{id}`
pub(super) async fn get(Tenant(license): Tenant, Path(id): Path<String>) -> Result<Json<Value>, Refused> {
    show(&license, known(&license, &id)?)
}

/// `POST /admin/v1/groups`
pub(super) async fn create<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Value>), Refused> {
    let value = body(&bytes)?;
    let fields = Fields::of(&value)?;
    fields.only(&["id", "name", "settings"])?;
    let change = LicenseChange::CreateGroup {
        group: fields.number("id")?.map(GroupId),
        name: fields.required_text("name")?.into(),
        settings: settings::read_own(&fields)?,
    };
    let made = engine.change_license(license.id, change).await?;
    let Done::GroupCreated(id) = made else { return Err(Refused::unknown("group_id", "group")) };
    Ok((StatusCode::CREATED, changed(&engine, &license, id)?))
}

/// `PATCH /admin/v1/groups/{id}`
pub(super) async fn change<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Value>, Refused> {
    let group = known(&license, &id)?;
    let value = body(&bytes)?;
    let fields = Fields::of(&value)?;
    fields.only(&["name", "settings"])?;
    let change = LicenseChange::ChangeGroup {
        group,
        name: fields.text("name")?.map(Into::into),
        settings: settings::read_own(&fields)?,
    };
    engine.change_license(license.id, change).await?;
    changed(&engine, &license, group)
}

/// `DELETE /admin/v1/groups/{id}`
pub(super) async fn delete<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refused> {
    let group = known(&license, &id)?;
    engine.change_license(license.id, LicenseChange::DeleteGroup(group)).await?;
    Ok(StatusCode::NO_CONTENT)
}
