//! Forms: what customers are asked before and after a chat. Source: spec v3.0, 4.5 and 6.1.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::error::Rejected;
use crate::id::GroupId;
use crate::limits::{CUSTOM_ID_CHARS, FORM_BYTES, FORM_FIELDS, FORM_OPTIONS, SHORT_TEXT_BYTES};

/// When a form is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FormKind {
    /// Before a chat.
    Prechat,
    /// After it.
    Postchat,
}

/// A form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Named by the answers to it; free text.
    pub id: Box<str>,
    /// From top to bottom.
    pub fields: Vec<FormField>,
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormField {
    /// Named by its answer; each once in a form.
    pub id: Box<str>,
    /// What stands beside it.
    pub label: Box<str>,
    /// What may be entered.
    pub kind: FieldKind,
}

/// What may be entered in a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldKind {
    /// Nothing: only the label is shown.
    Header,
    /// A text.
    Text {
        /// Which one.
        kind: TextKind,
        /// Must it be given?
        required: bool,
    },
    /// One or several of some options.
    Choice {
        /// How they are shown, and how many may be chosen.
        kind: ChoiceKind,
        /// Must one be chosen?
        required: bool,
        /// At least one.
        options: Vec<FormOption>,
    },
    /// The group that the chat is to go to.
    GroupChooser {
        /// Must one be chosen?
        required: bool,
        /// At least one.
        options: Vec<GroupOption>,
    },
    /// Good or bad.
    Rating {
        /// Must it be given?
        required: bool,
        /// What stands beside the comment.
        comment_label: Option<Box<str>>,
    },
}

/// Which text is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextKind {
    /// The customer's name.
    Name,
    /// The customer's address.
    Email,
    /// One line.
    Question,
    /// Several lines.
    TextArea,
}

/// How options are shown, and how many may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChoiceKind {
    /// All beside one another; one may be chosen.
    Radio,
    /// In a list that opens; one may be chosen.
    Select,
    /// All beside one another; each may be chosen.
    Checkbox,
}

/// One option of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormOption {
    /// Named by the answer; each once in a field.
    pub id: Box<str>,
    /// What stands beside it.
    pub label: Box<str>,
    /// Chosen at first?
    pub checked: bool,
}

/// A group that may be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupOption {
    /// The group.
    pub group: GroupId,
    /// What stands beside it.
    pub label: Box<str>,
    /// Chosen at first?
    pub checked: bool,
}

impl Form {
    /// Checks every bound, and that the groups to choose from exist.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub fn check(&self, exists: impl Fn(GroupId) -> bool) -> Result<(), Rejected> {
        check_id("id", &self.id)?;
        if self.fields.is_empty() {
            return Err(Rejected::invalid("fields", "must have at least one field"));
        }
        within("fields", self.fields.len(), FORM_FIELDS, "fields")?;
        let mut ids = BTreeSet::new();
        for (n, field) in self.fields.iter().enumerate() {
            let at = format!("fields[{n}]");
            if !ids.insert(&field.id) {
                return Err(Rejected::invalid(format!("{at}.id"), "is another field's"));
            }
            field.check(&exists).map_err(|rejected| rejected.under(&at))?;
        }
        within("fields", self.bytes(), FORM_BYTES, "bytes of text")
    }

    /// Bytes of text in it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.id.len() + self.fields.iter().map(FormField::bytes).sum::<usize>()
    }

    /// Takes a group out of the choice; a field that is left without any goes too.
    pub(super) fn without_group(&mut self, gone: GroupId) {
        self.fields.retain_mut(|field| match &mut field.kind {
            FieldKind::GroupChooser { options, .. } => {
                options.retain(|option| option.group != gone);
                !options.is_empty()
            }
            _ => true,
        });
    }
}

impl FormField {
    fn check(&self, exists: impl Fn(GroupId) -> bool) -> Result<(), Rejected> {
        check_id("id", &self.id)?;
        within("label", self.label.len(), SHORT_TEXT_BYTES, "bytes")?;
        match &self.kind {
            FieldKind::Header | FieldKind::Text { .. } => Ok(()),
            FieldKind::Choice { options, .. } => {
                check_options(options, |option| (&option.id, &option.label), "id")?;
                let ids = options.iter().enumerate();
                ids.into_iter().try_for_each(|(n, option)| check_id(&format!("options[{n}].id"), &option.id))
            }
            FieldKind::GroupChooser { options, .. } => {
                check_options(options, |option| (option.group, &option.label), "group_id")?;
                match options.iter().position(|option| !exists(option.group)) {
                    None => Ok(()),
                    Some(n) => Err(Rejected::invalid(format!("options[{n}].group_id"), "is no group")),
                }
            }
            FieldKind::Rating { comment_label, .. } => {
                let bytes = comment_label.as_ref().map_or(0, |label| label.len());
                within("comment_label", bytes, SHORT_TEXT_BYTES, "bytes")
            }
        }
    }

    fn bytes(&self) -> usize {
        let more = match &self.kind {
            FieldKind::Header | FieldKind::Text { .. } => 0,
            FieldKind::Choice { options, .. } => options.iter().map(|o| o.id.len() + o.label.len()).sum(),
            FieldKind::GroupChooser { options, .. } => options.iter().map(|o| o.label.len()).sum(),
            FieldKind::Rating { comment_label, .. } => comment_label.as_ref().map_or(0, |label| label.len()),
        };
        self.id.len() + self.label.len() + more
    }
}

