//! Filters: which of the occasions of its action an endpoint wants. Source: spec v3.0, 7.2.

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::conversation::properties::{Properties, PropertyValue};
use crate::desk::DeskOccasion;
use crate::error::Rejected;
use crate::id::{AgentId, ClientId, UserId};
use crate::limits::{FILTER_BYTES, FILTER_VALUES, NAME_CHARS, PROPERTY_TEXT_BYTES};
use crate::webhook::Action;

/// Kind of an author. A bot counts as an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthorKind {
    /// The customer.
    Customer,
    /// A human agent or a bot.
    Agent,
}

impl AuthorKind {
    /// The kind of a user.
    #[must_use]
    pub const fn of(user: &UserId) -> Self {
        match user {
            UserId::Customer(_) => Self::Customer,
            UserId::Agent(_) => Self::Agent,
        }
    }
}

/// Which occasions an endpoint wants: all that is given must hold. Kept as it was given, so that
/// it can be shown again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filters {
    /// Only with any of these agents in the chat; of an agent's own occasions: only of these.
    pub agents_any: Option<Vec<AgentId>>,
    /// Not with any of these agents. Excludes `agents_any`.
    pub agents_exclude: Option<Vec<AgentId>>,
    /// Only of authors of this kind; a system message has no author and is not wanted then.
    pub author: Option<AuthorKind>,
    /// When true: only chats that the endpoint's own application started.
    pub only_my_chats: Option<bool>,
    /// By properties of the chat.
    pub properties: Vec<PropertyFilter>,
}

/// A rule about one property of the chat. Several about the same property must all hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyFilter {
    /// Namespace.
    pub namespace: Box<str>,
    /// Name inside it.
    pub name: Box<str>,
    /// What must hold.
    pub rule: PropertyRule,
}

/// What must hold of a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PropertyRule {
    /// It is set, or it is not.
    Exists(bool),
    /// It has one of these values; a chat without it fails.
    Values(Vec<PropertyValue>),
    /// It has none of these values; a chat without it passes.
    ExcludeValues(Vec<PropertyValue>),
}

/// Something an endpoint may want to hear of, with all that filters look at, as it is after the
/// change.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// What happened.
    pub action: Action,
    /// Who wrote the event, when it is one that somebody wrote.
    pub author: Option<AuthorKind>,
    /// Agents and bots in the chat.
    pub members: &'a [AgentId],
    /// The agent it is about, when there is no chat around it.
    pub subject: Option<&'a AgentId>,
    /// Properties of the chat; empty when there is none.
    pub chat_properties: &'a Properties,
    /// What a help desk's endpoints go by; `None` for a chat that is no desk's.
    pub desk: Option<DeskOccasion<'a>>,
}

impl Filters {
    /// Is an occasion wanted by an endpoint of this application?
    #[must_use]
    pub fn pass(&self, occasion: &Occasion<'_>, client: &ClientId) -> bool {
        let any_of = |listed: &[AgentId]| match occasion.subject {
            Some(subject) => listed.contains(subject),
            None => occasion.members.iter().any(|member| listed.contains(member)),
        };
        self.agents_any.as_deref().is_none_or(any_of)
            && !self.agents_exclude.as_deref().is_some_and(any_of)
            && self.author.is_none_or(|author| occasion.author == Some(author))
            && (self.only_my_chats != Some(true) || is_of(client, occasion.chat_properties))
            && self.properties.iter().all(|filter| filter.pass(occasion.chat_properties))
    }

    /// Checks the bounds, and that the action admits every filter given.
    ///
    /// # Errors
    /// `Invalid` for `field`.
    pub fn check(&self, action: Action, field: &str) -> Result<(), Rejected> {
        if self.agents_any.is_some() && self.agents_exclude.is_some() {
            return Err(Rejected::invalid(
                format!("{field}.chat_member_ids"),
                "agents_any and agents_exclude exclude each other",
            ));
        }
        if self.author.is_some() && !action.admits_author() {
            return Err(Rejected::invalid(
                format!("{field}.author_type"),
                "this action cannot be filtered by author",
            ));
        }
        if (self.only_my_chats.is_some() || !self.properties.is_empty()) && !action.admits_chat_filters() {
            return Err(Rejected::invalid(field, "this action has no chat to filter by"));
        }
        for agents in [&self.agents_any, &self.agents_exclude].into_iter().flatten() {
            within(field, agents.len(), FILTER_VALUES, "agents")?;
            agents
                .iter()
                .try_for_each(|id| within(field, id.as_str().chars().count(), NAME_CHARS, "characters"))?;
        }
        within(field, self.properties.len(), FILTER_VALUES, "properties")?;
        self.properties.iter().try_for_each(|filter| filter.check(field))?;
        within(field, self.weight(), FILTER_BYTES, "bytes in all")
    }

