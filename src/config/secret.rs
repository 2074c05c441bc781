//! A text that must not leak by accident.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// What is shown in place of a secret.
const MASK: &str = "********";

/// A password, key or token. Printing, logging and serializing it show a mask; only
/// [`Secret::expose`] gives the text.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_expose_shows_it() {
        let secret = Secret::new("s3cr3t");
        assert_eq!(secret.expose(), "s3cr3t");
        assert_eq!(format!("{:?}", Some(&secret)), "Some(********)");
        assert_eq!(serde_json::to_string(&secret).ok().as_deref(), Some("\"********\""));
    }
}
