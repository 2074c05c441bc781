//! What a configuration must fulfil beyond its form.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::path::Path;

use switchboard_domain::error::Rejected;
use switchboard_domain::id::{AgentId, GroupId};
use switchboard_domain::limits::{FIRST_LICENSE_MADE, MAX_CHATS_COUNT, MAX_CUSTOMER_CHATS, MAX_GROUP_ID};
use switchboard_domain::participant::settings::Settings;
use switchboard_domain::participant::staff::check_address;
use switchboard_domain::webhook::limits::{MAX_DEAD_LETTER_LIFE, MAX_DEAD_LETTERS};

use super::{Config, Group, License, Routing, Secret, Timers, Tls, WebhookKind, settings};
use crate::api::admin;
use crate::storage::{MAX_SEGMENT_BYTES, MIN_SEGMENT_BYTES};

/// Characters of a token, at least: fewer can be guessed.
const TOKEN_CHARS: usize = 32;
/// Characters of a client's secret, at least.
const CLIENT_SECRET_CHARS: usize = 16;
/// The longest drain, in seconds: a supervisor would have killed us before.
const MAX_DRAIN_SECONDS: u64 = 3_600;
/// The longest time between two checkpoints, in seconds: a start replays about so much.
const MAX_CHECKPOINT_SECONDS: u64 = 3_600;
/// The longest time until an actor leaves memory, in seconds: a day, after which hardly anybody comes back.
const MAX_ACTOR_IDLE_SECONDS: u64 = 86_400;
/// The longest wait for an endpoint's answer, in seconds: it holds a worker that long.
const MAX_WEBHOOK_TIMEOUT_SECONDS: u64 = 60;
/// Tries of one delivery beyond the first.
const MAX_RETRIES: usize = 32;
/// The longest wait between two tries, in seconds.
const MAX_RETRY_SECONDS: u64 = 7 * 24 * 3_600;
/// The longest that webhooks may wait or fail, in hours: a month.
const MAX_WEBHOOK_HOURS: u64 = 31 * 24;
/// Threads that serve: more than any machine has cores.
const MAX_SHARDS: usize = 1_024;
/// The longest time in `[limits]`, in seconds.
const MAX_LIMIT_SECONDS: u64 = 3_600;
/// The longest inactivity of a customer, in seconds: a week.
const MAX_INACTIVITY_SECONDS: u64 = 7 * 24 * 3_600;
/// Bytes of an outbox: at least two of the largest frames, at most what one client is worth.
const OUTBOX_BYTES: std::ops::RangeInclusive<usize> = 128 * 1024..=64 * 1024 * 1024;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, such as `license[0].agent[1].token`.
    pub key: String,
    /// What is wrong and what to do.
    pub advice: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.advice)
    }
}

/// Collects what is wrong.
#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn unless(&mut self, good: bool, key: impl Into<String>, advice: impl Into<String>) {
        if !good {
            self.0.push(Problem { key: key.into(), advice: advice.into() });
        }
    }

    /// What a rule of the domain says of a value under `key`.
    fn take<T>(&mut self, key: &str, found: Result<T, Rejected>) {
        match found {
            Ok(_) => {}
            Err(Rejected::Invalid { field, reason }) => self.unless(false, format!("{key}.{field}"), reason),
            Err(other) => self.unless(false, key, other.to_string()),
        }
    }

    fn check_settings(&mut self, key: &str, routing: Routing, timers: Timers) {
        let checked = Settings::default().changed(settings(routing, timers));
        // Here the timers are a section of their own beside that of routing.
        let place = |field: &str| match field.strip_prefix("settings.") {
            Some(timer) if timer.starts_with("timers.") => timer.to_owned(),
            Some(other) => format!("routing.{other}"),
            None => field.to_owned(),
        };
        let checked = checked.map_err(|rejected| match rejected {
            Rejected::Invalid { field, reason } => Rejected::Invalid { field: place(&field), reason },
            other => other,
        });
        self.take(key, checked);
    }
}

