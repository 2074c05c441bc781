//! The rules about single files and what may be named in them.

use std::collections::BTreeSet;

use crate::Finding;
use crate::files::File;
use crate::imports::{paths_from, word_of, words};
use crate::source::{code, is_word, shipped, uncommented};

/// A file past this has more than one concern.
const MAX_LINES: usize = 500;

/// What has one place: the word, the place, and why.
const ONE_PLACE: &[(&str, &str, &str)] = &[
    ("sled", "src/storage/records", "the store's faults are handled there and nowhere else"),
    ("do_send", "src/engine/link.rs", "it ignores the bound of the mailbox and drops errors"),
];

/// The domain decides from its arguments alone.
const NOT_IN_DOMAIN: [&str; 9] =
    ["tokio", "actix", "sled", "getrandom", "rand", "tracing", "jiff", "Instant", "SystemTime"];
const NOT_IN_DOMAIN_OF_STD: [&str; 6] = ["env", "fs", "io", "net", "process", "thread"];
const DOMAIN_DEPENDENCIES: [&str; 3] = ["indexset", "serde", "thiserror"];

/// Whose wire a face speaks; the rest of the house does not know them.
const PRODUCTS: [&str; 2] = ["livechat", "chatwoot"];

fn finding(file: &File, line: usize, message: impl Into<String>) -> Finding {
    Finding { file: file.path.clone(), line, message: message.into() }
}

fn line_at(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Words that may stand in one place only, elsewhere.
pub(crate) fn named_elsewhere(file: &File) -> Vec<Finding> {
    if !file.path.starts_with("src/") {
        return Vec::new();
    }
    let code = code(&file.text);
    let mut findings = Vec::new();
    for (at, rest) in words(&code) {
        for (word, place, why) in ONE_PLACE {
            if word_of(rest) == *word && !file.path.starts_with(place) {
                findings.push(finding(
                    file,
                    line_at(&code, at),
                    format!("`{word}` belongs to {place}: {why}"),
                ));
            }
        }
    }
    findings
}

/// Clocks, runtimes, input and output, products and API versions in the domain.
pub(crate) fn impure_domain(file: &File) -> Vec<Finding> {
    if !file.path.starts_with("src/domain/") {
        return Vec::new();
    }
    let code = shipped(&file.text);
    let mut findings = Vec::new();
    for (at, rest) in words(&code) {
        let word = word_of(rest);
        if NOT_IN_DOMAIN.contains(&word) {
            findings.push(finding(file, line_at(&code, at), format!("the domain may not name `{word}`")));
        }
    }
    for import in paths_from(&code, "std") {
        if import.path.first().is_some_and(|part| NOT_IN_DOMAIN_OF_STD.contains(&part.as_str())) {
            let path = import.path.join("::");
            findings.push(finding(file, import.line, format!("the domain may not use std::{path}")));
        }
    }
    // In strings too; a comment may name the page of the specification that a rule comes from.
    let text = uncommented(&file.text);
    findings.extend(products(file, &text));
    for (number, line) in text.lines().enumerate() {
        if names_a_version(line) {
            findings.push(finding(file, number + 1, "the domain knows no API version (design D9)"));
        }
    }
    findings
}

/// Dependencies of the domain's manifest beyond the allowed ones.
pub(crate) fn foreign_dependencies_of_domain(file: &File) -> Vec<Finding> {
    if file.path != "src/domain/Cargo.toml" {
        return Vec::new();
    }
    let mut section = "";
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            section = line;
        } else if section == "[dependencies]" && !line.is_empty() && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if !DOMAIN_DEPENDENCIES.contains(&name) {
                findings.push(finding(file, number + 1, format!("the domain may not depend on `{name}`")));
            }
        }
    }
    findings
}

