//! Who asks. Source: spec, section 1.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use switchboard_domain::auth::{Principal, ScopeSet, TokenKind};
use switchboard_domain::id::{AgentId, LicenseId};
use switchboard_domain::participant::agent::Role;
use switchboard_domain::participant::license::License;
use switchboard_domain::participant::person::Person;

use super::refusal::Refused;
use crate::engine::handle::EngineHandle;
use crate::engine::rates::RunningCall;

/// What an agent who is no administrator may do: see and answer what comes to its inboxes.
const AGENT_SCOPES: [&str; 3] = ["chats--access:rw", "chats.conversation--access:rw", "customers:rw"];

/// Whose token it is.
pub(super) enum Who {
    /// An agent's of one license.
    User(LicenseId, AgentId),
    /// A person's, who may be an agent of several.
    Person(Arc<Person>),
    /// A bot's: one of a license, or in every license the same.
    Bot(Vec<(LicenseId, AgentId)>),
    /// The platform's.
    Platform,
}

/// The token that a request shows. A `Bearer` one counts before the other, also when it is empty.
pub(super) fn token(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text(AUTHORIZATION.as_str()).and_then(|value| {
        value.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case("bearer")).map(|_| &value[6..])
    });
    let own = || text("api_access_token").or_else(|| text("api-access-token"));
    bearer.map(str::trim).or_else(|| own().map(str::trim)).map(str::to_owned)
}

/// Whose token a request shows, and its call, which runs as long as that is kept.
///
/// # Errors
/// 401 without one, or with one that is nobody's.
pub(super) fn who(engine: &EngineHandle, headers: &HeaderMap) -> Result<(Who, Option<RunningCall>), Refused> {
    let token = token(headers).ok_or_else(Refused::stranger)?;
    if let Ok(found) = engine.authenticate(&token)
        && let TokenKind::Agent(agent, scopes) = &found.token.kind
        && scopes.opens_unscoped()
    {
        let running = engine.admit_call(&token).map_err(Refused::too_many_requests)?;
        return Ok((Who::User(found.token.license, agent.clone()), Some(running)));
    }
    if let Some(person) = engine.person_with_token(&token) {
        let running = engine.admit_call(&token).map_err(Refused::too_many_requests)?;
        return Ok((Who::Person(person), Some(running)));
    }
    let bots = engine.desk_bots_with_token(&token);
    if !bots.is_empty() {
        let running = engine.admit_call(&token).map_err(Refused::too_many_requests)?;
        return Ok((Who::Bot(bots), Some(running)));
    }
    if engine.platform_token_matches(&token) {
        return Ok((Who::Platform, None));
    }
    Err(Refused::invalid_token())
}

/// Somebody who asks about an account.
pub(super) struct Asker {
    /// What the engine knows it by.
    pub(super) principal: Arc<Principal>,
    /// May it administer the account?
    pub(super) admin: bool,
}

impl Who {
    /// Is it somebody, and no program?
    pub(super) const fn is_human(&self) -> bool {
        matches!(self, Self::User(..) | Self::Person(_))
    }
}

impl Asker {
    /// A person or bot in the account that the address names.
    ///
    /// # Errors
    /// 401 when it is not of that account.
    pub(super) fn of(engine: &EngineHandle, license: &License, who: &Who) -> Result<Self, Refused> {
        let (agent, foreign, person) = match who {
            Who::User(own, agent) => {
                ((*own == license.id).then(|| agent.clone()), Refused::foreign_user(), true)
            }
            Who::Person(person) => {
                let agent = engine.member(license.id, person).map(|agent| agent.id.clone());
                (agent, Refused::foreign_user(), true)
            }
            Who::Bot(bots) => {
                let here = bots.iter().find(|(own, _)| *own == license.id);
                (here.map(|(_, bot)| bot.clone()), Refused::foreign_bot(), false)
            }
            Who::Platform => return Err(Refused::not_for_bots()),
        };
        let agent = agent.ok_or_else(|| foreign.clone())?;
        let profile = engine.agent(license.id, &agent).filter(|profile| !profile.removed);
        let profile = profile.ok_or_else(|| foreign.clone())?;
        let admin = person && profile.role != Role::Normal;
        let scopes = if admin || !person { ScopeSet::all() } else { agent_scopes() };
        let principal = engine.desk_agent(license.id, &agent, scopes).ok_or(foreign)?;
        Ok(Self { principal, admin })
    }

    /// Refuses whoever may not administer.
    ///
    /// # Errors
    /// 401.
    pub(super) fn must_administer(&self) -> Result<(), Refused> {
        if self.admin { Ok(()) } else { Err(Refused::not_authorized()) }
    }
}

fn agent_scopes() -> ScopeSet {
    AGENT_SCOPES.iter().filter_map(|name| name.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use http::HeaderName;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_token_comes_in_one_of_three_headers() {
        let of = |pairs: &[(&'static str, &str)]| token(&headers(pairs));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("api_access_token", "a")]).unwrap(), "a");
        assert_eq!(of(&[("api-access-token", "b")]).unwrap(), "b");
        assert_eq!(of(&[("authorization", "Bearer c"), ("api_access_token", "a")]).unwrap(), "c");
        assert_eq!(of(&[("authorization", "bearer"), ("api_access_token", "a")]).unwrap(), "");
        assert_eq!(of(&[("authorization", "Basic x"), ("api_access_token", "a")]).unwrap(), "a");
    }

    #[test]
    fn every_scope_of_an_agent_is_known() {
        assert_eq!(agent_scopes().iter().count(), AGENT_SCOPES.len());
    }
}