impl Config {
    /// Everything that is wrong with the values; empty when all is well.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        self.check_server(&mut problems);
        self.check_webhooks(&mut problems);
        self.check_limits(&mut problems);
        problems.unless(
            !self.data.dir.as_os_str().is_empty(),
            "data.dir",
            "is empty; name a directory, such as \"data\"",
        );
        for (key, value, bounds) in [
            ("data.segment_bytes", self.data.segment_bytes, MIN_SEGMENT_BYTES..=MAX_SEGMENT_BYTES),
            ("data.checkpoint_seconds", self.data.checkpoint_seconds, 1..=MAX_CHECKPOINT_SECONDS),
            ("data.actor_idle_seconds", self.data.actor_idle_seconds, 1..=MAX_ACTOR_IDLE_SECONDS),
        ] {
            let said = format!("must be from {} to {}", bounds.start(), bounds.end());
            problems.unless(bounds.contains(&value), key, said);
        }
        problems.unless(!self.licenses.is_empty(), "license", "none is configured; add a [[license]]");

        let mut tokens = BTreeSet::new();
        check_token(&mut problems, &mut tokens, "admin.token", &self.admin.token);
        let (mut ids, mut clients) = (BTreeSet::new(), BTreeSet::new());
        for (n, license) in self.licenses.iter().enumerate() {
            let key = format!("license[{n}]");
            // Those above are made while the server runs.
            let own = (1..FIRST_LICENSE_MADE).contains(&license.id);
            problems.unless(
                own,
                format!("{key}.id"),
                format!("must be from 1 to {}", FIRST_LICENSE_MADE - 1),
            );
            problems.unless(ids.insert(license.id), format!("{key}.id"), "is another license's id");
            problems.unless(
                clients.insert(license.client_id.as_str()),
                format!("{key}.client_id"),
                "is another license's client; give each its own",
            );
            check_license(&mut problems, &key, license);
            for (m, agent) in license.agents.iter().enumerate() {
                if let Some(token) = &agent.token {
                    check_token(&mut problems, &mut tokens, &format!("{key}.agent[{m}].token"), token);
                }
            }
        }
        problems.0
    }

    fn check_server(&self, problems: &mut Problems) {
        let server = &self.server;
        problems.unless(
            server.shards <= MAX_SHARDS,
            "server.shards",
            format!("must be at most {MAX_SHARDS}; 0 takes one per core"),
        );
        problems.unless(
            (1..=MAX_DRAIN_SECONDS).contains(&server.drain_grace_seconds),
            "server.drain_grace_seconds",
            format!("must be from 1 to {MAX_DRAIN_SECONDS}"),
        );
        if let Some(url) = &server.public_url {
            let is_web = url.starts_with("https://") || url.starts_with("http://");
            let advice = "an http or https address without query, such as https://chat.example";
            problems.unless(is_web && !url.contains(['?', '#', ' ']), "server.public_url", advice);
        }
        for origin in &server.stream_origins {
            let host = ["https://", "http://"].iter().find_map(|scheme| origin.strip_prefix(scheme));
            let is_origin =
                host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']));
            problems.unless(
                is_origin,
                "server.stream_origins",
                "an origin is a scheme and a host without a path, such as https://shop.example",
            );
        }
        if let Some(Tls { listen, cert, key }) = &server.tls {
            problems.unless(
                listen.port() == 0 || *listen != server.listen,
                "server.tls.listen",
                "is the address of server.listen; give TLS its own port",
            );
            check_readable(problems, "server.tls.cert", cert);
            check_readable(problems, "server.tls.key", key);
        }
    }

    fn check_webhooks(&self, problems: &mut Problems) {
        let webhooks = &self.webhooks;
        let is_host = |host: &String| {
            !host.is_empty()
                && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        };
        problems.unless(
            webhooks.allow_hosts.iter().all(is_host),
            "webhooks.allow_hosts",
            "must be names without scheme, port or wildcard, such as \"bots.internal\"",
        );
        let hours = MAX_DEAD_LETTER_LIFE.as_secs() / 3_600;
        problems.unless(
            (1..=hours).contains(&webhooks.dead_letter_hours),
            "webhooks.dead_letter_hours",
            format!("must be from 1 to {hours}"),
        );
        problems.unless(
            (1..=MAX_DEAD_LETTERS).contains(&webhooks.dead_letters),
            "webhooks.dead_letters",
            format!("must be from 1 to {MAX_DEAD_LETTERS}"),
        );
        let all = WebhookKind {
            timeout_seconds: Some(webhooks.timeout_seconds),
            retry_seconds: Some(webhooks.retry_seconds.clone()),
            backlog_hours: Some(webhooks.backlog_hours),
            disable_after_hours: Some(webhooks.disable_after_hours),
        };
        check_kind(problems, "webhooks", &all);
        check_kind(problems, "webhooks.bots", &webhooks.bots);
        check_kind(problems, "webhooks.license", &webhooks.license);
    }

    fn check_limits(&self, problems: &mut Problems) {
        let limits = &self.limits;
        for (key, seconds) in [
            ("limits.login_seconds", limits.login_seconds),
            ("limits.idle_seconds", limits.idle_seconds),
            ("limits.request_seconds", limits.request_seconds),
            ("limits.customer_block_seconds", limits.customer_block_seconds),
        ] {
            let good = (1..=MAX_LIMIT_SECONDS).contains(&seconds);
            problems.unless(good, key, format!("must be from 1 to {MAX_LIMIT_SECONDS}"));
        }
        let days = 1..=MAX_INACTIVITY_SECONDS;
        problems.unless(
            days.contains(&limits.customer_inactivity_seconds),
            "limits.customer_inactivity_seconds",
            format!("must be from 1 to {MAX_INACTIVITY_SECONDS}"),
        );
        for (key, connections) in [
            ("limits.connections_per_user", limits.connections_per_user),
            ("limits.unauthorized_connections", limits.unauthorized_connections),
        ] {
            problems.unless(connections > 0, key, "must be at least 1");
        }
        problems.unless(
            OUTBOX_BYTES.contains(&limits.outbox_bytes),
            "limits.outbox_bytes",
            format!("must be from {} to {}", OUTBOX_BYTES.start(), OUTBOX_BYTES.end()),
        );
    }
}

