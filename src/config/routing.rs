//! How chats are routed: sections of a license and of its groups. What is left out keeps the value
//! that the administration gave it, or its default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use switchboard_domain::participant::form::FormKind;
use switchboard_domain::participant::settings::{self, OwnSettings, SettingsChange};

/// `[license.routing]`, `[license.group.routing]`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Routing {
    /// How chats find an agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<RoutingMode>,
    /// May chats wait when everybody is busy?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queues: Option<bool>,
    /// How many chats may wait in one group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_limit: Option<u32>,
}

/// How chats find an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoutingMode {
    /// The router gives each chat to the right agent.
    Automatic,
    /// Agents take chats by answering or joining.
    Manual,
}

/// `[license.timers]`, `[license.group.timers]`: in seconds, 0 is off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timers {
    /// Until a chat moves on whose agent has not seen the customer's last message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<u32>,
    /// Of silence until a chat is marked idle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<u32>,
    /// Of silence until a chat is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent: Option<u32>,
    /// Until a chat is closed whose customer left the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_left: Option<u32>,
}

/// `[license.group.forms.prechat]`, `[license.group.forms.postchat]`: in the shape of the administration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Forms {
    /// Asked before a chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prechat: Option<serde_json::Value>,
    /// Asked after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postchat: Option<serde_json::Value>,
}

impl Routing {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Timers {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Forms {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Those that are given.
    #[must_use]
    pub fn given(&self) -> BTreeMap<FormKind, &serde_json::Value> {
        let prechat = self.prechat.as_ref().map(|form| (FormKind::Prechat, form));
        let postchat = self.postchat.as_ref().map(|form| (FormKind::Postchat, form));
        prechat.into_iter().chain(postchat).collect()
    }
}

/// What both sections set.
#[must_use]
pub const fn settings(routing: Routing, timers: Timers) -> SettingsChange {
    let mode = match routing.mode {
        None => None,
        Some(RoutingMode::Automatic) => Some(settings::RoutingMode::Automatic),
        Some(RoutingMode::Manual) => Some(settings::RoutingMode::Manual),
    };
    SettingsChange {
        mode,
        queues: routing.queues,
        queue_limit: routing.queue_limit,
        unseen: timers.unseen,
        idle: timers.idle,
        silent: timers.silent,
        customer_left: timers.customer_left,
    }
}

/// What both sections set of a group; when they are empty its settings are left alone.
#[must_use]
pub fn own_settings(routing: Routing, timers: Timers) -> OwnSettings {
    if routing.is_empty() && timers.is_empty() {
        OwnSettings::Keep
    } else {
        OwnSettings::Set(settings(routing, timers))
    }
}