    /// Bytes of all that is listed.
    fn weight(&self) -> usize {
        let agents = [&self.agents_any, &self.agents_exclude].into_iter().flatten().flatten();
        let agents: usize = agents.map(|id| id.as_str().len()).sum();
        agents + self.properties.iter().map(PropertyFilter::weight).sum::<usize>()
    }
}

impl PropertyFilter {
    fn weight(&self) -> usize {
        let value = |value: &PropertyValue| match value {
            PropertyValue::Text(text) => text.len(),
            PropertyValue::Int(_) | PropertyValue::Bool(_) => 1,
        };
        let values: usize = match &self.rule {
            PropertyRule::Exists(_) => 1,
            PropertyRule::Values(values) | PropertyRule::ExcludeValues(values) => {
                values.iter().map(value).sum()
            }
        };
        self.namespace.len() + self.name.len() + values
    }

    /// Does a chat with these properties pass? One without the property passes what asks for its
    /// absence or excludes values (spec v3.0, 5.1 and 7.2).
    #[must_use]
    pub fn pass(&self, properties: &Properties) -> bool {
        self.admits(properties.get(&self.namespace, &self.name))
    }

    /// May its property have this value, or none?
    #[must_use]
    pub fn admits(&self, value: Option<&PropertyValue>) -> bool {
        match &self.rule {
            PropertyRule::Exists(wanted) => value.is_some() == *wanted,
            PropertyRule::Values(values) => value.is_some_and(|value| values.contains(value)),
            PropertyRule::ExcludeValues(values) => !value.is_some_and(|value| values.contains(value)),
        }
    }

    pub(crate) fn check(&self, field: &str) -> Result<(), Rejected> {
        for name in [&self.namespace, &self.name] {
            within(field, name.chars().count(), NAME_CHARS, "characters")?;
        }
        let (PropertyRule::Values(values) | PropertyRule::ExcludeValues(values)) = &self.rule else {
            return Ok(());
        };
        within(field, values.len(), FILTER_VALUES, "values")?;
        values.iter().try_for_each(|value| match value {
            PropertyValue::Text(text) => within(field, text.len(), PROPERTY_TEXT_BYTES, "bytes"),
            PropertyValue::Int(_) | PropertyValue::Bool(_) => Ok(()),
        })
    }
}

