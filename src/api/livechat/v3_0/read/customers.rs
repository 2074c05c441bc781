//! Customers: profile, ban, pages, and messages to connections (spec v3.0, 5.3, 5.5 and 6).

use std::borrow::Cow;

use serde_json::value::RawValue;
use switchboard_domain::conversation::event::within;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, CustomerId, GroupId, UserId};
use switchboard_domain::limits::{MULTICAST_BYTES, MULTICAST_NAMES, NAME_CHARS, URL_CHARS};
use switchboard_domain::participant::customer::{CustomerChange, Texts};

use super::Call;
use crate::api::livechat::object::{Field, Object, Path};
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, Multicast, NewPage, Order};

/// `create_customer`
pub(in super::super) fn create_customer(call: &Call<'_>) -> Result<Ask, Failure> {
    call.order(Order::CreateCustomer(change(&call.args)?))
}

/// `update_customer` of agents.
pub(in super::super) fn update_customer(call: &Call<'_>) -> Result<Ask, Failure> {
    let customer: CustomerId = call.args.required("customer_id")?;
    call.order(Order::UpdateCustomer(customer, some_change(&call.args)?))
}

/// `update_customer` of customers: oneself.
pub(in super::super) fn update_oneself(call: &Call<'_>) -> Result<Ask, Failure> {
    let change = some_change(&call.args)?;
    call.order(Order::UpdateCustomer(oneself(call)?, change))
}

/// `set_customer_fields`
pub(in super::super) fn set_fields(call: &Call<'_>) -> Result<Ask, Failure> {
    let change =
        CustomerChange { fields: call.args.required::<Named>("fields")?.0, ..CustomerChange::default() };
    change.check("")?;
    call.order(Order::UpdateCustomer(oneself(call)?, change))
}

fn oneself(call: &Call<'_>) -> Result<CustomerId, Failure> {
    match call.by.map(|by| &by.user) {
        Some(UserId::Customer(customer)) => Ok(*customer),
        _ => Err(Rejected::NoAccess.into()),
    }
}

/// `ban_customer`
pub(in super::super) fn ban_customer(call: &Call<'_>) -> Result<Ask, Failure> {
    let customer = call.args.required("customer_id")?;
    let ban: Object<'_> = call.args.required("ban")?;
    call.order(Order::BanCustomer { customer, days: ban.required("days")? })
}

/// `update_customer_page`
pub(in super::super) fn open_page(call: &Call<'_>) -> Result<Ask, Failure> {
    call.order(Order::OpenPage(page(&call.args, call.args.required("url")?)?))
}

/// The page that an object tells of, its address given apart.
pub(super) fn page(from: &Object<'_>, url: Box<str>) -> Result<NewPage, Failure> {
    let page = NewPage { url, title: from.optional("title")?.unwrap_or_default() };
    for (name, text) in [("url", &page.url), ("title", &page.title)] {
        within(&from.at(name).to_string(), text.chars().count(), URL_CHARS, "characters")?;
    }
    Ok(page)
}

/// What an object tells of a customer, within its bounds.
pub(super) fn change(from: &Object<'_>) -> Result<CustomerChange, Failure> {
    let change = CustomerChange {
        name: from.optional("name")?,
        email: from.optional("email")?,
        avatar: from.optional("avatar")?,
        fields: from.optional::<Named>("fields")?.map(|named| named.0).unwrap_or_default(),
        contact: None,
    };
    let place = match from.path() {
        "" => String::new(),
        path => format!("{path}."),
    };
    change.check(&place)?;
    Ok(change)
}

/// The same, where nothing would be no change at all.
fn some_change(from: &Object<'_>) -> Result<CustomerChange, Failure> {
    if ["name", "email", "avatar", "fields"].into_iter().all(|name| from.raw(name).is_none()) {
        return Err(from.invalid("name", "at least one of name, email, avatar, fields must be given"));
    }
    change(from)
}

/// Texts by name.
pub(super) struct Named(pub(super) Texts);

impl<'a> Field<'a> for Named {
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
        let object = Object::read(raw, path)?;
        let text = |(name, _)| Ok((Box::from(name), object.required(name)?));
        object.entries().map(text).collect::<Result<_, Failure>>().map(Self)
    }
}

