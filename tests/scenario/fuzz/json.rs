//! JSON that may be spoiled: with names given twice, numbers that no type holds, and worse.

use serde_json::Value;

use super::{Known, called};
use crate::chance::Chance;

/// Nodes up to which lists are made longer: beyond, a request is only slow to make.
const MOST_NODES: u64 = 3_000;

/// A piece of JSON, or of what should be some.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// As it stands, be it JSON or not.
    Raw(String),
    Text(String),
    List(Vec<Node>),
    /// Names may repeat.
    Map(Vec<(String, Node)>),
}

/// Literals at the edges of what a number or word can be; the last ones are no JSON.
const LITERALS: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "1.5",
    "1e3",
    "2147483647",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "18446744073709551616",
    "-9223372036854775809",
    "1e400",
    "1e-400",
    "0.1000000000000000055511151231257827021181583404541015625",
    "NaN",
    "Infinity",
    "01",
    "+1",
    ".5",
    "0x10",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"\\x\"",
    "\"",
    "'text'",
    "{",
    "]",
    "{\"a\":1,}",
    "[1,]",
    "/**/1",
    "",
];

/// Texts that readers stumble over.
const TEXTS: &[&str] = &[
    "",
    " ",
    "0",
    "-1",
    "null",
    "all",
    "agents",
    "asc",
    "desc",
    "agent",
    "customer",
    "group",
    "chat",
    "message",
    "system_message",
    "annotation",
    "custom",
    "file",
    "rich_message",
    "filled_form",
    "accepting_chats",
    "not_accepting_chats",
    "accepting chats",
    "offline",
    "prechat",
    "2019-06-30",
    "2019-06-30T12:00:00.000000Z",
    "9999-99-99T99:99:99Z",
    "https://example.com/a?b=c#d",
    "http://[::1]:99999/",
    "javascript:alert(1)",
    "../../etc",
    "\0",
    "\u{202e}rtl",
    "e\u{301}\u{327}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{feff}",
    "\u{ffff}",
    "\u{10ffff}",
    "%00",
    "{}",
    "\"",
    "\\",
    "\r\n",
    "a@b",
    "Bearer ",
    "test",
    "string_property",
    "int_property",
];

/// Names that the wire knows; a spoiled request gets some where they do not belong.
const NAMES: &[&str] = &[
    "id",
    "chat_id",
    "thread_id",
    "event_id",
    "user_id",
    "customer_id",
    "type",
    "text",
    "event",
    "chat",
    "thread",
    "events",
    "users",
    "properties",
    "access",
    "group_ids",
    "payload",
    "action",
    "author_id",
    "request_id",
    "value",
    "values",
    "exists",
    "content",
    "elements",
    "buttons",
    "fields",
    "filters",
    "limit",
    "page_id",
    "continuous",
    "recipients",
    "webhooks",
    "actions",
    "locations",
    "domain",
    "range",
    "test",
    "__proto__",
    "",
];

