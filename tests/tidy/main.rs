//! The house rules that neither the compiler nor clippy can keep: who may import whom, how long a
//! file may grow, what may not be named where. Every rule lives in a function over text, so that a
//! sample beside it shows that the rule can fail.

mod files;
mod imports;
mod rooms;
mod rules;
mod source;

/// One broken rule: where, and what to do.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// Path from the root of the repository.
    file: String,
    /// Line, from 1.
    line: usize,
    message: String,
}

/// Fails with one line per finding.
fn assert_tidy(findings: &[Finding]) {
    let lines: Vec<String> =
        findings.iter().map(|f| format!("{}:{}: {}", f.file, f.line, f.message)).collect();
    assert!(findings.is_empty(), "\n{}\n", lines.join("\n"));
}

#[test]
fn a_room_uses_only_what_stands_below_it() {
    assert_tidy(&files::rust().iter().flat_map(rooms::imports_upwards).collect::<Vec<_>>());
}

#[test]
fn what_is_dangerous_is_named_in_one_place() {
    assert_tidy(&files::rust().iter().flat_map(rules::named_elsewhere).collect::<Vec<_>>());
}

#[test]
fn the_domain_is_pure_and_knows_no_wire() {
    let mut findings: Vec<_> = files::rust().iter().flat_map(rules::impure_domain).collect();
    findings.extend(files::all().iter().flat_map(rules::foreign_dependencies_of_domain));
    assert_tidy(&findings);
}

#[test]
fn the_engine_and_below_name_no_product() {
    assert_tidy(&files::rust().iter().flat_map(rules::products_below_the_faces).collect::<Vec<_>>());
}

#[test]
fn no_file_is_too_long() {
    assert_tidy(&files::rust().iter().filter_map(rules::too_long).collect::<Vec<_>>());
}

#[test]
fn a_silenced_lint_gives_its_reason() {
    assert_tidy(&files::rust().iter().flat_map(rules::bare_allows).collect::<Vec<_>>());
}

#[test]
fn no_file_names_a_path_of_somebodys_machine() {
    assert_tidy(&files::all().iter().flat_map(rules::machine_paths).collect::<Vec<_>>());
}

#[test]
fn every_folder_says_what_lives_there() {
    assert_tidy(&rules::silent_folders(&files::rust()));
}
