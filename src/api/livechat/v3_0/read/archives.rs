//! Searches of the archives (spec v3.0, 5.1).

use std::borrow::Cow;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use switchboard_domain::conversation::archive::ArchiveFilter;
use switchboard_domain::id::GroupId;
use switchboard_domain::time::Timestamp;

use super::Call;
use super::properties::rules;
use crate::api::livechat::object::Object;
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, Order, SearchArchives};

/// Pages that may be asked for.
const PAGES: u64 = 1000;
/// Threads on a page that nobody sizes, and the most that one may ask for.
const PAGE: (u64, u64) = (25, 100);

/// `get_archives`
pub(in super::super) fn get_archives(call: &Call<'_>) -> Result<Ask, Failure> {
    let filters: Object<'_> = call.args.optional("filters")?.unwrap_or_default();
    let pagination: Object<'_> = call.args.optional("pagination")?.unwrap_or_default();
    let (default, most) = PAGE;
    let page = pagination.number("page", 1, PAGES, 1)?;
    let limit = pagination.number("limit", 0, most, default)?;
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    call.order(Order::SearchArchives(SearchArchives {
        filter: filter(&filters)?,
        page,
        skip: size((page - 1) * limit),
        limit: size(limit),
    }))
}

fn filter(filters: &Object<'_>) -> Result<ArchiveFilter, Failure> {
    // Leaving it out would show what nobody looked for.
    if filters.raw("query").is_some() {
        return Err(filters.invalid("query", "searching by words is not supported yet"));
    }
    let (from, to) = (day(filters, "date_from")?, day(filters, "date_to")?);
    if from > to && to.is_some() {
        return Err(filters.invalid("date_to", "must not be before date_from"));
    }
    let groups: Vec<u32> = filters.optional("group_ids")?.unwrap_or_default();
    let properties: Object<'_> = filters.optional("properties")?.unwrap_or_default();
    Ok(ArchiveFilter {
        from: from.map(begins),
        // Both days are meant whole; after the last day there is none.
        before: to.and_then(|day| day.tomorrow().ok()).map(begins),
        agents: filters.optional("agent_ids")?.unwrap_or_default(),
        groups: groups.into_iter().map(GroupId).collect(),
        properties: rules(&properties)?,
    })
}

fn day(filters: &Object<'_>, name: &str) -> Result<Option<Date>, Failure> {
    let Some(text) = filters.optional::<Cow<'_, str>>(name)? else { return Ok(None) };
    let date = if text.len() == "YYYY-MM-DD".len() { Date::strptime("%Y-%m-%d", &*text).ok() } else { None };
    date.map(Some).ok_or_else(|| filters.invalid(name, "must be a date: YYYY-MM-DD"))
}

/// The first moment of a day, in UTC.
fn begins(day: Date) -> Timestamp {
    let midnight = day.to_zoned(TimeZone::UTC).map_or(i64::MAX, |zoned| zoned.timestamp().as_microsecond());
    // Nothing was opened before 1970.
    Timestamp::from_micros(u64::try_from(midnight).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test may fail loudly")]

    use super::*;
    use crate::api::livechat::v3_0::read::testing::{principal, read, refusal};
    use crate::engine::dialect::Side;
    use serde_json::{Value, json};
    use switchboard_domain::conversation::properties::PropertyValue;
    use switchboard_domain::id::AgentId;
    use switchboard_domain::webhook::{PropertyFilter, PropertyRule};

    fn search(args: &Value) -> SearchArchives {
        match read(get_archives, &principal(Side::Agent, &["*"]), args) {
            Ok(Order::SearchArchives(search)) => search,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_is_needed_and_pages_are_counted_from_one() {
        let all = search(&json!({}));
        assert_eq!(all.filter, ArchiveFilter::default());
        assert_eq!((all.page, all.skip, all.limit), (1, 0, 25));
        let third = search(&json!({ "pagination": { "page": 3, "limit": 10 } }));
        assert_eq!((third.page, third.skip, third.limit), (3, 20, 10));
        let last = search(&json!({ "pagination": { "page": 1000, "limit": 100 } }));
        assert_eq!((last.skip, last.limit), (99_900, 100));
        assert_eq!(search(&json!({ "pagination": { "limit": 0 } })).limit, 0);
    }

    #[test]
    fn every_filter_is_read_and_days_are_meant_whole() {
        let whole = search(&json!({ "filters": {
            "date_from": "2019-06-30", "date_to": "2019-06-30", "agent_ids": ["ann@example.org"],
            "group_ids": [0, 3], "properties": { "rating": { "score": { "exclude_values": [0] } } } } }));
        let day = Timestamp::from_secs(1_561_852_800);
        let expected = ArchiveFilter {
            from: Some(day),
            before: Some(Timestamp::from_secs(1_561_852_800 + 24 * 3600)),
            agents: vec![AgentId::new("ann@example.org")],
            groups: vec![GroupId(0), GroupId(3)],
            properties: vec![PropertyFilter {
                namespace: "rating".into(),
                name: "score".into(),
                rule: PropertyRule::ExcludeValues(vec![PropertyValue::Int(0)]),
            }],
        };
        assert_eq!(whole.filter, expected);
        let odd = search(&json!({ "filters": { "date_from": "1969-01-01", "date_to": "9999-12-31" } }));
        assert_eq!((odd.filter.from, odd.filter.before), (Some(Timestamp::from_secs(0)), None));
    }

    #[test]
    fn each_refusal_names_its_field() {
        let by = principal(Side::Agent, &["*"]);
        let date = "must be a date: YYYY-MM-DD";
        for (filters, expected) in [
            (json!([]), "filters: must be an object".to_owned()),
            (json!({ "query": "refund" }), "filters.query: searching by words is not supported yet".into()),
            (json!({ "date_from": 5 }), "filters.date_from: must be a string".into()),
            (json!({ "date_from": "30.06.2019" }), format!("filters.date_from: {date}")),
            (json!({ "date_from": "2019-6-30" }), format!("filters.date_from: {date}")),
            (json!({ "date_to": "2019-02-29" }), format!("filters.date_to: {date}")),
            (json!({ "date_to": "" }), format!("filters.date_to: {date}")),
            (
                json!({ "date_from": "2019-07-01", "date_to": "2019-06-30" }),
                "filters.date_to: must not be before date_from".into(),
            ),
            (json!({ "agent_ids": "ann" }), "filters.agent_ids: must be a list".into()),
            (json!({ "agent_ids": [5] }), "filters.agent_ids.0: must be a string".into()),
            (
                json!({ "group_ids": ["x"] }),
                "filters.group_ids.0: must be a whole number that is not negative".into(),
            ),
            (json!({ "properties": 1 }), "filters.properties: must be an object".into()),
            (
                json!({ "properties": { "a": { "b": { "exists": true, "values": [1] } } } }),
                "filters.properties.a.b: must have exactly one of: exists, values, exclude_values".into(),
            ),
        ] {
            assert_eq!(refusal(read(get_archives, &by, &json!({ "filters": filters }))), expected);
        }
        for (pagination, expected) in [
            (json!(1), "pagination: must be an object"),
            (json!({ "page": 0 }), "pagination.page: must be from 1 to 1000"),
            (json!({ "page": 1001 }), "pagination.page: must be from 1 to 1000"),
            (json!({ "limit": 101 }), "pagination.limit: must be from 0 to 100"),
            (json!({ "limit": "x" }), "pagination.limit: must be a whole number that is not negative"),
        ] {
            assert_eq!(refusal(read(get_archives, &by, &json!({ "pagination": pagination }))), expected);
        }
    }
}
