//! What a configuration says exists: brought about at start, before anything runs. What it does
//! not name is left alone.

use std::collections::BTreeMap;

use switchboard_domain::auth::{ScopeSet, Token, TokenKind};
use switchboard_domain::desk::{DeskChange, Inbox};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, GroupId, LicenseId};
use switchboard_domain::participant::agent::Agent;
use switchboard_domain::participant::form::{Form, FormKind};
use switchboard_domain::participant::license::{License, LicenseChange, LicenseFact};
use switchboard_domain::participant::settings::{OwnSettings, SettingsChange};
use switchboard_domain::participant::staff::AgentChange;
use switchboard_domain::routing::Priority;
use switchboard_domain::time::Timestamp;

use crate::engine::entry::Entry;
use crate::engine::recovery::Recovered;
use crate::engine::secret;

/// A license as a configuration describes it.
pub struct Plan {
    /// The license, as it is made when there is none: its application.
    pub license: License,
    /// Only makes what there is not: a license that exists is left as it is.
    pub only_new: bool,
    /// Settings of groups without their own.
    pub settings: SettingsChange,
    /// Chats that a customer may have.
    pub max_customer_chats: Option<u32>,
    /// Its groups.
    pub groups: Vec<PlannedGroup>,
    /// Its human agents: who they are, and their groups and limits.
    pub agents: Vec<PlannedAgent>,
    /// The first inbox of its help desk.
    pub inbox: Option<PlannedInbox>,
}

/// The first inbox of a license's help desk.
pub struct PlannedInbox {
    /// The name of the account.
    pub account: Box<str>,
    /// The inbox.
    pub inbox: Inbox,
}

/// A group as a configuration describes it.
pub struct PlannedGroup {
    /// Its number.
    pub id: GroupId,
    /// Shown name.
    pub name: Box<str>,
    /// Its own settings.
    pub settings: OwnSettings,
    /// Its forms.
    pub forms: BTreeMap<FormKind, Form>,
}

/// A human agent as a configuration describes it.
pub struct PlannedAgent {
    /// E-mail address.
    pub id: AgentId,
    /// Profile and limits, but for groups.
    pub profile: AgentChange,
    /// Its priority in those of the configuration's groups that it is in.
    pub groups: Vec<(GroupId, Priority)>,
    /// The text of a token with every scope that never ends.
    pub token: Option<String>,
}

impl Plan {
    /// The facts that bring the recovered state to what is planned.
    pub(crate) fn facts(self, known: &mut Recovered, now: Timestamp) -> Vec<Entry> {
        let id = self.license.id;
        let old = known.licenses.get(&id).map(|old| old.state.clone());
        let account =
            known.licenses.values().map(|license| license.state.desk.account).max().unwrap_or(0) + 1;
        if old.as_ref().is_some_and(|old| old.ended.is_some() || old.desk.about.by_platform) {
            tracing::warn!(license = %id, "is none of the configuration's; take it out, or give it another id");
            return Vec::new();
        }
        let mut facts = Vec::new();
        let mut license = match &old {
            Some(old) if self.only_new => old.clone(),
            _ => self.planned_license(old.clone()),
        };
        self.give_desk(&mut license, account, now);
        if old.as_ref() != Some(&license) {
            facts.push(Entry::License(id, LicenseFact::Put(Box::new(license.clone()))));
        }
        if old.is_some() && self.only_new {
            return facts;
        }
        let named: Vec<_> = self.groups.iter().map(|group| group.id).collect();
        for planned in self.agents {
            planned.facts(known, &license, &named, now, &mut facts);
        }
        facts
    }

    /// Every license has a desk, with a number of its own; a new one may come with an inbox.
    fn give_desk(&self, license: &mut License, account: u64, now: Timestamp) {
        if license.desk.account > 0 {
            return;
        }
        license.desk.account = account;
        license.desk.name = format!("Account {account}").into();
        if let Some(planned) = &self.inbox {
            license.desk.name = planned.account.clone();
            let inbox = Inbox { created_at: now, ..planned.inbox.clone() };
            let name =
                license.groups.get(&inbox.group).map_or_else(|| "Inbox".into(), |group| group.name.clone());
            bring_about(license, LicenseChange::Desk(DeskChange::PutInbox { inbox: Box::new(inbox), name }));
        }
    }

    fn planned_license(&self, old: Option<License>) -> License {
        let fresh = &self.license;
        let mut license = old.map_or_else(
            || fresh.clone(),
            |old| License {
                organization_id: fresh.organization_id.clone(),
                client: fresh.client.clone(),
                ..old
            },
        );
        let (settings, max_customer_chats) = (self.settings, self.max_customer_chats);
        bring_about(&mut license, LicenseChange::Configure { settings, max_customer_chats });
        for PlannedGroup { id, name, settings, .. } in &self.groups {
            let (group, name, settings) = (*id, name.clone(), *settings);
            let change = if license.has_group(group) {
                LicenseChange::ChangeGroup { group, name: Some(name), settings }
            } else {
                LicenseChange::CreateGroup { group: Some(group), name, settings }
            };
            bring_about(&mut license, change);
        }
        // A form may name any of the groups.
        for planned in &self.groups {
            for (kind, form) in &planned.forms {
                let (group, kind, form) = (planned.id, *kind, Some(form.clone()));
                bring_about(&mut license, LicenseChange::SetForm { group, kind, form });
            }
        }
        license
    }
}

impl PlannedAgent {
    fn facts(
        self,
        known: &mut Recovered,
        license: &License,
        named: &[GroupId],
        now: Timestamp,
        facts: &mut Vec<Entry>,
    ) {
        let old = known.agents.get(&(license.id, self.id.clone())).map(|old| old.state.clone());
        if old.as_ref().is_some_and(|old| old.removed) {
            tracing::warn!(agent = %self.id, "was deleted and stays so; take it out of the configuration");
            return;
        }
        let exists = |group| license.has_group(group);
        let groups = old.iter().flat_map(|old| old.duty.groups.iter().copied());
        // Groups that the configuration does not name are the administration's.
        let groups = groups.filter(|(group, _)| !named.contains(group)).chain(self.groups).collect();
        let change = AgentChange { groups: Some(groups), ..self.profile };
        let fact = match &old {
            Some(old) => old.change(change, exists),
            None => {
                known.number += 1;
                Agent::unborn(self.id.clone(), known.number).enroll(change, exists, now).map(Some)
            }
        };
        match fact {
            Ok(fact) => facts.extend(fact.map(|fact| Entry::Agent(license.id, self.id.clone(), fact))),
            Err(rejected) => return cannot_be(license.id, &rejected),
        }
        if let Some(text) = self.token {
            let hash = secret::hash(&text);
            let kind = TokenKind::Agent(self.id, ScopeSet::all());
            let (license, client) = (license.id, license.client.clone());
            let token = Token { license, client, kind, issued_at: now, expires_at: None };
            // A revoked token stays revoked, whatever the configuration says.
            if !known.tokens.contains_key(&hash) {
                facts.push(Entry::TokenIssued(hash, token));
            }
        }
    }
}

fn bring_about(license: &mut License, change: LicenseChange) {
    match license.change(change) {
        Ok(fact) => fact.iter().for_each(|fact| license.apply(fact)),
        Err(rejected) => cannot_be(license.id, &rejected),
    }
}

/// The configuration was checked by itself; together with what the administration has made, a bound
/// may be passed all the same.
fn cannot_be(license: LicenseId, rejected: &Rejected) {
    tracing::warn!(%license, reason = %rejected, "what the configuration names cannot be brought about");
}
