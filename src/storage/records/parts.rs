//! How a value of any size stands in a store that wants small ones.
//!
//! ```text
//! 0x00 key                          -> 0x00 value                     a value that is small enough
//! 0x00 key                          -> 0x01 parts u32 | length u64    else, and its parts:
//! 0x01 key length u32 | key | n u32 -> part n
//! ```
//! Heads are scanned in the order of their keys; parts lie apart from them.

/// Greatest part of a value, bytes: sled handles values of 32 KiB and more badly, and the head of a
/// small value needs a byte.
pub(super) const PART_BYTES: usize = 31 << 10;

const HEAD_SPACE: u8 = 0;
const PART_SPACE: u8 = 1;
const WHOLE: u8 = 0;
const IN_PARTS: u8 = 1;

/// A head, decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head<'a> {
    Whole(&'a [u8]),
    InParts { parts: u32, length: u64 },
}

impl<'a> Head<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&WHOLE, value) => Some(Self::Whole(value)),
            (&IN_PARTS, rest) => {
                let (parts, length) = rest.split_first_chunk::<4>()?;
                let length = u64::from_be_bytes(length.try_into().ok()?);
                Some(Self::InParts { parts: u32::from_be_bytes(*parts), length })
            }
            _ => None,
        }
    }

    /// How many parts lie apart from the head.
    pub(super) const fn parts(&self) -> u32 {
        match self {
            Self::Whole(_) => 0,
            Self::InParts { parts, .. } => *parts,
        }
    }
}

/// The head of a value, and the parts that do not fit into it.
pub(super) fn split(value: &[u8]) -> (Vec<u8>, impl ExactSizeIterator<Item = &[u8]>) {
    let (head, rest) = if value.len() <= PART_BYTES {
        ([&[WHOLE], value].concat(), &value[..0])
    } else {
        let parts = value.len().div_ceil(PART_BYTES) as u32;
        let length = value.len() as u64;
        ([&[IN_PARTS], &parts.to_be_bytes()[..], &length.to_be_bytes()].concat(), value)
    };
    (head, rest.chunks(PART_BYTES))
}

pub(super) fn head_key(key: &[u8]) -> Vec<u8> {
    [&[HEAD_SPACE], key].concat()
}

/// The key whose head lies at `head_key`.
pub(super) fn key_of(head_key: &[u8]) -> &[u8] {
    head_key.get(1..).unwrap_or_default()
}

pub(super) fn part_key(key: &[u8], n: u32) -> Vec<u8> {
    [&[PART_SPACE], &(key.len() as u32).to_be_bytes()[..], key, &n.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_say_how_many_parts_follow() {
        for (length, parts) in
            [(0, 0), (1, 0), (PART_BYTES, 0), (PART_BYTES + 1, 2), (2 * PART_BYTES, 2), (100_000, 4)]
        {
            let value = vec![7; length];
            let (head, rest) = split(&value);
            assert_eq!(rest.len(), parts, "{length}");
            assert!(head.len() < 32 << 10 && rest.into_iter().all(|part| part.len() < 32 << 10));
            assert_eq!(Head::decode(&head).map(|head| head.parts() as usize), Some(parts), "{length}");
        }
    }

    #[test]
    fn the_bytes_are_pinned() {
        assert_eq!(split(b"ab").0, [0, b'a', b'b']);
        assert_eq!(split(&[0; 32 << 10]).0, [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0x80, 0]);
        assert_eq!(head_key(b"k"), [0, b'k']);
        assert_eq!(part_key(b"k", 2), [1, 0, 0, 0, 1, b'k', 0, 0, 0, 2]);
    }

    #[test]
    fn other_heads_are_none() {
        for bytes in [&[][..], &[2, 0], &[1, 0, 0, 0, 1], &[1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(Head::decode(bytes), None, "{bytes:?}");
        }
    }
}
