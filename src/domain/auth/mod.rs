//! Who asks, and what that lets them do. Source: spec v3.0, 3.

mod principal;
mod scope;

pub use principal::{Principal, Reached, Token, TokenKind};
pub use scope::{Family, Reach, Right, Scope, ScopeSet, UnknownScope};
