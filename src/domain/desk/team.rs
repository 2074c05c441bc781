//! A team: people of several inboxes who do the same work.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::error::Rejected;
use crate::id::AgentId;
use crate::limits::{AGENTS_PER_LICENSE, DESCRIPTION_CHARS, NAME_CHARS};

/// A team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// Creation number.
    pub number: u64,
    /// Lower case; unique in the license.
    pub name: Box<str>,
    /// For people.
    pub description: Option<Box<str>>,
    /// May its conversations be given to free agents?
    pub auto_assign: bool,
    /// Who is in it.
    pub members: BTreeSet<AgentId>,
}

impl Team {
    /// Whom routing may give its conversations: nobody when they are taken by hand. Source:
    /// agent-bots spec 6.8.
    #[must_use]
    pub fn given(&self) -> BTreeSet<AgentId> {
        if self.auto_assign { self.members.clone() } else { BTreeSet::new() }
    }

    pub(super) fn check(&self) -> Result<(), Rejected> {
        if self.name.trim().is_empty() {
            return Err(Rejected::blank("name"));
        }
        within("name", self.name.chars().count(), NAME_CHARS, "characters")?;
        let described = self.description.as_deref().unwrap_or_default().chars().count();
        within("description", described, DESCRIPTION_CHARS, "characters")?;
        within("user_ids", self.members.len(), AGENTS_PER_LICENSE, "agents")
    }
}
