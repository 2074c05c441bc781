//! The first request of a connection (spec v3.0, 5.6 and 6). What has no effect here, such as
//! the time zone or the page, is checked all the same and then dropped.

use std::borrow::Cow;
use std::collections::BTreeMap;

use switchboard_domain::conversation::event::within;
use switchboard_domain::id::GroupId;
use switchboard_domain::limits::URL_CHARS;
use switchboard_domain::participant::customer::CustomerChange;

use super::Call;
use crate::api::livechat::object::Object;
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, Login};

/// `login` of an agent, or of the bot named as author.
pub(in super::super) fn agent_login(call: &Call<'_>) -> Result<Ask, Failure> {
    let token = token(&call.args)?;
    check_agents_client(&call.args)?;
    Ok(Ask::Login(Login::Agent {
        token,
        author: call.author.clone(),
        reconnect: call.args.flag("reconnect")?,
    }))
}

/// `login` of a customer.
pub(in super::super) fn customer_login(call: &Call<'_>) -> Result<Ask, Failure> {
    let customer: Object<'_> = call.args.optional("customer")?.unwrap_or_default();
    let fields: Object<'_> = customer.optional("fields")?.unwrap_or_default();
    let field = |(name, _)| Ok((Box::from(name), fields.required(name)?));
    let token = token(&call.args)?;
    check_customers_client(&call.args)?;
    Ok(Ask::Login(Login::Customer {
        token,
        group: call.args.optional("group_id")?.map(GroupId),
        change: CustomerChange {
            name: customer.optional("name")?,
            email: customer.optional("email")?,
            avatar: customer.optional("avatar")?,
            fields: fields.entries().map(field).collect::<Result<BTreeMap<_, _>, Failure>>()?,
        },
    }))
}

fn check_agents_client(args: &Object<'_>) -> Result<(), Failure> {
    args.optional::<Cow<'_, str>>("timezone")?;
    let application: Object<'_> = args.optional("application")?.unwrap_or_default();
    application.optional::<Cow<'_, str>>("name")?;
    application.optional::<Cow<'_, str>>("version")?;
    if let Some(push) = args.optional::<Object<'_>>("push_notifications")? {
        push.optional::<Cow<'_, str>>("firebase_token")?;
        push.required_choice("platform", &[("ios", ()), ("android", ())])?;
    }
    Ok(())
}

fn check_customers_client(args: &Object<'_>) -> Result<(), Failure> {
    let page: Object<'_> = args.optional("customer_page")?.unwrap_or_default();
    for (holder, name) in [(&page, "url"), (&page, "title"), (args, "referrer")] {
        let text: Cow<'_, str> = holder.optional(name)?.unwrap_or_default();
        within(&holder.at(name).to_string(), text.chars().count(), URL_CHARS, "characters")?;
    }
    let stored: Object<'_> = args.optional("customer_side_storage")?.unwrap_or_default();
    for (name, _) in stored.entries() {
        stored.required::<Cow<'_, str>>(name)?;
    }
    args.flag("is_mobile").map(drop)
}

/// With or without `Bearer`.
fn token(args: &Object<'_>) -> Result<String, Failure> {
    let token: String = args.required("token")?;
    Ok(match token.strip_prefix("Bearer ") {
        Some(bare) => bare.to_owned(),
        None => token,
    })
}
