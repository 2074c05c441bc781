//! Customers as such, outside of chats, and what is told of them (spec v3.0, 4.4, 5.7, 8.2, 8.3).

use serde::Serialize;
use switchboard_domain::id::CustomerId;
use switchboard_domain::participant::customer::{Customer, Texts};
use switchboard_domain::participant::news::CustomerNews;
use switchboard_domain::participant::statistics::Statistics;
use switchboard_domain::participant::visit::{Page, Visit};

use super::Text;
use super::user::{CustomerOut, customer_out, iso_time};
use crate::api::livechat::v3_0::read::customers_page_id;
use crate::engine::dialect::Side;
use crate::engine::order::{CustomerCard, CustomerPage};

/// A customer in full, for agents.
#[derive(Serialize)]
pub(super) struct CardOut<'a> {
    #[serde(flatten)]
    profile: ProfileOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_visit: Option<VisitOut<'a>>,
    statistics: StatisticsOut,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_last_event_created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_last_event_created_at: Option<String>,
}

/// A page of customers.
#[derive(Serialize)]
pub(super) struct CustomersOut<'a> {
    customers: Vec<CardOut<'a>>,
    total_customers: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_page_id: Option<String>,
}

impl<'a> From<&'a CustomerPage> for CustomersOut<'a> {
    fn from(page: &'a CustomerPage) -> Self {
        Self {
            customers: page.customers.iter().map(CardOut::from).collect(),
            total_customers: page.total,
            next_page_id: page.next.and_then(customers_page_id),
            previous_page_id: page.previous.and_then(customers_page_id),
        }
    }
}

/// A customer to itself.
#[derive(Serialize)]
pub(super) struct OneselfOut<'a> {
    #[serde(flatten)]
    profile: ProfileOut<'a>,
    present: bool,
    last_seen_timestamp: u64,
}

#[derive(Serialize)]
pub(super) struct ProfileOut<'a> {
    id: Text<CustomerId>,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    rest: CustomerOut<'a>,
}

#[derive(Serialize)]
struct StatisticsOut {
    chats_count: u64,
    threads_count: u64,
    visits_count: u64,
}

#[derive(Serialize)]
struct VisitOut<'a> {
    started_at: String,
    referrer: &'a str,
    ip: &'a str,
    user_agent: &'a str,
    geolocation: Geolocation,
    last_pages: Vec<PageOut<'a>>,
}

/// Where somebody is is not known here.
#[derive(Serialize)]
pub(super) struct Geolocation {}

#[derive(Serialize)]
struct PageOut<'a> {
    opened_at: String,
    url: &'a str,
    title: &'a str,
}

impl<'a> ProfileOut<'a> {
    fn new(side: Side, customer: &'a Customer) -> Self {
        Self { id: Text(customer.id), kind: "customer", rest: customer_out(side, customer) }
    }
}

impl<'a> From<&'a CustomerCard> for CardOut<'a> {
    fn from(card: &'a CustomerCard) -> Self {
        let Statistics { chats, threads, agent_spoke_at, customer_spoke_at } = card.statistics;
        Self {
            profile: ProfileOut::new(Side::Agent, &card.customer),
            last_visit: card.customer.visit.as_ref().map(VisitOut::from),
            statistics: StatisticsOut {
                chats_count: chats,
                threads_count: threads,
                visits_count: card.customer.visits,
            },
            agent_last_event_created_at: agent_spoke_at.map(iso_time),
            customer_last_event_created_at: customer_spoke_at.map(iso_time),
        }
    }
}

impl<'a> OneselfOut<'a> {
    /// Outside of a chat, to be present is to have a connection, and what a customer does it has seen.
    pub(super) fn new(customer: &'a Customer, present: bool) -> Self {
        Self {
            profile: ProfileOut::new(Side::Customer, customer),
            present,
            last_seen_timestamp: customer.changed_at.as_secs(),
        }
    }
}

impl<'a> From<&'a Visit> for VisitOut<'a> {
    fn from(visit: &'a Visit) -> Self {
        let page = |page: &'a Page| PageOut {
            opened_at: iso_time(page.opened_at),
            url: &page.url,
            title: &page.title,
        };
        Self {
            started_at: iso_time(visit.started_at),
            referrer: &visit.referrer,
            ip: &visit.ip,
            user_agent: &visit.user_agent,
            geolocation: Geolocation {},
            last_pages: visit.pages.iter().map(page).collect(),
        }
    }
}

