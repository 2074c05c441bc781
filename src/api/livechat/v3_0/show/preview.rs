//! What a web page says of itself, as customers get it (spec v3.0, 6.1).

use serde::Serialize;

use crate::outbound::Preview;

/// The answer of `get_url_details`: empty when the page cannot be had.
#[derive(Serialize, Default)]
pub(super) struct UrlDetails<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    /// Without its scheme: the published client puts `https://` before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

impl<'a> UrlDetails<'a> {
    pub(super) fn new(url: &'a str, preview: Option<&'a Preview>) -> Self {
        let Some(preview) = preview else { return Self::default() };
        let image = preview.image.as_deref();
        Self {
            title: preview.title.as_deref(),
            description: preview.description.as_deref(),
            image_url: image.map(|url| url.split_once("://").map_or(url, |(_, rest)| rest)),
            image_width: preview.image_width.filter(|_| image.is_some()),
            image_height: preview.image_height.filter(|_| image.is_some()),
            url: Some(url),
        }
    }
}
