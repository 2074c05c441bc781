//! The first request of a connection (spec v3.0, 5.6 and 6). What has no effect here, such as
//! the time zone or the page, is taken like any unknown field.

use std::collections::BTreeMap;

use switchboard_domain::id::GroupId;
use switchboard_domain::participant::customer::CustomerChange;

use super::Call;
use crate::api::livechat::object::Object;
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, Login};

/// `login` of an agent, or of the bot named as author.
pub(in super::super) fn agent_login(call: &Call<'_>) -> Result<Ask, Failure> {
    Ok(Ask::Login(Login::Agent {
        token: token(&call.args)?,
        author: call.author.clone(),
        reconnect: call.args.flag("reconnect")?,
    }))
}

/// `login` of a customer.
pub(in super::super) fn customer_login(call: &Call<'_>) -> Result<Ask, Failure> {
    let customer: Object<'_> = call.args.optional("customer")?.unwrap_or_default();
    let fields: Object<'_> = customer.optional("fields")?.unwrap_or_default();
    let field = |(name, _)| Ok((Box::from(name), fields.required(name)?));
    Ok(Ask::Login(Login::Customer {
        token: token(&call.args)?,
        group: call.args.optional("group_id")?.map(GroupId),
        change: CustomerChange {
            name: customer.optional("name")?,
            email: customer.optional("email")?,
            avatar: customer.optional("avatar")?,
            fields: fields.entries().map(field).collect::<Result<BTreeMap<_, _>, Failure>>()?,
        },
    }))
}

/// With or without `Bearer`.
fn token(args: &Object<'_>) -> Result<String, Failure> {
    let token: String = args.required("token")?;
    Ok(match token.strip_prefix("Bearer ") {
        Some(bare) => bare.to_owned(),
        None => token,
    })
}
