//! The page that a visitor is on, as the headers of its calls tell.

use http::HeaderMap;
use http::header::{ACCEPT_LANGUAGE, USER_AGENT};
use serde_json::{Value, json};

/// Browsers by what they call themselves; whoever poses as another stands before it.
const BROWSERS: [(&str, &str); 6] = [
    ("Edg/", "Microsoft Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Version/", "Safari"),
];

/// Systems by what browsers call them; the more special ones first.
const PLATFORMS: [(&str, &str); 8] = [
    ("Windows NT ", "Windows"),
    ("Android ", "Android"),
    ("iPhone OS ", "iOS"),
    ("CPU OS ", "iOS"),
    ("Mac OS X ", "macOS"),
    ("CrOS ", "Chrome OS"),
    ("Linux ", "Generic Linux"),
    ("Linux", "Generic Linux"),
];

const DEVICES: [&str; 2] = ["iPhone", "iPad"];

/// What the headers of a visitor's call tell.
pub(in super::super) struct Page {
    /// Who it says that it is.
    pub(super) token: Option<Box<str>>,
    language: Option<Box<str>>,
    user_agent: Box<str>,
}

impl Page {
    /// Reads the headers of a call.
    pub(in super::super) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let is_letter = |c: char| c.is_ascii_alphabetic();
        let language = text(ACCEPT_LANGUAGE.as_str()).and_then(|all| all.split(|c| !is_letter(c)).next());
        Self {
            token: text("x-auth-token").map(Into::into),
            language: language.filter(|code| !code.is_empty()).map(Into::into),
            user_agent: text(USER_AGENT.as_str()).unwrap_or_default().into(),
        }
    }

    /// The language that its browser prefers.
    pub(super) fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// What shows it.
    pub(super) fn browser(&self) -> Value {
        let (browser, browser_version) = self.found(&BROWSERS, "Unknown Browser");
        let (platform, platform_version) = self.found(&PLATFORMS, "Unknown");
        let device = DEVICES.into_iter().find(|device| self.user_agent.contains(device));
        json!({
            "browser_name": browser,
            "browser_version": browser_version,
            "device_name": device.unwrap_or("Unknown"),
            "platform_name": platform,
            "platform_version": platform_version,
        })
    }

    /// The first that it names, with the version behind that.
    fn found(&self, known: &[(&str, &'static str)], none: &'static str) -> (&'static str, String) {
        let named = known.iter().find_map(|(mark, name)| Some((*name, self.user_agent.split_once(mark)?.1)));
        let Some((name, rest)) = named else { return (none, String::new()) };
        let version = rest.split(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').next();
        (name, version.unwrap_or_default().replace('_', "."))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use http::HeaderName;

    fn page(pairs: &[(&'static str, &str)]) -> Page {
        let header =
            |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), value.parse().unwrap());
        Page::of(&pairs.iter().map(header).collect())
    }

    #[test]
    fn a_browser_is_read_off_what_it_calls_itself() {
        for (agent, browser, version, platform, system, device) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
                "Firefox",
                "121.0",
                "Generic Linux",
                "",
                "Unknown",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
                "Microsoft Edge",
                "120.0.2210.91",
                "Windows",
                "10.0",
                "Unknown",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.144 Mobile Safari/537.36",
                "Chrome",
                "120.0.6099.144",
                "Android",
                "14",
                "Unknown",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
                "Safari",
                "17.2",
                "iOS",
                "17.2",
                "iPhone",
            ),
            ("curl/8.5.0", "Unknown Browser", "", "Unknown", "", "Unknown"),
        ] {
            let shown = page(&[("user-agent", agent)]).browser();
            let expected = json!({
                "browser_name": browser, "browser_version": version, "device_name": device,
                "platform_name": platform, "platform_version": system,
            });
            assert_eq!(shown, expected, "{agent}");
        }
    }

    #[test]
    fn the_language_is_the_first_that_is_asked_for() {
        for (asked, code) in
            [("de-DE,de;q=0.9,en;q=0.8", Some("de")), ("en", Some("en")), ("*", None), ("", None)]
        {
            assert_eq!(page(&[("accept-language", asked)]).language(), code, "{asked}");
        }
        assert_eq!(page(&[]).language(), None);
    }
}
