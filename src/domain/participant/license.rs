//! The license: the tenant's settings. Its agents, bots and conversations own themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::conversation::properties::{Definition, PropertyTable};
use crate::error::Rejected;
use crate::id::{ClientId, GroupId, LicenseId};
use crate::limits::{DEFAULT_CUSTOMER_CHATS, PROPERTIES_PER_NAMESPACE, PROPERTY_TABLE_BYTES};
use crate::participant::settings::{self, Settings};
use crate::routing::{DEFAULT_LAPSE, RouterSettings};
use crate::time::Timestamp;
use crate::webhook::{EndpointId, Registration, registration};

/// A group: where chats arrive and agents belong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Shown name.
    pub name: Box<str>,
    /// Its own settings; those of the license when missing.
    #[serde(default)]
    pub settings: Option<Settings>,
}

impl Group {
    /// A group with the license's settings.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.into(), settings: None }
    }
}

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
    /// Groups by id; group 0 always exists.
    pub groups: BTreeMap<GroupId, Group>,
    /// Definitions of properties, built-in ones included.
    pub properties: PropertyTable,
    /// Chats that one customer may have (`routing.max_customer_chats_count`).
    pub max_customer_chats: u32,
    /// How its chats are routed.
    #[serde(default)]
    pub settings: Settings,
    /// Webhooks of its applications, oldest first.
    #[serde(default)]
    pub webhooks: Vec<Registration>,
}

/// One change of a license; keeps the state after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LicenseFact {
    /// Made or changed.
    Put(License),
}

