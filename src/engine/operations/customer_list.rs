//! The list of customers: those in memory, and over the stored ones page by page. It holds the ids
//! of the first and one page, however many customers there are; its time grows with them, so it
//! runs beside the shards.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::view::Talk;
use switchboard_domain::id::{ConversationId, CustomerId};
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::participant::statistics::Statistics;
use switchboard_domain::participant::window::Window;

use crate::engine::entry::unreadable;
use crate::engine::index::stored_talks;
use crate::engine::operations::read::{blocking, table};
use crate::engine::order::{CustomerCard, CustomerPage, Done, ListCustomers, Outcome};
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::storage::{ActorKey, ActorKind, Records, StorageError};

/// A page of the license's customers.
pub(super) async fn list(shard: &Rc<Shard>, by: &Principal, list: ListCustomers) -> Outcome {
    let table = table(shard, by.license)?;
    let records = shard.engine.records().clone();
    let turn = shard.engine.walk_turn().await?;
    let read = move || {
        let _turn = turn;
        page(&table, &records, &list)
    };
    Ok(Done::Customers(blocking("customers", read).await?))
}

fn page(table: &LicenseTable, records: &Records, list: &ListCustomers) -> Result<CustomerPage, StorageError> {
    let talks = Talks::of(table, records);
    let mut window = Window::new(list.place, list.limit);
    let mut see = |customer: Arc<Customer>| -> Result<(), StorageError> {
        let filter = &list.filter;
        let passes = filter.pass_profile(&customer)
            && (!filter.needs_statistics() || filter.pass_statistics(&talks.statistics(customer.id)?));
        if passes {
            // Numbers rise with creation.
            let at = if list.newest_first { u64::MAX - customer.number } else { customer.number };
            window.see(at, || customer);
        }
        Ok(())
    };
    let live: Vec<_> = table.customers().collect();
    let known: HashSet<CustomerId> = live.iter().map(|customer| customer.id).collect();
    live.into_iter().try_for_each(&mut see)?;
    records.each_snapshot(ActorKind::Customer, Some(table.id), &mut |stored| match stored.key {
        ActorKey::Customer(_, id) if !known.contains(&id) => {
            let customer = rmp_serde::from_slice(&stored.bytes);
            see(customer.map_err(|error| unreadable("a customer", &error))?)
        }
        _ => Ok(()),
    })?;
    let page = window.page();
    let card = |(_, customer): (u64, Arc<Customer>)| {
        let statistics = talks.statistics(customer.id)?;
        Ok(CustomerCard { customer, present: false, statistics })
    };
    Ok(CustomerPage {
        customers: page.items.into_iter().map(card).collect::<Result<_, StorageError>>()?,
        total: page.total,
        next: page.next,
        previous: page.previous,
    })
}

/// What conversations add to their customers' statistics: as they stand in memory, else as stored.
struct Talks<'a> {
    table: &'a LicenseTable,
    records: &'a Records,
    newer: HashMap<CustomerId, Vec<(ConversationId, Talk)>>,
}

impl<'a> Talks<'a> {
    fn of(table: &'a LicenseTable, records: &'a Records) -> Self {
        let mut newer: HashMap<_, Vec<_>> = HashMap::new();
        for row in &table.rows {
            if let Some(customer) = row.customer {
                newer.entry(customer).or_default().push((*row.key(), row.talk));
            }
        }
        Self { table, records, newer }
    }

    fn statistics(&self, customer: CustomerId) -> Result<Statistics, StorageError> {
        let newer = self.newer.get(&customer).map(Vec::as_slice).unwrap_or_default();
        let stored = stored_talks(self.records, self.table.id, customer)?;
        let older = stored.iter().filter(|(chat, _)| newer.iter().all(|(known, _)| known != chat));
        Ok(older.chain(newer).map(|(_, talk)| *talk).fold(Statistics::default(), Statistics::with))
    }
}
