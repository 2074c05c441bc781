//! Files that users send: received into the storage, and kept when an event refers to them. Whoever
//! knows the address of one may read it: it holds 128 random bits.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use switchboard_domain::conversation::command::Command;
use switchboard_domain::conversation::event::{EventBody, File, NewEvent, Picture};
use switchboard_domain::error::Rejected;
use switchboard_domain::id::LicenseId;
use switchboard_domain::limits::{FILE_BYTES, SHORT_TEXT_BYTES};
use tokio::io::AsyncWriteExt as _;

use crate::engine::handle::EngineHandle;
use crate::engine::limits::{FILE_NAME_CHARS, FILE_SWEEP, UNUSED_FILE_BYTES, UNUSED_FILE_LIFE};
use crate::engine::order::Order;
use crate::storage::{BlobId, BlobInfo, Blobs, Keeping, StorageError};
use crate::telemetry::clock;

/// Where files are served, below the server's address.
pub const FILES: &str = "/files/";

/// Kinds of content whose size in pixels is read.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Why a file was not received. Nothing of it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileRefused {
    /// It is greater than [`FILE_BYTES`].
    TooLarge,
    /// Its sender did not send it to its end.
    Cut,
    /// The storage has no room, or the license too many files that nothing refers to.
    Rejected(Rejected),
}

/// Bytes of files that nothing refers to yet, by license.
#[derive(Clone, Default)]
pub(crate) struct Unused(Arc<Mutex<HashMap<u64, u64>>>);

impl Unused {
    fn of(&self, owner: u64) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&owner).copied().unwrap_or(0)
    }

    fn add(&self, owner: u64, bytes: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = all.entry(owner).or_default();
        *sum = sum.saturating_add(bytes);
    }

    fn take(&self, owner: u64, bytes: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sum) = all.get_mut(&owner) {
            *sum = sum.saturating_sub(bytes);
        }
    }

    /// Counts what is there, in place of what was counted.
    fn count(&self, blobs: &Blobs) -> Result<(), StorageError> {
        let waiting = blobs.waiting()?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.clear();
        for (_, info) in waiting {
            *all.entry(info.owner).or_default() += FILE_WEIGHT + info.size;
        }
        Ok(())
    }
}

/// Counts a file while it is received; what did not come to its end does not count.
struct Counted<'a> {
    all: &'a Unused,
    owner: u64,
    bytes: u64,
}

impl<'a> Counted<'a> {
    fn new(all: &'a Unused, owner: u64) -> Self {
        let mut counted = Self { all, owner, bytes: 0 };
        counted.add(FILE_WEIGHT);
        counted
    }

    /// False when there is no room for that.
    fn add(&mut self, bytes: u64) -> bool {
        self.bytes += bytes;
        self.all.add(self.owner, bytes);
        self.all.of(self.owner) <= UNUSED_FILE_BYTES
    }

    fn stays(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.all.take(self.owner, self.bytes);
    }
}

/// Bytes that a file takes of what may wait, beside its own: directories and descriptions are not free.
const FILE_WEIGHT: u64 = 64 * 1024;

/// The room of the disk is looked at again after so many bytes.
const LOOK_BYTES: u64 = 1 << 20;

/// A file that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Names it.
    pub id: BlobId,
    /// What is known of it.
    pub info: BlobInfo,
}

/// A file that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Where its bytes are.
    pub path: PathBuf,
    /// MIME type.
    pub content_type: String,
}

impl Received {
    /// The file as events show it, served at `base`.
    #[must_use]
    pub fn file(&self, base: &str) -> File {
        described(&self.info, address(base, self.id, &self.info.name).into())
    }
}

