//! From the wire: the arguments of each method, read into what the engine is asked.
//!
//! Every method's arguments are read here, every refusal names its field, and the rules of this
//! version are set as policy on the commands (design D9). Nothing here asks the engine anything.

mod access;
mod archives;
mod bots;
mod change_properties;
mod chats;
mod customer_list;
mod customers;
mod events;
mod forms;
mod ids;
mod lists;
mod login;
mod marks;
mod previews;
mod properties;
mod property_configs;
mod routing;
mod users;
mod webhooks;

pub(super) use access::{grant_access, revoke_access, set_access};
pub(super) use archives::get_archives;
pub(super) use bots::{create_bot, get_bot, list_bots, remove_bot, update_bot};
pub(super) use change_properties::{
    delete_chat_properties, delete_event_properties, delete_thread_properties, send_postback,
    update_chat_properties, update_event_properties, update_thread_properties,
};
pub(super) use chats::{activate_chat, close_thread, get_chat_threads, start_chat};
pub(super) use customer_list::{customers_page_id, get_customers};
pub(super) use customers::{
    ban_customer, create_customer, multicast, open_page, set_fields, update_customer, update_oneself,
};
#[cfg(test)]
pub(super) use events::event as event_for_tests;
pub(super) use events::send_event;
pub(super) use forms::get_form;
pub(super) use lists::{
    list_for_agent, list_for_customer, page_id, threads_for_agent, threads_for_customer, threads_page_id,
};
pub(super) use login::{agent_login, customer_login};
pub(super) use marks::{follow_chat, see, send_sneak_peek, send_typing, tag, unfollow_chat, untag};
pub(super) use previews::get_url_details;
pub(super) use property_configs::{LOCATIONS, TYPES, create_properties, list_properties};
pub(super) use routing::{get_groups_status, get_predicted_agent, set_away, transfer_chat};
pub(super) use users::{add_user, remove_user, update_agent};
pub(super) use webhooks::{list_webhooks, register_webhook, unregister_webhook};

use switchboard_domain::auth::{Principal, ScopeSet};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::AgentId;

use crate::api::livechat::object::Object;
use crate::engine::dialect::Ask;
use crate::engine::dialect::Side;
use crate::engine::order::{Failure, Order};

/// One call of a method.
pub(super) struct Call<'a> {
    /// On which side.
    pub(super) side: Side,
    /// Who is logged in; nobody yet at a login.
    pub(super) by: Option<&'a Principal>,
    /// The bot that is to act.
    pub(super) author: Option<AgentId>,
    /// The arguments.
    pub(super) args: Object<'a>,
    /// Where random bits come from.
    pub(super) random: fn() -> u64,
}

impl Call<'_> {
    /// The agent or bot that acts.
    fn oneself(&self) -> Option<&AgentId> {
        self.author.as_ref().or_else(|| self.by.and_then(Principal::agent))
    }

    fn scopes(&self) -> ScopeSet {
        self.by.map_or_else(ScopeSet::default, |by| by.scopes)
    }

    /// Goes on when allowed; the refusal is the one of a missing scope.
    fn demand(&self, allowed: bool) -> Result<(), Failure> {
        if allowed { Ok(()) } else { Err(Rejected::NoAccess.into()) }
    }

    fn order(&self, order: Order) -> Result<Ask, Failure> {
        Ok(Ask::Order(order, self.author.clone()))
    }
}

/// A sign of life.
pub(super) fn ping(_: &Call<'_>) -> Result<Ask, Failure> {
    Ok(Ask::Ping)
}

/// The end of an agent's connection.
pub(super) fn logout(_: &Call<'_>) -> Result<Ask, Failure> {
    Ok(Ask::Logout)
}

#[cfg(test)]
pub(in crate::api::livechat) mod testing {
    //! Calls for the tests of this room.

    use std::sync::Arc;

    use switchboard_domain::auth::{Principal, ScopeSet};
    use switchboard_domain::error::Rejected;
    use switchboard_domain::id::{AgentId, ClientId, CustomerId, GroupId, LicenseId, UserId};

    use super::Call;
    use crate::api::livechat::object::Object;
    use crate::engine::dialect::Ask;
    use crate::engine::dialect::Side;
    use crate::engine::order::{Failure, Order};

    pub(in crate::api::livechat) fn principal(side: Side, scopes: &[&str]) -> Arc<Principal> {
        let user = match side {
            Side::Agent => UserId::Agent(AgentId::new("ann@example.org")),
            Side::Customer => UserId::Customer(CustomerId::from_random(7)),
        };
        Arc::new(Principal {
            license: LicenseId(1),
            user,
            client: ClientId::new("app-7"),
            bot: false,
            scopes: match scopes {
                ["*"] => ScopeSet::all(),
                names => names.iter().filter_map(|name| name.parse().ok()).collect(),
            },
            groups: vec![GroupId::EVERYBODY],
            token: [7; 32],
        })
    }

    pub(in super::super) type Reader = fn(&Call<'_>) -> Result<Ask, Failure>;

    pub(in super::super) fn read(
        reader: Reader,
        by: &Principal,
        args: &serde_json::Value,
    ) -> Result<Order, Failure> {
        let text = args.to_string();
        let side = if by.agent().is_some() { Side::Agent } else { Side::Customer };
        let args = Object::parse(&text)?;
        let call = Call { side, by: Some(by), author: None, args, random: || 5 };
        reader(&call).map(|ask| match ask {
            Ask::Order(order, _) => order,
            _ => Order::Nothing,
        })
    }

    /// `field: reason` of a refused field, else what came instead.
    pub(in super::super) fn refusal(read: Result<Order, Failure>) -> String {
        match read {
            Err(Failure::Rejected(Rejected::Invalid { field, reason })) => format!("{field}: {reason}"),
            other => format!("{other:?}"),
        }
    }
}
