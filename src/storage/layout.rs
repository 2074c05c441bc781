//! What lies where in the data directory, and which version of it this is.
//!
//! ```text
//! DIR/format     version of the layout, text
//! DIR/generation which life of the data this is, after a restore; text
//! DIR/lock       held by the running process; its pid and admin address, text
//! DIR/journal/   segments and the checkpoint
//! DIR/blobs/     files that users sent: new/ waits for something that refers to it, kept/ stays
//! DIR/sled/      the records; sled.corrupt.<n> are broken ones that were moved aside
//! ```

use std::path::{Path, PathBuf};

use super::{StorageError, files};

/// The newest layout known here. Older ones are opened, newer ones refused.
const KNOWN_FORMAT: u32 = 1;
const FORMAT_WORD: &str = "switchboard-data";

/// The paths inside a data directory.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(super) const JOURNAL: &str = "journal";
    pub(super) const BLOBS: &str = "blobs";

    /// Of the data directory `root`, which need not exist.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The lock file.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// The file with the version of the layout.
    #[must_use]
    pub fn format_file(&self) -> PathBuf {
        self.root.join("format")
    }

    /// The file that says which life of the data this is, after a restore.
    #[must_use]
    pub fn generation_file(&self) -> PathBuf {
        self.root.join("generation")
    }

    /// Where the journal lies.
    #[must_use]
    pub fn journal_dir(&self) -> PathBuf {
        self.root.join(Self::JOURNAL)
    }

    /// Where the files lie that users sent.
    #[must_use]
    pub fn blobs_dir(&self) -> PathBuf {
        self.root.join(Self::BLOBS)
    }

    /// Where sled lies.
    #[must_use]
    pub fn sled_dir(&self) -> PathBuf {
        self.root.join("sled")
    }

    pub(super) fn create_root(&self) -> Result<(), StorageError> {
        files::create_dir(&self.root)
    }

    /// Refuses a newer directory, marks a new or older one with the version known here.
    pub(super) fn check_format(&self) -> Result<(), StorageError> {
        let file = self.format_file();
        // The mark is made first of all, so data without it is not of our making.
        if !file.exists() && !self.journal_dir().exists() && !self.sled_dir().exists() {
            return self.mark();
        }
        match self.read_format()? {
            KNOWN_FORMAT => Ok(()),
            _older => self.mark(),
        }
    }

    /// Marks the directory with the version known here.
    pub(super) fn mark(&self) -> Result<(), StorageError> {
        files::replace(&self.format_file(), format!("{FORMAT_WORD} {KNOWN_FORMAT}\n").as_bytes())
    }

    /// The version of a directory that holds something.
    pub(super) fn read_format(&self) -> Result<u32, StorageError> {
        let file = self.format_file();
        let text = files::read_if_there(&file)?.ok_or_else(|| {
            StorageError::corrupt(&file, 0, "it is missing, though there is data beside it")
        })?;
        let found = std::str::from_utf8(&text)
            .ok()
            .and_then(|text| text.trim_end().strip_prefix(FORMAT_WORD)?.trim_start().parse::<u32>().ok())
            .ok_or_else(|| {
                StorageError::corrupt(&file, 0, format!("does not read \"{FORMAT_WORD} <number>\""))
            })?;
        if found > KNOWN_FORMAT {
            return Err(StorageError::NewerFormat { file, found, known: KNOWN_FORMAT });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use std::fs;

    #[test]
    fn marks_a_new_directory_and_opens_it_again() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        layout.check_format().unwrap();
        assert_eq!(fs::read(layout.format_file()).unwrap(), b"switchboard-data 1\n");
        layout.check_format().unwrap();
    }

    #[test]
    fn opens_older_and_refuses_newer() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        fs::write(layout.format_file(), "switchboard-data 0\n").unwrap();
        layout.check_format().unwrap();
        assert_eq!(fs::read(layout.format_file()).unwrap(), b"switchboard-data 1\n");

        fs::write(layout.format_file(), "switchboard-data 2\n").unwrap();
        let refused = layout.check_format().unwrap_err();
        assert!(matches!(refused, StorageError::NewerFormat { found: 2, known: 1, .. }), "{refused}");
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        for text in ["", "other 1", "switchboard-data", "switchboard-data x"] {
            fs::write(layout.format_file(), text).unwrap();
            assert!(matches!(layout.check_format(), Err(StorageError::Corrupt { .. })), "{text}");
        }
        fs::remove_file(layout.format_file()).unwrap();
        fs::create_dir(layout.journal_dir()).unwrap();
        assert!(matches!(layout.check_format(), Err(StorageError::Corrupt { .. })));
    }
}
