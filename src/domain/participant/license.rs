//! The license: the tenant's settings. Its agents, bots and conversations own themselves.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::conversation::properties::{Definition, PropertyTable};
use crate::desk::{Desk, DeskChange, Inbox};
use crate::error::Rejected;
use crate::id::{ClientId, GroupId, LicenseId};
use crate::limits::{
    DEFAULT_CUSTOMER_CHATS, MAX_CUSTOMER_CHATS, PROPERTIES_PER_NAMESPACE, PROPERTY_TABLE_BYTES,
};
use crate::participant::ending::Ended;
use crate::participant::form::{Form, FormKind};
use crate::participant::settings::{OwnSettings, Settings, SettingsChange};
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
    /// What customers are asked before and after a chat.
    #[serde(default)]
    pub forms: BTreeMap<FormKind, Form>,
}

impl Group {
    /// A group with the license's settings.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.into(), settings: None, forms: BTreeMap::new() }
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
    /// Groups that were deleted. Chats go on naming them; they fall to everybody (see
    /// [`License::living`]).
    #[serde(default)]
    pub gone_groups: BTreeSet<GroupId>,
    /// Rises whenever a group is made or deleted; orders notices.
    #[serde(default)]
    pub group_changes: u64,
    /// Its help desk.
    #[serde(default)]
    pub desk: Desk,
    /// Set when it was ended: then nothing of it is left but its numbers, which nobody gets again.
    #[serde(default)]
    pub ended: Option<Ended>,
}

