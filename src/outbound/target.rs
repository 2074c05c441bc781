//! Where calls go, read once: the same URL is called again and again, and reading it takes longer than
//! anything else that a call does with it.

use std::net::IpAddr;

use reqwest::Url;

/// A URL as it is called.
#[derive(Debug, Clone)]
pub struct Target(Option<(Url, Option<IpAddr>)>);

impl Target {
    /// Reads a URL. Of a text that is none, or that has no host, a target is made, too: a call there
    /// cannot be sent, and says so.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Url::parse(text).ok().and_then(Self::with_host))
    }

    /// The same of a URL that was read already.
    pub(super) fn of(url: Url) -> Self {
        Self(Self::with_host(url))
    }

    fn with_host(url: Url) -> Option<(Url, Option<IpAddr>)> {
        let host = url.host_str()?;
        // The parser of the URL has brought every odd spelling (`0x7f.1`, `2130706433`) into the usual form.
        let address = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        Some((url, address))
    }

    /// The URL, and the address that its host is when it is no name. That one no resolver sees: whoever
    /// calls judges it, each time.
    pub(super) fn parts(&self) -> Option<(&Url, Option<IpAddr>)> {
        self.0.as_ref().map(|(url, address)| (url, *address))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    fn address(text: &str) -> Option<String> {
        Target::new(text).parts().unwrap().1.map(|address| address.to_string())
    }

    #[test]
    fn a_host_that_is_an_address_is_found_in_whatever_spelling() {
        for host in
            ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "user@127.0.0.1", "127.0.0.1."]
        {
            assert_eq!(address(&format!("http://{host}:80/a")).as_deref(), Some("127.0.0.1"), "{host}");
        }
        assert_eq!(address("https://[::ffff:7f00:1]/").as_deref(), Some("::ffff:127.0.0.1"));
        assert_eq!(address("http://[0:0::1]:8080").as_deref(), Some("::1"));
        for name in ["localhost", "bots.example.org", "127.0.0.1.example"] {
            assert_eq!(address(&format!("http://{name}/")), None, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_called_is_a_target_without_parts() {
        for text in ["", "host", "http://", "data:text/plain,x", "http://h:99999/"] {
            assert!(Target::new(text).parts().is_none(), "{text}");
        }
    }

    #[test]
    fn a_url_is_called_as_it_was_always_written_on_the_wire() {
        let target = Target::new("HTTP://BÜCHER.example:80/a b?c=d#e");
        assert_eq!(target.parts().unwrap().0.as_str(), "http://xn--bcher-kva.example/a%20b?c=d#e");
    }
}
