//! README's table of what is served, made from the rows that are driven.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::complete::told;
use super::later;
use super::methods;
use super::pushes;
use super::table::{Api, Method};

const BEGIN: &str = "<!-- made by `tests/scenario/wire/readme.rs` -->\n";
const END: &str = "<!-- end of what is made -->\n";
/// Set it to have the table written.
const WRITE: &str = "SWITCHBOARD_WRITE_README";

const APIS: [(Api, &str); 3] =
    [(Api::Agent, "Agent Chat"), (Api::Customer, "Customer Chat"), (Api::Configuration, "Configuration")];

fn served(method: &Method) -> bool {
    later::served(method.api, method.name)
}

fn names<'a>(methods: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = methods.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn table() -> String {
    let mut text = String::from("| API | Over | Methods |\n|---|---|---|\n");
    for (api, title) in APIS {
        for (over, rtm, web) in [("RTM, Web", true, true), ("RTM", true, false), ("Web", false, true)] {
            let here = |method: &&Method| {
                method.api == api && (method.rtm, method.web) == (rtm, web) && served(method)
            };
            let names = names(methods::all().filter(here).map(|method| method.name));
            if !names.is_empty() {
                writeln!(text, "| {title} | {over} | {names} |").unwrap();
            }
        }
    }
    let told = told(methods::all().filter(|method| served(method)));
    let to_agents = pushes::AGENT.iter().map(|push| push.name).collect::<Vec<_>>();
    let pushes = [
        ("Pushes to agents", "RTM", to_agents, told.agents),
        ("Pushes to customers", "RTM", pushes::CUSTOMER.to_vec(), told.customers),
        ("Webhooks", "HTTP", pushes::ACTIONS.to_vec(), told.webhooks),
    ];
    for (title, over, all, told) in pushes {
        let here: Vec<_> = all.iter().copied().filter(|name| told.contains(name)).collect();
        let count = if here.len() == all.len() {
            format!("all {}", all.len())
        } else {
            format!("{} of {}: {}", here.len(), all.len(), names(here))
        };
        writeln!(text, "| {title} | {over} | {count} |").unwrap();
    }
    let mut missing: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for (api, name, why) in later::METHODS {
        let title = APIS.iter().find(|(of, _)| of == api).unwrap().1;
        missing.entry(why).or_default().entry(title).or_default().push(name);
    }
    if !missing.is_empty() {
        text.push_str("\nNot served, and answered with `validation` (unknown action):\n\n");
    }
    for (why, apis) in missing {
        let apis: Vec<_> = apis.into_iter().map(|(title, all)| format!("{title} {}", names(all))).collect();
        writeln!(text, "* {why}: {}", apis.join("; ")).unwrap();
    }
    text
}

#[test]
fn the_readme_says_what_is_served() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&file).unwrap();
    let parts = readme.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?)));
    let (head, (seen, tail)) = parts.expect("README.md should have the two comments around what is served");
    let table = table();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&file, [head, BEGIN, &table, END, tail].concat()).unwrap();
        return;
    }
    assert_eq!(
        seen, table,
        "README.md does not say what is served; `{WRITE}=1 cargo test --test scenario wire::readme` writes it"
    );
}
