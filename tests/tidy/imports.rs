//! Paths in code, read as text: `use` trees and paths in the middle of an expression alike.

use crate::source::is_word;

/// A path from the root of its crate, such as `["engine", "handle", "EngineHandle"]`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// Line, from 1.
    pub(crate) line: usize,
    pub(crate) path: Vec<String>,
}

/// Every path that begins with the word `root` (such as `crate` or `std`), without it.
pub(crate) fn paths_from(code: &str, root: &str) -> Vec<Import> {
    let mut found = Vec::new();
    for (start, rest) in words(code).filter(|(_, rest)| word_of(rest) == root) {
        let mut branches = Vec::new();
        let follows = tree(&rest[root.len()..], Vec::new(), &mut branches);
        if follows > 0 {
            let line = code[..start].matches('\n').count() + 1;
            found.extend(branches.into_iter().map(|path| Import { line, path }));
        }
    }
    found
}

/// Every path into this crate, written from `crate` or by `super`, in the file of module `module`.
pub(crate) fn into_this_crate(code: &str, module: &[String]) -> Vec<Import> {
    let mut found = paths_from(code, "crate");
    for import in paths_from(code, "super") {
        let further = import.path.iter().take_while(|part| *part == "super").count();
        let Some(kept) = module.len().checked_sub(1 + further) else { continue };
        let path = module[..kept].iter().chain(&import.path[further..]).cloned().collect();
        found.push(Import { path, ..import });
    }
    found
}

/// Every word of the code with where it starts, each with all that follows it.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut before = ' ';
    code.char_indices().filter_map(move |(at, c)| {
        let starts = is_word(c) && !is_word(before);
        before = c;
        starts.then(|| (at, &code[at..]))
    })
}

/// The word at the start of `text`.
pub(crate) fn word_of(text: &str) -> &str {
    &text[..text.find(|c| !is_word(c)).unwrap_or(text.len())]
}

/// Reads `::a::{b, c::d}` after `prefix` and adds each branch to `out`. Gives the length read;
/// 0 when no `::` stands there.
fn tree(text: &str, prefix: Vec<String>, out: &mut Vec<Vec<String>>) -> usize {
    let Some(rest) = text.trim_start().strip_prefix("::") else {
        out.push(prefix);
        return 0;
    };
    let rest = rest.trim_start();
    let read = text.len() - rest.len();
    if rest.starts_with('{') {
        return read + group(rest, &prefix, out);
    }
    let name = word_of(rest);
    let mut path = prefix;
    if !name.is_empty() {
        path.push(name.to_owned());
    }
    read + name.len() + tree(&rest[name.len()..], path, out)
}

/// Reads `{a, b::c}`; gives its length.
fn group(text: &str, prefix: &[String], out: &mut Vec<Vec<String>>) -> usize {
    let mut at = 1;
    while at < text.len() && !text[at..].starts_with('}') {
        let name = word_of(&text[at..]);
        if name.is_empty() {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        }
        at += name.len();
        let mut path = prefix.to_vec();
        path.push(name.to_owned());
        at += tree(&text[at..], path, out);
        // `as other` names nothing of the crate.
        if let Some(alias) = text[at..].trim_start().strip_prefix("as ") {
            at = text.len() - alias.trim_start().len() + word_of(alias.trim_start()).len();
        }
    }
    (at + 1).min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(imports: &[Import]) -> Vec<String> {
        imports.iter().map(|import| import.path.join("::")).collect()
    }

    #[test]
    fn trees_and_paths_in_expressions_are_read() {
        let code = "use crate::engine::{self, handle::{Handle, X as Y}, link};\n\
                    pub(crate) fn f() -> crate::storage::Journal { my_crate::a; crate :: net::serve() }";
        let imports = paths_from(code, "crate");
        assert_eq!(
            joined(&imports),
            [
                "engine::self",
                "engine::handle::Handle",
                "engine::handle::X",
                "engine::link",
                "storage::Journal",
                "net::serve"
            ]
        );
        assert_eq!(imports.last().map(|import| import.line), Some(2));
    }

    #[test]
    fn super_climbs_from_the_module_of_the_file() {
        let module = ["engine", "webhook", "cursor"].map(str::to_owned);
        let code = "use super::worker; use super::super::link::Link; use super::super::super::storage;";
        let found = joined(&into_this_crate(code, &module));
        assert!(found.contains(&"engine::webhook::worker".to_owned()), "{found:?}");
        assert!(found.contains(&"engine::link::Link".to_owned()), "{found:?}");
        assert!(found.contains(&"storage".to_owned()), "{found:?}");
    }
}