/// Products named in the code of the rooms below the faces.
pub(crate) fn products_below_the_faces(file: &File) -> Vec<Finding> {
    let below =
        ["src/engine/", "src/storage/", "src/outbound/"].iter().any(|room| file.path.starts_with(room));
    if below { products(file, &shipped(&file.text)) } else { Vec::new() }
}

fn products(file: &File, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.to_lowercase();
        for product in PRODUCTS.iter().filter(|product| line.contains(**product)) {
            findings.push(finding(file, number + 1, format!("`{product}` is known to its face only")));
        }
    }
    findings
}

/// `v3.0`, `V3_6`: a `v` that begins a word part, digits, a dot or underscore, a digit.
fn names_a_version(line: &str) -> bool {
    let chars: Vec<char> = line.chars().collect();
    (0..chars.len()).any(|at| {
        let starts = matches!(chars[at], 'v' | 'V') && (at == 0 || !chars[at - 1].is_alphanumeric());
        let digits = chars[at + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
        let rest = &chars[at + 1 + digits..];
        starts && digits > 0 && matches!(rest, ['.' | '_', next, ..] if next.is_ascii_digit())
    })
}

/// A file over [`MAX_LINES`].
pub(crate) fn too_long(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    (lines > MAX_LINES)
        .then(|| finding(file, MAX_LINES + 1, format!("{lines} lines: past {MAX_LINES}, split by concern")))
}

/// `allow` attributes: `expect` with a reason says why, and tells when it is no longer needed.
pub(crate) fn bare_allows(file: &File) -> Vec<Finding> {
    let code = code(&file.text);
    let found = ["#[allow", "#![allow"].iter().flat_map(|mark| code.match_indices(mark));
    found
        .map(|(at, _)| {
            finding(file, line_at(&code, at), "use #[expect(.., reason = \"..\")] in place of allow")
        })
        .collect()
}

/// Absolute paths of a machine on which somebody built.
pub(crate) fn machine_paths(file: &File) -> Vec<Finding> {
    // Written in two halves, so that this file does not name them either.
    let places =
        [("/ho", "me/"), ("/ro", "ot/"), ("/wo", "rk/"), ("/Us", "ers/")].map(|(a, b)| format!("{a}{b}"));
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for place in &places {
            // `docs/x/` inside a longer path or an address is somebody else's.
            let absolute = line.match_indices(place.as_str()).any(|(at, _)| {
                !line[..at]
                    .chars()
                    .next_back()
                    .is_some_and(|before| is_word(before) || "./-}".contains(before))
            });
            if absolute {
                findings.push(finding(file, number + 1, format!("`{place}..` is a path of one machine")));
            }
        }
    }
    findings
}

