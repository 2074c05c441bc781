//! Tokens and principals. Source: spec v3.0, 3.1-3.3 and 10.7; storage: design D14.

use serde::{Deserialize, Serialize};

use crate::auth::scope::{Family, Reach, Right, ScopeSet};
use crate::conversation::access::Access;
use crate::error::Rejected;
use crate::id::{AgentId, ClientId, CustomerId, GroupId, LicenseId, UserId};
use crate::time::Timestamp;

/// A token as it is kept: only its hash is stored, as the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The tenant.
    pub license: LicenseId,
    /// The application it was given to.
    pub client: ClientId,
    /// Whose it is.
    pub kind: TokenKind,
    /// When it was given out.
    pub issued_at: Timestamp,
    /// When it ends; never, when missing.
    pub expires_at: Option<Timestamp>,
}

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenKind {
    /// A human agent's, with scopes.
    Agent(AgentId, ScopeSet),
    /// A customer's: no scopes, only its own chats.
    Customer(CustomerId),
}

impl Token {
    /// Has it ended?
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// Who asks, at the moment of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The tenant.
    pub license: LicenseId,
    /// Who acts: the agent, one of its bots, or the customer.
    pub user: UserId,
    /// The application.
    pub client: ClientId,
    /// The acting agent is a bot.
    pub bot: bool,
    /// Scopes of the token; a customer has none and needs none.
    pub scopes: ScopeSet,
    /// Groups of the acting agent, group 0 included.
    pub groups: Vec<GroupId>,
    /// Hash of the token, so that what hangs on it can be found.
    pub token: [u8; 32],
}

/// How somebody stands to a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Shares a group with it.
    pub access: bool,
    /// Is in it now.
    pub present: bool,
}

impl Principal {
    /// The acting agent, when it is one.
    #[must_use]
    pub const fn agent(&self) -> Option<&AgentId> {
        self.user.agent()
    }

    /// May this principal set the routing status of that agent or bot (spec v3.0, 5.6)?
    ///
    /// # Errors
    /// `NoAccess` without `agents--my` (oneself) or `agents--all` (others).
    pub fn may_set_status(&self, target: &AgentId) -> Result<(), Rejected> {
        let reach = self.scopes.reach(Family::Agents, Right::Write);
        let needed = if self.agent() == Some(target) { Reach::My } else { Reach::All };
        if reach >= Some(needed) { Ok(()) } else { Err(Rejected::NoAccess) }
    }

    /// How this principal stands to a chat.
    #[must_use]
    pub fn reached(&self, access: &Access, present: bool) -> Reached {
        Reached { access: access.admits(&self.user, &self.groups), present }
    }
}

impl Reached {
    /// Does a reach cover it?
    #[must_use]
    pub fn covered_by(self, reach: Option<Reach>) -> bool {
        reach.is_some_and(|reach| reach.covers(self.access, self.present))
    }
}
