//! A form as customers get it (spec v3.0, 4.5 and 6.1).

use serde::Serialize;
use switchboard_domain::participant::form::{ChoiceKind, FieldKind, Form, FormField, TextKind};

/// The answer of `get_form`.
#[derive(Serialize)]
pub(super) struct FormAnswer<'a> {
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<FormOut<'a>>,
}

#[derive(Serialize)]
struct FormOut<'a> {
    id: &'a str,
    fields: Vec<FieldOut<'a>>,
}

#[derive(Serialize)]
struct FieldOut<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    label: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment_label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Vec<OptionOut<'a>>>,
}

#[derive(Serialize)]
struct OptionOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<u32>,
    label: &'a str,
    checked: bool,
}

impl<'a> From<Option<&'a Form>> for FormAnswer<'a> {
    fn from(form: Option<&'a Form>) -> Self {
        let out = |form: &'a Form| FormOut { id: &form.id, fields: form.fields.iter().map(field).collect() };
        Self { enabled: form.is_some(), form: form.map(out) }
    }
}

fn field(field: &FormField) -> FieldOut<'_> {
    let mut out = FieldOut {
        id: &field.id,
        kind: word(&field.kind),
        label: &field.label,
        comment_label: None,
        required: None,
        options: None,
    };
    match &field.kind {
        FieldKind::Header => {}
        FieldKind::Text { required, .. } => out.required = Some(*required),
        FieldKind::Choice { required, options, .. } => {
            out.required = Some(*required);
            let option = options.iter().map(|option| OptionOut {
                id: Some(&option.id),
                group_id: None,
                label: &option.label,
                checked: option.checked,
            });
            out.options = Some(option.collect());
        }
        FieldKind::GroupChooser { required, options } => {
            out.required = Some(*required);
            let option = options.iter().map(|option| OptionOut {
                id: None,
                group_id: Some(option.group.0),
                label: &option.label,
                checked: option.checked,
            });
            out.options = Some(option.collect());
        }
        FieldKind::Rating { required, comment_label } => {
            out.required = Some(*required);
            out.comment_label = comment_label.as_deref();
        }
    }
    out
}

const fn word(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Header => "header",
        FieldKind::Text { kind: TextKind::Name, .. } => "name",
        FieldKind::Text { kind: TextKind::Email, .. } => "email",
        FieldKind::Text { kind: TextKind::Question, .. } => "question",
        FieldKind::Text { kind: TextKind::TextArea, .. } => "textarea",
        FieldKind::Choice { kind: ChoiceKind::Radio, .. } => "radio",
        FieldKind::Choice { kind: ChoiceKind::Select, .. } => "select",
        FieldKind::Choice { kind: ChoiceKind::Checkbox, .. } => "checkbox",
        FieldKind::GroupChooser { .. } => "group_chooser",
        FieldKind::Rating { .. } => "rating",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use serde_json::json;
    use switchboard_domain::id::GroupId;
    use switchboard_domain::participant::form::{FormOption, GroupOption};

    /// The samples of spec v3.0, 6.1.
    #[test]
    fn a_form_looks_as_the_documents_show_it() {
        let field = |id: &str, label: &str, kind| FormField { id: id.into(), label: label.into(), kind };
        let options = vec![FormOption { id: "0".into(), label: "Orders".into(), checked: false }];
        let groups = vec![GroupOption { group: GroupId(1), label: "Sales".into(), checked: false }];
        let comment_label = Some("Say more".into());
        let form = Form {
            id: "f1".into(),
            fields: vec![
                field("q0", "Welcome", FieldKind::Header),
                field("q1", "Name", FieldKind::Text { kind: TextKind::Name, required: false }),
                field("q2", "Topic", FieldKind::Choice { kind: ChoiceKind::Radio, required: false, options }),
                field("q3", "Team", FieldKind::GroupChooser { required: true, options: groups }),
                field("q4", "Rate us", FieldKind::Rating { required: false, comment_label }),
            ],
        };
        let expected = json!({ "enabled": true, "form": { "id": "f1", "fields": [
            { "id": "q0", "type": "header", "label": "Welcome" },
            { "id": "q1", "type": "name", "label": "Name", "required": false },
            { "id": "q2", "type": "radio", "label": "Topic", "required": false,
              "options": [{ "id": "0", "label": "Orders", "checked": false }] },
            { "id": "q3", "type": "group_chooser", "label": "Team", "required": true,
              "options": [{ "group_id": 1, "label": "Sales", "checked": false }] },
            { "id": "q4", "type": "rating", "label": "Rate us", "comment_label": "Say more", "required": false },
        ] } });
        assert_eq!(serde_json::to_value(FormAnswer::from(Some(&form))).unwrap(), expected);
        assert_eq!(serde_json::to_value(FormAnswer::from(None)).unwrap(), json!({ "enabled": false }));
    }
}
