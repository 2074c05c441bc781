//! Who may hear a stream, and the presence that goes with it.

use std::rc::Rc;

use switchboard_domain::auth::TokenKind;
use switchboard_domain::desk::Hearer;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, CustomerId, LicenseId};
use switchboard_domain::participant::RoutingStatus;
use switchboard_domain::participant::agent::{Coming, Role};
use switchboard_domain::participant::contact::ContactEntry;
use switchboard_domain::participant::customer::CustomerChange;
use switchboard_domain::participant::license::License;
use tokio::sync::oneshot;

use super::{Audience, Claim, Of, Presence, StreamDialect};
use crate::engine::agent::{Connect, Counts};
use crate::engine::customer::Arrive;
use crate::engine::entry::TokenHash;
use crate::engine::handle::EngineHandle;
use crate::engine::link;
use crate::engine::names::Name;
use crate::engine::order::Failure;
use crate::engine::origin::Origin;
use crate::engine::release::SessionKey;
use crate::engine::secret;
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use crate::telemetry::clock;

/// Somebody who may hear.
pub(super) struct Admitted {
    pub(super) of: Of,
    /// The token that it lives by.
    pub(super) token: Option<TokenHash>,
}

/// Who a claim is, if it holds.
pub(super) async fn admit(
    engine: &EngineHandle,
    dialect: &dyn StreamDialect,
    claim: &Claim,
) -> Result<Admitted, Failure> {
    let admitted = match claim.person {
        Some(person) => staff(engine, &claim.token, person),
        None => match contact(engine, &claim.token).await {
            Some(admitted) => Some(admitted),
            None => visitor(engine, dialect, &claim.token).await?,
        },
    };
    admitted.filter(|admitted| is_served(engine, admitted.of.license)).ok_or(Failure::Unauthenticated)
}

/// Is the help desk of a license not suspended?
fn is_served(engine: &EngineHandle, license: LicenseId) -> bool {
    let table = engine.tables().license(license);
    table.is_some_and(|table| !table.license.load().desk.about.suspended)
}

fn staff(engine: &EngineHandle, text: &str, (account, number): (u64, u64)) -> Option<Admitted> {
    let hash = engine.read_stream_token(text)?;
    if let Some(person) = engine.tables().people.with_token(&hash) {
        let license = engine.account(account).filter(|_| person.number == number)?;
        let (table, agent) = (engine.tables().license(license.id)?, engine.member(license.id, &person)?);
        let of = Of { license: license.id, hearer: sight(&table, &agent.id)? };
        return Some(Admitted { of, token: Some(hash) });
    }
    let token = engine.tables().token(&hash).filter(|token| !token.expired(clock::now()))?;
    let TokenKind::Agent(agent, scopes) = &token.kind else { return None };
    let table = engine.tables().license(token.license)?;
    let profile = table.agent(agent).filter(|profile| !profile.removed)?;
    let is_meant = profile.number == number && table.license.load().desk.account == account;
    if !is_meant || !scopes.opens_unscoped() {
        return None;
    }
    let of = Of { license: token.license, hearer: sight(&table, agent)? };
    Some(Admitted { of, token: Some(hash) })
}

/// What somebody of the staff hears now.
fn sight(table: &LicenseTable, agent: &AgentId) -> Option<Hearer> {
    let profile = table.agent(agent).filter(|profile| !profile.removed)?;
    Some(Hearer::Staff {
        agent: agent.clone(),
        administers: profile.role != Role::Normal,
        groups: table.groups_of_user(&switchboard_domain::id::UserId::Agent(agent.clone())),
    })
}

async fn contact(engine: &EngineHandle, token: &str) -> Option<Admitted> {
    for license in engine.licenses() {
        // An index that cannot be read has said so itself; nobody is let in by it.
        let Ok(Some(customer)) = engine.customer_named(license.id, Name::Stream(token)).await else {
            continue;
        };
        let is_meant = |entry: &&ContactEntry| secret::same(&entry.stream_token, token);
        let entry = customer.contact.as_deref()?.entries.iter().find(is_meant)?;
        let hearer = entry_sight(&license, customer.id, entry)?;
        return Some(Admitted { of: Of { license: license.id, hearer }, token: None });
    }
    None
}

