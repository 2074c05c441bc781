//! Signatures of webhook calls by the form of Standard Webhooks (standardwebhooks.com, 1.0): the
//! HMAC-SHA256 of `id.timestamp.body` in `webhook-signature`, one for each secret in force.
//!
//! The secret is the webhook's `secret_key`: one that begins with `whsec_` is base64, as that form
//! has it, any other is taken as its own bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue, InvalidHeaderValue};
use ring::{digest, hmac};

/// How far a call's time may be from the receiver's clock, in seconds, unless it says otherwise: what
/// the libraries of Standard Webhooks allow.
pub const TOLERANCE_SECONDS: u64 = 300;

/// What a secret in base64 begins with.
const BASE64_SECRET: &str = "whsec_";

/// The headers of Standard Webhooks (standardwebhooks.com, 1.0): which delivery, the same in each
/// attempt; when this attempt was signed, in Unix seconds; the signatures.
const DELIVERY_HEADER: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP_HEADER: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("webhook-signature");

/// What a signature of this kind begins with.
const VERSION: &str = "v1,";

/// How a face's webhook calls are signed when not by Standard Webhooks: the lower-case hex of the
/// HMAC-SHA256 of `timestamp.body`, and the delivery named by a UUID.
#[derive(Debug, PartialEq, Eq)]
pub struct Form {
    /// The header that names the delivery.
    pub delivery: HeaderName,
    /// The header of the time, in Unix seconds.
    pub timestamp: HeaderName,
    /// The header of the signature.
    pub signature: HeaderName,
    /// What the signature begins with.
    pub prefix: &'static str,
}

/// Signs for one webhook.
#[derive(Debug, Clone)]
pub struct Signer(Vec<hmac::Key>, Option<&'static Form>);

impl Signer {
    /// With these secrets, the newest first. An empty one signs nothing: everybody knows it.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self(secrets.into_iter().filter(|secret| !secret.is_empty()).map(key).collect(), None)
    }

    /// The same, in another form.
    #[must_use]
    pub fn in_form(self, form: Option<&'static Form>) -> Self {
        Self(self.0, form)
    }

    /// The headers that name a delivery and sign its body at a time (Unix seconds).
    ///
    /// # Errors
    /// For an id that HTTP cannot express.
    pub(super) fn headers(
        &self,
        id: &str,
        timestamp: u64,
        body: &[u8],
        headers: &mut HeaderMap,
    ) -> Result<(), InvalidHeaderValue> {
        let Some(form) = self.1 else {
            headers.insert(DELIVERY_HEADER, HeaderValue::from_str(id)?);
            headers.insert(TIMESTAMP_HEADER, HeaderValue::from(timestamp));
            if let Some(signature) = self.sign(id, timestamp, body) {
                headers.insert(SIGNATURE_HEADER, HeaderValue::try_from(signature)?);
            }
            return Ok(());
        };
        headers.insert(form.delivery.clone(), HeaderValue::try_from(uuid_of(id))?);
        if let Some(key) = self.0.first() {
            let mut context = hmac::Context::with_key(key);
            context.update(format!("{timestamp}.").as_bytes());
            context.update(body);
            let tag = context.sign();
            let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            headers.insert(form.timestamp.clone(), HeaderValue::from(timestamp));
            headers.insert(form.signature.clone(), HeaderValue::try_from(format!("{}{hex}", form.prefix))?);
        }
        Ok(())
    }

    /// The signatures of a body under its delivery's id at a time (Unix seconds), as the header has
    /// them; `None` without a secret.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> Option<String> {
        let mut all = String::new();
        for key in &self.0 {
            let separator = if all.is_empty() { "" } else { " " };
            let tag = content(key, id, timestamp, body).sign();
            all.push_str(separator);
            all.push_str(VERSION);
            STANDARD.encode_string(tag, &mut all);
        }
        (!all.is_empty()).then_some(all)
    }
}

/// Why a call is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// No signature of this kind was made with this secret over this id, time and body.
    #[error("no signature matches: the secret, the id, the time or a byte of the body differ")]
    Mismatch,
    /// It is older, or newer, than is tolerated: it may be a repetition by somebody who listened.
    #[error("the timestamp is {0} s away from now, which is more than is tolerated")]
    Untimely(u64),
}

