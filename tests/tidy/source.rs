//! Rust source with what is not code blanked out. Lines and columns stay where they are.

/// The code alone: comments, strings and character literals become spaces.
pub(crate) fn code(text: &str) -> String {
    blank(text, |_| true)
}

/// The code with its literals: only comments become spaces.
pub(crate) fn uncommented(text: &str) -> String {
    blank(text, |first| first == '/')
}

/// Blanks the comments and literals whose first character is `chosen`.
fn blank(text: &str, chosen: impl Fn(char) -> bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let first = chars[at];
        let blank = blank_len(&chars[at..]);
        // A whole word at once, so that the `r` of `for"` is not taken for a raw string's.
        let len =
            if blank > 0 { blank } else { chars[at..].iter().take_while(|c| is_word(**c)).count().max(1) };
        let hide = blank > 0 && chosen(first);
        out.extend(chars[at..at + len].iter().map(|&c| if hide && c != '\n' { ' ' } else { c }));
        at += len;
    }
    out
}

/// The code that ships: like [`code`], and without the items under `#[cfg(test)]`.
pub(crate) fn shipped(text: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut code = code(text);
    while let Some(start) = code.find(MARK) {
        let end = start + MARK.len() + item_len(&code[start + MARK.len()..]);
        let blank: String = code[start..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
        code.replace_range(start..end, &blank);
    }
    code
}

/// Part of an identifier.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How many characters of comment or literal stand at the start; 0 where code does.
fn blank_len(chars: &[char]) -> usize {
    match chars {
        ['/', '/', ..] => chars.iter().take_while(|c| **c != '\n').count(),
        ['/', '*', ..] => block_comment_len(chars),
        ['"', ..] => 1 + quoted_len(&chars[1..], '"'),
        ['\'', '\\', ..] => 1 + quoted_len(&chars[1..], '\''),
        // `'a'` is a character, `'a` a lifetime.
        ['\'', _, '\'', ..] => 3,
        ['b' | 'c', 'r', '"' | '#', ..] => raw_len(chars, 2),
        ['r', '"' | '#', ..] => raw_len(chars, 1),
        _ => 0,
    }
}

fn block_comment_len(chars: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < chars.len() {
        match chars[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Up to and with the closing quote.
fn quoted_len(chars: &[char], quote: char) -> usize {
    let mut at = 0;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// A raw string whose hashes begin at `hashes_at`; 0 for a raw identifier such as `r#type`.
fn raw_len(chars: &[char], hashes_at: usize) -> usize {
    let hashes = chars[hashes_at..].iter().take_while(|c| **c == '#').count();
    let mut at = hashes_at + hashes;
    if chars.get(at) != Some(&'"') {
        return 0;
    }
    at += 1;
    while at < chars.len() {
        let closes =
            chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        at += 1;
        if closes {
            return at + hashes;
        }
    }
    at
}

/// How long the item at the start is: to its `;`, or to the end of its braces.
fn item_len(code: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn comments_and_literals_are_blank() {
    for (text, expected) in [
        ("a // crate::x\nb", "a            \nb"),
        ("a /* x /* y */ z */ b", "a                   b"),
        (r#"f("a\"b", c)"#, "f(      , c)"),
        (r##"f(r#"a"b"#, c)"##, "f(        , c)"),
        ("for<'a> 'x' '\\'' b'c'", "for<'a>          b   "),
        ("r#type = 1", "r#type = 1"),
    ] {
        assert_eq!(code(text), expected);
    }
    assert_eq!(uncommented("f(\"// x\") // y"), "f(\"// x\")     ");
}

#[test]
fn test_items_do_not_ship() {
    let text =
        "use a;\n#[cfg(test)]\nmod tests {\n    fn f() { g() }\n}\n#[cfg(test)]\nuse b::{c, d};\nfn h() {}";
    let shipped = shipped(text);
    assert_eq!(shipped.split_whitespace().collect::<Vec<_>>(), ["use", "a;", ";", "fn", "h()", "{}"]);
    assert_eq!(shipped.lines().count(), text.lines().count());
}
