//! Webhooks of the license: an application registers one action with one place; they are sent
//! whatever anybody's status is. Source: spec v3.0, 7.2 and 9.3.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::conversation::event::within;
use crate::error::{Rejected, Resource};
use crate::id::ClientId;
use crate::limits::{DESCRIPTION_CHARS, SECRET_CHARS, WEBHOOKS_PER_CLIENT, WEBHOOKS_PER_LICENSE};
use crate::time::Timestamp;
use crate::webhook::endpoint::check_url;
use crate::webhook::{Endpoint, EndpointId, FormerSecret, Owner, Subscription};

/// One registered webhook. Kept as it was given, so that it can be shown again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Names it, and the endpoint that it makes.
    pub id: EndpointId,
    /// The application that registered it, and alone may take it back or see it.
    pub client: ClientId,
    /// Absolute `http` or `https` URL.
    pub url: Box<str>,
    /// Sent along in clear, so that the receiver knows us.
    pub secret_key: Box<str>,
    /// What it is for, in its owner's words.
    pub description: Option<Box<str>>,
    /// The action, which of its occasions, and what to send beside.
    pub subscription: Subscription,
    /// Which face version renders the bodies; opaque here.
    pub dialect: u16,
    /// The former secret, which still signs for a while.
    #[serde(default)]
    pub former: Option<FormerSecret>,
}

impl Registration {
    /// Checks the URL, every bound, and that the action admits what is asked of it.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub fn check(&self) -> Result<(), Rejected> {
        check_url("url", &self.url)?;
        check_secret(&self.secret_key)?;
        let described = self.description.as_deref().unwrap_or_default().chars().count();
        within("description", described, DESCRIPTION_CHARS, "characters")?;
        self.subscription.check("")
    }

    /// The secrets that sign now, the newest first.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        FormerSecret::in_force(&self.secret_key, self.former.as_ref(), now)
    }

    /// The endpoint that it makes.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            id: self.id.clone(),
            url: Arc::from(&*self.url),
            secret_key: self.secret_key.clone(),
            action: self.subscription.action,
            filters: self.subscription.filters.clone().unwrap_or_default(),
            additional: self.subscription.additional.clone().unwrap_or_default(),
            dialect: self.dialect,
            owner: Owner::License,
            client: self.client.clone(),
            desk: None,
        }
    }
}

fn check_secret(secret: &str) -> Result<(), Rejected> {
    within("secret_key", secret.chars().count(), SECRET_CHARS, "characters")
}

/// Adds a registration to those that a license has.
///
/// # Errors
/// `Invalid`, naming the field; `webhooks` when the application or the license has too many.
pub fn register(known: &mut Vec<Registration>, new: Registration) -> Result<(), Rejected> {
    new.check()?;
    let of_client = known.iter().filter(|webhook| webhook.client == new.client).count();
    within("webhooks", of_client + 1, WEBHOOKS_PER_CLIENT, "webhooks of one application")?;
    within("webhooks", known.len() + 1, WEBHOOKS_PER_LICENSE, "webhooks of one license")?;
    known.push(new);
    Ok(())
}

/// Takes a registration back: of this application, or of whatever application when none is named.
///
/// # Errors
/// `NotFound` for one that does not exist or belongs to another application, which is the same to
/// whoever asks (spec v3.0, 2).
pub fn unregister(
    known: &mut Vec<Registration>,
    id: &EndpointId,
    of: Option<&ClientId>,
) -> Result<(), Rejected> {
    let is_it =
        |webhook: &Registration| webhook.id == *id && of.is_none_or(|client| webhook.client == *client);
    let at = known.iter().position(is_it).ok_or(Rejected::NotFound(Resource::Webhook))?;
    known.remove(at);
    Ok(())
}

