//! Read tables shared by every shard: settings, profiles, endpoints, tokens, lists. Each is
//! written by its owner's released facts only, so nothing in them can be forgotten by a crash; but
//! for who is on the site, which is no fact and begins anew with the process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use switchboard_domain::auth::{Principal, Token, TokenKind};
use switchboard_domain::conversation::Lookup;
use switchboard_domain::conversation::access::Access;
use switchboard_domain::conversation::properties::PropertyTable;
use switchboard_domain::id::{AgentId, ConversationId, CustomerId, GroupId, LicenseId, UserId};
use switchboard_domain::limits::FIRST_LICENSE_MADE;
use switchboard_domain::participant::agent::Role;
use switchboard_domain::participant::bot::Bot;
use switchboard_domain::participant::customer::Customer;
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::settings::Settings;
use switchboard_domain::routing::RouterSettings;
use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::EndpointTable;

use crate::engine::entry::TokenHash;
use crate::engine::index::Row;
use crate::engine::maps::SharedMap;
use crate::engine::names::Names;
use crate::engine::people::People;
use crate::engine::profiles::{AgentProfile, Profiles};
use crate::engine::secret;
use crate::engine::webhook::Crowd;

/// Every table.
#[derive(Default)]
pub struct Tables {
    licenses: SharedMap<LicenseId, Arc<LicenseTable>>,
    /// By hash of the token's text.
    pub(crate) tokens: SharedMap<TokenHash, Arc<Token>>,
    /// Moves on whenever tokens stop being in force before their time.
    voided: AtomicU64,
    /// Process-wide creation numbers (design D14).
    numbers: AtomicU64,
    /// What the webhooks of all licenses share.
    pub(crate) webhooks: Crowd,
    /// People who may be in several licenses.
    pub(crate) people: People,
    /// Licenses that ended.
    ended: SharedMap<LicenseId, ()>,
    /// The greatest number of a license that was made while a server ran, and of an account.
    last_license: AtomicU64,
    last_account: AtomicU64,
}

impl Tables {
    /// The table of a license.
    #[must_use]
    pub fn license(&self, id: LicenseId) -> Option<Arc<LicenseTable>> {
        self.licenses.get(&id).map(|table| Arc::clone(&table))
    }

    /// A token in force, whenever it ends: one of an agent that was deleted since is void.
    pub(crate) fn token(&self, hash: &TokenHash) -> Option<Arc<Token>> {
        let token = self.tokens.get(hash).map(|token| Arc::clone(&token))?;
        let table = self.license(token.license)?;
        let TokenKind::Agent(agent, _) = &token.kind else { return Some(token) };
        let whose = table.agent(agent)?;
        whose.admits(token.issued_at).then_some(token)
    }

    /// A token is in force no more.
    pub(crate) fn remove_token(&self, hash: &TokenHash) {
        self.tokens.remove(hash);
        self.tokens_voided();
    }

    /// Tokens may have stopped being in force: whoever was sure of one has to look again.
    pub(crate) fn tokens_voided(&self) {
        self.voided.fetch_add(1, Ordering::AcqRel);
    }

    /// As long as this stays the same, a token that was in force is so still, unless it has ended.
    pub(crate) fn token_generation(&self) -> u64 {
        self.voided.load(Ordering::Acquire)
    }

    /// Every license.
    #[must_use]
    pub fn licenses(&self) -> Vec<Arc<LicenseTable>> {
        self.licenses.iter().map(|entry| Arc::clone(entry.value())).collect()
    }

    /// From now on there is this license.
    pub(crate) fn add_license(&self, table: Arc<LicenseTable>) {
        self.licenses.insert(table.id, table);
    }

    /// A license ended: its tokens are void.
    pub(crate) fn end_license(&self, id: LicenseId) {
        self.ended.insert(id, ());
        self.licenses.remove(&id);
        self.tokens.retain(|_, token| token.license != id);
        self.tokens_voided();
    }

    /// Did this license end?
    pub(crate) fn has_ended(&self, id: LicenseId) -> bool {
        self.ended.contains_key(&id)
    }

    /// Did any license end?
    pub(crate) fn any_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Numbers for a new license and its account, which nobody had before.
    pub(crate) fn next_license(&self) -> (LicenseId, u64) {
        self.last_license.fetch_max(FIRST_LICENSE_MADE - 1, Ordering::Relaxed);
        let license = self.last_license.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let account = self.last_account.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        (LicenseId(license), account)
    }