/// Does this side hear of it?
pub(super) const fn heard(side: Side, news: &CustomerNews) -> bool {
    match (side, news) {
        (_, CustomerNews::Updated { .. } | CustomerNews::PageOpened { .. }) => true,
        (Side::Customer, CustomerNews::SideStorage(_)) => true,
        (Side::Customer, _) => false,
        (Side::Agent, news) => !matches!(news, CustomerNews::SideStorage(_) | CustomerNews::Merged(_)),
    }
}

/// The name of the push.
pub(super) const fn name(news: &CustomerNews) -> &'static str {
    match news {
        CustomerNews::Created(_) => "customer_created",
        // The latter is told nobody of this side: what follows from it is.
        CustomerNews::Updated { .. } | CustomerNews::Merged(_) => "customer_updated",
        CustomerNews::Banned { .. } => "customer_banned",
        CustomerNews::VisitStarted { .. } => "customer_visit_started",
        CustomerNews::PageOpened { .. } => "customer_page_updated",
        CustomerNews::VisitEnded { .. } => "customer_visit_ended",
        CustomerNews::SideStorage(_) => "customer_side_storage_updated",
    }
}

/// The payloads of pushes about customers.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum NewsOut<'a> {
    Created {
        customer: Box<ProfileOut<'a>>,
    },
    /// Flat for agents.
    Updated(Box<UpdatedOut<'a>>),
    /// Nested for the customer.
    UpdatedOneself {
        customer: Box<OneselfOut<'a>>,
    },
    Banned {
        customer_id: Text<CustomerId>,
        ban: BanOut,
    },
    VisitStarted {
        customer_id: Text<CustomerId>,
        visit_id: u64,
        started_at: String,
        ip: &'a str,
        user_agent: &'a str,
        geolocation: Geolocation,
    },
    PageOpened {
        customer_id: Text<CustomerId>,
        visit_id: u64,
        opened_at: String,
        url: &'a str,
        title: &'a str,
        referrer: &'a str,
    },
    OwnPageOpened {
        url: &'a str,
        title: &'a str,
        timestamp: u64,
    },
    VisitEnded {
        customer_id: Text<CustomerId>,
        visit_id: u64,
        ended_at: String,
    },
    SideStorage {
        customer_side_storage: &'a Texts,
    },
}

#[derive(Serialize)]
pub(super) struct BanOut {
    days: u32,
}

/// The changed customer, flat, with what only this push tells.
#[derive(Serialize)]
pub(super) struct UpdatedOut<'a> {
    id: Text<CustomerId>,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    avatar: &'a str,
    present: bool,
    banned: bool,
    fields: &'a Texts,
}

impl<'a> NewsOut<'a> {
    pub(super) fn new(side: Side, news: &'a CustomerNews) -> Self {
        match news {
            CustomerNews::Created(customer) | CustomerNews::Merged(customer) => {
                Self::Created { customer: Box::new(ProfileOut::new(side, customer)) }
            }
            CustomerNews::Updated { customer, present, .. } if side == Side::Customer => {
                Self::UpdatedOneself { customer: Box::new(OneselfOut::new(customer, *present)) }
            }
            CustomerNews::Updated { customer, present, banned, .. } => Self::Updated(Box::new(UpdatedOut {
                id: Text(customer.id),
                kind: "customer",
                name: customer.name.as_deref(),
                email: customer.email.as_deref(),
                avatar: customer.avatar.as_deref().unwrap_or_default(),
                present: *present,
                banned: *banned,
                fields: &customer.fields,
            })),
            CustomerNews::Banned { customer, days } => {
                Self::Banned { customer_id: Text(*customer), ban: BanOut { days: *days } }
            }
            CustomerNews::VisitStarted { customer, visit } => Self::VisitStarted {
                customer_id: Text(*customer),
                visit_id: visit.number,
                started_at: iso_time(visit.started_at),
                ip: &visit.ip,
                user_agent: &visit.user_agent,
                geolocation: Geolocation {},
            },
            CustomerNews::PageOpened { page, .. } if side == Side::Customer => Self::OwnPageOpened {
                url: &page.url,
                title: &page.title,
                timestamp: page.opened_at.as_secs(),
            },
            CustomerNews::PageOpened { customer, visit, page } => Self::PageOpened {
                customer_id: Text(*customer),
                visit_id: visit.number,
                opened_at: iso_time(page.opened_at),
                url: &page.url,
                title: &page.title,
                referrer: &visit.referrer,
            },
            CustomerNews::VisitEnded { customer, visit, at } => {
                Self::VisitEnded { customer_id: Text(*customer), visit_id: *visit, ended_at: iso_time(*at) }
            }
            CustomerNews::SideStorage(storage) => Self::SideStorage { customer_side_storage: storage },
        }
    }
}
