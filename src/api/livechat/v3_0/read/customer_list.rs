//! `get_customers`: filters and pages (spec v3.0, 5.5).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::value::RawValue;
use switchboard_domain::conversation::event::within;
use switchboard_domain::limits::FILTER_VALUES;
use switchboard_domain::participant::filter::{CustomerFilter, Range, TextRule};
use switchboard_domain::participant::window::PagePlace;
use switchboard_domain::time::Timestamp;

use super::Call;
use crate::api::livechat::object::{Field, Object, Path};
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, ListCustomers, Order};

/// Customers on a page that nobody sizes, and the most one may ask for.
const PAGE: (u64, u64) = (10, 100);

/// `get_customers`
pub(in super::super) fn get_customers(call: &Call<'_>) -> Result<Ask, Failure> {
    let args = &call.args;
    let filters: Object<'_> = args.optional("filters")?.unwrap_or_default();
    let (default, most) = PAGE;
    let place = match args.optional::<Cow<'_, str>>("page_id")? {
        Some(page) => place(&page).ok_or_else(|| args.invalid("page_id", "is no page"))?,
        None => PagePlace::First,
    };
    call.order(Order::ListCustomers(Box::new(ListCustomers {
        filter: CustomerFilter {
            country: filters.optional("country")?,
            email: filters.optional("email")?,
            name: filters.optional("name")?,
            id: filters.optional("customer_id")?,
            chats: filters.optional("chats_count")?,
            threads: filters.optional("threads_count")?,
            visits: filters.optional("visits_count")?,
            created_at: filters.optional("created_at")?,
            agent_spoke_at: filters.optional("agent_last_event_created_at")?,
            customer_spoke_at: filters.optional("customer_last_event_created_at")?,
        },
        newest_first: args.choice("order", &[("desc", true), ("asc", false)])?.unwrap_or(true),
        limit: usize::try_from(args.number("limit", 1, most, default)?).unwrap_or(usize::MAX),
        place,
    })))
}

impl<'a> Field<'a> for TextRule {
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
        let rule = Object::read(raw, path)?;
        let read = |name: &str| -> Result<Option<Vec<Box<str>>>, Failure> {
            let values: Option<Vec<Box<str>>> = rule.optional(name)?;
            within(
                &rule.at(name).to_string(),
                values.as_ref().map_or(0, Vec::len),
                FILTER_VALUES,
                "entries",
            )?;
            Ok(values)
        };
        match (read("values")?, read("exclude_values")?) {
            (Some(values), None) => Ok(Self::Values(values)),
            (None, Some(values)) => Ok(Self::ExcludeValues(values)),
            _ => Err(path.invalid("must have exactly one of: values, exclude_values")),
        }
    }
}

impl<'a, T: Field<'a>> Field<'a> for Range<T> {
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
        let bounds = Object::read(raw, path)?;
        if ["lt", "lte", "gt", "gte", "eq"].into_iter().all(|name| bounds.raw(name).is_none()) {
            return Err(path.invalid("must have at least one of: lt, lte, gt, gte, eq"));
        }
        Ok(Self {
            lt: bounds.optional("lt")?,
            lte: bounds.optional("lte")?,
            gt: bounds.optional("gt")?,
            gte: bounds.optional("gte")?,
            eq: bounds.optional("eq")?,
        })
    }
}

impl<'a> Field<'a> for Timestamp {
    /// ISO 8601: a moment with its zone, or a day, which begins at midnight UTC. Nothing happened
    /// here before 1970.
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
        let text = Cow::<'a, str>::read(raw, path)?;
        let moment = text.parse::<jiff::Timestamp>().or_else(|_| {
            let day = text.parse::<jiff::civil::Date>()?;
            day.to_zoned(jiff::tz::TimeZone::UTC).map(|day| day.timestamp())
        });
        let moment = moment.map_err(|_| path.invalid("must be a time in ISO 8601"))?;
        Ok(Self::from_micros(u64::try_from(moment.as_microsecond()).unwrap_or(0)))
    }
}

/// The name of a page: opaque for clients.
pub(in super::super) fn customers_page_id(place: PagePlace) -> Option<String> {
    let name = match place {
        PagePlace::First => return None,
        PagePlace::After(at) => format!("after.{at}"),
        PagePlace::Before(at) => format!("before.{at}"),
    };
    Some(URL_SAFE_NO_PAD.encode(name))
}