/// Gives a registration another secret; the one that it has signs beside it for a while. The same one
/// again changes nothing.
///
/// # Errors
/// `NotFound`; `Invalid` for a secret that is none.
pub fn rotate_secret(
    known: &mut [Registration],
    id: &EndpointId,
    secret: Box<str>,
    now: Timestamp,
) -> Result<(), Rejected> {
    let webhook = known.iter_mut().find(|webhook| webhook.id == *id);
    let webhook = webhook.ok_or(Rejected::NotFound(Resource::Webhook))?;
    if secret.is_empty() {
        return Err(Rejected::invalid("secret_key", "must not be empty: with it nothing would be signed"));
    }
    check_secret(&secret)?;
    webhook.former = FormerSecret::after(&webhook.secret_key, webhook.former.as_ref(), &secret, now);
    webhook.secret_key = secret;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::webhook::limits::SECRET_OVERLAP;
    use crate::webhook::{Action, Additional, AuthorKind, Filters};

    fn webhook(id: &str, client: &str) -> Registration {
        Registration {
            id: EndpointId::new(id),
            client: ClientId::new(client),
            url: "https://bots.example.org/closed".into(),
            secret_key: "s3cr3t".into(),
            description: None,
            subscription: Subscription { action: Action::ThreadClosed, filters: None, additional: None },
            dialect: 30,
            former: None,
        }
    }

    fn refused(webhook: Registration) -> Option<String> {
        match register(&mut Vec::new(), webhook) {
            Ok(()) => None,
            Err(Rejected::Invalid { field, .. }) => Some(field),
            Err(other) => Some(format!("{other:?}")),
        }
    }

    #[test]
    fn every_field_has_its_rule_and_is_named() {
        let good = || webhook("w", "app-7");
        assert_eq!(refused(good()), None);
        let long = |n| "x".repeat(n).into_boxed_str();
        assert_eq!(refused(Registration { url: "example.org".into(), ..good() }).unwrap(), "url");
        assert_eq!(refused(Registration { secret_key: long(SECRET_CHARS), ..good() }), None);
        assert_eq!(
            refused(Registration { secret_key: long(SECRET_CHARS + 1), ..good() }).unwrap(),
            "secret_key"
        );
        assert_eq!(refused(Registration { description: Some(long(DESCRIPTION_CHARS)), ..good() }), None);
        assert_eq!(
            refused(Registration { description: Some(long(DESCRIPTION_CHARS + 1)), ..good() }).unwrap(),
            "description"
        );
        let asks = |subscription| refused(Registration { subscription, ..good() });
        let author = Filters { author: Some(AuthorKind::Agent), ..Filters::default() };
        let closed = Subscription { action: Action::ThreadClosed, filters: None, additional: None };
        assert_eq!(
            asks(Subscription { filters: Some(author), ..closed.clone() }).unwrap(),
            "filters.author_type"
        );
        let additional = Some(vec![Additional::ThreadId]);
        assert_eq!(asks(Subscription { additional, ..closed }).unwrap(), "additional_data");
    }

    #[test]
    fn an_application_and_a_license_have_a_bounded_number() {
        let mut known = Vec::new();
        let mut add = |client: usize, n: usize| {
            register(&mut known, webhook(&format!("{client}-{n}"), &format!("app-{client}")))
        };
        let full = WEBHOOKS_PER_LICENSE / WEBHOOKS_PER_CLIENT;
        for client in 0..full {
            for n in 0..WEBHOOKS_PER_CLIENT {
                assert_eq!(add(client, n), Ok(()));
            }
        }
        let refused = |result: Result<(), Rejected>| match result {
            Err(Rejected::Invalid { field, reason }) => format!("{field} {reason}"),
            other => format!("{other:?}"),
        };
        assert!(refused(add(0, WEBHOOKS_PER_CLIENT)).contains("one application"));
        assert!(refused(add(full, 0)).contains("one license"));
        assert_eq!(known.len(), full * WEBHOOKS_PER_CLIENT, "a refused one changes nothing");
    }

    #[test]
    fn only_the_own_application_or_one_that_reaches_all_takes_it_back() {
        let mut known = vec![webhook("mine", "app-7"), webhook("theirs", "app-8")];
        let (mine, theirs) = (EndpointId::new("mine"), EndpointId::new("theirs"));
        let app_7 = ClientId::new("app-7");
        let unknown = Err(Rejected::NotFound(Resource::Webhook));
        assert_eq!(unregister(&mut known, &theirs, Some(&app_7)), unknown);
        assert_eq!(unregister(&mut known, &EndpointId::new("none"), None), unknown);
        assert_eq!(unregister(&mut known, &mine, Some(&app_7)), Ok(()));
        assert_eq!(unregister(&mut known, &theirs, None), Ok(()));
        assert!(known.is_empty());
    }

    #[test]
    fn its_endpoint_is_the_licenses_and_knows_its_application() {
        let mut webhook = webhook("w", "app-7");
        webhook.subscription.additional = Some(vec![Additional::ChatProperties]);
        let endpoint = webhook.endpoint();
        assert_eq!((endpoint.id.as_str(), endpoint.client.as_str()), ("w", "app-7"));
        assert_eq!((endpoint.owner, endpoint.action), (Owner::License, Action::ThreadClosed));
        assert_eq!(endpoint.additional, [Additional::ChatProperties]);
    }

    #[test]
    fn another_secret_takes_its_place_and_the_former_one_signs_on_for_a_while() {
        let mut known = vec![webhook("w", "app-7"), webhook("other", "app-7")];
        let (id, now) = (EndpointId::new("w"), Timestamp::from_secs(1_000));
        assert_eq!(rotate_secret(&mut known, &id, "new".into(), now), Ok(()));
        assert_eq!(known[0].secrets(now).collect::<Vec<_>>(), ["new", "s3cr3t"]);
        assert_eq!(known[0].secrets(now.plus(SECRET_OVERLAP)).collect::<Vec<_>>(), ["new"]);
        assert_eq!(known[0].endpoint().secret_key, "new".into(), "bodies carry the new one");
        assert_eq!(known[1], webhook("other", "app-7"));
        let rotated = known.clone();
        assert_eq!(rotate_secret(&mut known, &id, "new".into(), now.plus(SECRET_OVERLAP)), Ok(()));
        assert_eq!(known, rotated, "asked again it changes nothing");
        let stored = rmp_serde::to_vec(&known[0]).unwrap();
        assert_eq!(rmp_serde::from_slice::<Registration>(&stored).unwrap(), known[0]);
    }

    #[test]
    fn a_secret_that_is_none_is_refused_and_nothing_changes() {
        let mut known = vec![webhook("w", "app-7")];
        let (id, now) = (EndpointId::new("w"), Timestamp::from_secs(1_000));
        let long = |n| "x".repeat(n).into_boxed_str();
        for (secret, words) in [(long(0), "empty"), (long(SECRET_CHARS + 1), "characters")] {
            match rotate_secret(&mut known, &id, secret, now) {
                Err(Rejected::Invalid { field, reason }) => {
                    assert!(field == "secret_key" && reason.contains(words), "{field} {reason}");
                }
                other => unreachable!("{other:?}"),
            }
        }
        let unknown = rotate_secret(&mut known, &EndpointId::new("none"), "new".into(), now);
        assert_eq!(unknown, Err(Rejected::NotFound(Resource::Webhook)));
        assert_eq!(known, [webhook("w", "app-7")]);
        assert_eq!(rotate_secret(&mut known, &id, long(SECRET_CHARS), now), Ok(()));
    }

    #[test]
    fn the_stored_bytes_are_pinned() {
        let stored = rmp_serde::to_vec(&webhook("w", "a")).unwrap();
        let golden = [
            &[0x98, 0xa1, b'w', 0xa1, b'a', 0xbf][..],
            b"https://bots.example.org/closed",
            &[0xa6],
            b"s3cr3t",
            &[0xc0, 0x93, 0xac],
            b"ThreadClosed",
            &[0xc0, 0xc0, 30, 0xc0],
        ]
        .concat();
        assert_eq!(stored, golden);
        // Seven fields before secrets could be changed.
        let older = [&[0x97], &golden[1..golden.len() - 1]].concat();
        assert_eq!(rmp_serde::from_slice::<Registration>(&older).unwrap(), webhook("w", "a"));
        assert_eq!(rmp_serde::from_slice::<Registration>(&golden).unwrap(), webhook("w", "a"));
    }
}
