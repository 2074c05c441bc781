//! TLS of the server side: rustls with `ring`, named explicitly so that no process default is needed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

/// Why TLS cannot be set up. The message says which file, and what is wrong with it.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read or is not PEM.
    #[error("cannot read {what} from {path}: {source}")]
    Read {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// A file holds no certificate.
    #[error(
        "{path} holds no certificate: it needs the server's certificate first, then those that signed it, in PEM"
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The certificate and the key do not work, or not together.
    #[error("the certificate in {certificate} and the key in {key} cannot be used: {source}")]
    Unusable {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// A certificate for development cannot be made.
    #[error("cannot make a certificate for development: {0}")]
    Make(#[from] rcgen::Error),
    /// A file for development cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
}

/// Makes `ring` the cryptography of every rustls user in this process that names none. Does nothing when
/// there is one already.
pub fn install_ring() {
    ring::default_provider().install_default().ok();
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Reads a chain of certificates, the server's own first, and its private key from PEM files.
///
/// # Errors
/// When a file cannot be read, is not PEM or does not hold what it should.
pub fn load_pem(
    certificate: &Path,
    key: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let unreadable = |what, path: &Path, source| TlsError::Read { what, path: path.to_owned(), source };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|source| unreadable("certificates", certificate, source))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: certificate.to_owned() });
    }
    let private_key =
        PrivateKeyDer::from_pem_file(key).map_err(|source| unreadable("a private key", key, source))?;
    Ok((chain, private_key))
}

/// The settings of a server that shows the certificate of these PEM files and speaks HTTP/1.1.
///
/// # Errors
/// When the files cannot be used, see [`load_pem`], or do not belong together.
pub fn server_config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let (chain, private_key) = load_pem(certificate, key)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private_key))
        .map_err(|source| TlsError::Unusable {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            source,
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