impl EngineHandle {
    /// Receives a file for a license. It is on the disk when this answers; unless an event refers to it
    /// before, it goes after [`UNUSED_FILE_LIFE`].
    ///
    /// # Errors
    /// See [`FileRefused`].
    pub async fn receive_file<E>(
        &self,
        license: LicenseId,
        (name, content_type): (&str, &str),
        mut chunks: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Received, FileRefused> {
        let id = BlobId(clock::random_u128());
        let unfinished = self.blocking(move |blobs| blobs.begin(id)).await?;
        let lost = |error: &std::io::Error| match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                FileRefused::Rejected(Rejected::StorageFull)
            }
            _ => {
                tracing::error!(%error, "a file cannot be written");
                FileRefused::Rejected(Rejected::Internal)
            }
        };
        let opened = tokio::fs::OpenOptions::new().append(true).open(unfinished.path()).await;
        let mut body = opened.map_err(|error| lost(&error))?;
        let mut info =
            BlobInfo::new(license.0, shown_name(name), shown_type(content_type), clock::now().as_micros());
        let mut crc = crc32fast::Hasher::new();
        // Counted while it comes, so that many at a time are bounded like one after the other.
        let mut counted = Counted::new(self.unused(), license.0);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| FileRefused::Cut)?;
            let (before, bytes) = (info.size, chunk.len() as u64);
            info.size += bytes;
            if info.size > FILE_BYTES {
                return Err(FileRefused::TooLarge);
            }
            if !counted.add(bytes) {
                tracing::warn!(%license, "too many files were sent that nothing refers to");
                return Err(FileRefused::Rejected(Rejected::StorageFull));
            }
            if before / LOOK_BYTES != info.size / LOOK_BYTES && self.blobs().ready().is_err() {
                return Err(FileRefused::Rejected(Rejected::StorageFull));
            }
            crc.update(&chunk);
            body.write_all(&chunk).await.map_err(|error| lost(&error))?;
        }
        body.flush().await.map_err(|error| lost(&error))?;
        drop(body);
        info.crc32 = crc.finalize();
        let received = self
            .blocking(move |blobs| {
                if PICTURES.contains(&info.content_type.as_str()) {
                    let pixels = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
                    let size = imagesize::size(unfinished.path()).ok();
                    info.pixels = size.map(|size| (pixels(size.width), pixels(size.height)));
                }
                blobs.finish(unfinished, &info)?;
                Ok(Received { id, info })
            })
            .await?;
        counted.stays();
        Ok(received)
    }

    /// Counts a file again that nothing refers to.
    pub(super) fn is_unused_again(&self, info: &BlobInfo) {
        self.unused().add(info.owner, FILE_WEIGHT + info.size);
    }

    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Blobs) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, FileRefused> {
        let blobs = self.blobs().clone();
        let rejected = match tokio::task::spawn_blocking(move || work(&blobs)).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(StorageError::DiskFull)) => Rejected::StorageFull,
            Ok(Err(error)) => {
                tracing::error!(%error, "a file cannot be stored or read");
                Rejected::Internal
            }
            Err(_) => Rejected::Internal,
        };
        Err(FileRefused::Rejected(rejected))
    }

    /// What is needed to serve the file with this name.
    pub async fn file_served(&self, id: &str) -> Option<Served> {
        let id = id.parse().ok()?;
        let blob = self.blocking(move |blobs| blobs.find(id)).await.ok().flatten()?;
        let is_anyones = !self.tables().has_ended(LicenseId(blob.info.owner));
        is_anyones.then_some(Served { path: blob.path, content_type: blob.info.content_type })
    }

    /// Keeps a file for good, whatever refers to it.
    ///
    /// # Errors
    /// `StorageFull`, `Internal`.
    pub async fn keep_file(&self, received: &Received) -> Result<(), Rejected> {
        self.keep(received.id, &received.info).await.map(drop)
    }

    /// Keeps a file; true when it was not kept before.
    pub(super) async fn keep(&self, id: BlobId, info: &BlobInfo) -> Result<bool, Rejected> {
        match self.blocking(move |blobs| blobs.keep(id)).await {
            Ok(Keeping::WasKept) => Ok(false),
            Ok(Keeping::Kept) => {
                self.unused().take(info.owner, FILE_WEIGHT + info.size);
                Ok(true)
            }
            // Its time ran out this moment.
            Ok(Keeping::Gone) => Err(Rejected::invalid("url", "this file is gone")),
            Err(FileRefused::Rejected(rejected)) => Err(rejected),
            Err(FileRefused::TooLarge | FileRefused::Cut) => Err(Rejected::Internal),
        }
    }

    /// A license's files to which what referred to them does so no more.
    pub async fn forget_files<'a>(&self, license: LicenseId, files: impl IntoIterator<Item = &'a File>) {
        let ids: Vec<BlobId> = files.into_iter().filter_map(|file| named(&file.url)).collect();
        if ids.is_empty() {
            return;
        }
        let own = move |blobs: &Blobs| {
            for id in ids {
                if blobs.find(id)?.is_some_and(|blob| blob.info.owner == license.0) {
                    blobs.forget(id)?;
                }
            }
            Ok(())
        };
        // One that cannot be removed was logged; nobody is shown it.
        drop(self.blocking(own).await);
    }

    /// Files of a form that came to nothing go at once; what something refers to by now stays.
    pub(crate) fn discard_files(&self, files: Vec<Received>) {
        let (blobs, unused) = (self.blobs().clone(), self.unused().clone());
        tokio::task::spawn_blocking(move || {
            for Received { id, info } in files {
                match blobs.find(id) {
                    Ok(Some(blob)) if !blob.kept => match blobs.discard(id) {
                        Ok(()) => unused.take(info.owner, FILE_WEIGHT + info.size),
                        Err(error) => tracing::error!(%error, "a file cannot be removed"),
                    },
                    _ => {}
                }
            }
        });
    }

    /// Begins to look after the files: what nobody used goes in time.
    pub(crate) fn look_after_files(&self) {
        let engine = self.clone();
        actix::spawn(async move {
            let mut timer = tokio::time::interval(FILE_SWEEP);
            let mut counted = false;
            loop {
                timer.tick().await;
                engine.rates().forget_idle();
                let before = clock::now().as_micros().saturating_sub(UNUSED_FILE_LIFE.as_micros() as u64);
                let unused = engine.unused().clone();
                let swept = engine.blocking(move |blobs| {
                    let gone = blobs.sweep(before)?;
                    // Anew when some are gone, and once at the start.
                    if gone > 0 || !counted {
                        unused.count(blobs)?;
                    }
                    Ok(gone)
                });
                let swept = swept.await;
                counted |= swept.is_ok();
                if let Ok(gone @ 1..) = swept {
                    tracing::info!(gone, "removed files that nobody used");
                }
            }
        });
    }

    /// The address under which the world reaches this server: as it is set, else as the request named
    /// it.
    #[must_use]
    pub fn public_base(&self, host: Option<&str>, secure: bool) -> String {
        match (&self.settings().public_url, host) {
            (Some(base), _) => base.to_string(),
            (None, host) => {
                let scheme = if secure { "https" } else { "http" };
                // A host and a port, and nothing that leads elsewhere.
                let is_host = |host: &&str| {
                    host.parse::<http::uri::Authority>().is_ok_and(|authority| !authority.host().is_empty())
                        && !host.contains(['@', '/', '?', '#'])
                };
                format!("{scheme}://{}", host.filter(is_host).unwrap_or("localhost"))
            }
        }
    }
}