fn check_id(field: &str, id: &str) -> Result<(), Rejected> {
    if id.is_empty() {
        return Err(Rejected::invalid(field, "must not be empty"));
    }
    within(field, id.chars().count(), CUSTOM_ID_CHARS, "characters")
}

/// Neither none nor too many, each once, with labels of a reasonable length.
fn check_options<'a, T, K: Ord>(
    options: &'a [T],
    parts: impl Fn(&'a T) -> (K, &'a str),
    key: &str,
) -> Result<(), Rejected> {
    if options.is_empty() {
        return Err(Rejected::invalid("options", "must have at least one option"));
    }
    within("options", options.len(), FORM_OPTIONS, "options")?;
    let mut seen = BTreeSet::new();
    for (n, option) in options.iter().enumerate() {
        let (id, label) = parts(option);
        if !seen.insert(id) {
            return Err(Rejected::invalid(format!("options[{n}].{key}"), "is another option's"));
        }
        within(&format!("options[{n}].label"), label.len(), SHORT_TEXT_BYTES, "bytes")?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    pub(in crate::participant) fn form(fields: Vec<FormField>) -> Form {
        Form { id: "f1".into(), fields }
    }

    fn field(id: &str, kind: FieldKind) -> FormField {
        FormField { id: id.into(), label: "Label".into(), kind }
    }

    pub(in crate::participant) fn chooser(groups: &[u32]) -> FormField {
        let option = |group: &u32| GroupOption { group: GroupId(*group), label: "g".into(), checked: false };
        let options = groups.iter().map(option).collect();
        field("team", FieldKind::GroupChooser { required: true, options })
    }

    fn radio(ids: &[&str]) -> FormField {
        let option = |id: &&str| FormOption { id: (*id).into(), label: "o".into(), checked: false };
        let options = ids.iter().map(option).collect();
        field("topic", FieldKind::Choice { kind: ChoiceKind::Radio, required: false, options })
    }

    fn wrong(form: &Form) -> String {
        match form.check(|group| group.0 < 3) {
            Err(Rejected::Invalid { field, .. }) => field,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn every_kind_of_field_passes_and_is_stored() {
        let text = |id: &str, kind| field(id, FieldKind::Text { kind, required: true });
        let all = form(vec![
            field("welcome", FieldKind::Header),
            text("name", TextKind::Name),
            text("mail", TextKind::Email),
            text("why", TextKind::Question),
            text("more", TextKind::TextArea),
            radio(&["a", "b"]),
            chooser(&[0, 2]),
            field("rate", FieldKind::Rating { required: false, comment_label: Some("Say more".into()) }),
        ]);
        assert_eq!(all.check(|group| group.0 < 3), Ok(()));
        let stored = rmp_serde::to_vec(&all).unwrap();
        assert_eq!(rmp_serde::from_slice::<Form>(&stored).unwrap(), all);
    }

    #[test]
    fn stored_bytes_stay() {
        let all = form(vec![radio(&["a"]), chooser(&[2])]);
        let hex: String = rmp_serde::to_vec(&all).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            concat!(
                "92a266319293a5746f706963a54c6162656c81a643686f69636593a5526164696fc29193a161a16fc2",
                "93a47465616da54c6162656c81ac47726f757043686f6f73657292c3919302a167c2"
            )
        );
    }

    #[test]
    fn each_bound_is_kept_and_named() {
        let id = "x".repeat(CUSTOM_ID_CHARS + 1);
        let long = "x".repeat(SHORT_TEXT_BYTES + 1);
        let relabelled = |mut field: FormField| {
            field.label = long.as_str().into();
            form(vec![field])
        };
        let many: Vec<String> = (0..=FORM_OPTIONS).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let numbered = |n: usize| (0..n).map(|n| field(&n.to_string(), FieldKind::Header)).collect();
        let comment = FieldKind::Rating { required: false, comment_label: Some(long.as_str().into()) };
        for (bad, named) in [
            (Form { id: "".into(), fields: vec![radio(&["a"])] }, "id"),
            (form(vec![]), "fields"),
            (form(numbered(FORM_FIELDS + 1)), "fields"),
            (form(vec![field("a", FieldKind::Header), field("a", FieldKind::Header)]), "fields[1].id"),
            (form(vec![field(&id, FieldKind::Header)]), "fields[0].id"),
            (relabelled(radio(&["a"])), "fields[0].label"),
            (form(vec![radio(&[])]), "fields[0].options"),
            (form(vec![radio(&many)]), "fields[0].options"),
            (form(vec![radio(&["a", "a"])]), "fields[0].options[1].id"),
            (form(vec![radio(&["a", ""])]), "fields[0].options[1].id"),
            (form(vec![chooser(&[1, 1])]), "fields[0].options[1].group_id"),
            (form(vec![chooser(&[1, 3])]), "fields[0].options[1].group_id"),
            (form(vec![field("r", comment)]), "fields[0].comment_label"),
        ] {
            assert_eq!(wrong(&bad), named);
        }
        assert_eq!(form(numbered(FORM_FIELDS)).check(|_| true), Ok(()));
        assert_eq!(form(vec![radio(&many[1..])]).check(|_| true), Ok(()));
        let mut great = form(numbered(FORM_BYTES / SHORT_TEXT_BYTES + 1));
        great.fields.iter_mut().for_each(|field| field.label = long[1..].into());
        assert_eq!(wrong(&great), "fields");
    }
}
