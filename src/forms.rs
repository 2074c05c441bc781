//! Multipart forms (RFC 7578), for every face: texts are held in memory, files go to the disk as they
//! come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt as _;
use http::header::{CONTENT_TYPE, HOST};
use http::uri::Scheme;
use http::{HeaderMap, Request};
use multer::Multipart;
use switchboard_domain::conversation::event::File;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::LicenseId;
use switchboard_domain::limits::ATTACHMENTS_PER_MESSAGE;

use crate::engine::EngineHandle;
use crate::engine::files::{FileRefused, Received};

/// Bytes of the texts of a form together, names included: as much as any other body may have.
const TEXT_BYTES: usize = 1024 * 1024;

/// How long a form with files may take to arrive: its greatest file in so long is a slow line.
const FORM_TIME: Duration = Duration::from_secs(120);

/// Bytes of a form that may come without anything coming out of it: the head of a part, which is held in
/// memory until it ends.
const HEAD_BYTES: usize = 256 * 1024;

/// Parts of a form: far more than any face has fields; each costs memory beyond its bytes.
const PARTS: usize = 512;

/// A form that was read. With it go the files that nothing refers to by then, unless they were settled.
#[derive(Default)]
pub struct Form {
    /// Names and texts, in their order.
    pub texts: Vec<(String, String)>,
    /// Names and files, in their order.
    pub files: Vec<(String, Received)>,
    /// The address under which the files are served.
    pub base: String,
    engine: Option<EngineHandle>,
}

/// Why a form was not read. Its files go by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormRefused {
    /// It is no form, or does not come to its end.
    Broken,
    /// Its texts are too long together.
    TooLarge,
    /// A file is too large.
    FileTooLarge,
    /// It has more files than a message.
    TooMany,
    /// It takes too long.
    TooSlow,
    /// The files cannot be taken.
    Rejected(Rejected),
}

impl From<FileRefused> for FormRefused {
    fn from(refused: FileRefused) -> Self {
        match refused {
            FileRefused::TooLarge => Self::FileTooLarge,
            FileRefused::Cut => Self::Broken,
            FileRefused::Rejected(rejected) => Self::Rejected(rejected),
        }
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        let files: Vec<Received> = self.files.drain(..).map(|(_, file)| file).collect();
        if let Some(engine) = self.engine.take()
            && !files.is_empty()
        {
            engine.discard_files(files);
        }
    }
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Form").field("texts", &self.texts).field("files", &self.files).finish_non_exhaustive()
    }
}

impl Form {
    /// The addresses of its files were answered: they wait for something that refers to them.
    pub fn settle(&mut self) {
        self.engine = None;
    }

    /// The first text of a name.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts.iter().find(|(own, _)| own == name).map(|(_, text)| text.as_str())
    }

    /// A file as events show it.
    #[must_use]
    pub fn shown(&self, received: &Received) -> File {
        received.file(&self.base)
    }
}

/// Is the body of a request such a form?
#[must_use]
pub fn is_form(headers: &HeaderMap) -> bool {
    boundary(headers).is_some()
}

fn boundary(headers: &HeaderMap) -> Option<String> {
    multer::parse_boundary(headers.get(CONTENT_TYPE)?.to_str().ok()?).ok()
}

/// The address under which whoever sent this request reaches the server.
#[must_use]
pub fn base(engine: &EngineHandle, request: &Request<Body>) -> String {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    engine.public_base(host, request.extensions().get::<Scheme>() == Some(&Scheme::HTTPS))
}

/// Reads a form; its files are a license's.
///
/// # Errors
/// See [`FormRefused`].
pub async fn read(
    engine: &EngineHandle,
    license: LicenseId,
    request: Request<Body>,
) -> Result<Form, FormRefused> {
    tokio::time::timeout(FORM_TIME, read_all(engine, license, request))
        .await
        .unwrap_or(Err(FormRefused::TooSlow))
}

async fn read_all(
    engine: &EngineHandle,
    license: LicenseId,
    request: Request<Body>,
) -> Result<Form, FormRefused> {
    let broken = |_: multer::Error| FormRefused::Broken;
    let mut form = Form::default();
    form.base = base(engine, &request);
    form.engine = Some(engine.clone());
    let boundary = boundary(request.headers()).ok_or(FormRefused::Broken)?;
    let idle = Arc::new(AtomicUsize::new(0));
    let came = Arc::clone(&idle);
    let body = request.into_body().into_data_stream().map(move |chunk| {
        let chunk = chunk.map_err(std::io::Error::other)?;
        if came.fetch_add(chunk.len(), Ordering::Relaxed) + chunk.len() > HEAD_BYTES {
            return Err(std::io::Error::other("a part of the form has no end"));
        }
        Ok(chunk)
    });
    let mut parts = Multipart::new(body, boundary);
    let (mut bytes, mut count) = (0, 0);
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let came = Arc::clone(&idle);
        came.store(0, Ordering::Relaxed);
        let name = part.name().unwrap_or_default().to_owned();
        bytes += name.len();
        count += 1;
        if bytes > TEXT_BYTES || count > PARTS {
            return Err(FormRefused::TooLarge);
        }
        let file_name = part.file_name().filter(|file| !file.is_empty()).map(str::to_owned);
        if let Some(file_name) = file_name {
            if form.files.len() >= ATTACHMENTS_PER_MESSAGE {
                return Err(FormRefused::TooMany);
            }
            let kind = part.content_type().map(ToString::to_string).unwrap_or_default();
            let chunks = part.inspect(move |_| came.store(0, Ordering::Relaxed));
            let received = engine.receive_file(license, (&file_name, &kind), chunks).await?;
            form.files.push((name, received));
            continue;
        }
        let (mut text, mut part) = (Vec::new(), part);
        while let Some(chunk) = part.chunk().await.map_err(broken)? {
            came.store(0, Ordering::Relaxed);
            text.extend_from_slice(&chunk);
            if bytes + text.len() > TEXT_BYTES {
                return Err(FormRefused::TooLarge);
            }
        }
        bytes += text.len();
        form.texts.push((name, String::from_utf8(text).map_err(|_| FormRefused::Broken)?));
    }
    Ok(form)
}
