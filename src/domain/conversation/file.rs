//! Files of events.

use serde::{Deserialize, Serialize};

use crate::conversation::event::{Event, EventBody, short, web_address, within};
use crate::error::Rejected;
use crate::limits::{FILE_BYTES, URL_CHARS};

/// A file's description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Shown name.
    pub name: Box<str>,
    /// Where it lies.
    pub url: Box<str>,
    /// MIME type.
    pub content_type: Box<str>,
    /// Bytes.
    pub size: Option<u64>,
    /// For pictures.
    pub picture: Option<Picture>,
}

/// What a picture has beyond a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Picture {
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// Small form.
    pub thumbnail_url: Option<Box<str>>,
    /// Small form, twice the size.
    pub thumbnail2x_url: Option<Box<str>>,
}

impl Event {
    /// The files that it is or has.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        let own = if let EventBody::File(file) = &self.body { Some(file) } else { None };
        let attached = self.details.iter().flat_map(|details| &details.attachments);
        own.into_iter().chain(attached)
    }
}

impl File {
    /// Checks the bounds; `place` is the field that it stands in.
    ///
    /// # Errors
    /// `Invalid` naming the field.
    pub fn check(&self, place: &str) -> Result<(), Rejected> {
        let field = |name: &str| format!("{place}.{name}");
        short(&field("name"), &self.name)?;
        short(&field("content_type"), &self.content_type)?;
        within(&field("url"), self.url.chars().count(), URL_CHARS, "characters")?;
        if self.size.is_some_and(|size| size > FILE_BYTES) {
            return Err(Rejected::invalid(field("size"), format!("must be at most {FILE_BYTES} bytes")));
        }
        web_address(&field("url"), &self.url)
    }
}