/// `multicast`
pub(in super::super) fn multicast(call: &Call<'_>) -> Result<Ask, Failure> {
    let scopes: Object<'_> = call.args.required("scopes")?;
    let to_agents: Object<'_> = scopes.optional("agents")?.unwrap_or_default();
    let to_customers: Object<'_> = scopes.optional("customers")?.unwrap_or_default();
    let all_agents = to_agents.flag("all")?;
    let agents: Vec<AgentId> = some(&to_agents, "ids")?;
    let groups: Vec<Group> = some(&to_agents, "groups")?;
    // An id that cannot be one is like one that is nobody's: no connection has it.
    let customers: Vec<Cow<'_, str>> = some(&to_customers, "ids")?;
    if !all_agents && agents.is_empty() && groups.is_empty() && customers.is_empty() {
        return Err(call.args.invalid("scopes", "must name somebody"));
    }
    let content: &RawValue = call.args.required("content")?;
    within("content", content.get().len(), MULTICAST_BYTES, "bytes")?;
    if serde_json::from_str::<serde_json::Value>(content.get()).is_err() {
        return Err(call.args.invalid("content", "has broken characters or is nested too deeply"));
    }
    let kind: Option<Box<str>> = call.args.optional("type")?;
    within("type", kind.as_ref().map_or(0, |kind| kind.chars().count()), NAME_CHARS, "characters")?;
    call.order(Order::Multicast(Multicast {
        all_agents,
        agents,
        groups: groups.into_iter().filter_map(|group| group.0).collect(),
        customers: customers.iter().filter_map(|id| id.parse().ok()).collect(),
        content: content.get().into(),
        kind,
    }))
}

fn some<'a, T: Field<'a>>(from: &Object<'a>, name: &str) -> Result<Vec<T>, Failure> {
    let items: Vec<T> = from.optional(name)?.unwrap_or_default();
    within(&from.at(name).to_string(), items.len(), MULTICAST_NAMES, "entries")?;
    Ok(items)
}

/// A group's number, written as a number or as a string; a string that is none names no group.
struct Group(Option<GroupId>);

impl<'a> Field<'a> for Group {
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
        if raw.get().starts_with('"') {
            let text = Cow::<'a, str>::read(raw, path)?;
            return Ok(Self(text.parse().ok().map(GroupId)));
        }
        u32::read(raw, path).map(|group| Self(Some(GroupId(group))))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test may fail loudly")]

    use super::*;
    use crate::api::livechat::v3_0::read::testing::{Reader, principal, read, refusal};
    use crate::engine::dialect::Side;
    use serde_json::{Value, json};
    use switchboard_domain::limits::{CUSTOMER_FIELDS, SHORT_TEXT_BYTES};

    const MIA: &str = "3f2a6c1e-5b7d-4e8f-9a01-b2c3d4e5f607";

    fn agents(reader: Reader, args: &Value) -> Result<Order, Failure> {
        read(reader, &principal(Side::Agent, &["*"]), args)
    }

    fn customers(reader: Reader, args: &Value) -> Result<Order, Failure> {
        read(reader, &principal(Side::Customer, &[]), args)
    }

    #[test]
    fn a_profile_is_read_whole_and_each_refusal_names_its_field() {
        let profile = json!({ "customer_id": MIA, "name": "Mia", "email": "mia@example.com",
            "avatar": "https://example.com/m.png", "fields": { "plan": "free" } });
        let expected = CustomerChange {
            contact: None,
            name: Some("Mia".into()),
            email: Some("mia@example.com".into()),
            avatar: Some("https://example.com/m.png".into()),
            fields: [("plan".into(), "free".into())].into(),
        };
        let oneself = CustomerId::from_random(7);
        assert!(matches!(agents(create_customer, &profile), Ok(Order::CreateCustomer(c)) if c == expected));
        let Ok(Order::UpdateCustomer(id, change)) = agents(update_customer, &profile) else { panic!() };
        assert_eq!((id.to_string().as_str(), &change), (MIA, &expected));
        let Ok(Order::UpdateCustomer(id, change)) = customers(update_oneself, &profile) else { panic!() };
        assert_eq!((id, &change), (oneself, &expected));
        assert!(
            matches!(agents(create_customer, &json!({})), Ok(Order::CreateCustomer(c)) if c == CustomerChange::default())
        );

        let many: serde_json::Map<_, _> =
            (0..=CUSTOMER_FIELDS).map(|n| (n.to_string(), json!("v"))).collect();
        for (wrong, expected) in [
            (json!({ "name": 5 }), "name: must be a string"),
            (json!({ "name": "x".repeat(257) }), "name: must have at most 256 characters, has 257"),
            (json!({ "email": "x".repeat(257) }), "email: must have at most 256 characters, has 257"),
            (json!({ "avatar": "x".repeat(2049) }), "avatar: must have at most 2048 characters, has 2049"),
            (json!({ "fields": "plan" }), "fields: must be an object"),
            (json!({ "fields": { "plan": 1 } }), "fields.plan: must be a string"),
            (json!({ "fields": many }), "fields: must have at most 100 fields, has 101"),
            (
                json!({ "fields": { "plan": "x".repeat(SHORT_TEXT_BYTES + 1) } }),
                "fields: must have at most 4096 bytes, has 4097",
            ),
        ] {
            assert_eq!(refusal(agents(create_customer, &wrong)), expected);
            assert_eq!(refusal(customers(update_oneself, &wrong)), expected);
            let mut named = wrong.clone();
            named["customer_id"] = json!(MIA);
            assert_eq!(refusal(agents(update_customer, &named)), expected);
        }
        let nothing = "name: at least one of name, email, avatar, fields must be given";
        assert_eq!(refusal(customers(update_oneself, &json!({ "unknown": 1, "name": null }))), nothing);
        assert_eq!(refusal(agents(update_customer, &json!({ "customer_id": MIA }))), nothing);
        assert_eq!(refusal(agents(update_customer, &json!({ "name": "x" }))), "customer_id: missing");
    }

