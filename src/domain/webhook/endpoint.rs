//! Endpoints: who hears where, and of what; and the webhooks of a bot. Source: spec v3.0, 7.1, 7.2
//! and 9.3.

use core::net::Ipv6Addr;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::desk::DeskHearing;
use crate::error::Rejected;
use crate::id::{AgentId, ClientId};
use crate::limits::{ACTIONS_PER_BOT, SECRET_CHARS, URL_CHARS};
use crate::time::Timestamp;
use crate::webhook::{Action, Additional, Filters, FormerSecret, Occasion};

/// Names an endpoint for good: of a bot one per action, of the license one per registration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndpointId(Arc<str>);

impl EndpointId {
    /// Takes the id of a registration.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The id of a new registration, from random bits given by the caller: 25 lower-case letters and
    /// digits.
    #[must_use]
    pub fn from_random(mut bits: u128) -> Self {
        let mut text = [b'0'; 25];
        for slot in text.iter_mut().rev() {
            *slot = b"0123456789abcdefghijklmnopqrstuvwxyz"[(bits % 36) as usize];
            bits /= 36;
        }
        Self(text.iter().map(|&letter| char::from(letter)).collect::<String>().into())
    }

    /// The endpoint of a bot for an action. A bot that lists an action several times has as many
    /// endpoints of it; `nth` counts them from 0.
    #[must_use]
    pub fn of_bot(bot: &AgentId, action: Action, nth: usize) -> Self {
        let code = action.code();
        Self(match nth {
            0 => format!("{bot}.{code}").into(),
            _ => format!("{bot}.{code}.{nth}").into(),
        })
    }

    /// What all calls of a bot stand in line for: it hears everything about a chat in one order,
    /// whatever the action.
    #[must_use]
    pub fn of_all(bot: &AgentId) -> Self {
        Self(Arc::from(bot.as_str()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose an endpoint is: it lives and dies with its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owner {
    /// A bot's; silent while the bot is offline.
    Bot(AgentId),
    /// Registered for the whole license.
    License,
    /// A help desk's bot's; silent while the bot is offline.
    DeskBot(AgentId),
    /// A hook of a help desk.
    DeskHook,
}

/// Where a bot hears, and of what. Kept as it was given, so that it can be shown again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotWebhooks {
    /// Absolute `http` or `https` URL.
    pub url: Box<str>,
    /// Sent along in clear, so that the receiver knows us.
    pub secret_key: Box<str>,
    /// What it hears of.
    pub actions: Vec<Subscription>,
    /// Which face version renders the bodies; opaque here.
    pub dialect: u16,
    /// The former secret, which still signs for a while.
    #[serde(default)]
    pub former: Option<FormerSecret>,
    /// It is a help desk's bot, and hears this.
    #[serde(default)]
    pub desk: Option<DeskHearing>,
}

/// One action that somebody wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The action.
    pub action: Action,
    /// Which of its occasions; `None` when never given.
    pub filters: Option<Filters>,
    /// What to send beside the thing itself; `None` when never given.
    pub additional: Option<Vec<Additional>>,
}

/// One place that hears of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Stable name.
    pub id: EndpointId,
    /// Where to post.
    pub url: Arc<str>,
    /// Sent along in clear.
    pub secret_key: Box<str>,
    /// What it hears of.
    pub action: Action,
    /// Which occasions.
    pub filters: Filters,
    /// What to send beside the thing itself.
    pub additional: Vec<Additional>,
    /// Which face version renders the bodies; opaque here.
    pub dialect: u16,
    /// Whose it is.
    pub owner: Owner,
    /// The application it belongs to.
    pub client: ClientId,
    /// It is a help desk's, and hears this.
    pub desk: Option<DeskHearing>,
}

impl Endpoint {
    /// Does it want to hear of this?
    #[must_use]
    pub fn wants(&self, occasion: &Occasion<'_>) -> bool {
        self.action == occasion.action
            && self.filters.pass(occasion, &self.client)
            && self.desk.as_ref().is_none_or(|desk| desk.wants(&self.owner, occasion.desk.as_ref()))
    }
}

impl BotWebhooks {
    /// Checks the URL, every bound, and that each action admits what is asked of it.
    ///
    /// # Errors
    /// `Invalid` for a field below `webhooks`.
    pub fn check(&self) -> Result<(), Rejected> {
        check_url("webhooks.url", &self.url)?;
        within("webhooks.secret_key", self.secret_key.chars().count(), SECRET_CHARS, "characters")?;
        within("webhooks.actions", self.actions.len(), ACTIONS_PER_BOT, "entries")?;
        self.actions.iter().try_for_each(|subscription| subscription.check("webhooks.actions"))
    }