/// Does an order speak of files?
pub(crate) fn speaks_of_files(order: &Order) -> bool {
    let has = |event: &NewEvent| {
        let attached = event.details.as_ref().is_some_and(|details| !details.attachments.is_empty());
        attached || matches!(event.body, EventBody::File(_))
    };
    match order {
        Order::Chat(_, Command::Post { event, .. }) => has(event),
        Order::Chat(_, Command::Activate(open)) | Order::StartChat(open) => open.events.iter().any(has),
        _ => false,
    }
}

/// What events show of a stored file. A picture is its own thumbnail.
pub(super) fn described(info: &BlobInfo, url: Box<str>) -> File {
    let picture = info.pixels.map(|(width, height)| Picture {
        width: Some(width),
        height: Some(height),
        thumbnail_url: Some(url.clone()),
        thumbnail2x_url: Some(url.clone()),
    });
    File {
        name: info.name.as_str().into(),
        content_type: info.content_type.as_str().into(),
        size: Some(info.size),
        picture,
        url,
    }
}

/// The address of a file. Its name is there for people.
fn address(base: &str, id: BlobId, name: &str) -> String {
    let mut address = format!("{base}{FILES}{id}/");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address
}

/// The file of ours that an address may be of.
pub(super) fn named(url: &str) -> Option<BlobId> {
    let (_, behind) = url.rsplit_once(FILES)?;
    behind.split(['/', '?', '#']).next()?.parse().ok()
}