/// Folders of the source without a root file, or whose root file does not open with `//!`.
pub(crate) fn silent_folders(files: &[File]) -> Vec<Finding> {
    let sources = || files.iter().filter(|file| file.path.starts_with("src/"));
    let folders: BTreeSet<&str> =
        sources().filter_map(|file| file.path.rsplit_once('/')).map(|(folder, _)| folder).collect();
    let mut findings = Vec::new();
    for folder in folders {
        let roots: Vec<&File> = sources()
            .filter(|file| {
                let name = file.path.strip_prefix(folder).unwrap_or_default();
                matches!(name, "/mod.rs" | "/lib.rs" | "/main.rs")
            })
            .collect();
        let message = format!("{folder}/mod.rs must open with //! and say what lives here and what may not");
        if roots.is_empty() {
            findings.push(Finding { file: folder.to_owned(), line: 1, message });
            continue;
        }
        findings.extend(
            roots.iter().filter(|f| !f.text.starts_with("//!")).map(|f| finding(f, 1, message.clone())),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(path: &str, text: &str) -> File {
        File::sample(path, text)
    }

    #[test]
    fn dangerous_words_stay_in_their_place() {
        let uses_sled = "use sled::Db; // sled is fine in a comment\nlet unsettled = \"sled\";";
        assert_eq!(named_elsewhere(&sample("src/engine/shard.rs", uses_sled)).len(), 1);
        assert!(named_elsewhere(&sample("src/storage/records/mod.rs", uses_sled)).is_empty());
        assert_eq!(named_elsewhere(&sample("src/engine/hub.rs", "addr.do_send(x)")).len(), 1);
        assert!(named_elsewhere(&sample("src/engine/link.rs", "addr.do_send(x)")).is_empty());
    }

    #[test]
    fn the_domain_names_no_world_and_no_wire() {
        let path = "src/domain/conversation/mod.rs";
        for bad in [
            "use std::time::Instant;",
            "use tokio::sync::mpsc;",
            "use std::{fmt, fs};",
            "const SOURCE: &str = \"LiveChat\";",
            "struct ChatwootMessage;",
            "let path = \"/v3.0/agent\";",
            "fn map_v3_6() {}",
        ] {
            assert_eq!(impure_domain(&sample(path, bad)).len(), 1, "{bad}");
            assert!(impure_domain(&sample("src/engine/mod.rs", bad)).is_empty(), "{bad}");
        }
        for good in [
            "use std::fmt;",
            "let random = seed;",
            "let uuid = \"ipv4.0 of a live chat\";",
            "//! Source: spec v3.0, 4.4.",
        ] {
            assert!(impure_domain(&sample(path, good)).is_empty(), "{good}");
        }
    }

    #[test]
    fn the_domains_manifest_is_short() {
        let manifest =
            "[dependencies]\n# why\nserde = \"1\"\ntokio = \"1\"\n\n[dev-dependencies]\nproptest = \"1\"\n";
        assert_eq!(foreign_dependencies_of_domain(&sample("src/domain/Cargo.toml", manifest)).len(), 1);
        assert!(foreign_dependencies_of_domain(&sample("Cargo.toml", manifest)).is_empty());
    }

    #[test]
    fn below_the_faces_no_product_is_in_the_code() {
        let text = "struct LiveChatSession; // unlike Chatwoot";
        assert_eq!(products_below_the_faces(&sample("src/engine/session.rs", text)).len(), 1);
        assert!(products_below_the_faces(&sample("src/api/livechat/mod.rs", text)).is_empty());
    }

    #[test]
    fn long_files_are_found() {
        assert!(too_long(&sample("src/a.rs", &"x\n".repeat(MAX_LINES))).is_none());
        assert!(too_long(&sample("src/a.rs", &"x\n".repeat(MAX_LINES + 1))).is_some());
    }

    #[test]
    fn allow_is_found_and_expect_is_not() {
        let text = "#![allow(dead_code)]\n#[expect(dead_code, reason = \"x\")]\n// #[allow(x)]\n#[allow(y)] fn f() {}";
        let mut lines: Vec<usize> = bare_allows(&sample("src/a.rs", text)).iter().map(|f| f.line).collect();
        lines.sort_unstable();
        assert_eq!(lines, [1, 4]);
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        let path = |tail: &str| format!("/{tail}");
        for bad in
            [path("home/ann/x"), format!("cd {}", path("root/x")), format!("\"{}\"", path("Users/ann"))]
        {
            assert_eq!(machine_paths(&sample("README.md", &bad)).len(), 1, "{bad}");
        }
        for good in ["https://example.com/docs/work/x", "~/x", "target/x", "/v3.0/agent"] {
            assert!(machine_paths(&sample("README.md", good)).is_empty(), "{good}");
        }
    }

    #[test]
    fn a_folder_without_words_is_found() {
        let told = || sample("src/a/mod.rs", "//! What lives here.");
        assert!(silent_folders(&[told(), sample("src/a/b.rs", "")]).is_empty());
        assert_eq!(silent_folders(&[told(), sample("src/a/b/c.rs", "//! x")]).len(), 1);
        assert_eq!(silent_folders(&[sample("src/a/mod.rs", "pub mod b;")]).len(), 1);
    }
}