/// One change of a license; keeps the state after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LicenseFact {
    /// Made or changed.
    Put(Box<License>),
    /// Ended: its people, customers, chats and tokens are gone with it.
    Ended(Ended),
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
    /// Gives a webhook another secret.
    RotateWebhookSecret {
        /// Which.
        id: EndpointId,
        /// The new one; the former one signs beside it for a while.
        secret_key: Box<str>,
        /// When.
        at: Timestamp,
    },
    /// Sets how chats are routed and how many of them a customer may have.
    Configure {
        /// Settings of groups without their own.
        settings: SettingsChange,
        /// From 1 to [`MAX_CUSTOMER_CHATS`].
        max_customer_chats: Option<u32>,
    },
    /// Makes a group.
    CreateGroup {
        /// Its number; the next free one when missing.
        group: Option<GroupId>,
        /// Shown name.
        name: Box<str>,
        /// Its own settings.
        settings: OwnSettings,
    },
    /// Changes a group.
    ChangeGroup {
        /// Which.
        group: GroupId,
        /// Shown name.
        name: Option<Box<str>>,
        /// Its own settings.
        settings: OwnSettings,
    },
    /// Deletes a group; not group 0.
    DeleteGroup(GroupId),
    /// Sets or takes away a form of a group.
    SetForm {
        /// The group.
        group: GroupId,
        /// Which of its forms.
        kind: FormKind,
        /// The form; `None` takes it away.
        form: Option<Form>,
    },
    /// Changes its help desk.
    Desk(DeskChange),
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
            gone_groups: BTreeSet::new(),
            group_changes: 0,
            desk: Desk::default(),
            ended: None,
        }
    }

    /// Applies a fact. Cannot fail.
    pub fn apply(&mut self, fact: &LicenseFact) {
        match fact {
            LicenseFact::Put(license) => *self = Self::clone(license),
            LicenseFact::Ended(ended) => *self = self.without_all(*ended),
        }
    }

    /// Decides a change; `None` when nothing changes.
    ///
    /// # Errors
    /// `Invalid`, naming the field; `NotFound`; `GroupNotFound`.
    pub fn change(&self, change: LicenseChange) -> Result<Option<LicenseFact>, Rejected> {
        self.must_be_there()?;
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
            LicenseChange::RotateWebhookSecret { id, secret_key, at } => {
                registration::rotate_secret(&mut license.webhooks, &id, secret_key, at)?;
            }
            LicenseChange::Configure { settings, max_customer_chats } => {
                license.configure(settings, max_customer_chats)?;
            }
            LicenseChange::CreateGroup { group, name, settings } => {
                license.create_group(group, &name, settings)?;
            }
            LicenseChange::ChangeGroup { group, name, settings } => {
                license.change_group(group, name, settings)?;
            }
            LicenseChange::DeleteGroup(group) => license.delete_group(group)?,
            LicenseChange::SetForm { group, kind, form } => license.set_form(group, kind, form)?,
            LicenseChange::Desk(change) => license.change_desk(change)?,
        }
        Ok((license != *self).then(|| LicenseFact::Put(Box::new(license))))
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

    fn configure(
        &mut self,
        settings: SettingsChange,
        max_customer_chats: Option<u32>,
    ) -> Result<(), Rejected> {
        self.settings = self.settings.changed(settings)?;
        self.max_customer_chats = max_customer_chats.unwrap_or(self.max_customer_chats);
        if (1..=MAX_CUSTOMER_CHATS).contains(&self.max_customer_chats) {
            return Ok(());
        }
        let bounds = format!("must be from 1 to {MAX_CUSTOMER_CHATS}");
        Err(Rejected::invalid("max_customer_chats_count", bounds))
    }

    /// What the router and the timers of chats obey. Of a chat's groups with settings of their own the
    /// lowest counts, without any the license's settings.
    #[must_use]
    pub fn router_settings(&self) -> RouterSettings {
        let own = |(id, group): (&GroupId, &Group)| Some((*id, group.settings?));
        let groups = self.groups.iter().filter_map(own).collect();
        let share = |inbox: &Inbox| Some((inbox.group, inbox.max_per_agent?));
        let per_agent = self.desk.inboxes.values().filter_map(share).collect();
        let teams = self.desk.teams.values().map(|team| (team.number, team.given())).collect();
        RouterSettings { usual: self.settings, groups, per_agent, teams, lapse: DEFAULT_LAPSE }
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
            license.groups.insert(GroupId(id), Group { settings, ..Group::named("g") });
        }
        let of = |groups: &[u32]| {
            let groups: Vec<_> = groups.iter().map(|id| GroupId(*id)).collect();
            license.router_settings().of(&groups).queue_limit
        };
        assert_eq!((of(&[0]), of(&[1]), of(&[3, 2, 1]), of(&[77])), (9, 9, 2, 9));
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
            former: None,
        };
        let fact = license.change(LicenseChange::RegisterWebhook(webhook.clone())).unwrap().unwrap();
        license.apply(&fact);
        assert_eq!(license.webhooks, std::slice::from_ref(&webhook));
        let wrong = Registration { url: "nowhere".into(), ..webhook };
        assert!(license.change(LicenseChange::RegisterWebhook(wrong)).is_err());
        let rotate = |secret: &str| LicenseChange::RotateWebhookSecret {
            id: EndpointId::new("w1"),
            secret_key: secret.into(),
            at: Timestamp::from_secs(2),
        };
        assert_eq!(license.change(rotate("s")), Ok(None), "it has that one");
        let fact = license.change(rotate("t")).unwrap().unwrap();
        license.apply(&fact);
        assert_eq!(&*license.webhooks[0].secret_key, "t");
        let remove = |of: &str| LicenseChange::UnregisterWebhook {
            id: EndpointId::new("w1"),
            of: Some(ClientId::new(of)),
        };
        assert_eq!(license.change(remove("app-8")), Err(Rejected::NotFound(Resource::Webhook)));
        let fact = license.change(remove("app-7")).unwrap().unwrap();
        license.apply(&fact);
        assert!(license.webhooks.is_empty());
    }

    #[test]
    fn the_number_of_chats_of_a_customer_has_bounds() {
        let change = |count| LicenseChange::Configure {
            settings: SettingsChange::default(),
            max_customer_chats: Some(count),
        };
        for bad in [0, MAX_CUSTOMER_CHATS + 1] {
            let refused = license().change(change(bad));
            assert!(
                matches!(refused, Err(Rejected::Invalid { field, .. }) if field == "max_customer_chats_count")
            );
        }
        let mut license = license();
        license.apply(&license.change(change(MAX_CUSTOMER_CHATS)).unwrap().unwrap());
        assert_eq!(license.max_customer_chats, MAX_CUSTOMER_CHATS);
        assert_eq!(license.change(change(MAX_CUSTOMER_CHATS)), Ok(None), "nothing changes");
    }

    /// The first bytes of an array of `from` fields, cut to `to` of them by what the last ones take.
    fn older(stored: &[u8], from: u8, to: u8, last: &[&[u8]]) -> Vec<u8> {
        let cut: usize = last.iter().map(|field| field.len()).sum();
        let mut older = stored[..stored.len() - cut].to_vec();
        assert_eq!(older[0], 0x90 | from);
        older[0] = 0x90 | to;
        older
    }

    /// **A change here breaks what is stored**: fields are only added at the end, with a default.
    #[test]
    fn a_license_stored_before_it_had_settings_gets_the_default_ones() {
        let license = license();
        let stored = rmp_serde::to_vec(&license).unwrap();
        let settings = rmp_serde::to_vec(&Settings::default()).unwrap();
        // No webhook and no gone group: empty arrays. No change of groups: the number 0.
        let desk = rmp_serde::to_vec(&Desk::default()).unwrap();
        let with_desk = older(&stored, 13, 12, &[&[0xc0]]);
        let with_groups = older(&with_desk, 12, 11, &[&desk]);
        let with_webhooks = older(&with_groups, 11, 9, &[&[0x90], &[0x00]]);
        let with_settings = older(&with_webhooks, 9, 8, &[&[0x90]]);
        let without = older(&with_settings, 8, 7, &[&settings]);
        for bytes in [stored, with_desk, with_groups, with_webhooks, with_settings, without] {
            assert_eq!(rmp_serde::from_slice::<License>(&bytes).unwrap(), license);
        }
        let group = rmp_serde::to_vec(&Group::named("Sales")).unwrap();
        // Settings: nil. Forms: an empty map.
        let newest: &[&[u8]] = &[&[0xc0], &[0x80]];
        for bytes in [older(&group, 3, 2, &newest[1..]), older(&group, 3, 1, newest), group.clone()] {
            assert_eq!(rmp_serde::from_slice::<Group>(&bytes).unwrap(), Group::named("Sales"));
        }
    }
}
