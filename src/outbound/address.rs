//! Which addresses may be reached: the door where server-side request forgery is stopped.
//!
//! Names are judged by what they resolve to, at each connection, and the connection goes to
//! exactly the addresses that were judged: a name that changes its mind in between gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Which addresses the client may connect to. Public ones always; private, link-local and other
/// special ones never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AddressPolicy {
    /// May this machine itself be reached? For demonstrations and tests.
    pub allow_loopback: bool,
}

/// A host that the policy does not let the client reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this host may not be reached: it is no public address")]
pub struct Forbidden;

impl AddressPolicy {
    /// May this address be reached?
    #[must_use]
    pub fn permits(self, address: IpAddr) -> bool {
        let address = unwrapped(address);
        // Connecting to the unspecified address reaches this machine.
        if address.is_loopback() || address.is_unspecified() {
            return self.allow_loopback;
        }
        match address {
            IpAddr::V4(ip) => is_public_v4(ip),
            IpAddr::V6(ip) => is_public_v6(ip),
        }
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

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let this_network = a == 0;
    let carrier_grade_nat = a == 100 && (b & 0xc0) == 64;
    let reserved = a >= 240;
    let special = ip.is_private() || ip.is_link_local() || ip.is_multicast();
    !(special || this_network || carrier_grade_nat || reserved)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let site_local = (ip.segments()[0] & 0xffc0) == 0xfec0;
    let special = ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_multicast();
    !(special || site_local)
}

/// Resolves names with the system's resolver and leaves out what may not be reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct GuardedResolver(pub(super) AddressPolicy);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let permitted: Vec<SocketAddr> = found.filter(|address| policy.permits(address.ip())).collect();
            if permitted.is_empty() {
                return Err(Forbidden.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    const STRICT: AddressPolicy = AddressPolicy { allow_loopback: false };
    const LOOPBACK: AddressPolicy = AddressPolicy { allow_loopback: true };

    fn permits(policy: AddressPolicy, text: &str) -> bool {
        policy.permits(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_reached() {
        for text in ["1.1.1.1", "93.184.215.14", "100.63.0.1", "172.32.0.1", "2606:4700::1111", "2001:db8::1"]
        {
            assert!(permits(STRICT, text) && permits(LOOPBACK, text), "{text}");
        }
        assert!(permits(STRICT, "::ffff:1.1.1.1"));
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
            assert!(!permits(STRICT, text), "{text}");
            assert!(permits(LOOPBACK, text), "{text}");
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
            assert!(!permits(STRICT, text) && !permits(LOOPBACK, text), "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_is_judged_by_what_it_resolves_to() {
        let resolve = |policy| GuardedResolver(policy).resolve("localhost".parse().unwrap());
        let refused = resolve(STRICT).await.err().unwrap();
        assert!(refused.is::<Forbidden>(), "{refused}");
        assert!(resolve(LOOPBACK).await.unwrap().all(|address| address.ip().is_loopback()));
    }
}