/// A contact by one of its ways in; none when the inbox is gone.
fn entry_sight(license: &License, customer: CustomerId, entry: &ContactEntry) -> Option<Hearer> {
    license.desk.inboxes.get(&entry.inbox)?;
    Some(Hearer::Contact { customer, entry: Box::new(entry.clone()) })
}

/// What somebody hears now; `None` when it may hear nothing any more.
pub(super) fn seen_again(engine: &EngineHandle, table: &LicenseTable, hearer: &Hearer) -> Option<Hearer> {
    match hearer {
        _ if table.license.load().desk.about.suspended => None,
        Hearer::Staff { agent, .. } => sight(table, agent),
        Hearer::Contact { customer, entry } => {
            // One that became part of another goes on as that one.
            let mut known = engine.customer_now(table, *customer)?;
            while let Some(heir) = known.merged_into() {
                known = engine.customer_now(table, heir)?;
            }
            if known.banned(clock::now()) {
                return None;
            }
            let customer = &known.id;
            let entries = &known.contact.as_deref()?.entries;
            let entry = entries.iter().find(|own| own.number == entry.number)?;
            entry_sight(&table.license.load(), *customer, entry)
        }
    }
}

/// Does whoever has come still count? What made it leave may have come between its arrival and its
/// subscription.
pub(super) async fn counts(shard: &Rc<Shard>, of: &Of, session: SessionKey) -> bool {
    let Hearer::Staff { agent, .. } = &of.hearer else { return true };
    let Some(actor) = shard.engine.directory().agent(of.license, agent) else { return false };
    link::ask(&actor, Counts(session)).await.unwrap_or(false)
}

/// Somebody of whom nothing is known yet; from now on it is.
async fn visitor(
    engine: &EngineHandle,
    dialect: &dyn StreamDialect,
    token: &str,
) -> Result<Option<Admitted>, Failure> {
    let mut licenses = engine.licenses().into_iter();
    let found = licenses
        .find_map(|license| dialect.way(&license, token).map(|way| (license, way)))
        .filter(|(license, _)| !license.desk.about.suspended);
    let Some((license, way)) = found else { return Ok(None) };
    let (customer, entry) = engine.visitor(license.id, &way).await?;
    let hearer = entry_sight(&license, customer.id, &entry);
    Ok(hearer.map(|hearer| Admitted { of: Of { license: license.id, hearer }, token: None }))
}

/// Lets the actor of whoever hears know that it is there.
pub(super) async fn arrive(
    shard: &Rc<Shard>,
    of: &Of,
    session: SessionKey,
    origin: Origin,
) -> Result<(), Failure> {
    let directory = shard.engine.directory();
    match &of.hearer {
        Hearer::Staff { agent, .. } => {
            let actor = directory.agent(of.license, agent).ok_or(Failure::Unauthenticated)?;
            let (told, heard) = oneshot::channel();
            link::tell(&actor, Connect { session, coming: Coming::Watching, told });
            heard.await.map_err(|_| Rejected::Internal)?.map_err(Failure::from)
        }
        Hearer::Contact { customer, .. } => {
            let actor = directory.customer(&shard.engine, of.license, *customer)?;
            let change = CustomerChange::default();
            link::ask(&actor, Arrive { session, change, origin, side_storage: None }).await??;
            Ok(())
        }
    }
}

/// Who of a license is there now, as somebody may know it.
pub(super) fn presence(engine: &EngineHandle, license: LicenseId, to: Audience) -> Presence {
    let people = engine.agents(license).into_iter().filter_map(|agent| {
        let works = match agent.duty.status {
            RoutingStatus::Accepting => true,
            RoutingStatus::NotAccepting => false,
            RoutingStatus::Offline => return None,
        };
        agent.bot_of.is_none().then_some((agent.number, works))
    });
    let contacts = match (to, engine.tables().license(license)) {
        (Audience::Staff, Some(table)) => table.present_contacts(),
        _ => Vec::new(),
    };
    Presence { people: people.collect(), contacts }
}
