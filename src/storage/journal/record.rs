//! How one record stands in a segment.
//!
//! ```text
//! length u32 (top bit: first of its group) | crc32 u32 | lsn u64 | body
//! ```
//! The crc covers the body, then the length word and the lsn: so that the body's part is computed
//! before the position is known, outside the lock. All zeros where a record would start is the end.

use crate::storage::Lsn;

/// Greatest record, bytes. A batch of facts is some kilobytes; the greatest that the domain's bounds
/// allow is the beginning of a chat, with a webhook body for each bot that listens. This bounds what
/// recovery must hold.
pub const MAX_RECORD_BYTES: usize = 32 << 20;

/// Bytes before the body.
pub(super) const HEADER_BYTES: usize = 16;

/// A group is what is written, and synced, at once. A later group is written only after the earlier
/// one is durable: this bit lets recovery tell a torn write from a broken disk.
const GROUP_BIT: u32 = 1 << 31;

/// A record seen in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) lsn: Lsn,
    pub(super) starts_group: bool,
    pub(super) body: &'a [u8],
}

impl Record<'_> {
    pub(super) const fn framed_len(&self) -> usize {
        HEADER_BYTES + self.body.len()
    }
}

/// What stands at a place in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed<'a> {
    Record(Record<'a>),
    /// Zeros, or less room than a header takes.
    End,
    Broken(&'static str),
}

/// The part of the checksum that needs no position.
pub(super) fn body_crc(body: &[u8]) -> crc32fast::Hasher {
    let mut crc = crc32fast::Hasher::new();
    crc.update(body);
    crc
}

/// Appends a framed record; `crc` is [`body_crc`] of `body`, which is at most [`MAX_RECORD_BYTES`].
pub(super) fn frame(
    out: &mut Vec<u8>,
    lsn: Lsn,
    starts_group: bool,
    body: &[u8],
    mut crc: crc32fast::Hasher,
) {
    // Fits: the limit is far below the group bit.
    let length = body.len() as u32 | if starts_group { GROUP_BIT } else { 0 };
    let length = length.to_be_bytes();
    let lsn = lsn.get().to_be_bytes();
    crc.update(&length);
    crc.update(&lsn);
    out.reserve(HEADER_BYTES + body.len());
    out.extend_from_slice(&length);
    out.extend_from_slice(&crc.finalize().to_be_bytes());
    out.extend_from_slice(&lsn);
    out.extend_from_slice(body);
}

/// Reads what `bytes` begin with; `bytes` go to the end of the segment.
pub(super) fn parse(bytes: &[u8]) -> Parsed<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Parsed::End;
    };
    if header == &[0; HEADER_BYTES] {
        return Parsed::End;
    }
    let [l0, l1, l2, l3, c0, c1, c2, c3, lsn @ ..] = *header;
    let length = u32::from_be_bytes([l0, l1, l2, l3]);
    let Some(body) = rest.get(..(length & !GROUP_BIT) as usize) else {
        return Parsed::Broken("a record longer than its segment");
    };
    let mut crc = body_crc(body);
    crc.update(&header[..4]);
    crc.update(&lsn);
    if crc.finalize() != u32::from_be_bytes([c0, c1, c2, c3]) {
        return Parsed::Broken("the checksum of a record does not match");
    }
    let lsn = Lsn::new(u64::from_be_bytes(lsn));
    Parsed::Record(Record { lsn, starts_group: length & GROUP_BIT != 0, body })
}

/// The length of the framed record that `frames` (whole records of our own) begin with.
pub(super) fn first_len(frames: &[u8]) -> usize {
    match frames.first_chunk::<4>() {
        Some(length) => HEADER_BYTES + (u32::from_be_bytes(*length) & !GROUP_BIT) as usize,
        None => 0,
    }
}

/// The position of that record.
pub(super) fn first_lsn(frames: &[u8]) -> Lsn {
    let lsn = frames.get(8..).and_then(|rest| rest.first_chunk::<8>());
    lsn.map_or(Lsn::ZERO, |lsn| Lsn::new(u64::from_be_bytes(*lsn)))
}

/// Whether a group written after `expected` stands anywhere in `bytes`: then what `expected` should be
/// was durable once. Goes byte by byte, since a broken length says nothing about where the next begins.
pub(super) fn later_group(bytes: &[u8], expected: Lsn) -> bool {
    let most = expected.get().saturating_add((bytes.len() / HEADER_BYTES) as u64);
    (0..=bytes.len().saturating_sub(HEADER_BYTES)).any(|at| {
        let bytes = &bytes[at..];
        let plausible = bytes.get(8..16).and_then(|lsn| lsn.first_chunk::<8>()).is_some_and(|lsn| {
            let lsn = u64::from_be_bytes(*lsn);
            bytes[0] & 0x80 != 0 && lsn > expected.get() && lsn <= most
        });
        plausible && matches!(parse(bytes), Parsed::Record(Record { starts_group: true, .. }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(lsn: u64, starts_group: bool, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        frame(&mut out, Lsn::new(lsn), starts_group, body, body_crc(body));
        out
    }

    #[test]
    fn the_bytes_are_pinned() {
        let hex: String = framed(7, true, b"hello").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "800000052356fbd8000000000000000768656c6c6f");
    }

    #[test]
    fn zeros_and_too_little_room_are_the_end() {
        assert_eq!(parse(&[0; 40]), Parsed::End);
        assert_eq!(parse(&[1; HEADER_BYTES - 1]), Parsed::End);
    }

    #[test]
    fn a_later_group_is_found_wherever_it_stands() {
        for gap in 0..40 {
            let mut bytes = vec![0xab; gap];
            bytes.extend(framed(9, true, b"x"));
            assert!(later_group(&bytes, Lsn::new(8)), "{gap}");
            assert!(!later_group(&bytes, Lsn::new(9)), "{gap}: not later");
        }
        assert!(!later_group(&framed(9, false, b"x"), Lsn::new(8)), "inside the same group");
    }

    proptest! {
        #[test]
        fn round_trips(lsn: u64, starts_group: bool, body: Vec<u8>, rest: Vec<u8>) {
            // A record at position 0 does not exist: zeros are the end.
            let lsn = lsn.max(1);
            let mut bytes = framed(lsn, starts_group, &body);
            prop_assert_eq!(first_len(&bytes), bytes.len());
            bytes.extend(rest);
            prop_assert_eq!(
                parse(&bytes),
                Parsed::Record(Record { lsn: Lsn::new(lsn), starts_group, body: &body })
            );
        }

        #[test]
        fn any_flipped_bit_is_seen(body: Vec<u8>, at: prop::sample::Index, bit in 0..8) {
            let mut bytes = framed(3, true, &body);
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            prop_assert!(matches!(parse(&bytes), Parsed::Broken(_)));
        }

        #[test]
        fn nothing_panics(bytes: Vec<u8>, expected: u64) {
            let _ = parse(&bytes);
            let _ = later_group(&bytes, Lsn::new(expected));
        }
    }
}