fn check_kind(problems: &mut Problems, key: &str, kind: &WebhookKind) {
    problems.unless(
        kind.timeout_seconds.is_none_or(|seconds| (1..=MAX_WEBHOOK_TIMEOUT_SECONDS).contains(&seconds)),
        format!("{key}.timeout_seconds"),
        format!("must be from 1 to {MAX_WEBHOOK_TIMEOUT_SECONDS}"),
    );
    let waits = kind.retry_seconds.as_deref().unwrap_or_default();
    problems.unless(
        waits.len() <= MAX_RETRIES && waits.iter().all(|wait| (1..=MAX_RETRY_SECONDS).contains(wait)),
        format!("{key}.retry_seconds"),
        format!("must be at most {MAX_RETRIES} waits, each from 1 to {MAX_RETRY_SECONDS}"),
    );
    for (name, hours) in
        [("backlog_hours", kind.backlog_hours), ("disable_after_hours", kind.disable_after_hours)]
    {
        problems.unless(
            hours.is_none_or(|hours| (1..=MAX_WEBHOOK_HOURS).contains(&hours)),
            format!("{key}.{name}"),
            format!("must be from 1 to {MAX_WEBHOOK_HOURS}"),
        );
    }
}

fn check_license(problems: &mut Problems, key: &str, license: &License) {
    problems.unless(
        is_uuid(&license.organization_id),
        format!("{key}.organization_id"),
        "is no UUID; write one in lower case, as from `uuidgen`",
    );
    problems.unless(!license.client_id.trim().is_empty(), format!("{key}.client_id"), "is empty");
    problems.unless(
        license.client_secret.expose().len() >= CLIENT_SECRET_CHARS,
        format!("{key}.client_secret"),
        format!("must have at least {CLIENT_SECRET_CHARS} characters"),
    );

    problems.unless(
        license.max_customer_chats_count.is_none_or(|count| (1..=MAX_CUSTOMER_CHATS).contains(&count)),
        format!("{key}.max_customer_chats_count"),
        format!("must be from 1 to {MAX_CUSTOMER_CHATS}"),
    );
    problems.check_settings(key, license.routing, license.timers);

    let mut agents = BTreeSet::new();
    for (n, agent) in license.agents.iter().enumerate() {
        let key = format!("{key}.agent[{n}]");
        problems.take(&key, check_address(&AgentId::new(&agent.id)));
        problems.unless(agents.insert(agent.id.as_str()), format!("{key}.id"), "is listed twice");
        problems.unless(!agent.name.trim().is_empty(), format!("{key}.name"), "is empty");
        problems.unless(
            agent.max_chats.is_none_or(|count| count <= MAX_CHATS_COUNT),
            format!("{key}.max_chats"),
            format!("must be at most {MAX_CHATS_COUNT}"),
        );
    }

    let mut groups = BTreeSet::new();
    for (n, group) in license.groups.iter().enumerate() {
        let key = format!("{key}.group[{n}]");
        problems.unless(groups.insert(group.id), format!("{key}.id"), "is listed twice");
        problems.unless(
            group.id <= MAX_GROUP_ID,
            format!("{key}.id"),
            format!("must be at most {MAX_GROUP_ID}"),
        );
        problems.check_settings(&key, group.routing, group.timers);
        check_forms(problems, &key, group, &license.groups);
        problems.unless(!group.name.trim().is_empty(), format!("{key}.name"), "is empty");
        for agent in group.agents.keys() {
            problems.unless(
                agents.contains(agent.as_str()),
                format!("{key}.agents"),
                format!("{agent} is no [[license.agent]] of this license; add it or leave it out"),
            );
        }
    }
}

