//! TLS through the whole room, and the files it needs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_tungstenite::tungstenite::Message;

use super::{Options, Server, client_on, on_shard};
use crate::net::accept::Patience;
use crate::net::dev_certificate::DevCertificate;
use crate::net::limits::MESSAGE_BYTES;
use crate::net::tls::{TlsError, provider, server_config};
use crate::telemetry::clock;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn tls_server(files: &DevCertificate, patience: Patience) -> Server {
    let config = server_config(&files.certificate, &files.key).unwrap();
    Server::with(Options { tls: Some(TlsAcceptor::from(config)), patience, ..Options::default() })
}

async fn tls_client(server: &Server, files: &DevCertificate, name: &'static str) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.ca).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, server.tcp().await).await.unwrap()
}

#[test]
fn a_session_works_under_tls() {
    let dir = tempfile::tempdir().unwrap();
    on_shard(async {
        let files = DevCertificate::open_or_make(dir.path(), clock::now()).unwrap();
        let server = tls_server(&files, Patience::default());
        for name in ["localhost", "127.0.0.1", "::1"] {
            let mut client = client_on(tls_client(&server, &files, name).await).await;
            let long = Message::text("x".repeat(MESSAGE_BYTES));
            for message in [Message::text("hello"), long] {
                client.send(message.clone()).await.unwrap();
                assert_eq!(client.next().await.unwrap().unwrap(), message);
            }
            client.close(None).await.unwrap();
            while client.next().await.is_some() {}
        }
        server.connections.idle().await;
    });
}

#[test]
fn a_client_that_reads_late_gets_everything_under_tls() {
    let dir = tempfile::tempdir().unwrap();
    on_shard(async {
        let files = DevCertificate::open_or_make(dir.path(), clock::now()).unwrap();
        let server = tls_server(&files, Patience::default());
        let mut client = client_on(tls_client(&server, &files, "localhost").await).await;
        server.until(|| !server.shard.sessions.borrow().is_empty()).await;
        let outbox = std::rc::Rc::clone(&server.shard.sessions.borrow()[0].outbox);
        let mut pushed = 0_usize;
        while !outbox.is_blocked() {
            outbox.push_text(format!("{pushed:0>30000}").as_bytes());
            pushed += 1;
            tokio::task::yield_now().await;
        }
        outbox.close(1000, "enough");
        for n in 0..pushed {
            assert_eq!(client.next().await.unwrap().unwrap(), Message::text(format!("{n:0>30000}")));
        }
        assert!(matches!(client.next().await, Some(Ok(Message::Close(Some(_))))));
        assert!(client.next().await.is_none());
        // A client ends TLS too before the server is done with it.
        drop(client);
        server.connections.idle().await;
    });
}

#[test]
fn a_slow_tls_handshake_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    on_shard(async {
        let files = DevCertificate::open_or_make(dir.path(), clock::now()).unwrap();
        let patience = Patience { tls_handshake: Duration::from_millis(20), ..Patience::default() };
        let server = tls_server(&files, patience);
        let mut raw = server.tcp().await;
        assert_eq!(tokio::io::AsyncReadExt::read(&mut raw, &mut [0; 8]).await.unwrap(), 0);
        server.connections.idle().await;
    });
}

#[test]
fn a_certificate_for_development_is_kept_until_it_is_nearly_over() {
    let dir = tempfile::tempdir().unwrap();
    let now = clock::now();
    let files = DevCertificate::open_or_make(dir.path(), now).unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&files.key), 0o600);
    let ca = fs::read(&files.ca).unwrap();

    assert_eq!(DevCertificate::open_or_make(dir.path(), now.plus(DAY * 300)).unwrap(), files);
    assert_eq!(fs::read(&files.ca).unwrap(), ca);
    DevCertificate::open_or_make(dir.path(), now.plus(DAY * 340)).unwrap();
    assert_ne!(fs::read(&files.ca).unwrap(), ca);
    assert_eq!(mode(&files.key), 0o600);
}

#[test]
fn a_certificate_that_does_not_fit_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let now = clock::now();
    let files = DevCertificate::open_or_make(dir.path(), now).unwrap();
    let others = DevCertificate::open_or_make(other.path(), now).unwrap();
    for (ours, theirs) in [(&files.key, &others.key), (&files.ca, &others.ca)] {
        fs::copy(theirs, ours).unwrap();
        DevCertificate::open_or_make(dir.path(), now).unwrap();
        assert_ne!(fs::read(ours).unwrap(), fs::read(theirs).unwrap());
        server_config(&files.certificate, &files.key).unwrap();
    }
}

#[test]
fn unusable_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let now = clock::now();
    let files = DevCertificate::open_or_make(dir.path(), now).unwrap();
    let others = DevCertificate::open_or_make(other.path(), now).unwrap();

    let missing = dir.path().join("missing.pem");
    let error = server_config(&missing, &files.key).unwrap_err();
    assert!(matches!(error, TlsError::Read { .. }) && error.to_string().contains("missing.pem"), "{error}");
    let error = server_config(&files.key, &files.key).unwrap_err();
    assert!(matches!(error, TlsError::NoCertificate { .. }), "{error}");
    let error = server_config(&files.certificate, &files.certificate).unwrap_err();
    assert!(error.to_string().starts_with("cannot read a private key from"), "{error}");
    let error = server_config(&files.certificate, &others.key).unwrap_err();
    assert!(matches!(error, TlsError::Unusable { .. }), "{error}");
}
