//! The addresses of sockets. Both spellings are in use: version first, and API first.

use switchboard_domain::id::LicenseId;

use super::error::WireError;
use super::v3_0::V3_0;
use crate::engine::dialect::{Dialect, Side};

/// The license that a query names, else status and body of the refusal.
pub type Admitted = Result<Option<LicenseId>, (u16, String)>;

/// An address that a socket can be opened at.
#[derive(Clone, Copy)]
pub struct Door {
    /// The path of the URL.
    pub path: &'static str,
    /// Which kind of user comes in there.
    pub side: Side,
    /// What is spoken there.
    pub dialect: &'static dyn Dialect,
    /// Reads the query: the license where the address has to name one, else the status and body
    /// of the refusal. Whether the license exists is for the caller to ask ([`license_not_found`]).
    pub admit: fn(Option<&str>) -> Admitted,
}

/// Every address of this face.
#[must_use]
pub fn doors() -> Vec<Door> {
    let door = |path, side| Door {
        path,
        side,
        dialect: &V3_0,
        admit: match side {
            Side::Agent => admit_agent,
            Side::Customer => admit_customer,
        },
    };
    vec![
        door("/v3.0/agent/rtm/ws", Side::Agent),
        door("/agent/v3.0/rtm/ws", Side::Agent),
        door("/v3.0/customer/rtm/ws", Side::Customer),
        door("/customer/v3.0/rtm/ws", Side::Customer),
    ]
}

/// Status and body for a license that does not exist.
#[must_use]
pub fn license_not_found() -> (u16, String) {
    refusal(&WireError::license_not_found())
}

fn refusal(error: &WireError) -> (u16, String) {
    (error.status(), error.body())
}

/// An agent's license follows from the token.
fn admit_agent(_: Option<&str>) -> Admitted {
    Ok(None)
}

fn admit_customer(query: Option<&str>) -> Admitted {
    license_of(query).map(Some).map_err(|error| refusal(&error))
}

/// The license that every address of the Customer API names.
pub(super) fn license_of(query: Option<&str>) -> Result<LicenseId, WireError> {
    let mut pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let (_, license) = pairs
        .find(|(name, _)| *name == "license_id")
        .ok_or_else(|| WireError::validation("license_id: missing in the query"))?;
    license.parse().map_err(|_| WireError::validation("license_id: must be a whole number"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn every_side_has_both_spellings() {
        let doors = doors();
        for (side, name) in [(Side::Agent, "agent"), (Side::Customer, "customer")] {
            let paths: Vec<_> = doors.iter().filter(|door| door.side == side).map(|door| door.path).collect();
            assert_eq!(paths, [format!("/v3.0/{name}/rtm/ws"), format!("/{name}/v3.0/rtm/ws")]);
        }
    }

    #[test]
    fn a_customer_names_the_license_and_an_agent_need_not() {
        for door in doors() {
            match door.side {
                Side::Agent => assert_eq!((door.admit)(None), Ok(None)),
                Side::Customer => {
                    assert_eq!((door.admit)(Some("a=b&license_id=100&c")), Ok(Some(LicenseId(100))));
                    for query in
                        [None, Some(""), Some("license_id"), Some("license_id=x"), Some("license_id=-1")]
                    {
                        let Err((status, body)) = (door.admit)(query) else { panic!("{query:?} was let in") };
                        assert_eq!(status, 400);
                        assert!(
                            body.starts_with(r#"{"error":{"type":"validation","message":"license_id: "#),
                            "{body}"
                        );
                    }
                }
            }
        }
        let not_found = r#"{"error":{"type":"license_not_found","message":"License not found"}}"#;
        assert_eq!(license_not_found(), (404, not_found.to_owned()));
    }
}