/// Groups that a form may offer are those of the file: what the administration made is not known here.
fn check_forms(problems: &mut Problems, key: &str, group: &Group, all: &[Group]) {
    for (kind, form) in group.forms.given() {
        let key = format!("{key}.forms.{}", admin::form_word(kind));
        let exists = |id: GroupId| id == GroupId::EVERYBODY || all.iter().any(|group| group.id == id.0);
        let read = admin::form(form, kind, GroupId(group.id));
        problems.take(&key, read.and_then(|form| form.check(exists)));
    }
}

fn check_token<'a>(problems: &mut Problems, seen: &mut BTreeSet<&'a str>, key: &str, token: &'a Secret) {
    let text = token.expose();
    problems.unless(
        text.len() >= TOKEN_CHARS && text.bytes().all(|byte| byte.is_ascii_graphic()),
        key,
        format!(
            "must have at least {TOKEN_CHARS} visible ASCII characters; \
             make one with `head -c 32 /dev/urandom | base64`"
        ),
    );
    problems.unless(seen.insert(text), key, "is used twice; give each its own");
}

fn check_readable(problems: &mut Problems, key: &str, file: &Path) {
    if let Err(error) = File::open(file) {
        problems.unless(false, key, format!("{}: {error}; name a readable PEM file", file.display()));
    }
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.concat().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Demo, Priority};
    use serde_json::json;
    use switchboard_domain::limits::{MAX_QUEUE_LIMIT, MAX_TIMER_SECS};

    /// The keys that are wrong after `spoil`.
    fn wrong(spoil: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::demo(Demo::sample());
        config.server.tls = None;
        spoil(&mut config);
        config.check().into_iter().map(|problem| problem.key).collect()
    }

    #[test]
    fn the_demo_is_right() {
        assert_eq!(wrong(|_| {}), [""; 0]);
    }

    #[test]
    fn the_server_is_checked() {
        assert_eq!(wrong(|c| c.server.shards = 5_000), ["server.shards"]);
        assert_eq!(wrong(|c| c.server.drain_grace_seconds = 0), ["server.drain_grace_seconds"]);
        assert_eq!(wrong(|c| c.server.public_url = Some("chat.example".into())), ["server.public_url"]);
        for odd in ["shop.example", "https://", "https://shop.example/", "ftp://shop.example"] {
            assert_eq!(wrong(|c| c.server.stream_origins = vec![odd.into()]), ["server.stream_origins"]);
        }
        assert_eq!(wrong(|c| c.data.dir = "".into()), ["data.dir"]);
        assert_eq!(wrong(|c| c.licenses[0].id = FIRST_LICENSE_MADE), ["license[0].id"]);
        assert_eq!(wrong(|c| c.data.segment_bytes = MIN_SEGMENT_BYTES - 1), ["data.segment_bytes"]);
        assert_eq!(wrong(|c| c.data.segment_bytes = MAX_SEGMENT_BYTES + 1), ["data.segment_bytes"]);
        assert_eq!(wrong(|c| c.data.checkpoint_seconds = 0), ["data.checkpoint_seconds"]);
        assert_eq!(wrong(|c| c.data.checkpoint_seconds = 3_601), ["data.checkpoint_seconds"]);
        assert_eq!(wrong(|c| c.data.actor_idle_seconds = 0), ["data.actor_idle_seconds"]);
        assert_eq!(wrong(|c| c.data.actor_idle_seconds = 86_401), ["data.actor_idle_seconds"]);
        let missing = || "no/such.pem".into();
        assert_eq!(
            wrong(|c| c.server.tls = Some(Tls { listen: c.server.listen, cert: missing(), key: missing() })),
            ["server.tls.listen", "server.tls.cert", "server.tls.key"]
        );
        assert_eq!(wrong(|c| c.webhooks.timeout_seconds = 0), ["webhooks.timeout_seconds"]);
        assert_eq!(wrong(|c| c.webhooks.retry_seconds = vec![5, 0]), ["webhooks.retry_seconds"]);
        assert_eq!(wrong(|c| c.webhooks.backlog_hours = 0), ["webhooks.backlog_hours"]);
        assert_eq!(wrong(|c| c.webhooks.disable_after_hours = 745), ["webhooks.disable_after_hours"]);
        for (hours, letters, expected) in [
            (1, 1, vec![]),
            (8_784, MAX_DEAD_LETTERS, vec![]),
            (0, 0, vec!["webhooks.dead_letter_hours", "webhooks.dead_letters"]),
            (8_785, MAX_DEAD_LETTERS + 1, vec!["webhooks.dead_letter_hours", "webhooks.dead_letters"]),
        ] {
            let set = |c: &mut Config| {
                (c.webhooks.dead_letter_hours, c.webhooks.dead_letters) = (hours, letters);
            };
            assert_eq!(wrong(set), expected);
        }
        let kind = WebhookKind { timeout_seconds: Some(0), ..WebhookKind::default() };
        assert_eq!(wrong(|c| c.webhooks.bots = kind.clone()), ["webhooks.bots.timeout_seconds"]);
        let kind = WebhookKind { retry_seconds: Some(vec![1; 33]), ..WebhookKind::default() };
        assert_eq!(wrong(|c| c.webhooks.license = kind.clone()), ["webhooks.license.retry_seconds"]);
        assert_eq!(wrong(|c| c.webhooks.allow_hosts = vec!["Bots.internal".into()]), [""; 0]);
        for odd in ["", "http://h", "h:80", "*.h"] {
            assert_eq!(wrong(|c| c.webhooks.allow_hosts = vec![odd.into()]), ["webhooks.allow_hosts"]);
        }
        assert_eq!(wrong(|c| c.limits.idle_seconds = 0), ["limits.idle_seconds"]);
        assert_eq!(wrong(|c| c.limits.outbox_bytes = 1), ["limits.outbox_bytes"]);
        assert_eq!(wrong(|c| c.limits.connections_per_user = 0), ["limits.connections_per_user"]);
        assert_eq!(wrong(|c| c.limits.unauthorized_connections = 0), ["limits.unauthorized_connections"]);
        let inactivity = "limits.customer_inactivity_seconds";
        assert_eq!(wrong(|c| c.limits.customer_inactivity_seconds = 0), [inactivity]);
        assert_eq!(wrong(|c| c.limits.customer_block_seconds = 0), ["limits.customer_block_seconds"]);
    }

    #[test]
    fn tokens_are_long_and_used_once() {
        assert_eq!(wrong(|c| c.admin.token = Secret::new("short")), ["admin.token"]);
        assert_eq!(
            wrong(|c| c.licenses[0].agents[1].token = Some(c.admin.token.clone())),
            ["license[0].agent[1].token"]
        );
    }

    #[test]
    fn licenses_are_checked() {
        assert_eq!(wrong(|c| c.licenses.clear()), ["license"]);
        assert_eq!(wrong(|c| c.licenses[0].id = 0), ["license[0].id"]);
        assert_eq!(wrong(|c| c.licenses[0].organization_id = "x".into()), ["license[0].organization_id"]);
        assert_eq!(wrong(|c| c.licenses[0].client_secret = Secret::new("x")), ["license[0].client_secret"]);
        assert_eq!(
            wrong(|c| c.licenses[0].agents[0].id = "ann".into()),
            ["license[0].agent[0].id", "license[0].group[0].agents", "license[0].group[1].agents"]
        );
        let twice = wrong(|c| {
            let mut copy = c.licenses[0].clone();
            copy.agents.clear();
            copy.groups.clear();
            c.licenses.push(copy);
        });
        assert_eq!(twice, ["license[1].id", "license[1].client_id"]);
        let stranger = |c: &mut Config| {
            let agents = [("bob@example.org".to_owned(), Priority::Normal)].into();
            let again = Group { id: 0, name: "Again".into(), agents, ..c.licenses[0].groups[1].clone() };
            c.licenses[0].groups.push(again);
        };
        assert_eq!(wrong(stranger), ["license[0].group[3].id", "license[0].group[3].agents"]);
    }

    #[test]
    fn settings_and_forms_are_checked() {
        let too_long = Timers { idle: Some(MAX_TIMER_SECS + 1), ..Timers::default() };
        assert_eq!(wrong(|c| c.licenses[0].timers = too_long), ["license[0].timers.idle"]);
        assert_eq!(wrong(|c| c.licenses[0].groups[1].timers = too_long), ["license[0].group[1].timers.idle"]);
        let crowd = Routing { queue_limit: Some(MAX_QUEUE_LIMIT + 1), ..Routing::default() };
        assert_eq!(wrong(|c| c.licenses[0].routing = crowd), ["license[0].routing.queue_limit"]);
        assert_eq!(
            wrong(|c| c.licenses[0].max_customer_chats_count = Some(0)),
            ["license[0].max_customer_chats_count"]
        );
        assert_eq!(
            wrong(|c| c.licenses[0].agents[0].max_chats = Some(u32::MAX)),
            ["license[0].agent[0].max_chats"]
        );
        assert_eq!(wrong(|c| c.licenses[0].groups[2].id = u32::MAX), ["license[0].group[2].id"]);
        let chooser = |group: u32| {
            json!({ "fields": [{ "id": "team", "type": "group_chooser", "label": "Team",
                "options": [{ "group_id": group, "label": "It" }] }] })
        };
        for (form, expected) in [
            (chooser(2), vec![]),
            (chooser(9), vec!["license[0].group[1].forms.prechat.fields[0].options[0].group_id"]),
            (json!({ "fields": [] }), vec!["license[0].group[1].forms.prechat.fields"]),
            (json!({ "felds": [] }), vec!["license[0].group[1].forms.prechat.felds"]),
        ] {
            assert_eq!(wrong(|c| c.licenses[0].groups[1].forms.prechat = Some(form)), expected);
        }
    }
}