/// A name without what would lead somewhere or be read as something else.
fn shown_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean = last.chars().filter(|letter| !letter.is_control()).take(FILE_NAME_CHARS);
    let clean: String = clean.collect();
    match clean.trim_matches(['.', ' ']) {
        "" => "file".to_owned(),
        clean => clean.to_owned(),
    }
}

fn shown_type(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&byte);
    let sound = essence.len() <= SHORT_TEXT_BYTES && essence.bytes().all(is_token);
    match essence.split_once('/') {
        Some((kind, sub)) if sound && !kind.is_empty() && !sub.is_empty() && !sub.contains('/') => essence,
        _ => "application/octet-stream".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_file_and_no_other_does() {
        let id = BlobId(7);
        let at = address("https://x.example", id, "zwölf pizzen.png");
        assert_eq!(at, format!("https://x.example/files/{id}/zw%C3%B6lf%20pizzen.png"));
        assert_eq!(named(&at), Some(id));
        assert_eq!(named(&format!("/files/{id}")), Some(id));
        assert_eq!(named(&address("https://x.example/files", id, "a.png")), Some(id));
        for other in ["", "https://x.example/a.png", "https://x.example/files/a.png", "/files/"] {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[test]
    fn what_comes_counts_until_it_is_given_up_and_only_to_the_bound() {
        let unused = Unused::default();
        let mut one = Counted::new(&unused, 1);
        assert!(one.add(UNUSED_FILE_BYTES - FILE_WEIGHT), "as much as there is room for");
        let mut other = Counted::new(&unused, 1);
        assert!(!other.add(1));
        assert!(Counted::new(&unused, 2).add(1), "another license has its own room");
        drop(one);
        assert!(other.add(1));
        other.stays();
        assert_eq!((unused.of(1), unused.of(2)), (FILE_WEIGHT + 2, 0));
    }

    #[test]
    fn names_and_kinds_are_what_can_be_shown_safely() {
        for (given, shown) in [
            ("a.png", "a.png"),
            ("../../etc/passwd", "passwd"),
            ("C:\\docs\\b.txt", "b.txt"),
            ("a\r\nSet-Cookie: x", "aSet-Cookie: x"),
            ("..", "file"),
            ("", "file"),
        ] {
            assert_eq!(shown_name(given), shown);
        }
        assert_eq!(shown_name(&"x".repeat(1000)).len(), FILE_NAME_CHARS);
        for (given, shown) in [
            ("Image/PNG; charset=x", "image/png"),
            ("text/html", "text/html"),
            ("", "application/octet-stream"),
            ("nonsense", "application/octet-stream"),
            ("a/b\r\nx: y", "application/octet-stream"),
            ("a/b/c", "application/octet-stream"),
        ] {
            assert_eq!(shown_type(given), shown);
        }
    }
}
