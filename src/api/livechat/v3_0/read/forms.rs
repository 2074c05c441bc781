//! Arguments of `get_form`.

use switchboard_domain::id::GroupId;
use switchboard_domain::participant::form::FormKind;

use super::Call;
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, Order};

/// `get_form`
pub(in super::super) fn get_form(call: &Call<'_>) -> Result<Ask, Failure> {
    let group = GroupId(call.args.required("group_id")?);
    let kinds = [("prechat", FormKind::Prechat), ("postchat", FormKind::Postchat)];
    let kind = call.args.required_choice("type", &kinds)?;
    call.order(Order::GetForm { group, kind })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::livechat::v3_0::read::testing::{principal, read, refusal};
    use crate::engine::dialect::Side;
    use serde_json::json;

    #[test]
    fn a_form_is_named_by_group_and_type() {
        let by = principal(Side::Customer, &[]);
        let asked = read(get_form, &by, &json!({ "group_id": 3, "type": "postchat" }));
        let expected = (GroupId(3), FormKind::Postchat);
        assert!(matches!(asked, Ok(Order::GetForm { group, kind }) if (group, kind) == expected));
        for (args, words) in [
            (json!({ "type": "prechat" }), "group_id: missing"),
            (json!({ "group_id": 3 }), "type: missing"),
            (json!({ "group_id": 3, "type": "survey" }), "type: must be one of: prechat, postchat"),
            (json!({ "group_id": 3, "type": 5 }), "type: must be a string"),
        ] {
            assert_eq!(refusal(read(get_form, &by, &args)), words);
        }
        for odd in [json!("3"), json!(-1), json!(1.5), json!({})] {
            let words = refusal(read(get_form, &by, &json!({ "group_id": odd, "type": "prechat" })));
            assert!(words.starts_with("group_id: "), "{words}");
        }
    }
}
