//! Token texts: 256 random bits, of which only the SHA-256 is kept (design D14). A look-up by
//! hash tells an attacker nothing by its timing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{aead, hmac};
use sha2::{Digest, Sha256};

use crate::engine::entry::TokenHash;
use crate::telemetry::clock;

/// Draws a new token: 43 characters that need no quoting anywhere, and of which the first is no
/// dash: a command line would take such a token for an option.
#[must_use]
pub fn draw() -> String {
    loop {
        let token = URL_SAFE_NO_PAD.encode(clock::random_bytes::<32>());
        if !token.starts_with('-') {
            return token;
        }
    }
}

/// Letters and digits that nobody takes for another.
const CLEAR: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Draws a secret of 24 letters and digits: 140 random bits, for faces whose secrets have that form.
#[must_use]
pub fn draw_short() -> String {
    let mut text = String::with_capacity(24);
    while text.len() < 24 {
        // What is beyond the last whole round is left out, so that every letter is as likely.
        let fair = clock::random_bytes::<32>().into_iter().filter(|byte| usize::from(*byte) < 58 * 4);
        text.extend(fair.take(24 - text.len()).map(|byte| char::from(CLEAR[usize::from(byte) % 58])));
    }
    text
}

/// The hash under which a token is kept.
#[must_use]
pub(super) fn hash(text: &str) -> TokenHash {
    Sha256::digest(text.as_bytes()).into()
}

/// Makes what opens streams, and reads it. A stream's token is the hash of an access token, sealed: it ends
/// with that one, needs no look-up of its own, and cannot be made from what is stored.
pub(crate) struct StreamSeal {
    key: aead::LessSafeKey,
    nonces: hmac::Key,
}

impl StreamSeal {
    /// By a secret of the installation.
    pub(super) fn new(secret: &str) -> Option<Self> {
        let key = hash(&format!("seal of streams\0{secret}"));
        let unbound = aead::UnboundKey::new(&aead::AES_256_GCM, &key).ok()?;
        let nonces = hmac::Key::new(hmac::HMAC_SHA256, &key);
        Some(Self { key: aead::LessSafeKey::new(unbound), nonces })
    }

    /// What opens the stream of whoever has the token with this hash.
    pub(super) fn token(&self, hash: &TokenHash) -> Option<String> {
        // Made of what is sealed: one nonce never seals two different things.
        let mut nonce = [0; aead::NONCE_LEN];
        nonce.copy_from_slice(&hmac::sign(&self.nonces, hash).as_ref()[..aead::NONCE_LEN]);
        let mut sealed = hash.to_vec();
        let by = aead::Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(by, aead::Aad::empty(), &mut sealed).ok()?;
        Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// The hash of the token whose stream this opens.
    pub(super) fn read(&self, text: &str) -> Option<TokenHash> {
        let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(aead::NONCE_LEN)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self.key.open_in_place(nonce, aead::Aad::empty(), sealed).ok()?;
        TokenHash::try_from(&*opened).ok()
    }
}

/// Compares two secrets in a time that does not depend on where they differ.
#[must_use]
pub(crate) fn same(a: &str, b: &str) -> bool {
    hash(a).iter().zip(hash(b)).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn a_stream_token_leads_to_the_hash_and_nothing_else_does() {
        let [own, other] = ["one", "another"].map(|secret| StreamSeal::new(secret).unwrap());
        let token = own.token(&hash("a token")).unwrap();
        assert_eq!(own.read(&token), Some(hash("a token")));
        assert_eq!(own.token(&hash("a token")), Some(token.clone()), "the same each time");
        assert_eq!(other.read(&token), None);
        let changed = format!("A{}", &token[1..]);
        for wrong in ["", "a token", &token[2..], &changed, &URL_SAFE_NO_PAD.encode(hash("a token"))] {
            assert_eq!(own.read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_token_looks_like_an_option() {
        for _ in 0..1000 {
            let token = draw();
            assert_eq!(token.len(), 43);
            assert!(!token.starts_with('-'), "{token}");
        }
    }
}
