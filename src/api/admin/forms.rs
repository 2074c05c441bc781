//! `/admin/v1/groups/{id}/forms/{prechat|postchat}`: what customers are asked before and after a chat.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Map, Value, json};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::GroupId;
use switchboard_domain::participant::form::{
    ChoiceKind, FieldKind, Form, FormField, FormKind, FormOption, GroupOption, TextKind,
};
use switchboard_domain::participant::license::LicenseChange;

use super::engine::Engine;
use super::fields::{Fields, body};
use super::groups;
use super::refusal::Refused;
use super::tenant::Tenant;

/// A type of field, as written.
#[derive(Clone, Copy)]
enum Type {
    Header,
    Text(TextKind),
    Choice(ChoiceKind),
    GroupChooser,
    Rating,
}

const TYPES: [(&str, Type); 10] = [
    ("header", Type::Header),
    ("name", Type::Text(TextKind::Name)),
    ("email", Type::Text(TextKind::Email)),
    ("question", Type::Text(TextKind::Question)),
    ("textarea", Type::Text(TextKind::TextArea)),
    ("radio", Type::Choice(ChoiceKind::Radio)),
    ("select", Type::Choice(ChoiceKind::Select)),
    ("checkbox", Type::Choice(ChoiceKind::Checkbox)),
    ("group_chooser", Type::GroupChooser),
    ("rating", Type::Rating),
];

/// The name of a form in addresses and in the configuration.
#[must_use]
pub const fn form_word(kind: FormKind) -> &'static str {
    match kind {
        FormKind::Prechat => "prechat",
        FormKind::Postchat => "postchat",
    }
}

/// Reads a form of a group. Its bounds are the domain's business.
///
/// # Errors
/// `Invalid`, naming the field.
pub fn form(value: &Value, kind: FormKind, group: GroupId) -> Result<Form, Rejected> {
    let fields = Fields::of(value)?;
    fields.only(&["id", "fields"])?;
    let id = fields.text("id")?.map_or_else(|| format!("{}-{group}", form_word(kind)), str::to_owned);
    let given = fields.objects("fields")?.ok_or_else(|| fields.missing("fields"))?;
    Ok(Form { id: id.into(), fields: given.iter().map(field).collect::<Result<_, _>>()? })
}

fn field(given: &Fields<'_>) -> Result<FormField, Rejected> {
    let required = || Ok::<_, Rejected>(given.flag("required")?.unwrap_or(false));
    let options = || given.objects("options")?.ok_or_else(|| given.missing("options"));
    let only = |more: &[&str]| given.only(&[&["id", "type", "label"], more].concat());
    let kind = match given.choice("type", &TYPES)?.ok_or_else(|| given.missing("type"))? {
        Type::Header => only(&[]).map(|()| FieldKind::Header)?,
        Type::Text(kind) => {
            only(&["required"]).and(required()).map(|required| FieldKind::Text { kind, required })?
        }
        Type::Choice(kind) => {
            only(&["required", "options"])?;
            let options = options()?.iter().map(option).collect::<Result<_, _>>()?;
            FieldKind::Choice { kind, required: required()?, options }
        }
        Type::GroupChooser => {
            only(&["required", "options"])?;
            let options = options()?.iter().map(group_option).collect::<Result<_, _>>()?;
            FieldKind::GroupChooser { required: required()?, options }
        }
        Type::Rating => {
            only(&["required", "comment_label"])?;
            let comment_label = given.text("comment_label")?.map(Into::into);
            FieldKind::Rating { required: required()?, comment_label }
        }
    };
    Ok(FormField { id: given.required_text("id")?.into(), label: given.required_text("label")?.into(), kind })
}

fn option(given: &Fields<'_>) -> Result<FormOption, Rejected> {
    given.only(&["id", "label", "checked"])?;
    Ok(FormOption {
        id: given.required_text("id")?.into(),
        label: given.required_text("label")?.into(),
        checked: given.flag("checked")?.unwrap_or(false),
    })
}

