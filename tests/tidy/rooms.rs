//! The floors of the house: a room may use what stands below it, never what stands above or beside
//! it. ARCHITECTURE.md draws the same picture.

use crate::Finding;
use crate::files::File;
use crate::imports::into_this_crate;
use crate::source::shipped;

/// From the roof down. Below them stands the crate `switchboard-domain`, which sees none of them.
/// A star takes any name: each face is a room of its own.
const FLOORS: &[&[&str]] = &[
    &["main", "lib"],
    &["cli"],
    &["config"],
    &["net"],
    &["api/*"],
    &["forms"],
    &["engine"],
    &["storage", "outbound"],
];

/// Every room may use it; it uses none.
const EVERYBODYS: &str = "telemetry";

/// Not by the order of the floors: a face goes through the engine to what is stored.
const FORBIDDEN: &[(&str, &str)] = &[("api/*", "storage")];

/// Imports of a file that the order of the floors does not allow.
pub(crate) fn imports_upwards(file: &File) -> Vec<Finding> {
    let Some(module) = module_of(&file.path) else { return Vec::new() };
    let from = room_of(&module);
    let finding = |line, message| Finding { file: file.path.clone(), line, message };
    if from != EVERYBODYS && floor_of(&from).is_none() {
        return vec![finding(1, format!("room `{from}` has no floor: give it one in tests/tidy/rooms.rs"))];
    }
    into_this_crate(&shipped(&file.text), &module)
        .into_iter()
        .filter_map(|import| {
            let to = room_of(&import.path);
            (!may_use(&from, &to)).then(|| {
                finding(import.line, format!("`{from}` may not use `{to}` ({})", import.path.join("::")))
            })
        })
        .collect()
}

fn may_use(from: &str, to: &str) -> bool {
    if from == to || to == EVERYBODYS {
        return true;
    }
    // What is no room is an item of the crate's root, such as a macro.
    let Some(target) = floor_of(to) else { return true };
    let below = floor_of(from).is_some_and(|floor| floor < target);
    below && !FORBIDDEN.iter().any(|(a, b)| matches(a, from) && matches(b, to))
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.iter().any(|pattern| matches(pattern, room)))
}

fn matches(pattern: &str, room: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == room, |prefix| room.starts_with(prefix))
}

/// The module of a shipped file of the package: `src/engine/mod.rs` is `["engine"]`. None for the
/// domain, a crate of its own, and for files of tests.
fn module_of(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut parts: Vec<String> = path.split('/').map(str::to_owned).collect();
    if parts[0] == "domain" || parts.iter().any(|part| part == "tests" || part.ends_with("_tests")) {
        return None;
    }
    parts.pop_if(|last| last == "mod");
    Some(parts)
}

/// The room that a path leads into: its first part, for the faces its first two.
fn room_of(path: &[String]) -> String {
    match path {
        [api, face, ..] if api == "api" => format!("api/{face}"),
        // `src/api/mod.rs` only lists the faces.
        [api] if api == "api" => "api/".to_owned(),
        [room, ..] => room.clone(),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, text: &str) -> usize {
        imports_upwards(&File::sample(path, text)).len()
    }

    #[test]
    fn down_is_allowed() {
        for (path, text) in [
            ("src/main.rs", "use crate::cli::args; use crate::net;"),
            ("src/net/accept.rs", "use crate::api::livechat; use crate::engine::handle;"),
            (
                "src/api/livechat/map.rs",
                "use crate::engine::handle::EngineHandle; use crate::telemetry::clock;",
            ),
            ("src/api/livechat/agent/login.rs", "use crate::api::livechat::wire; use super::super::map;"),
            ("src/engine/journal.rs", "use crate::storage::journal::Journal;"),
            ("src/storage/mod.rs", "use switchboard_domain::id::LicenseId; use crate::telemetry::metrics;"),
            ("src/domain/lib.rs", "use crate::engine;"),
        ] {
            assert_eq!(broken(path, text), 0, "{path}");
        }
    }

    #[test]
    fn up_and_beside_is_not() {
        for (path, text) in [
            ("src/engine/session.rs", "use crate::api::livechat::map;"),
            ("src/engine/session.rs", "fn f() { crate::net::close() }"),
            ("src/engine/webhook/mod.rs", "use super::super::net;"),
            ("src/storage/mod.rs", "use crate::outbound::Client;"),
            ("src/storage/mod.rs", "use crate::{telemetry::clock, engine::link};"),
            ("src/api/livechat/map.rs", "use crate::api::chatwoot::map;"),
            ("src/api/livechat/map.rs", "use crate::storage::journal;"),
            ("src/telemetry/log.rs", "use crate::config::Config;"),
            ("src/config/mod.rs", "use crate::cli::args;"),
            ("src/attic/mod.rs", ""),
        ] {
            assert_eq!(broken(path, text), 1, "{path}: {text}");
        }
    }

    #[test]
    fn tests_may_build_what_they_like() {
        assert_eq!(broken("src/storage/mod.rs", "#[cfg(test)]\nmod tests { use crate::engine::link; }"), 0);
        assert_eq!(broken("src/storage/tests.rs", "use crate::engine::link;"), 0);
        assert_eq!(broken("src/storage/file_tests.rs", "use crate::engine::link;"), 0);
    }
}