    /// The secrets that sign now, the newest first.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        FormerSecret::in_force(&self.secret_key, self.former.as_ref(), now)
    }

    /// These webhooks in the place of others: a secret that they replace signs on for a while, so that
    /// its receivers can be changed without haste.
    #[must_use]
    pub fn replacing(mut self, before: Option<&Self>, now: Timestamp) -> Self {
        self.former = before.and_then(|before| {
            FormerSecret::after(&before.secret_key, before.former.as_ref(), &self.secret_key, now)
        });
        self
    }

    /// The endpoints this makes for a bot, in the order given.
    pub fn endpoints(&self, bot: &AgentId, client: &ClientId) -> impl Iterator<Item = Endpoint> {
        let url: Arc<str> = Arc::from(&*self.url);
        self.actions.iter().enumerate().map(move |(at, subscription)| {
            let nth = self.actions[..at].iter().filter(|s| s.action == subscription.action).count();
            Endpoint {
                id: EndpointId::of_bot(bot, subscription.action, nth),
                url: Arc::clone(&url),
                secret_key: self.secret_key.clone(),
                action: subscription.action,
                filters: subscription.filters.clone().unwrap_or_default(),
                additional: subscription.additional.clone().unwrap_or_default(),
                dialect: self.dialect,
                owner: match &self.desk {
                    Some(_) => Owner::DeskBot(bot.clone()),
                    None => Owner::Bot(bot.clone()),
                },
                client: client.clone(),
                desk: self.desk.clone(),
            }
        })
    }
}

impl Subscription {
    /// Checks that the action admits the filters and the additional data.
    ///
    /// # Errors
    /// `Invalid` for a field below `parent`; at the top when that is empty.
    pub fn check(&self, parent: &str) -> Result<(), Rejected> {
        let below = |name: &str| if parent.is_empty() { name.into() } else { format!("{parent}.{name}") };
        if let Some(filters) = &self.filters {
            filters.check(self.action, &below("filters"))?;
        }
        let wanted = self.additional.as_deref().unwrap_or_default();
        let additional = below("additional_data");
        within(&additional, wanted.len(), MAX_ADDITIONAL, "entries")?;
        match wanted.iter().all(|&a| self.action.admits(a)) {
            true => Ok(()),
            false => Err(Rejected::invalid(additional, "this action does not offer that")),
        }
    }
}

/// Entries of additional data in one subscription: there are three, and naming one twice is
/// harmless, but lists are kept and must end somewhere; more is `Invalid`.
const MAX_ADDITIONAL: usize = 8;

/// Checks that a text is an absolute `http` or `https` URL with a host. Whether that host may be
/// reached is for the outbound client to say, each time it connects.
///
/// # Errors
/// `Invalid` for `field`.
pub fn check_url(field: &str, url: &str) -> Result<(), Rejected> {
    within(field, url.chars().count(), URL_CHARS, "characters")?;
    // Parsers disagree about backslashes and about blanks in odd places: none of them is a URL.
    if url.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(Rejected::invalid(field, "must not have blanks, control characters or backslashes"));
    }
    let after_scheme = url
        .split_once("://")
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
        .map(|(_, rest)| rest)
        .ok_or_else(|| Rejected::invalid(field, "must be an absolute http or https URL"))?;
    let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host_and_port.strip_prefix('[') {
        Some(rest) => {
            rest.split_once(']').is_some_and(|(ip, port)| ip.parse::<Ipv6Addr>().is_ok() && is_port(port))
        }
        None => {
            let at = host_and_port.find(':').unwrap_or(host_and_port.len());
            let (host, port) = host_and_port.split_at(at);
            is_host(host) && is_port(port)
        }
    }
    .then_some(())
    .ok_or_else(|| Rejected::invalid(field, "must have a host and, if any, a port from 1 to 65535"))
}

/// A name or an IPv4 address. Letters of every script: the client turns them into ASCII.
fn is_host(host: &str) -> bool {
    host.chars().any(char::is_alphanumeric)
        && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_' | '~'))
}