    /// A license seen at recovery, also one that ended: nobody else gets its numbers.
    pub(crate) fn saw_license(&self, license: &License) {
        self.last_license.fetch_max(license.id.0, Ordering::Relaxed);
        self.last_account.fetch_max(license.desk.account, Ordering::Relaxed);
        if license.ended.is_some() {
            self.ended.insert(license.id, ());
        }
    }

    /// The next process-wide creation number.
    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The greatest process-wide creation number given out.
    pub(crate) fn last_number(&self) -> u64 {
        self.numbers.load(Ordering::Relaxed)
    }

    /// A number seen at recovery: the next ones are greater.
    pub(crate) fn saw_number(&self, number: u64) {
        self.numbers.fetch_max(number, Ordering::Relaxed);
    }
}

/// What every shard may read of one license.
pub struct LicenseTable {
    /// Identity.
    pub id: LicenseId,
    /// Settings, groups, property definitions.
    pub license: ArcSwap<License>,
    /// How its chats are routed and timed.
    settings: ArcSwap<RouterSettings>,
    /// Property definitions alone: they go along with everything shown.
    properties: ArcSwap<PropertyTable>,
    /// Human agents and bots.
    pub(crate) agents: SharedMap<AgentId, Arc<AgentProfile>>,
    /// Bots in full.
    pub(crate) bots: SharedMap<AgentId, Arc<Bot>>,
    /// Customers that were named since the start.
    customers: SharedMap<CustomerId, Arc<Customer>>,
    /// Some customer has been banned since the start. Hardly anybody ever is, and everybody is asked.
    bans: AtomicBool,
    /// Customers who were on the site since the start: when they left, or that they are there.
    pub(crate) departures: SharedMap<CustomerId, Option<Timestamp>>,
    /// Those of them who are there.
    pub(crate) here: SharedMap<CustomerId, ()>,
    /// Webhook endpoints that are live now.
    pub(crate) endpoints: ArcSwap<EndpointTable>,
    /// Receivers of webhooks to which nothing is sent any more.
    disabled: ArcSwap<BTreeSet<Arc<str>>>,
    /// Lines of conversations that are newer than the stored index.
    pub(crate) rows: SharedMap<ConversationId, Row>,
    conversations: AtomicU64,
    /// Conversations that no snapshot holds yet, by number.
    pub(crate) numbers: SharedMap<u64, ConversationId>,
    /// Conversations of the help desk by the numbers of events that no snapshot holds yet.
    pub(crate) events: SharedMap<u64, ConversationId>,
    /// The help desk's bots, by the hash of their token.
    pub(crate) bot_tokens: SharedMap<TokenHash, AgentId>,
    /// What customers are found by.
    pub(crate) names: Names,
}

impl LicenseTable {
    /// Does a customer have a connection now?
    pub(crate) fn is_here(&self, customer: CustomerId) -> bool {
        self.here.contains_key(&customer)
    }

    /// The contacts who are there now, by number.
    pub(crate) fn present_contacts(&self) -> Vec<u64> {
        let contacts = self.here.iter().filter_map(|here| self.customer(*here.key()));
        contacts.filter(|customer| customer.contact.is_some()).map(|customer| customer.number).collect()
    }

    pub(crate) fn new(license: License) -> Self {
        Self {
            id: license.id,
            properties: ArcSwap::from_pointee(license.properties.clone()),
            settings: ArcSwap::from_pointee(license.router_settings()),
            license: ArcSwap::from_pointee(license),
            agents: SharedMap::default(),
            bots: SharedMap::default(),
            customers: SharedMap::default(),
            bans: AtomicBool::new(false),
            departures: SharedMap::default(),
            here: SharedMap::default(),
            endpoints: ArcSwap::from_pointee(EndpointTable::default()),
            disabled: ArcSwap::default(),
            rows: SharedMap::default(),
            conversations: AtomicU64::new(0),
            numbers: SharedMap::default(),
            events: SharedMap::default(),
            bot_tokens: SharedMap::default(),
            names: Names::default(),
        }
    }

    /// Property definitions.
    #[must_use]
    pub fn properties(&self) -> Arc<PropertyTable> {
        self.properties.load_full()
    }

    /// An agent's or bot's profile.
    #[must_use]
    pub fn agent(&self, id: &AgentId) -> Option<Arc<AgentProfile>> {
        self.agents.get(id).map(|profile| Arc::clone(&profile))
    }