/// Checks a call as its receiver should: a signature among those in the header matches (compared in
/// constant time), and the timestamp is at most `tolerance` seconds away from `now`.
///
/// # Errors
/// When it does not hold.
pub fn verify(
    secret: &str,
    (id, timestamp): (&str, u64),
    body: &[u8],
    signatures: &str,
    (now, tolerance): (u64, u64),
) -> Result<(), Unverified> {
    let key = key(secret);
    let matches = |signature: &str| {
        let tag = signature.strip_prefix(VERSION).and_then(|tag| STANDARD.decode(tag).ok());
        tag.is_some_and(|tag| hmac::verify(&key, &signed(id, timestamp, body), &tag).is_ok())
    };
    if !signatures.split_ascii_whitespace().any(matches) {
        return Err(Unverified::Mismatch);
    }
    let away = now.abs_diff(timestamp);
    if away > tolerance { Err(Unverified::Untimely(away)) } else { Ok(()) }
}

/// A UUID (version 8: of our own making) that is the same for the same id.
fn uuid_of(id: &str) -> String {
    let hash = digest::digest(&digest::SHA256, id.as_bytes());
    let mut bits = [0; 16];
    bits.copy_from_slice(&hash.as_ref()[..16]);
    let bits = u128::from_be_bytes(bits) & !(0xf << 76) | (0x8 << 76);
    let hex = format!("{:032x}", bits & !(0b11 << 62) | (0b10 << 62));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn key(secret: &str) -> hmac::Key {
    let decoded = secret.strip_prefix(BASE64_SECRET).and_then(|secret| STANDARD.decode(secret).ok());
    hmac::Key::new(hmac::HMAC_SHA256, decoded.as_deref().unwrap_or(secret.as_bytes()))
}

fn content(key: &hmac::Key, id: &str, timestamp: u64, body: &[u8]) -> hmac::Context {
    let mut context = hmac::Context::with_key(key);
    context.update(head(id, timestamp).as_bytes());
    context.update(body);
    context
}

fn signed(id: &str, timestamp: u64, body: &[u8]) -> Vec<u8> {
    [head(id, timestamp).as_bytes(), body].concat()
}

fn head(id: &str, timestamp: u64) -> String {
    format!("{id}.{timestamp}.")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    /// The sample of the published libraries' own tests.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: u64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_signature_is_that_of_the_published_form() {
        assert_eq!(Signer::new([SECRET]).sign(ID, AT, BODY).unwrap(), SIGNATURE);
        assert_eq!(verify(SECRET, (ID, AT), BODY, SIGNATURE, (AT, 0)), Ok(()));
    }

    #[test]
    fn during_a_rotation_both_secrets_are_believed() {
        let both = Signer::new(["new", SECRET]).sign(ID, AT, BODY).unwrap();
        assert!(both.ends_with(SIGNATURE) && both.len() > SIGNATURE.len());
        for secret in ["new", SECRET] {
            assert_eq!(verify(secret, (ID, AT), BODY, &both, (AT, 0)), Ok(()));
        }
        assert_eq!(verify("old", (ID, AT), BODY, &both, (AT, 0)), Err(Unverified::Mismatch));
    }

    #[test]
    fn whatever_differs_is_not_believed() {
        let check = |id, at, body, signatures| verify(SECRET, (id, at), body, signatures, (AT, 300));
        assert_eq!(check("other", AT, BODY, SIGNATURE), Err(Unverified::Mismatch));
        assert_eq!(check(ID, AT + 1, BODY, SIGNATURE), Err(Unverified::Mismatch));
        assert_eq!(check(ID, AT, b"{}", SIGNATURE), Err(Unverified::Mismatch));
        let unversioned = SIGNATURE.trim_start_matches("v1,");
        for odd in ["", "v1,", "v1,AAAA", unversioned, "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="] {
            assert_eq!(check(ID, AT, BODY, odd), Err(Unverified::Mismatch), "{odd}");
        }
        assert_eq!(check(ID, AT, BODY, &format!("v1a,xyz v1,AAAA {SIGNATURE}")), Ok(()));
    }

    #[test]
    fn what_is_too_old_or_from_the_future_may_be_a_repetition() {
        let at = |now| verify(SECRET, (ID, AT), BODY, SIGNATURE, (now, 300));
        assert_eq!((at(AT + 300), at(AT - 300)), (Ok(()), Ok(())));
        assert_eq!(at(AT + 301), Err(Unverified::Untimely(301)));
        assert_eq!(at(AT - 301), Err(Unverified::Untimely(301)));
    }

    #[test]
    fn without_a_secret_nothing_is_signed() {
        assert_eq!(Signer::new([""]).sign(ID, AT, BODY), None);
        assert_eq!(Signer::new([]).sign(ID, AT, BODY), None);
    }
}