/// What follows a host: nothing, or a colon and a port.
fn is_port(text: &str) -> bool {
    text.is_empty()
        || text.strip_prefix(':').is_some_and(|port| {
            port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::conversation::properties::PropertyValue;
    use crate::limits::{FILTER_BYTES, FILTER_VALUES};
    use crate::webhook::{AuthorKind, PropertyFilter, PropertyRule};

    fn hears(actions: Vec<Subscription>) -> BotWebhooks {
        let url = "https://bots.example.org/hook".into();
        BotWebhooks { desk: None, url, secret_key: "s3cr3t".into(), actions, dialect: 30, former: None }
    }

    fn on(action: Action, filters: Filters) -> BotWebhooks {
        hears(vec![Subscription { action, filters: Some(filters), additional: None }])
    }

    fn refused(webhooks: &BotWebhooks) -> Option<String> {
        match webhooks.check() {
            Ok(()) => None,
            Err(Rejected::Invalid { field, .. }) => Some(field),
            Err(other) => Some(format!("{other:?}")),
        }
    }

    #[test]
    fn absolute_web_urls_are_taken() {
        for url in [
            "http://h",
            "https://bots.example.org/hook?x=1#y",
            "HTTP://127.0.0.1:8080",
            "http://[::1]:80/a",
            "http://[::1]",
            "https://user:pass@host:443/",
            "https://bücher.example/",
            "http://host?q",
            "http://under_score.example",
        ] {
            assert_eq!(check_url("u", url), Ok(()), "{url}");
        }
    }

    #[test]
    fn anything_else_is_no_url() {
        for url in [
            "",
            "host/path",
            "//host",
            "ftp://host",
            "http:/host",
            "http:host",
            "http://",
            "http:///path",
            "http://:80",
            "http://user@",
            "http://ho st",
            " http://host",
            "http://host\n",
            "http://host\\@other",
            "http://host/a\u{0}",
            "http://host:0",
            "http://host:65536",
            "http://host:+80",
            "http://host:",
            "http://a:b:c",
            "http://[::1",
            "http://[nope]",
            "http://[::1]x",
            "http://.",
            "http://a%b",
            "http://a<b>",
            "javascript://x",
        ] {
            assert!(matches!(check_url("u", url), Err(Rejected::Invalid { .. })), "{url}");
        }
        let long = |n: usize| format!("http://h/{}", "x".repeat(n - 9));
        assert_eq!(check_url("u", &long(URL_CHARS)), Ok(()));
        assert!(check_url("u", &long(URL_CHARS + 1)).is_err());
    }

    #[test]
    fn every_part_has_a_bound() {
        let plain = Subscription { action: Action::EventPosted, filters: None, additional: None };
        assert_eq!(refused(&hears(vec![plain.clone(); ACTIONS_PER_BOT])), None);
        assert_eq!(refused(&hears(vec![plain; ACTIONS_PER_BOT + 1])).unwrap(), "webhooks.actions");
        let mut long = hears(vec![]);
        long.secret_key = "x".repeat(SECRET_CHARS).into();
        assert_eq!(refused(&long), None);
        long.secret_key = "x".repeat(SECRET_CHARS + 1).into();
        assert_eq!(refused(&long).unwrap(), "webhooks.secret_key");
        let mut nowhere = hears(vec![]);
        nowhere.url = "bots.example.org".into();
        assert_eq!(refused(&nowhere).unwrap(), "webhooks.url");
    }

    #[test]
    fn filter_lists_have_a_bound() {
        let agents = |n| Filters { agents_any: Some(vec![AgentId::new("a"); n]), ..Filters::default() };
        assert_eq!(refused(&on(Action::ChatStarted, agents(FILTER_VALUES))), None);
        let field = "webhooks.actions.filters";
        assert_eq!(refused(&on(Action::ChatStarted, agents(FILTER_VALUES + 1))).unwrap(), field);
        let values = |n| Filters {
            properties: vec![PropertyFilter {
                namespace: "ns".into(),
                name: "n".into(),
                rule: PropertyRule::ExcludeValues(vec![PropertyValue::Int(1); n]),
            }],
            ..Filters::default()
        };
        assert_eq!(refused(&on(Action::ChatStarted, values(FILTER_VALUES))), None);
        assert_eq!(refused(&on(Action::ChatStarted, values(FILTER_VALUES + 1))).unwrap(), field);
    }

    #[test]
    fn filters_have_a_bound_in_all() {
        let long = |n: usize| Filters {
            agents_exclude: Some(vec![AgentId::new(&"x".repeat(256)); n]),
            ..Filters::default()
        };
        assert_eq!(refused(&on(Action::ChatStarted, long(FILTER_BYTES / 256))), None);
        let field = "webhooks.actions.filters";
        assert_eq!(refused(&on(Action::ChatStarted, long(FILTER_BYTES / 256 + 1))).unwrap(), field);
    }

    #[test]
    fn filters_must_fit_the_action_and_each_other() {
        let author = Filters { author: Some(AuthorKind::Customer), ..Filters::default() };
        let mine = Filters { only_my_chats: Some(false), ..Filters::default() };
        let agents = Filters { agents_exclude: Some(vec![]), ..Filters::default() };
        let both = Filters { agents_any: Some(vec![]), ..agents.clone() };
        for action in Action::ALL {
            assert_eq!(refused(&on(action, author.clone())).is_none(), action == Action::EventPosted);
            assert_eq!(refused(&on(action, mine.clone())).is_none(), !action.about_agent());
            assert_eq!(refused(&on(action, agents.clone())), None);
            let field = "webhooks.actions.filters.chat_member_ids";
            assert_eq!(refused(&on(action, both.clone())).unwrap(), field);
        }
    }

    #[test]
    fn additional_data_must_fit_the_action() {
        let asks = |action, additional| {
            hears(vec![Subscription { action, filters: None, additional: Some(vec![additional]) }])
        };
        assert_eq!(refused(&asks(Action::MemberAdded, Additional::ThreadId)), None);
        assert_eq!(
            refused(&asks(Action::ThreadClosed, Additional::ThreadId)).unwrap(),
            "webhooks.actions.additional_data"
        );
    }

    #[test]
    fn endpoint_ids_are_stable_and_differ() {
        let of = |action| Subscription { action, filters: None, additional: None };
        let webhooks =
            hears(vec![of(Action::EventPosted), of(Action::ThreadClosed), of(Action::EventPosted)]);
        let ids = |webhooks: &BotWebhooks| -> Vec<String> {
            let (bot, client) = (AgentId::new("b07"), ClientId::new("app"));
            webhooks.endpoints(&bot, &client).map(|endpoint| endpoint.id.to_string()).collect()
        };
        assert_eq!(ids(&webhooks), ["b07.event_posted", "b07.thread_closed", "b07.event_posted.1"]);
        assert_eq!(ids(&hears(vec![of(Action::ThreadClosed)])), ["b07.thread_closed"]);
    }

    #[test]
    fn ids_of_registrations_are_25_letters_and_digits() {
        assert_eq!(EndpointId::from_random(0).as_str(), "0".repeat(25));
        assert_eq!(EndpointId::from_random(36 * 36 - 1).as_str(), format!("{}zz", "0".repeat(23)));
        let most = EndpointId::from_random(u128::MAX);
        assert_eq!(most.as_str().len(), 25);
        assert!(most.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{most}");
        assert_ne!(most, EndpointId::from_random(u128::MAX - 1));
    }

    #[test]
    fn a_secret_that_was_replaced_signs_on_for_a_while() {
        let start = Timestamp::from_secs(1_000);
        let with = |secret: &str| BotWebhooks { secret_key: secret.into(), ..hears(vec![]) };
        let secrets =
            |webhooks: &BotWebhooks, at| webhooks.secrets(at).map(str::to_owned).collect::<Vec<_>>();
        let first = with("one").replacing(None, start);
        assert_eq!(secrets(&first, start), ["one"]);
        let second = with("two").replacing(Some(&first), start);
        assert_eq!(secrets(&second, start), ["two", "one"]);
        // The same secret again, with other actions.
        let same = with("two").replacing(Some(&second), start.plus(std::time::Duration::from_secs(9)));
        assert_eq!(same.former, second.former);
    }

    #[test]
    fn webhooks_of_before_secrets_were_kept_are_read() {
        let given = hears(vec![]);
        let mut stored = rmp_serde::to_vec(&given).unwrap();
        // Six fields by now; the last two were no part of it.
        assert_eq!((stored[0], stored.pop(), stored.pop()), (0x96, Some(0xc0), Some(0xc0)));
        stored[0] = 0x94;
        assert_eq!(rmp_serde::from_slice::<BotWebhooks>(&stored).unwrap(), given);
    }

    #[test]
    fn absent_and_empty_stay_apart_in_storage() {
        let given = hears(vec![
            Subscription { action: Action::EventPosted, filters: None, additional: None },
            Subscription {
                action: Action::EventPosted,
                filters: Some(Filters::default()),
                additional: Some(vec![]),
            },
        ]);
        let stored = rmp_serde::to_vec(&given).unwrap();
        assert_eq!(rmp_serde::from_slice::<BotWebhooks>(&stored).unwrap(), given);
    }
}
