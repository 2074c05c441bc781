//! Which addresses may be reached: the door where server-side request forgery is stopped.
//!
//! Names are judged by what they resolve to, at each connection, and the connection goes to
//! exactly the addresses that were judged: a name that changes its mind in between gains nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Which addresses the client may connect to. Public ones always; private, link-local and other
/// special ones only where it says so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressPolicy {
    /// May this machine itself be reached? For demonstrations and tests.
    pub allow_loopback: bool,
    /// Networks that may be reached although they are not public.
    pub allow_cidrs: Vec<IpNet>,
    /// Names, in lower case, that may be reached whatever they resolve to: who gives them their
    /// addresses is trusted.
    pub allow_hosts: BTreeSet<String>,
}

/// A host that the policy does not let the client reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this host may not be reached: it is no public address")]
pub struct Forbidden;

impl AddressPolicy {
    /// May this address be reached?
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = unwrapped(address);
        if self.allow_cidrs.iter().any(|net| net.contains(&address)) {
            return true;
        }
        // Connecting to the unspecified address reaches this machine.
        if address.is_loopback() || address.is_unspecified() {
            return self.allow_loopback;
        }
        match address {
            IpAddr::V4(ip) => is_public_v4(ip),
            IpAddr::V6(ip) => is_public_v6(ip),
        }
    }

    /// May this name be reached whatever it resolves to?
    fn trusts(&self, name: &str) -> bool {
        self.allow_hosts.contains(name.trim_end_matches('.'))
    }
}

/// An IPv4 address that travels inside an IPv6 one is judged as what it is.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if v6.is_loopback() || v6.is_unspecified() {
        return address;
    }
    let embedded = match v6.segments() {
        // Mapped, and the old "compatible" form.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] => Some((high, low)),
        // Translated (NAT64).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some((high, low)),
        // 6to4.
        [0x2002, high, low, ..] => Some((high, low)),
        _ => None,
    };
    embedded.map_or(address, |(high, low)| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    })
}

/// All but what the registry of special addresses (RFC 6890) says is not globally reachable.
fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = match ip.octets() {
        [0, ..] | [240..=255, ..] => true,
        // Carrier-grade NAT; protocol assignments; the relays of 6to4; benchmarks.
        [100, 64..=127, ..] | [192, 0, 0, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => true,
        _ => ip.is_private() || ip.is_link_local() || ip.is_multicast() || ip.is_documentation(),
    };
    !special
}

/// Only what is given out as global unicast (2000::/3), but for tunnels, protocol assignments and
/// documentation in it.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    match ip.segments() {
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// What a look-up of a name brings.
pub type Found = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Looks names up.
pub trait Names: fmt::Debug + Send + Sync {
    /// The addresses that a name has now.
    fn look_up(&self, name: &str) -> Found;
}

/// The system's resolver.
#[derive(Debug)]
pub(super) struct SystemNames;

