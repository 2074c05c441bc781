//! A certificate for development: signed by an authority of its own, which the developer may trust.
//!
//! The authority's key is forgotten once it has signed, so trusting it trusts nothing else. Both
//! certificates are therefore made together and renewed together.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;

use switchboard_domain::time::Timestamp;

use super::tls::{TlsError, load_pem, provider};

/// Names and addresses that the certificate is good for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a certificate is good: clients accept about thirteen months at most.
const LIFE: Duration = DAY.saturating_mul(365);
/// A certificate with less than this left is replaced at the start.
const RENEW_BEFORE: Duration = DAY.saturating_mul(30);

/// PEM files of a server for development.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevCertificate {
    /// The server's certificate.
    pub certificate: PathBuf,
    /// Its private key, mode 0600.
    pub key: PathBuf,
    /// The authority that signed it, for clients to trust.
    pub ca: PathBuf,
}

impl DevCertificate {
    /// Finds the files in `dir`, or makes them when they are missing, unusable or end within a month of `now`.
    ///
    /// # Errors
    /// When a certificate cannot be made or a file cannot be written.
    pub fn open_or_make(dir: &Path, now: Timestamp) -> Result<Self, TlsError> {
        let files = Self {
            certificate: dir.join("dev-cert.pem"),
            key: dir.join("dev-key.pem"),
            ca: dir.join("dev-ca.pem"),
        };
        let now = Duration::from_micros(now.as_micros());
        if !files.is_good(now) {
            files.make(now)?;
        }
        Ok(files)
    }

    /// Whether a client that trusts the authority accepts the server, now and for a while.
    fn is_good(&self, now: Duration) -> bool {
        let Ok((chain, key)) = load_pem(&self.certificate, &self.key) else { return false };
        let Ok(ca) = CertificateDer::from_pem_file(&self.ca) else { return false };
        let mut roots = RootCertStore::empty();
        if roots.add(ca).is_err() || CertifiedKey::from_der(chain.clone(), key, &provider()).is_err() {
            return false;
        }
        let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build()
        else {
            return false;
        };
        let accepts = |name: &str, time: Duration| {
            ServerName::try_from(name).is_ok_and(|name| {
                let time = UnixTime::since_unix_epoch(time);
                verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], time).is_ok()
            })
        };
        NAMES.iter().all(|name| accepts(name, now) && accepts(name, now + RENEW_BEFORE))
    }

    fn make(&self, now: Duration) -> Result<(), TlsError> {
        let ca_key = KeyPair::generate()?;
        let mut ca = params(&[], "Switchboard development authority", now)?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_certificate = ca.self_signed(&ca_key)?;

        let key = KeyPair::generate()?;
        let mut server = params(&NAMES, "Switchboard development server", now)?;
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let certificate = server.signed_by(&key, &Issuer::from_params(&ca, &ca_key))?;

        write(&self.key, &key.serialize_pem(), 0o600)?;
        write(&self.certificate, &certificate.pem(), 0o644)?;
        write(&self.ca, &ca_certificate.pem(), 0o644)
    }
}

fn params(names: &[&str], common_name: &str, now: Duration) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    let epoch = date_time_ymd(1970, 1, 1);
    // A day back, for clients whose clock is behind.
    params.not_before = epoch + now.saturating_sub(DAY);
    params.not_after = epoch + now + LIFE;
    Ok(params)
}

/// Writes a whole file under its name, or nothing.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    let replace = || -> io::Result<()> {
        let new = path.with_extension("pem.new");
        // The mode of a file counts only when it is created, so what an interrupted start left must go.
        if let Err(error) = fs::remove_file(&new)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(text.as_bytes())?;
        fs::rename(&new, path)
    };
    replace().map_err(|source| TlsError::Write { path: path.to_owned(), source })
}
