//! What a web page says of itself in its head: title, description, picture. Source: spec v3.0, 12 #27.

use html5gum::{StartTag, Token, Tokenizer};
use reqwest::Url;

/// Characters of a title; the rest is left out.
const TITLE_CHARS: usize = 256;
/// Characters of a description; the rest is left out.
const DESCRIPTION_CHARS: usize = 1024;

/// What a page says of itself. What it does not say is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// Title.
    pub title: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Absolute `http` or `https` URL of a picture.
    pub image: Option<String>,
    /// The picture's width, pixels.
    pub image_width: Option<u32>,
    /// The picture's height, pixels.
    pub image_height: Option<u32>,
}

impl Preview {
    /// Reads a page that was found at `page`, or the beginning of one. The tags of Open Graph and of
    /// Twitter's cards win over the plain ones: they are meant for this.
    #[must_use]
    pub(super) fn read(page: &Url, html: &[u8]) -> Self {
        let (mut meant, mut plain) = (Self::default(), Self::default());
        let mut in_title = false;
        for Ok(token) in Tokenizer::new(html) {
            match token {
                Token::StartTag(tag) if **tag.name == *b"title" => in_title = plain.title.is_none(),
                Token::String(text) if in_title => {
                    let title = plain.title.get_or_insert_default();
                    title.push_str(&String::from_utf8_lossy(&text));
                }
                Token::EndTag(tag) if **tag.name == *b"title" => in_title = false,
                Token::StartTag(tag) if **tag.name == *b"meta" => {
                    read_meta(page, &tag, &mut meant, &mut plain);
                }
                // What a page says of itself stands before what it says.
                Token::StartTag(tag) if **tag.name == *b"body" => break,
                _ => {}
            }
        }
        Self {
            title: meant.title.or(plain.title).and_then(|title| tidy(&title, TITLE_CHARS)),
            description: meant
                .description
                .or(plain.description)
                .and_then(|text| tidy(&text, DESCRIPTION_CHARS)),
            ..meant
        }
    }
}

fn read_meta(page: &Url, tag: &StartTag<()>, meant: &mut Preview, plain: &mut Preview) {
    let attribute =
        |name: &[u8]| tag.attributes.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
    let Some(name) = attribute(b"property").or_else(|| attribute(b"name")) else { return };
    let Some(content) = attribute(b"content").filter(|content| !content.trim().is_empty()) else { return };
    let pixels = || content.trim().parse().ok();
    // The first of each kind counts, as it does for whoever else reads them.
    match name.to_ascii_lowercase().as_str() {
        "og:title" | "twitter:title" => drop(meant.title.get_or_insert(content)),
        "og:description" | "twitter:description" => drop(meant.description.get_or_insert(content)),
        "description" => drop(plain.description.get_or_insert(content)),
        "og:image" | "og:image:url" | "og:image:secure_url" | "twitter:image" if meant.image.is_none() => {
            let url = page.join(content.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            meant.image = url.map(Into::into);
        }
        "og:image:width" if meant.image_width.is_none() => meant.image_width = pixels(),
        "og:image:height" if meant.image_height.is_none() => meant.image_height = pixels(),
        _ => {}
    }
}

/// One line without odd blanks, of bounded length.
fn tidy(text: &str, chars: usize) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then(|| line.chars().take(chars).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use proptest::prelude::*;

    use super::*;

    fn read(html: &str) -> Preview {
        Preview::read(&Url::parse("https://shop.example/a/b?c").unwrap(), html.as_bytes())
    }

    #[test]
    fn what_is_meant_for_previews_wins() {
        let seen = read(
            r#"<!doctype html><html><head><TITLE>Shop &amp; more</TITLE>
            <meta name="description" content="plain"><meta property="og:title" content="The Shop">
            <meta property='og:description' content='All
                goods'><meta property="og:title" content="Second">
            <meta property="og:image" content="/t/1.png"><meta property="og:image:width" content=" 200 ">
            <meta property="og:image:height" content="tall"></head><body>
            <meta property="og:image:height" content="9"></body>"#,
        );
        let expected = Preview {
            title: Some("The Shop".into()),
            description: Some("All goods".into()),
            image: Some("https://shop.example/t/1.png".into()),
            image_width: Some(200),
            image_height: None,
        };
        assert_eq!(seen, expected);
    }

    #[test]
    fn without_that_the_plain_words_count() {
        let seen = read(
            "<title>\n Shop &amp; more </title><meta name=Description content=\"All goods\"><title>no</title>",
        );
        assert_eq!(seen.title.as_deref(), Some("Shop & more"));
        assert_eq!(seen.description.as_deref(), Some("All goods"));
        assert_eq!(seen.image, None);
        assert_eq!(read("no page at all"), Preview::default());
        assert_eq!(read("<title>  </title><meta name=description content=' '>"), Preview::default());
    }

    #[test]
    fn only_the_web_has_pictures() {
        for odd in ["data:image/png;base64,AAAA", "javascript:alert(1)", "file:///etc/passwd", "https://"] {
            assert_eq!(read(&format!("<meta property=og:image content='{odd}'>")).image, None, "{odd}");
        }
    }

    #[test]
    fn texts_are_bounded() {
        let long = "x".repeat(5_000);
        let seen = read(&format!("<title>{long}</title><meta name=description content={long}>"));
        assert_eq!(seen.title.unwrap().len(), TITLE_CHARS);
        assert_eq!(seen.description.unwrap().len(), DESCRIPTION_CHARS);
    }

    proptest! {
        #[test]
        fn nothing_panics(html: Vec<u8>) {
            let _ = Preview::read(&Url::parse("http://h/").unwrap(), &html);
        }

        #[test]
        fn nothing_that_looks_like_a_page_panics(html in "(<meta (property|name)=(og:image|title) content=[ -~]{0,9}>|<title>|&#?[a-z0-9;]{0,9}|</?[a-z]{0,5}){0,20}") {
            let _ = Preview::read(&Url::parse("http://h/").unwrap(), html.as_bytes());
        }
    }
}
