//! The license: the tenant's settings. Its agents, bots and conversations own themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conversation::properties::PropertyTable;
use crate::id::{ClientId, GroupId, LicenseId};
use crate::limits::DEFAULT_CUSTOMER_CHATS;
use crate::time::Timestamp;

/// A license.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
    /// Identity.
    pub id: LicenseId,
    /// The same tenant's name in newer versions: a UUID.
    pub organization_id: Box<str>,
    /// The first application of the license.
    pub client: ClientId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Group names by id; group 0 always exists.
    pub groups: BTreeMap<GroupId, Box<str>>,
    /// Definitions of properties, built-in ones included.
    pub properties: PropertyTable,
    /// Chats that one customer may have (`routing.max_customer_chats_count`).
    pub max_customer_chats: u32,
}

/// One change of a license; keeps the state after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LicenseFact {
    /// Made or changed.
    Put(License),
}

impl License {
    /// A license with group 0 and the built-in properties.
    #[must_use]
    pub fn new(id: LicenseId, organization_id: &str, client: ClientId, now: Timestamp) -> Self {
        Self {
            id,
            organization_id: organization_id.into(),
            client,
            created_at: now,
            groups: BTreeMap::from([(GroupId::EVERYBODY, "Everybody".into())]),
            properties: PropertyTable::built_in(),
            max_customer_chats: DEFAULT_CUSTOMER_CHATS,
        }
    }

    /// Applies a fact. Cannot fail.
    pub fn apply(&mut self, fact: &LicenseFact) {
        let LicenseFact::Put(license) = fact;
        *self = license.clone();
    }
}