    /// A customer that was named since the start.
    pub(crate) fn customer(&self, id: CustomerId) -> Option<Arc<Customer>> {
        self.customers.get(&id).map(|customer| Arc::clone(&customer))
    }

    /// Every customer that was named since the start.
    pub(crate) fn customers(&self) -> impl Iterator<Item = Arc<Customer>> {
        self.customers.iter().map(|entry| Arc::clone(entry.value()))
    }

    /// A customer's new state.
    pub(crate) fn set_customer(&self, customer: Arc<Customer>) {
        if customer.ban.is_some() {
            self.bans.store(true, Ordering::Release);
        }
        self.customers.insert(customer.id, customer);
    }

    /// A customer left memory.
    pub(crate) fn forget_customer(&self, id: CustomerId) {
        self.customers.remove(&id);
        self.departures.remove(&id);
    }

    /// A bot in full, unless it was removed.
    #[must_use]
    pub fn bot(&self, id: &AgentId) -> Option<Arc<Bot>> {
        self.bots.get(id).map(|bot| Arc::clone(&bot)).filter(|bot| !bot.removed)
    }

    /// A bot's new state: profile, webhook endpoints.
    pub(crate) fn set_bot(&self, bot: &Bot) {
        self.put_bot(bot);
        self.rebuild_endpoints();
    }

    /// The same without its endpoints, where many come at once.
    pub(crate) fn put_bot(&self, bot: &Bot) {
        self.agents.insert(bot.id.clone(), Arc::new(AgentProfile::from(bot)));
        let before = self.bots.insert(bot.id.clone(), Arc::new(bot.clone()));
        let token = |bot: &Bot| bot.desk.as_ref().map(|desk| secret::hash(&desk.token));
        if let Some(old) = before.and_then(|before| token(&before)) {
            self.bot_tokens.remove(&old);
        }
        if let Some(new) = token(bot).filter(|_| !bot.removed) {
            self.bot_tokens.insert(new, bot.id.clone());
        }
    }

    pub(crate) fn set_license(&self, license: License) {
        self.properties.store(Arc::new(license.properties.clone()));
        self.settings.store(Arc::new(license.router_settings()));
        let webhooks_differ = {
            let before = self.license.load();
            before.webhooks != license.webhooks || before.desk != license.desk
        };
        self.license.store(Arc::new(license));
        if webhooks_differ {
            self.rebuild_endpoints();
        }
    }

    pub(crate) fn rebuild_endpoints(&self) {
        // Bots of two shards may change at once, and the license: whoever is later builds from all.
        self.endpoints.rcu(|_| {
            let bots: Vec<_> = self.bots.iter().map(|entry| Arc::clone(entry.value())).collect();
            let bots = bots.iter().map(|bot| &**bot);
            let license = self.license.load();
            let of_desk = license.desk.endpoints(&license.client);
            EndpointTable::build(&license.webhooks, of_desk, bots, &self.disabled.load())
        });
    }

    /// These receivers of webhooks are disabled, and no others.
    pub(crate) fn set_disabled(&self, disabled: BTreeSet<Arc<str>>) {
        if **self.disabled.load() != disabled {
            self.disabled.store(Arc::new(disabled));
            self.rebuild_endpoints();
        }
    }

    /// Every URL that an endpoint leads to, also of bots that are offline.
    pub(crate) fn receivers(&self) -> BTreeSet<Arc<str>> {
        let license = self.license.load();
        let of_license = license.webhooks.iter().map(|webhook| Arc::from(&*webhook.url));
        let mut urls: BTreeSet<Arc<str>> = of_license.collect();
        urls.extend(license.desk.registrations(&license.client).iter().map(|hook| Arc::from(&*hook.url)));
        for bot in self.bots.iter().filter(|bot| !bot.removed) {
            urls.extend(bot.webhooks.as_ref().map(|webhooks| Arc::from(&*webhooks.url)));
        }
        urls
    }

    /// The next conversation's number inside the license.
    pub(crate) fn next_conversation(&self) -> u64 {
        self.conversations.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A conversation's number seen at recovery.
    pub(crate) fn saw_conversation(&self, number: u64) {
        self.conversations.fetch_max(number, Ordering::Relaxed);
    }

    /// The profiles of some users, as they are now.
    pub(crate) fn profiles<'a>(&self, users: impl IntoIterator<Item = &'a UserId>) -> Profiles {
        let mut profiles = Profiles::default();
        for user in users {
            if profiles.holds(user) {
                continue;
            }
            match user {
                UserId::Agent(id) => {
                    if let Some(profile) = self.agent(id) {
                        profiles.add_agent(profile);
                    }
                }
                UserId::Customer(id) => {
                    if let Some(profile) = self.customers.get(id) {
                        profiles.add_customer(Arc::clone(&profile));
                    }
                }
            }
        }
        profiles
    }