impl Node {
    /// The written form.
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Raw(text) => out.push_str(text),
            Self::Text(text) => out.push_str(&Value::from(text.as_str()).to_string()),
            Self::List(items) => {
                out.push('[');
                for (n, item) in items.iter().enumerate() {
                    out.push_str(if n == 0 { "" } else { "," });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Map(fields) => {
                out.push('{');
                for (n, (name, value)) in fields.iter().enumerate() {
                    out.push_str(if n == 0 { "" } else { "," });
                    out.push_str(&Value::from(name.as_str()).to_string());
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// A copy of a pattern, with what `lookup` gives for each `$name`; it is told what stands there as well.
    pub(super) fn fill(pattern: &Value, lookup: &mut impl FnMut(&str, &str) -> String) -> Self {
        Self::fill_at("", pattern, lookup)
    }

    fn fill_at(place: &str, pattern: &Value, lookup: &mut impl FnMut(&str, &str) -> String) -> Self {
        match pattern {
            Value::String(text) => Self::Text(match text.strip_prefix('$') {
                Some(name) => lookup(name, place),
                None => text.clone(),
            }),
            Value::Array(items) => {
                Self::List(items.iter().map(|item| Self::fill_at(place, item, lookup)).collect())
            }
            Value::Object(fields) => {
                let field = |(key, value): (&String, &Value)| {
                    (key.clone(), Self::fill_at(&called(place, key), value, lookup))
                };
                Self::Map(fields.iter().map(field).collect())
            }
            other => Self::Raw(other.to_string()),
        }
    }

    fn count(&self) -> u64 {
        1 + match self {
            Self::Raw(_) | Self::Text(_) => 0,
            Self::List(items) => items.iter().map(Self::count).sum(),
            Self::Map(fields) => fields.iter().map(|(_, value)| value.count()).sum(),
        }
    }

    /// The `n`th node, itself being the first.
    fn at(&mut self, n: u64) -> Option<&mut Self> {
        let mut left = n;
        self.find(&mut left)
    }

    fn find(&mut self, left: &mut u64) -> Option<&mut Self> {
        if *left == 0 {
            return Some(self);
        }
        *left -= 1;
        match self {
            Self::Raw(_) | Self::Text(_) => None,
            Self::List(items) => items.iter_mut().find_map(|item| item.find(left)),
            Self::Map(fields) => fields.iter_mut().find_map(|(_, value)| value.find(left)),
        }
    }

    /// Spoils one place of it.
    pub(super) fn spoil(&mut self, chance: &mut Chance, known: &Known) {
        let size = self.count();
        let n = chance.below(size);
        let Some(place) = self.at(n) else { return };
        match (chance.below(8), &mut *place) {
            (0 | 1, Self::Map(fields)) if !fields.is_empty() => {
                let victim = usize::try_from(chance.below(fields.len() as u64)).unwrap();
                if chance.one_in(2) {
                    drop(fields.remove(victim));
                } else {
                    let twice = (fields[victim].0.clone(), any(chance, known, 2));
                    fields.push(twice);
                }
            }
            (2, Self::Map(fields)) => fields.push((name(chance), any(chance, known, 2))),
            (3, Self::Map(fields)) if !fields.is_empty() => {
                let victim = usize::try_from(chance.below(fields.len() as u64)).unwrap();
                fields[victim].0 = name(chance);
            }
            (0..=2, Self::List(items)) => {
                let item = items.first().cloned().unwrap_or_else(|| any(chance, known, 2));
                let room = MOST_NODES.saturating_sub(size) / item.count();
                let more = chance.below(120).min(room);
                items.extend((0..more).map(|_| item.clone()));
            }
            (3, Self::Text(text)) if text.len() < 256 => {
                *text = text.repeat(usize::try_from(1 << chance.below(10)).unwrap());
            }
            (4, _) => {
                let inner = std::mem::replace(place, Self::Raw("null".to_owned()));
                *place = deep(inner, 1 + chance.below(5).pow(4));
            }
            _ => *place = any(chance, known, 3),
        }
    }
}

/// The node under so many lists or objects.
fn deep(inner: Node, depth: u64) -> Node {
    let wrap = |inner, n| {
        if n % 2 == 0 { Node::List(vec![inner]) } else { Node::Map(vec![("a".to_owned(), inner)]) }
    };
    (0..depth).fold(inner, wrap)
}

fn name(chance: &mut Chance) -> String {
    chance.pick(NAMES).unwrap_or_default().to_owned()
}

/// Anything, at most so deep.
pub(super) fn any(chance: &mut Chance, known: &Known, depth: u64) -> Node {
    match chance.below(if depth == 0 { 4 } else { 6 }) {
        0 => Node::Raw(chance.pick(LITERALS).unwrap_or_default().to_owned()),
        1 => Node::Text(chance.pick(TEXTS).unwrap_or_default().to_owned()),
        2 => Node::Text(known.pick("", chance)),
        3 => {
            let unit = chance.pick(&["x", "\u{e9}", "\u{1f600}", "\\", "\"", " "]).unwrap_or_default();
            Node::Text(unit.repeat(usize::try_from(1 << chance.below(14)).unwrap()))
        }
        4 => Node::List((0..chance.below(5)).map(|_| any(chance, known, depth - 1)).collect()),
        _ => Node::Map((0..chance.below(5)).map(|_| (name(chance), any(chance, known, depth - 1))).collect()),
    }
}