/// What can be asked of a license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LicenseChange {
    /// Defines properties in the namespace of an application (spec v3.0, 7.3).
    DefineProperties {
        /// The application: its id is the namespace.
        client: ClientId,
        /// Definitions by name.
        definitions: BTreeMap<Box<str>, Definition>,
    },
    /// Registers a webhook of an application (spec v3.0, 7.2).
    RegisterWebhook(Registration),
    /// Takes a webhook back.
    UnregisterWebhook {
        /// Which.
        id: EndpointId,
        /// Only when it belongs to this application; `None`: whatever its application.
        of: Option<ClientId>,
    },
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
            groups: BTreeMap::from([(GroupId::EVERYBODY, Group::named("Everybody"))]),
            properties: PropertyTable::built_in(),
            max_customer_chats: DEFAULT_CUSTOMER_CHATS,
            settings: Settings::default(),
            webhooks: Vec::new(),
        }
    }

    /// Applies a fact. Cannot fail.
    pub fn apply(&mut self, fact: &LicenseFact) {
        let LicenseFact::Put(license) = fact;
        *self = license.clone();
    }

    /// Decides a change; `None` when nothing changes.
    ///
    /// # Errors
    /// `Invalid`, naming the field; `NotFound`.
    pub fn change(&self, change: LicenseChange) -> Result<Option<LicenseFact>, Rejected> {
        let mut license = self.clone();
        match change {
            LicenseChange::DefineProperties { client, definitions } => {
                license.define(&client, definitions)?;
            }
            LicenseChange::RegisterWebhook(webhook) => {
                registration::register(&mut license.webhooks, webhook)?;
            }
            LicenseChange::UnregisterWebhook { id, of } => {
                registration::unregister(&mut license.webhooks, &id, of.as_ref())?;
            }
        }
        Ok((license != *self).then_some(LicenseFact::Put(license)))
    }

    /// A definition replaces one of the same type: values that are set keep their meaning.
    fn define(
        &mut self,
        client: &ClientId,
        definitions: BTreeMap<Box<str>, Definition>,
    ) -> Result<(), Rejected> {
        if PropertyTable::built_in().0.contains_key(client.as_str()) {
            return Err(Rejected::invalid("client_id", "is the name of a built-in namespace"));
        }
        let mine = self.properties.0.entry(client.as_str().into()).or_default();
        for (name, definition) in definitions {
            definition.check(&name)?;
            if mine.get(&name).is_some_and(|old| old.kind != definition.kind) {
                return Err(Rejected::invalid(&*name, "exists with another type"));
            }
            mine.insert(name, definition);
        }
        within("properties", mine.len(), PROPERTIES_PER_NAMESPACE, "properties of one application")?;
        let weight = self.properties.weight();
        within("properties", weight, PROPERTY_TABLE_BYTES, "bytes of definitions in the license")?;
        let mine = self.properties.0.entry(client.as_str().into()).or_default();
        if mine.is_empty() {
            self.properties.0.remove(client.as_str());
        }
        Ok(())
    }

    /// The settings of chats in these groups: those of the lowest group that has its own, else the
    /// license's.
    #[must_use]
    pub fn settings_of<'a>(&self, groups: impl IntoIterator<Item = &'a GroupId>) -> Settings {
        settings::of_groups(self.settings, groups, |group| self.groups.get(&group)?.settings)
    }

    /// What the router obeys.
    #[must_use]
    pub fn router_settings(&self) -> RouterSettings {
        let own = |(id, group): (&GroupId, &Group)| Some((*id, group.settings?));
        let groups = self.groups.iter().filter_map(own).collect();
        RouterSettings { usual: self.settings, groups, lapse: DEFAULT_LAPSE }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::conversation::properties::{Domain, Location, LocationRights, PropertyType};
    use crate::error::Resource;
    use crate::webhook::{Action, Subscription};

    fn license() -> License {
        License::new(LicenseId(1), "org", ClientId::new("app-1"), Timestamp::from_secs(1))
    }

    fn definition(kind: PropertyType) -> Definition {
        let locations = BTreeMap::from([(Location::Chat, LocationRights::default())]);
        Definition { kind, locations, domain: Domain::Any, description: None }
    }

    fn define(client: &str, name: &str, definition: Definition) -> LicenseChange {
        LicenseChange::DefineProperties {
            client: ClientId::new(client),
            definitions: BTreeMap::from([(name.into(), definition)]),
        }
    }

    #[test]
    fn an_application_defines_and_redefines_in_its_own_namespace() {
        let mut license = license();
        let fact = license.change(define("app-7", "state", definition(PropertyType::Text))).unwrap().unwrap();
        license.apply(&fact);
        assert!(license.properties.get("app-7", "state").is_some());
        let again = license.change(define("app-7", "state", definition(PropertyType::Text))).unwrap();
        assert_eq!(again, None, "nothing changes");
        let other = license.change(define("app-7", "state", definition(PropertyType::Int)));
        assert!(matches!(other, Err(Rejected::Invalid { field, .. }) if field == "state"));
        for built_in in ["routing", "rating", "source", "test"] {
            assert!(license.change(define(built_in, "x", definition(PropertyType::Int))).is_err());
        }
    }

    #[test]
    fn an_application_has_a_bounded_number_of_properties() {
        let definitions = |n: usize| LicenseChange::DefineProperties {
            client: ClientId::new("app-7"),
            definitions: (0..n).map(|i| (i.to_string().into(), definition(PropertyType::Int))).collect(),
        };
        assert!(license().change(definitions(PROPERTIES_PER_NAMESPACE)).is_ok());
        assert!(license().change(definitions(PROPERTIES_PER_NAMESPACE + 1)).is_err());
    }

    #[test]
    fn all_definitions_of_a_license_together_are_bounded() {
        let mut license = license();
        let wordy = |n: usize| {
            let text = "x".repeat(crate::limits::SHORT_TEXT_BYTES);
            let definitions = (0..n).map(|i| {
                let wordy =
                    Definition { description: Some(text.as_str().into()), ..definition(PropertyType::Int) };
                (i.to_string().into(), wordy)
            });
            definitions.collect()
        };
        let half = PROPERTY_TABLE_BYTES / 2 / crate::limits::SHORT_TEXT_BYTES;
        let define = |client: &str| LicenseChange::DefineProperties {
            client: ClientId::new(client),
            definitions: wordy(half),
        };
        let fact = license.change(define("one")).unwrap().unwrap();
        license.apply(&fact);
        let refused = license.change(define("two"));
        assert!(matches!(refused, Err(Rejected::Invalid { field, .. }) if field == "properties"));
    }

    #[test]
    fn the_lowest_group_with_settings_of_its_own_counts() {
        let mut license = license();
        let queue = |queue_limit| Settings { queue_limit, ..Settings::default() };
        license.settings = queue(9);
        for (id, settings) in [(1, None), (2, Some(queue(2))), (3, Some(queue(3)))] {
            license.groups.insert(GroupId(id), Group { name: "g".into(), settings });
        }
        let of = |groups: &[u32]| {
            let groups: Vec<_> = groups.iter().map(|id| GroupId(*id)).collect();
            license.settings_of(&groups).queue_limit
        };
        assert_eq!((of(&[0]), of(&[1]), of(&[3, 2, 1]), of(&[77])), (9, 9, 2, 9));
    }

    #[test]
    fn a_license_stored_before_it_had_a_field_gets_the_default_one() {
        let stored = rmp_serde::to_vec(&license()).unwrap();
        // One array of nine fields; older ones have fewer.
        assert_eq!(stored[0], 0x99);
        let settings = rmp_serde::to_vec(&Settings::default()).unwrap();
        let webhooks = rmp_serde::to_vec(&Vec::<Registration>::new()).unwrap();
        let mut end = stored.len();
        for (fields, last) in [(0x98, webhooks), (0x97, settings)] {
            end -= last.len();
            let mut older = stored[..end].to_vec();
            older[0] = fields;
            assert_eq!(rmp_serde::from_slice::<License>(&older).unwrap(), license());
        }
    }

    #[test]
    fn webhooks_come_and_go_with_their_application() {
        let mut license = license();
        let webhook = Registration {
            id: EndpointId::new("w1"),
            client: ClientId::new("app-7"),
            url: "https://h.example/".into(),
            secret_key: "s".into(),
            description: None,
            subscription: Subscription { action: Action::ThreadClosed, filters: None, additional: None },
            dialect: 30,
        };
        let fact = license.change(LicenseChange::RegisterWebhook(webhook.clone())).unwrap().unwrap();
        license.apply(&fact);
        assert_eq!(license.webhooks, std::slice::from_ref(&webhook));
        let wrong = Registration { url: "nowhere".into(), ..webhook };
        assert!(license.change(LicenseChange::RegisterWebhook(wrong)).is_err());
        let remove = |of: &str| LicenseChange::UnregisterWebhook {
            id: EndpointId::new("w1"),
            of: Some(ClientId::new(of)),
        };
        assert_eq!(license.change(remove("app-8")), Err(Rejected::NotFound(Resource::Webhook)));
        let fact = license.change(remove("app-7")).unwrap().unwrap();
        license.apply(&fact);
        assert!(license.webhooks.is_empty());
    }
}
