//! How a receiver stands: what of its health outlives a restart. A receiver is a URL inside a
//! license, whoever's endpoints lead there: trouble is the receiver's.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What is kept of a receiver; the default is a healthy one, and needs no keeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Standing {
    /// Since when every attempt failed; `None` when it is well.
    pub failing_since: Option<Timestamp>,
    /// Nothing is sent any more.
    pub disabled: Option<Disabled>,
}

/// Since when and why nothing is sent to a receiver any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub why: WhyDisabled,
}

/// Why a receiver was disabled. Stored: variants are added at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhyDisabled {
    /// It answered 410: it is gone for good.
    Gone,
    /// Every attempt failed for longer than its schedule bears.
    LongFailure,
    /// An administrator said so.
    ByHand,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn the_stored_bytes_are_pinned() {
        let disabled = Disabled { at: Timestamp::from_micros(9), why: WhyDisabled::Gone };
        let standing = Standing { failing_since: Some(Timestamp::from_micros(7)), disabled: Some(disabled) };
        let golden = [&[0x92, 7, 0x92, 9, 0xa4][..], b"Gone"].concat();
        assert_eq!(rmp_serde::to_vec(&standing).unwrap(), golden);
        assert_eq!(rmp_serde::from_slice::<Standing>(&golden).unwrap(), standing);
    }
}
