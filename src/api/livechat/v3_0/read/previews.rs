//! Arguments of `get_url_details`.

use switchboard_domain::webhook::check_url;

use super::Call;
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, Order};

/// `get_url_details`
pub(in super::super) fn get_url_details(call: &Call<'_>) -> Result<Ask, Failure> {
    let url: Box<str> = call.args.required("url")?;
    check_url("url", &url)?;
    call.order(Order::GetPreview(url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::livechat::v3_0::read::testing::{principal, read, refusal};
    use crate::engine::dialect::Side;
    use serde_json::json;

    #[test]
    fn a_page_is_named_by_an_absolute_url() {
        let by = principal(Side::Customer, &[]);
        let asked = read(get_url_details, &by, &json!({ "url": "https://shop.example/?a" }));
        assert!(matches!(asked, Ok(Order::GetPreview(url)) if *url == *"https://shop.example/?a"));
        for odd in
            [json!({}), json!({ "url": 5 }), json!({ "url": "shop.example" }), json!({ "url": "ftp://h" })]
        {
            let words = refusal(read(get_url_details, &by, &odd));
            assert!(words.starts_with("url: "), "{words}");
        }
    }
}
