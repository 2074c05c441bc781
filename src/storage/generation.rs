//! Which life of its data a directory leads.
//!
//! A backup is an earlier moment, and what a restore makes of it goes another way from there: numbers that
//! were already shown are given to something else. So a restore draws a new generation, and whoever shows
//! such numbers tells those of one generation from those of another. A directory that was never restored
//! has no file and is of generation 0.

use super::{Layout, StorageError, files};
use crate::telemetry::clock;

/// What stands before the number, in hexadecimal digits.
const WORD: &str = "switchboard-generation";

/// The generation of a directory.
pub(super) fn read(layout: &Layout) -> Result<u64, StorageError> {
    let file = layout.generation_file();
    let Some(text) = files::read_if_there(&file)? else { return Ok(0) };
    std::str::from_utf8(&text)
        .ok()
        .and_then(|text| text.trim_end().strip_prefix(WORD)?.strip_prefix(' '))
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| StorageError::corrupt(&file, 0, format!("does not read \"{WORD} <number>\"")))
}

/// Begins a new one. 64 random bits: a backup may be restored at several places that know nothing of each
/// other, and clients of all of them come back to one.
pub(super) fn renew(layout: &Layout) -> Result<(), StorageError> {
    let text = format!("{WORD} {:016x}\n", clock::random_u64());
    files::replace(&layout.generation_file(), text.as_bytes())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use std::fs;

    #[test]
    fn there_is_none_until_one_is_drawn_and_each_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        assert_eq!(read(&layout).unwrap(), 0);
        let mut seen = vec![0];
        for _ in 0..3 {
            renew(&layout).unwrap();
            let drawn = read(&layout).unwrap();
            assert!(!seen.contains(&drawn), "{drawn:x} of {seen:x?}");
            assert_eq!(read(&layout).unwrap(), drawn);
            seen.push(drawn);
        }
    }

    #[test]
    fn what_names_no_generation_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        for text in ["", WORD, "switchboard-generation x", "switchboard-generation1", "other 1"] {
            fs::write(layout.generation_file(), text).unwrap();
            let refused = read(&layout).unwrap_err();
            assert!(matches!(&refused, StorageError::Corrupt { .. }), "{text:?}");
            assert!(refused.to_string().contains("generation"), "{refused}");
        }
    }
}