fn group_option(given: &Fields<'_>) -> Result<GroupOption, Rejected> {
    given.only(&["group_id", "label", "checked"])?;
    Ok(GroupOption {
        group: GroupId(given.number("group_id")?.ok_or_else(|| given.missing("group_id"))?),
        label: given.required_text("label")?.into(),
        checked: given.flag("checked")?.unwrap_or(false),
    })
}

fn show(form: &Form) -> Value {
    json!({ "id": form.id, "fields": form.fields.iter().map(show_field).collect::<Vec<_>>() })
}

fn show_field(field: &FormField) -> Value {
    let (kind, required) = match &field.kind {
        FieldKind::Header => ("header", None),
        FieldKind::Text { kind: TextKind::Name, required } => ("name", Some(*required)),
        FieldKind::Text { kind: TextKind::Email, required } => ("email", Some(*required)),
        FieldKind::Text { kind: TextKind::Question, required } => ("question", Some(*required)),
        FieldKind::Text { kind: TextKind::TextArea, required } => ("textarea", Some(*required)),
        FieldKind::Choice { kind: ChoiceKind::Radio, required, .. } => ("radio", Some(*required)),
        FieldKind::Choice { kind: ChoiceKind::Select, required, .. } => ("select", Some(*required)),
        FieldKind::Choice { kind: ChoiceKind::Checkbox, required, .. } => ("checkbox", Some(*required)),
        FieldKind::GroupChooser { required, .. } => ("group_chooser", Some(*required)),
        FieldKind::Rating { required, .. } => ("rating", Some(*required)),
    };
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    put("id", json!(field.id));
    put("type", json!(kind));
    put("label", json!(field.label));
    if let Some(required) = required {
        put("required", json!(required));
    }
    match &field.kind {
        FieldKind::Choice { options, .. } => {
            let show = |o: &FormOption| json!({ "id": o.id, "label": o.label, "checked": o.checked });
            put("options", options.iter().map(show).collect());
        }
        FieldKind::GroupChooser { options, .. } => {
            let show =
                |o: &GroupOption| json!({ "group_id": o.group.0, "label": o.label, "checked": o.checked });
            put("options", options.iter().map(show).collect());
        }
        FieldKind::Rating { comment_label: Some(label), .. } => put("comment_label", json!(label)),
        _ => {}
    }
    Value::Object(shown)
}

fn kind_of(word: &str) -> Result<FormKind, Refused> {
    let found = [FormKind::Prechat, FormKind::Postchat].into_iter().find(|kind| form_word(*kind) == word);
    found.ok_or_else(|| Refused::unknown("form", "form: there are prechat and postchat"))
}

/// `GET /admin/v1/groups/{id}/forms/{form}`: 404 until it is set.
pub(super) async fn get(
    Tenant(license): Tenant,
    Path((group, word)): Path<(String, String)>,
) -> Result<Json<Value>, Refused> {
    let (group, kind) = (groups::known(&license, &group)?, kind_of(&word)?);
    let found = license.groups.get(&group).and_then(|group| group.forms.get(&kind));
    found.map(|form| Json(show(form))).ok_or_else(|| Refused::unknown("form", "form: it was not set"))
}

/// `PUT /admin/v1/groups/{id}/forms/{form}`
pub(super) async fn put<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path((group, word)): Path<(String, String)>,
    bytes: Bytes,
) -> Result<Json<Value>, Refused> {
    let (group, kind) = (groups::known(&license, &group)?, kind_of(&word)?);
    let form = form(&body(&bytes)?, kind, group)?;
    let shown = show(&form);
    engine.change_license(license.id, LicenseChange::SetForm { group, kind, form: Some(form) }).await?;
    Ok(Json(shown))
}

/// `DELETE /admin/v1/groups/{id}/forms/{form}`: also when it was not set.
pub(super) async fn delete<E: Engine>(
    Tenant(license): Tenant,
    State(engine): State<E>,
    Path((group, word)): Path<(String, String)>,
) -> Result<StatusCode, Refused> {
    let (group, kind) = (groups::known(&license, &group)?, kind_of(&word)?);
    engine.change_license(license.id, LicenseChange::SetForm { group, kind, form: None }).await?;
    Ok(StatusCode::NO_CONTENT)
}
