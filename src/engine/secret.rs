//! Token texts: 256 random bits, of which only the SHA-256 is kept (design D14). A look-up by
//! hash tells an attacker nothing by its timing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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

/// What opens the stream of whoever has a token: the token's hash in hex. It ends with the token, and
/// nothing but a stream is opened by it.
#[must_use]
pub(super) fn stream_token(token: &str) -> String {
    hash(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of the token whose stream this opens.
#[must_use]
pub(super) fn read_stream_token(text: &str) -> Option<TokenHash> {
    let mut hash = TokenHash::default();
    if text.len() != 2 * hash.len() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in hash.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(hash)
}

/// Compares two secrets in a time that does not depend on where they differ.
#[must_use]
pub(crate) fn same(a: &str, b: &str) -> bool {
    hash(a).iter().zip(hash(b)).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_token_leads_to_the_hash_and_nothing_else_does() {
        let stream = stream_token("a token");
        assert_eq!(read_stream_token(&stream), Some(hash("a token")));
        for wrong in ["", "a token", &stream[2..], &format!("{stream}00"), &stream.replace(&stream[..1], "+")]
        {
            assert_eq!(read_stream_token(wrong), None, "{wrong}");
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
