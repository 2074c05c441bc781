//! What a page's visitor is known by: a token that says by which name it came into the inbox, and the
//! key of its stream. Both prove themselves, so that nothing is kept of whoever only looks.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};
use switchboard_domain::desk::{Channel, Inbox};
use switchboard_domain::limits::VISITOR_TOKEN_LIFE;
use switchboard_domain::participant::license::License;
use switchboard_domain::time::Timestamp;

use crate::engine::visitor::Way;

/// The only header that is written and read, `{"alg":"HS256","typ":"JWT"}`: which algorithm is used is
/// for nobody to choose.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// What a token says (RFC 7519).
#[derive(Serialize, Deserialize)]
struct Claims {
    source_id: Box<str>,
    inbox_id: u64,
    iat: u64,
    exp: u64,
}

/// What a key is for: a token of one kind is none of the other.
#[derive(Clone, Copy)]
enum Purpose {
    Visit,
    Stream,
}

/// Of both secrets of the inbox: one is given to whoever signs identities, the other to whoever gets
/// its calls, and neither of them may speak for visitors.
fn key(inbox: &Inbox, purpose: Purpose) -> hmac::Key {
    let purpose: &[u8] = match purpose {
        Purpose::Visit => b"visit\0",
        Purpose::Stream => b"stream\0",
    };
    let secret = hmac::Key::new(hmac::HMAC_SHA256, inbox.secret.as_bytes());
    let derived = hmac::sign(&secret, &[purpose, inbox.hmac_token.as_bytes()].concat());
    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}

fn sign(inbox: &Inbox, purpose: Purpose, text: &str) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(&key(inbox, purpose), text.as_bytes()))
}

fn is_signed(inbox: &Inbox, purpose: Purpose, text: &str, signature: &str) -> bool {
    let signature = URL_SAFE_NO_PAD.decode(signature);
    signature.is_ok_and(|tag| hmac::verify(&key(inbox, purpose), text.as_bytes(), &tag).is_ok())
}

/// The token of whoever came into an inbox under this name.
pub(super) fn issue(inbox: &Inbox, source: &str, now: Timestamp) -> String {
    let claims = Claims {
        source_id: source.into(),
        inbox_id: inbox.number,
        iat: now.as_secs(),
        exp: now.plus(VISITOR_TOKEN_LIFE).as_secs(),
    };
    let claims = serde_json::to_vec(&claims).unwrap_or_default();
    let said = format!("{HEADER}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature = sign(inbox, Purpose::Visit, &said);
    format!("{said}.{signature}")
}

/// The name under which a token's holder came into this inbox, if the token is one of its own and in
/// force.
pub(super) fn read(inbox: &Inbox, token: &str, now: Timestamp) -> Option<Box<str>> {
    let (said, signature) = token.rsplit_once('.')?;
    let claims = said.strip_prefix(HEADER)?.strip_prefix('.')?;
    if !is_signed(inbox, Purpose::Visit, said, signature) {
        return None;
    }
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    (claims.inbox_id == inbox.number && now.as_secs() < claims.exp).then_some(claims.source_id)
}

/// The way into an inbox under this name: the key of its stream follows from it.
pub(super) fn way(inbox: &Inbox, source: Box<str>) -> Way {
    let signature = sign(inbox, Purpose::Stream, &source);
    Way { inbox: inbox.number, stream_token: format!("{source}.{signature}").into(), source_id: source }
}

/// The way that the key of a stream belongs to, though nobody may have come by it yet.
pub(in super::super) fn read_stream(license: &License, token: &str) -> Option<Way> {
    let (source, signature) = token.rsplit_once('.')?;
    let mut inboxes = license.desk.inboxes.values().filter(|inbox| inbox.channel == Channel::Website);
    let inbox = inboxes.find(|inbox| is_signed(inbox, Purpose::Stream, source, signature))?;
    Some(Way { inbox: inbox.number, source_id: source.into(), stream_token: token.into() })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use switchboard_domain::id::{ClientId, LicenseId};

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn inbox(number: u64, secret: &str) -> Inbox {
        Inbox::new(number, Channel::Website, ["key".into(), "hmac".into(), secret.into()])
    }

    #[test]
    fn a_token_is_the_published_form_and_says_who_came_in() {
        let token = issue(&inbox(7, "s"), "source", NOW);
        let parts: Vec<_> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        assert_eq!(parts[0], br#"{"alg":"HS256","typ":"JWT"}"#);
        let claims: serde_json::Value = serde_json::from_slice(&parts[1]).unwrap();
        assert_eq!((&claims["source_id"], &claims["inbox_id"]), (&"source".into(), &7.into()));
        assert_eq!(parts[2].len(), 32);
        assert_eq!(read(&inbox(7, "s"), &token, NOW).as_deref(), Some("source"));
    }

    #[test]
    fn a_token_counts_in_its_own_inbox_for_its_time() {
        let token = issue(&inbox(7, "s"), "source", NOW);
        assert_eq!(read(&inbox(7, "other"), &token, NOW), None, "signed by another");
        assert_eq!(read(&inbox(8, "s"), &token, NOW), None, "of another inbox");
        let own = inbox(7, "s");
        let end = NOW.plus(VISITOR_TOKEN_LIFE);
        assert!(read(&own, &token, Timestamp::from_secs(end.as_secs() - 1)).is_some());
        assert_eq!(read(&own, &token, end), None);
        let none =
            format!("{}.{}.", URL_SAFE_NO_PAD.encode(br#"{"alg":"none"}"#), token.split('.').nth(1).unwrap());
        let stretched = token.replacen('.', ".A", 1);
        for wrong in [
            "",
            ".",
            "..",
            "x.y.z",
            &none,
            &stretched,
            &token[..token.len() - 1],
            &way(&own, "source".into()).stream_token,
        ] {
            assert_eq!(read(&own, wrong, NOW), None, "{wrong}");
        }
    }

    #[test]
    fn the_key_of_a_stream_leads_to_its_way_and_nothing_else_does() {
        let mut license = License::new(LicenseId(1), "org", ClientId::new("app"), NOW);
        license.desk.inboxes.insert(7, inbox(7, "s"));
        license.desk.inboxes.insert(8, Inbox { channel: Channel::Api, ..inbox(8, "api") });
        let own = way(&inbox(7, "s"), "source".into());
        assert_eq!(read_stream(&license, &own.stream_token), Some(own.clone()));
        let foreign = own.stream_token.replace("source", "other");
        let of_api = way(&inbox(8, "api"), "source".into()).stream_token;
        let token = issue(&inbox(7, "s"), "source", NOW);
        for wrong in ["", ".", "source", "source.", &foreign, &of_api, &token] {
            assert_eq!(read_stream(&license, wrong), None, "{wrong}");
        }
    }
}
