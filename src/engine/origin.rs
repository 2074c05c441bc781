//! Where connections come from, and how many of one address nobody knows yet.

use std::net::IpAddr;
use std::sync::Arc;

use dashmap::DashMap;

/// Where a connection comes from, as its handshake says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The other end.
    pub address: Option<IpAddr>,
    /// The client; empty when it does not say.
    pub user_agent: Box<str>,
    /// The page that led to it; empty when it does not say.
    pub referrer: Box<str>,
}

/// Connections that have not logged in, by address, over all shards. Holds only addresses that
/// have some.
#[derive(Clone, Default)]
pub(crate) struct Strangers(Arc<DashMap<IpAddr, usize>>);

/// One of them, until it is dropped.
pub(crate) struct Stranger {
    all: Strangers,
    address: IpAddr,
}

impl Strangers {
    /// One more; `None` when the address has `limit` already.
    pub(crate) fn enter(&self, address: IpAddr, limit: usize) -> Option<Stranger> {
        let mut count = self.0.entry(address).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Stranger { all: self.clone(), address })
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        if let Some(mut count) = self.all.0.get_mut(&self.address) {
            *count -= 1;
        }
        self.all.0.remove_if(&self.address, |_, count| *count == 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_strangers_and_none_is_forgotten() {
        let strangers = Strangers::default();
        let address = |n| IpAddr::from([203, 0, 113, n]);
        let first = strangers.enter(address(1), 2);
        let second = strangers.enter(address(1), 2);
        assert!(first.is_some() && second.is_some());
        assert!(strangers.enter(address(1), 2).is_none());
        assert!(strangers.enter(address(2), 2).is_some(), "another address is another matter");
        drop(first);
        assert!(strangers.enter(address(1), 2).is_some());
        drop(second);
        assert!(strangers.0.is_empty(), "an address without strangers costs nothing");
    }
}