    #[test]
    fn fields_pages_and_bans() {
        let Ok(Order::UpdateCustomer(_, change)) = customers(set_fields, &json!({ "fields": { "a": "b" } }))
        else {
            panic!()
        };
        assert_eq!(change.fields, [("a".into(), "b".into())].into());
        assert_eq!(refusal(customers(set_fields, &json!({}))), "fields: missing");
        assert_eq!(refusal(customers(set_fields, &json!({ "fields": "a" }))), "fields: must be an object");

        let opened = NewPage { url: "https://shop.example/".into(), title: "".into() };
        let read = customers(open_page, &json!({ "url": "https://shop.example/" }));
        assert!(matches!(read, Ok(Order::OpenPage(page)) if page == opened));
        assert_eq!(refusal(customers(open_page, &json!({ "title": "Shop" }))), "url: missing");
        let long = json!({ "url": "u", "title": "x".repeat(2049) });
        assert_eq!(
            refusal(customers(open_page, &long)),
            "title: must have at most 2048 characters, has 2049"
        );

        let read = agents(ban_customer, &json!({ "customer_id": MIA, "ban": { "days": 3 } }));
        assert!(matches!(read, Ok(Order::BanCustomer { days: 3, .. })));
        for (wrong, expected) in [
            (json!({ "ban": { "days": 3 } }), "customer_id: missing"),
            (json!({ "customer_id": MIA }), "ban: missing"),
            (json!({ "customer_id": MIA, "ban": 3 }), "ban: must be an object"),
            (json!({ "customer_id": MIA, "ban": {} }), "ban.days: missing"),
            (
                json!({ "customer_id": MIA, "ban": { "days": -1 } }),
                "ban.days: must be a whole number that is not negative",
            ),
        ] {
            assert_eq!(refusal(agents(ban_customer, &wrong)), expected);
        }
    }

    #[test]
    fn a_multicast_names_somebody_and_carries_any_json() {
        let scopes = json!({ "agents": { "all": false, "ids": ["bob"], "groups": [1, "2", "x"] },
                             "customers": { "ids": [MIA, "nobody"] } });
        let args = json!({ "scopes": scopes, "content": { "alert": [1, null] }, "type": "alert" });
        let Ok(Order::Multicast(cast)) = agents(multicast, &args) else { panic!() };
        assert_eq!((cast.all_agents, cast.agents.len(), cast.customers.len()), (false, 1, 1));
        assert_eq!(cast.groups, [GroupId(1), GroupId(2)]);
        assert_eq!((&*cast.content, cast.kind.as_deref()), (r#"{"alert":[1,null]}"#, Some("alert")));
        for content in [json!("text"), json!(0), json!([]), json!(false)] {
            let args = json!({ "scopes": { "agents": { "all": true } }, "content": content });
            let Ok(Order::Multicast(cast)) = agents(multicast, &args) else { panic!("{content}") };
            assert!(cast.all_agents && *cast.content == *content.to_string());
        }

        let all = json!({ "agents": { "all": true } });
        let many: Vec<_> = (0..=MULTICAST_NAMES).map(|n| n.to_string()).collect();
        for (wrong, expected) in [
            (json!({ "content": 1 }), "scopes: missing"),
            (json!({ "scopes": {}, "content": 1 }), "scopes: must name somebody"),
            (
                json!({ "scopes": { "agents": { "all": false, "ids": [] } }, "content": 1 }),
                "scopes: must name somebody",
            ),
            (json!({ "scopes": { "agents": [] }, "content": 1 }), "scopes.agents: must be an object"),
            (
                json!({ "scopes": { "agents": { "all": 1 } }, "content": 1 }),
                "scopes.agents.all: must be a bool",
            ),
            (
                json!({ "scopes": { "agents": { "ids": [1] } }, "content": 1 }),
                "scopes.agents.ids.0: must be a string",
            ),
            (
                json!({ "scopes": { "agents": { "groups": [-1] } }, "content": 1 }),
                "scopes.agents.groups.0: must be a whole number that is not negative",
            ),
            (
                json!({ "scopes": { "customers": { "ids": many } }, "content": 1 }),
                "scopes.customers.ids: must have at most 100 entries, has 101",
            ),
            (json!({ "scopes": all }), "content: missing"),
            (
                json!({ "scopes": all, "content": "x".repeat(MULTICAST_BYTES) }),
                "content: must have at most 16384 bytes, has 16386",
            ),
            (json!({ "scopes": all, "content": 1, "type": 1 }), "type: must be a string"),
            (
                json!({ "scopes": all, "content": 1, "type": "x".repeat(257) }),
                "type: must have at most 256 characters, has 257",
            ),
        ] {
            assert_eq!(refusal(agents(multicast, &wrong)), expected);
        }
    }
}
