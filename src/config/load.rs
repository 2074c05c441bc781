//! Reading the file: every error names the file, the key and what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::{Config, Problem};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}; give the path of a readable file with --config", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no TOML, or holds a key or value that is not wanted there.
    #[error("{}:{line}: {}{message}", file.display(), key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key or table at fault, when one can be told.
        key: Option<String>,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// The values do not go together.
    #[error("{}: {}", file.display(), list(problems))]
    Invalid {
        /// The file.
        file: PathBuf,
        /// Everything that is wrong, so that one try is enough to mend it.
        problems: Vec<Problem>,
    },
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ")
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// The file cannot be read, is no TOML, names what does not exist, or its values are wrong.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| ConfigError::Unreadable { file: file.to_owned(), source })?;
        let config = Self::parse(file, &text)?;
        let problems = config.check();
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Invalid { file: file.to_owned(), problems })
        }
    }

    fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start.min(text.len()));
            ConfigError::Malformed {
                file: file.to_owned(),
                line: text[..at].matches('\n').count() + 1,
                key: key_at(text, at),
                message: error.message().to_owned(),
            }
        })
    }
}

/// The key on the line of byte `at`, with its table: `license.agent.max_chats`.
fn key_at(text: &str, at: usize) -> Option<String> {
    let line_end = text[at..].find('\n').map_or(text.len(), |len| at + len);
    let lines: Vec<&str> = text[..line_end].lines().collect();
    let table = lines.iter().rev().find_map(|line| table_name(line));
    let key = lines.last().filter(|line| table_name(line).is_none()).and_then(|line| line.split_once('='));
    match (table, key.map(|(key, _)| key.trim())) {
        (Some(table), Some(key)) => Some(format!("{table}.{key}")),
        (Some(table), None) => Some(table.to_owned()),
        (None, key) => key.map(str::to_owned),
    }
}

fn table_name(line: &str) -> Option<&str> {
    let header = line.split('#').next()?.trim();
    let name = header.strip_prefix('[')?.strip_suffix(']')?;
    Some(name.trim_start_matches('[').trim_end_matches(']').trim())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    const GOOD: &str = "\
[data]
dir = \"data\"
[admin]
token = \"0123456789abcdef0123456789abcdef\"
[[license]]
id = 7
organization_id = \"390e44e6-f1e6-4b7e-8d7c-0a1b2c3d4e5f\"
client_id = \"app\"
client_secret = \"0123456789abcdef\"
[[license.agent]]
id = \"ann@example.org\"
name = \"Ann\"
[[license.group]]
id = 0
name = \"All\"
agents = { \"ann@example.org\" = \"first\" }
";

    fn load(text: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("switchboard.toml");
        std::fs::write(&file, text).unwrap();
        let place = format!("{}/", dir.path().display());
        Config::load(&file).map_err(|error| error.to_string().replace(&place, ""))
    }

    #[test]
    fn a_small_file_is_enough() {
        let config = load(GOOD).unwrap();
        assert_eq!(config.licenses[0].agents[0].name, "Ann");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Config::load(Path::new("no/such.toml")).unwrap_err().to_string();
        assert!(error.starts_with("no/such.toml: ") && error.contains("--config"), "{error}");
    }

    #[test]
    fn mistakes_are_told_with_line_and_key() {
        for (wrong, right, expected) in [
            (
                "dir = \"data\"",
                "dir = \"data\"\ndurability = \"never\"",
                "switchboard.toml:3: data.durability: ",
            ),
            ("dir = \"data\"", "dri = \"data\"", "switchboard.toml:2: data.dri: unknown field `dri`"),
            ("dir = \"data\"", "", "switchboard.toml:1: data: missing field `dir`"),
            ("name = \"Ann\"", "name = 5", "switchboard.toml:12: license.agent.name: invalid type"),
            ("[data]", "[data", "switchboard.toml:1: "),
            ("[data]", "[server]\nlisten = \"here\"\n[data]", "switchboard.toml:2: server.listen: "),
        ] {
            let error = load(&GOOD.replace(wrong, right)).unwrap_err();
            assert!(error.starts_with(expected), "{error:?} should start with {expected:?}");
        }
    }

    #[test]
    fn wrong_values_are_told_all_at_once() {
        let text = GOOD.replace("id = 7", "id = 0").replace("\"Ann\"", "\" \"");
        let error = load(&text).unwrap_err();
        assert!(error.contains("license[0].id: ") && error.contains("license[0].agent[0].name: "), "{error}");
    }
}
