//! One file of the journal: its name, its header, how it is made and read.
//!
//! ```text
//! "SWBJRNAL" | format u32 | first lsn u64 | previous lsn u64 | crc32 u32 | records | zeros
//! ```
//! `first` is the position of the first record; `previous` the one of the last record before this
//! segment, usually `first - 1`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::disk::DiskFile;
use super::record::{self, Parsed, Record};
use crate::storage::{Lsn, StorageError};

const MAGIC: &[u8; 8] = b"SWBJRNAL";
/// The newest segment format known here.
const KNOWN_FORMAT: u32 = 1;
/// Bytes before the first record.
pub(super) const HEADER_BYTES: usize = 32;
const EXTENSION: &str = "journal";
/// How much is written at once when a segment is filled with zeros, bytes.
const ZERO_FILL_BYTES: usize = 256 << 10;

/// Where a segment stands in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) first: Lsn,
    pub(super) previous: Lsn,
}

impl Header {
    fn encode(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&KNOWN_FORMAT.to_be_bytes());
        bytes[12..20].copy_from_slice(&self.first.get().to_be_bytes());
        bytes[20..28].copy_from_slice(&self.previous.get().to_be_bytes());
        let crc = crc32fast::hash(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_be_bytes());
        bytes
    }

    fn decode(path: &Path, bytes: &[u8]) -> Result<Self, StorageError> {
        let broken = |reason: &str| StorageError::corrupt(path, 0, reason);
        let word = |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk::<4>().copied());
        let long = |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk::<8>().copied());
        if long(0) != Some(*MAGIC) {
            return Err(broken("this is no journal segment"));
        }
        let found = word(8).map(u32::from_be_bytes).ok_or_else(|| broken("the header is cut short"))?;
        if found > KNOWN_FORMAT {
            return Err(StorageError::NewerFormat { file: path.to_owned(), found, known: KNOWN_FORMAT });
        }
        let (Some(first), Some(previous), Some(crc)) = (long(12), long(20), word(28)) else {
            return Err(broken("the header is cut short"));
        };
        if crc32fast::hash(&bytes[..28]) != u32::from_be_bytes(crc) {
            return Err(broken("the checksum of the header does not match"));
        }
        let lsn = |bytes| Lsn::new(u64::from_be_bytes(bytes));
        Ok(Self { first: lsn(first), previous: lsn(previous) })
    }
}

/// A segment read into memory.
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    pub(super) bytes: Vec<u8>,
}

/// Where the records of a segment end, and why.
pub(super) struct End {
    /// Where the next record would begin.
    pub(super) offset: usize,
    /// The last record before that; `None` in a segment without any.
    pub(super) last: Option<Lsn>,
    /// What is wrong there, when it is not the zeros that should follow.
    pub(super) broken: Option<&'static str>,
}

impl Segment {
    /// Reads the file and its header.
    pub(super) fn read(path: &Path) -> Result<Self, StorageError> {
        let bytes = fs::read(path).map_err(StorageError::io("read", path))?;
        let header = Header::decode(path, &bytes)?;
        Ok(Self { path: path.to_owned(), header, bytes })
    }

    /// Shows the records in order, and where they begin, as far as they are whole.
    pub(super) fn walk(
        &self,
        mut visit: impl FnMut(&Record<'_>, usize) -> Result<(), StorageError>,
    ) -> Result<End, StorageError> {
        let mut end = End { offset: HEADER_BYTES, last: None, broken: None };
        loop {
            let rest = &self.bytes[end.offset..];
            match record::parse(rest) {
                Parsed::Record(record) if record.lsn == self.expected(end.last) => {
                    visit(&record, end.offset)?;
                    end.last = Some(record.lsn);
                    end.offset += record.framed_len();
                }
                Parsed::Record(_) => end.broken = Some("a record out of its order"),
                Parsed::Broken(reason) => end.broken = Some(reason),
                Parsed::End if rest.iter().any(|&byte| byte != 0) => {
                    end.broken = Some("bytes after the last record");
                }
                Parsed::End => return Ok(end),
            }
            if end.broken.is_some() {
                return Ok(end);
            }
        }
    }

    /// Which record must follow the given one.
    pub(super) fn expected(&self, last: Option<Lsn>) -> Lsn {
        last.map_or(self.header.first, Lsn::next)
    }
}

/// The segments of a directory in their order, by the first position that their names carry.
pub(super) fn list(dir: &Path) -> Result<Vec<(Lsn, PathBuf)>, StorageError> {
    let io = |error| StorageError::io("list", dir)(error);
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            let first = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            let first = first
                .ok_or_else(|| StorageError::corrupt(&path, 0, "the name of a segment is its first lsn"))?;
            found.push((Lsn::new(first), path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The path of the segment that begins with `first`.
pub(super) fn path(dir: &Path, first: Lsn) -> PathBuf {
    dir.join(format!("{:020}.{EXTENSION}", first.get()))
}

/// Makes a file of `size` zeros, synced. Real zeros, not a hole: writing into them changes no metadata,
/// which makes a later sync cheaper.
pub(super) fn make_zeroed(path: &Path, size: u64) -> io::Result<File> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let zeros = vec![0; ZERO_FILL_BYTES];
    let mut left = size;
    while left > 0 {
        let part = left.min(ZERO_FILL_BYTES as u64);
        (&file).write_all(&zeros[..part as usize])?;
        left -= part;
    }
    file.sync_all()?;
    Ok(file)
}

/// Writes the header of a fresh segment, synced.
pub(super) fn write_header(file: &dyn DiskFile, header: Header) -> io::Result<()> {
    file.write_all_at(&header.encode(), 0)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn header() -> Header {
        Header { first: Lsn::new(300), previous: Lsn::new(299) }
    }

    #[test]
    fn the_bytes_are_pinned() {
        let hex: String = header().encode().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5357424a524e414c00000001000000000000012c000000000000012bc3e3dddc");
    }

    #[test]
    fn a_newer_format_is_refused_by_name() {
        let mut bytes = header().encode();
        bytes[11] = 2;
        let refused = Header::decode(Path::new("j"), &bytes).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "j has format 2, this program knows up to 1: start the version that wrote it, or a later one"
        );
    }

    #[test]
    fn any_other_header_is_corrupt() {
        let whole = header().encode();
        assert_eq!(Header::decode(Path::new("j"), &whole).unwrap(), header());
        for at in (0..8).chain(12..HEADER_BYTES) {
            let mut bytes = whole;
            bytes[at] ^= 1;
            assert!(
                matches!(Header::decode(Path::new("j"), &bytes), Err(StorageError::Corrupt { .. })),
                "{at}"
            );
        }
        for len in 0..HEADER_BYTES {
            assert!(Header::decode(Path::new("j"), &whole[..len]).is_err(), "{len}");
        }
    }
}