fn place(page_id: &str) -> Option<PagePlace> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(page_id).ok()?).ok()?;
    match text.split_once('.')? {
        ("after", at) => at.parse().ok().map(PagePlace::After),
        ("before", at) => at.parse().ok().map(PagePlace::Before),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test may fail loudly")]

    use super::*;
    use crate::api::livechat::v3_0::read::testing::{principal, read, refusal};
    use crate::engine::dialect::Side;
    use serde_json::{Value, json};

    fn list(args: &Value) -> ListCustomers {
        match read(get_customers, &principal(Side::Agent, &["*"]), args) {
            Ok(Order::ListCustomers(list)) => *list,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_filter_is_read() {
        let plain = list(&json!({}));
        assert_eq!((plain.limit, plain.newest_first, plain.place), (10, true, PagePlace::First));
        assert_eq!(plain.filter, CustomerFilter::default());
        let filter = list(&json!({ "limit": 100, "order": "asc", "filters": {
            "country": { "values": ["Poland"] }, "email": { "exclude_values": ["a@b"] }, "name": { "values": [] },
            "customer_id": { "values": ["x", "y"] }, "chats_count": { "lt": 3 }, "threads_count": { "gte": 1, "lte": 2 },
            "visits_count": { "eq": 0 }, "created_at": { "gt": "2019-06-30T12:00:00.000001Z" },
            "agent_last_event_created_at": { "lt": "2019-06-30T14:00:00+02:00" },
            "customer_last_event_created_at": { "gte": "2019-06-30" }, "unknown": 1 } }));
        assert_eq!((filter.limit, filter.newest_first), (100, false));
        let filter = filter.filter;
        let noon = 1_561_896_000;
        assert_eq!(filter.country, Some(TextRule::Values(vec!["Poland".into()])));
        assert_eq!(filter.email, Some(TextRule::ExcludeValues(vec!["a@b".into()])));
        assert_eq!(filter.name, Some(TextRule::Values(Vec::new())));
        assert_eq!(filter.id, Some(TextRule::Values(vec!["x".into(), "y".into()])));
        assert_eq!(filter.chats.and_then(|range| range.lt), Some(3));
        assert_eq!(filter.threads.map(|range| (range.gte, range.lte)), Some((Some(1), Some(2))));
        assert_eq!(filter.visits.and_then(|range| range.eq), Some(0));
        let micros = Timestamp::from_micros(noon * 1_000_000 + 1);
        assert_eq!(filter.created_at.and_then(|range| range.gt), Some(micros));
        assert_eq!(filter.agent_spoke_at.and_then(|range| range.lt), Some(Timestamp::from_secs(noon)));
        let midnight = Timestamp::from_secs(noon - 12 * 3600);
        assert_eq!(filter.customer_spoke_at.and_then(|range| range.gte), Some(midnight));
    }

    #[test]
    fn pages_have_opaque_names_that_come_back() {
        for place in [PagePlace::After(u64::MAX - 7), PagePlace::Before(0)] {
            let page = customers_page_id(place);
            assert_eq!(list(&json!({ "page_id": page })).place, place);
        }
        assert_eq!(customers_page_id(PagePlace::First), None);
    }

    #[test]
    fn each_refusal_names_its_field() {
        let many = vec!["x"; FILTER_VALUES + 1];
        for (args, expected) in [
            (json!({ "limit": 101 }), "limit: must be from 1 to 100"),
            (json!({ "limit": 0 }), "limit: must be from 1 to 100"),
            (json!({ "order": "up" }), "order: must be one of: desc, asc"),
            (json!({ "page_id": "!" }), "page_id: is no page"),
            (json!({ "page_id": 1 }), "page_id: must be a string"),
            (json!({ "filters": [] }), "filters: must be an object"),
            (json!({ "filters": { "name": "Mia" } }), "filters.name: must be an object"),
            (
                json!({ "filters": { "name": {} } }),
                "filters.name: must have exactly one of: values, exclude_values",
            ),
            (
                json!({ "filters": { "name": { "values": [], "exclude_values": [] } } }),
                "filters.name: must have exactly one of: values, exclude_values",
            ),
            (
                json!({ "filters": { "name": { "values": many } } }),
                "filters.name.values: must have at most 100 entries, has 101",
            ),
            (
                json!({ "filters": { "chats_count": {} } }),
                "filters.chats_count: must have at least one of: lt, lte, gt, gte, eq",
            ),
            (
                json!({ "filters": { "chats_count": { "lt": -1 } } }),
                "filters.chats_count.lt: must be a whole number that is not negative",
            ),
            (
                json!({ "filters": { "created_at": { "eq": "yesterday" } } }),
                "filters.created_at.eq: must be a time in ISO 8601",
            ),
            (json!({ "filters": { "created_at": { "eq": 5 } } }), "filters.created_at.eq: must be a string"),
        ] {
            assert_eq!(refusal(read(get_customers, &principal(Side::Agent, &["*"]), &args)), expected);
        }
    }
}