    /// Groups of a principal's user: an agent's own, none for a customer.
    pub(crate) fn groups_of_user(&self, user: &UserId) -> Vec<GroupId> {
        user.agent().map(|id| self.groups_of(id)).unwrap_or_default()
    }

    /// The principal with the groups that its agent has now.
    pub(crate) fn refreshed(&self, by: &Principal) -> Principal {
        Principal { groups: self.groups_of_user(&by.user), ..by.clone() }
    }
}

impl Lookup for LicenseTable {
    fn name(&self, user: &UserId) -> Option<Arc<str>> {
        match user {
            UserId::Agent(id) => {
                let profile = self.agent(id).filter(|profile| !profile.removed)?;
                Some(Arc::from(&*profile.name))
            }
            UserId::Customer(id) => {
                let customer = self.customers.get(id)?;
                Some(Arc::from(customer.name.as_deref().unwrap_or("Customer")))
            }
        }
    }

    fn is_bot(&self, agent: &AgentId) -> bool {
        self.agents.get(agent).is_some_and(|profile| profile.bot_of.is_some())
    }

    fn group_name(&self, group: GroupId) -> Option<Arc<str>> {
        self.license.load().groups.get(&group).map(|group| Arc::from(&*group.name))
    }

    fn groups_of(&self, agent: &AgentId) -> Vec<GroupId> {
        let Some(profile) = self.agent(agent) else { return Vec::new() };
        let living = self.license.load().living(&profile.duty);
        let others = living.into_iter().map(|(id, _)| id).filter(|id| *id != GroupId::EVERYBODY);
        std::iter::once(GroupId::EVERYBODY).chain(others).collect()
    }

    fn settings(&self, access: &Access) -> Settings {
        self.settings.load().of(&access.groups)
    }

    fn bot_of(&self, access: &Access) -> Option<AgentId> {
        let bot = self.license.load().desk.inbox_for(access)?.bot.clone()?;
        let disabled = self.disabled.load();
        self.bot(&bot).filter(|bot| bot.serves(|url| disabled.contains(url))).map(|bot| bot.id.clone())
    }

    fn is_banned(&self, customer: CustomerId, now: Timestamp) -> bool {
        self.bans.load(Ordering::Acquire)
            && self.customers.get(&customer).is_some_and(|customer| customer.banned(now))
    }

    fn is_blocked(&self, customer: CustomerId) -> bool {
        let blocked = |customer: &Customer| customer.contact.as_ref().is_some_and(|contact| contact.blocked);
        self.customers.get(&customer).is_some_and(|customer| blocked(&customer))
    }

    fn administers(&self, agent: &AgentId) -> bool {
        self.agent(agent).is_some_and(|agent| !agent.removed && agent.role != Role::Normal)
    }

    fn reopens(&self, access: &Access) -> bool {
        self.license.load().desk.inbox_for(access).is_none_or(|inbox| inbox.reopens)
    }

    fn customer_left(&self, customer: CustomerId) -> Option<Timestamp> {
        if let Some(since_start) = self.departures.get(&customer) {
            return *since_start;
        }
        let came_once = self.customers.get(&customer).is_some_and(|customer| customer.visit.is_some());
        came_once.then(Timestamp::default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_domain::id::ClientId;
    use switchboard_domain::participant::ending::Ended;

    #[test]
    fn numbers_of_licenses_are_beyond_the_configurations_and_given_once() {
        let tables = Tables::default();
        let license = |id: u64, account: u64| {
            let mut license = License::new(LicenseId(id), "org", ClientId::new("app"), Timestamp::default());
            license.desk.account = account;
            license
        };
        tables.saw_license(&license(100_000_001, 1));
        assert_eq!(tables.next_license(), (LicenseId(FIRST_LICENSE_MADE), 2));
        // Also those of one that ended.
        let mut gone = license(FIRST_LICENSE_MADE + 7, 9);
        gone.ended = Some(Ended { at: Timestamp::default(), number: 3 });
        tables.saw_license(&gone);
        assert_eq!(tables.next_license(), (LicenseId(FIRST_LICENSE_MADE + 8), 10));
        assert!(tables.has_ended(gone.id) && tables.any_ended());
    }
}
