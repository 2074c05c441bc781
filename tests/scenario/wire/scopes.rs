//! The scopes of section 3.4, and which includes which.

/// Every scope.
const ALL: [&str; 29] = [
    "chats--all:ro",
    "chats--access:ro",
    "chats--my:ro",
    "chats.conversation--all:rw",
    "chats.conversation--access:rw",
    "chats.conversation--my:rw",
    "chats--all:rw",
    "chats--access:rw",
    "chats--my:rw",
    "multicast:rw",
    "customers.ban:rw",
    "customers:own",
    "customers:ro",
    "customers:rw",
    "agents--my:rw",
    "agents--all:rw",
    "access_rules:ro",
    "access_rules:rw",
    "properties--my:ro",
    "properties--my:rw",
    "properties--all:ro",
    "webhooks--my:ro",
    "webhooks--my:rw",
    "webhooks--all:ro",
    "webhooks--all:rw",
    "agents-bot--my:ro",
    "agents-bot--my:rw",
    "agents-bot--all:ro",
    "agents-bot--all:rw",
];

/// Family, reach (0 own, 1 within access, 2 all) and whether it writes.
fn parts(scope: &str) -> (&str, u8, bool) {
    let (name, right) = scope.rsplit_once(':').unwrap();
    let (family, reach) = name.split_once("--").unwrap_or((name, "all"));
    let reach = match reach {
        "my" => 0,
        "access" => 1,
        _ => 2,
    };
    (family, reach, right == "rw" || right == "own")
}

/// Whether `held` grants what `wanted` does.
fn grants(held: &str, wanted: &str) -> bool {
    let ((family, reach, writes), (wanted, wanted_reach, wanted_writes)) = (parts(held), parts(wanted));
    let wide = reach >= wanted_reach;
    let same = family == wanted && writes >= wanted_writes;
    // Conversation data is part of a chat; who writes it reads the chat.
    let within_chats = family == "chats" && wanted == "chats.conversation" && writes;
    let reads_chats = family == "chats.conversation" && wanted == "chats" && !wanted_writes;
    wide && (same || within_chats || reads_chats)
}

/// All scopes of which none is enough.
pub(crate) fn insufficient(enough: &[&str]) -> Vec<&'static str> {
    let short = |scope: &&str| !enough.iter().any(|wanted| grants(scope, wanted));
    ALL.into_iter().filter(short).collect()
}

/// Every scope up to a reach: `my`, `access` or `all`.
pub(crate) fn up_to(reach: &str) -> Vec<&'static str> {
    let most = parts(&format!("x--{reach}:ro")).1;
    let within = |scope: &&str| !scope.contains("--") || parts(scope).1 <= most;
    ALL.into_iter().filter(within).collect()
}

#[test]
fn scopes_include_what_the_specification_says() {
    assert!(grants("chats--all:rw", "chats--my:ro"));
    assert!(grants("chats--access:rw", "chats.conversation--my:rw"));
    assert!(grants("chats.conversation--access:rw", "chats--access:ro"));
    assert!(!grants("chats.conversation--all:rw", "chats--my:rw"));
    assert!(!grants("chats--all:ro", "chats.conversation--my:rw"));
    assert!(!grants("chats--my:rw", "chats--access:ro"));
    assert!(!grants("webhooks--my:rw", "webhooks--all:ro"));
    assert_eq!(insufficient(&["chats--my:ro"]).len(), ALL.len() - 9);
    assert!(up_to("my").contains(&"multicast:rw") && !up_to("my").contains(&"chats--access:ro"));
}