impl Names for SystemNames {
    fn look_up(&self, name: &str) -> Found {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Leaves out of what a name resolves to what may not be reached.
#[derive(Debug, Clone)]
pub(super) struct GuardedResolver {
    pub(super) policy: Arc<AddressPolicy>,
    pub(super) names: Arc<dyn Names>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, found) = (Arc::clone(&self.policy), self.names.look_up(name.as_str()));
        Box::pin(async move {
            let trusted = policy.trusts(name.as_str());
            let mut addresses = found.await?;
            addresses.retain(|address| trusted || policy.permits(*address));
            if addresses.is_empty() {
                return Err(Forbidden.into());
            }
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    const STRICT: AddressPolicy =
        AddressPolicy { allow_loopback: false, allow_cidrs: Vec::new(), allow_hosts: BTreeSet::new() };
    const LOOPBACK: AddressPolicy =
        AddressPolicy { allow_loopback: true, allow_cidrs: Vec::new(), allow_hosts: BTreeSet::new() };

    fn permits(policy: &AddressPolicy, text: &str) -> bool {
        policy.permits(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_reached() {
        for text in [
            "1.1.1.1",
            "93.184.215.14",
            "100.63.0.1",
            "172.32.0.1",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "192.0.1.1",
            "198.20.0.1",
        ] {
            assert!(permits(&STRICT, text) && permits(&LOOPBACK, text), "{text}");
        }
        assert!(permits(&STRICT, "::ffff:1.1.1.1"));
    }

    #[test]
    fn this_machine_is_reached_only_when_allowed_in_whatever_spelling() {
        for text in [
            "127.0.0.1",
            "127.8.9.10",
            "0.0.0.0",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:0.0.0.0",
            "::127.0.0.1",
            "64:ff9b::127.0.0.1",
            "2002:7f00:1::",
        ] {
            assert!(!permits(&STRICT, text), "{text}");
            assert!(permits(&LOOPBACK, text), "{text}");
        }
    }

    #[test]
    fn networks_that_are_not_public_are_never_reached() {
        for text in [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "2001:db8::1",
            "2001::1",
            "2001:10::1",
            "3fff::1",
            "64:ff9b:1::1",
            "100::1",
            "5f00::1",
            "4000::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "2002:a00:1::",
        ] {
            assert!(!permits(&STRICT, text) && !permits(&LOOPBACK, text), "{text}");
        }
    }

    #[test]
    fn a_network_that_is_allowed_is_reached_in_whatever_spelling() {
        let nets = ["10.1.0.0/16", "fd00::/8", "127.0.0.1/32"];
        let policy = AddressPolicy {
            allow_cidrs: nets.map(|net| net.parse().unwrap()).to_vec(),
            ..AddressPolicy::default()
        };
        for text in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd12::1", "127.0.0.1", "1.1.1.1"] {
            assert!(permits(&policy, text), "{text}");
        }
        for text in ["10.2.0.1", "fc00::1", "127.0.0.2", "::1", "192.168.1.1"] {
            assert!(!permits(&policy, text), "{text}");
        }
    }

    /// Answers each look-up with the next of these lists.
    #[derive(Debug)]
    struct Rebinding(std::sync::Mutex<Vec<Vec<&'static str>>>);

    impl Names for Rebinding {
        fn look_up(&self, _: &str) -> Found {
            let next = self.0.lock().unwrap().remove(0);
            Box::pin(std::future::ready(Ok(next.into_iter().map(|ip| ip.parse().unwrap()).collect())))
        }
    }

    async fn resolved(resolver: &GuardedResolver, name: &str) -> Result<Vec<String>, bool> {
        match resolver.resolve(name.parse().unwrap()).await {
            Ok(found) => Ok(found.map(|address| address.ip().to_string()).collect()),
            Err(error) => Err(error.is::<Forbidden>()),
        }
    }

    #[tokio::test]
    async fn each_look_up_is_judged_anew_and_only_what_was_judged_is_given_on() {
        let answers =
            vec![vec!["1.1.1.1"], vec!["127.0.0.1"], vec!["10.0.0.1", "1.0.0.1", "::ffff:127.0.0.1"]];
        let names = Arc::new(Rebinding(answers.into()));
        let resolver = GuardedResolver { policy: Arc::new(STRICT), names };
        let resolve = || resolved(&resolver, "rebinding.example");
        assert_eq!(resolve().await, Ok(vec!["1.1.1.1".to_owned()]));
        assert_eq!(resolve().await, Err(true), "it changed its mind");
        assert_eq!(resolve().await, Ok(vec!["1.0.0.1".to_owned()]), "among others");
    }

    #[tokio::test]
    async fn a_trusted_name_may_lead_anywhere_and_no_other() {
        let policy = AddressPolicy { allow_hosts: ["bots.internal".to_owned()].into(), ..STRICT };
        let names = Arc::new(Rebinding(vec![vec!["10.0.0.1"]; 4].into()));
        let resolver = GuardedResolver { policy: Arc::new(policy), names };
        for (name, reached) in [
            ("bots.internal", true),
            ("bots.internal.", true),
            ("x.bots.internal", false),
            ("bots.internal.example", false),
        ] {
            assert_eq!(resolved(&resolver, name).await.is_ok(), reached, "{name}");
        }
    }

    #[tokio::test]
    async fn a_name_is_judged_by_what_it_resolves_to() {
        let resolve = |policy: AddressPolicy| {
            let resolver = GuardedResolver { policy: Arc::new(policy), names: Arc::new(SystemNames) };
            async move { resolved(&resolver, "localhost").await }
        };
        assert_eq!(resolve(STRICT).await, Err(true));
        let found = resolve(LOOPBACK).await.unwrap();
        assert!(found.iter().all(|ip| ip.parse::<IpAddr>().unwrap().is_loopback()), "{found:?}");
    }
}