/// Did this application start the chat? The chat says so in its property `source.client_id`.
fn is_of(client: &ClientId, properties: &Properties) -> bool {
    matches!(properties.get("source", "client_id"), Some(PropertyValue::Text(id)) if **id == *client.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<AgentId> {
        names.iter().map(|name| AgentId::new(name)).collect()
    }

    fn text(value: &str) -> PropertyValue {
        PropertyValue::Text(value.into())
    }

    fn chat(members: &[AgentId], properties: &Properties, filters: &Filters) -> bool {
        let occasion = Occasion {
            desk: None,
            action: Action::EventPosted,
            author: None,
            members,
            subject: None,
            chat_properties: properties,
        };
        filters.pass(&occasion, &ClientId::new("app-1"))
    }

    fn by_property(rule: PropertyRule) -> Filters {
        let filter = PropertyFilter { namespace: "source".into(), name: "type".into(), rule };
        Filters { properties: vec![filter], ..Filters::default() }
    }

    #[test]
    fn no_filter_wants_everything() {
        assert!(chat(&[], &Properties::default(), &Filters::default()));
    }

    #[test]
    fn agents_are_asked_for_or_excluded_by_presence() {
        let any = Filters { agents_any: Some(ids(&["ann", "bob"])), ..Filters::default() };
        let exclude = Filters { agents_exclude: Some(ids(&["ann", "bob"])), ..Filters::default() };
        for (present, hit) in [(&["bob", "cid"][..], true), (&["cid"], false), (&[], false)] {
            assert_eq!(chat(&ids(present), &Properties::default(), &any), hit, "{present:?}");
            assert_eq!(chat(&ids(present), &Properties::default(), &exclude), !hit, "{present:?}");
        }
    }

    #[test]
    fn an_agents_own_occasion_looks_at_that_agent() {
        let (ann, bob) = (AgentId::new("ann"), AgentId::new("bob"));
        let any = Filters { agents_any: Some(vec![ann.clone()]), ..Filters::default() };
        let exclude = Filters { agents_exclude: Some(vec![ann.clone()]), ..Filters::default() };
        for (subject, is_ann) in [(&ann, true), (&bob, false)] {
            let occasion = Occasion {
                desk: None,
                action: Action::AgentDeleted,
                author: None,
                members: &[],
                subject: Some(subject),
                chat_properties: &Properties::default(),
            };
            assert_eq!(any.pass(&occasion, &ClientId::new("app-1")), is_ann);
            assert_eq!(exclude.pass(&occasion, &ClientId::new("app-1")), !is_ann);
        }
    }

    #[test]
    fn an_author_filter_wants_that_kind_and_no_system_message() {
        let wanted = Filters { author: Some(AuthorKind::Agent), ..Filters::default() };
        let by = |author| {
            let occasion = Occasion {
                desk: None,
                action: Action::EventPosted,
                author,
                members: &[],
                subject: None,
                chat_properties: &Properties::default(),
            };
            wanted.pass(&occasion, &ClientId::new("app-1"))
        };
        assert!(by(Some(AuthorKind::of(&UserId::Agent(AgentId::new("bot"))))));
        assert!(!by(Some(AuthorKind::Customer)));
        assert!(!by(None));
    }

    #[test]
    fn my_chats_are_those_my_application_started() {
        let mine = |only| Filters { only_my_chats: only, ..Filters::default() };
        let mut properties = Properties::default();
        assert!(!chat(&[], &properties, &mine(Some(true))));
        properties.set("source", "client_id", text("app-2"));
        assert!(!chat(&[], &properties, &mine(Some(true))));
        assert!(chat(&[], &properties, &mine(Some(false))));
        assert!(chat(&[], &properties, &mine(None)));
        properties.set("source", "client_id", text("app-1"));
        assert!(chat(&[], &properties, &mine(Some(true))));
    }

    #[test]
    fn a_chat_without_the_property_passes_only_what_asks_for_absence() {
        let none = Properties::default();
        assert!(!chat(&[], &none, &by_property(PropertyRule::Values(vec![text("sms")]))));
        assert!(!chat(&[], &none, &by_property(PropertyRule::Exists(true))));
        assert!(chat(&[], &none, &by_property(PropertyRule::ExcludeValues(vec![text("sms")]))));
        assert!(chat(&[], &none, &by_property(PropertyRule::Exists(false))));
    }

    #[test]
    fn a_property_is_compared_by_value_and_type() {
        let mut properties = Properties::default();
        properties.set("source", "type", text("1"));
        assert!(chat(&[], &properties, &by_property(PropertyRule::Values(vec![text("0"), text("1")]))));
        assert!(!chat(&[], &properties, &by_property(PropertyRule::Values(vec![PropertyValue::Int(1)]))));
        assert!(!chat(&[], &properties, &by_property(PropertyRule::ExcludeValues(vec![text("1")]))));
        assert!(chat(&[], &properties, &by_property(PropertyRule::Exists(true))));
        assert!(!chat(&[], &properties, &by_property(PropertyRule::Exists(false))));
    }

    #[test]
    fn all_given_filters_must_hold() {
        let mut properties = Properties::default();
        properties.set("source", "type", text("sms"));
        let mut filters = by_property(PropertyRule::Values(vec![text("sms")]));
        filters.agents_any = Some(ids(&["ann"]));
        assert!(!chat(&[], &properties, &filters));
        assert!(chat(&ids(&["ann"]), &properties, &filters));
    }
}
