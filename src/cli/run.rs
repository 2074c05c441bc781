//! Puts the house together and runs it until a signal: storage, engine, listeners, drain.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::args::{DemoArgs, ServeArgs};
use super::credentials::{Credentials, CredentialsError};
use super::exit::Exit;
use super::pizzabot;
use super::plan;
use super::welcome::Welcome;
use crate::api;
use crate::config::{Config, ConfigError, Problem};
use crate::engine::dialect::Dialect;
use crate::engine::panics::stop_on_panic;
use crate::engine::provision::Plan;
use crate::engine::{Engine, EngineHandle, Parts};
use crate::net::accept::{Acceptor, Patience};
use crate::net::conn::Connections;
use crate::net::dev_certificate::DevCertificate;
use crate::net::doors;
use crate::net::drain::Drain;
use crate::net::limits::CONNECTIONS_PER_SHARD;
use crate::net::listen::{ListenError, Listeners};
use crate::net::tls::{TlsError, server_config};
use crate::outbound::{BuildError, WebhookClient};
use crate::storage::{FatalHook, Settings, Storage, StorageError};
use crate::telemetry::clock;
use crate::telemetry::metrics::Metrics;

/// What is kept of the grace time for storing everything.
const STORE_TIME: Duration = Duration::from_secs(2);

/// Why the server could not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration file cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The configuration contradicts itself.
    #[error("the configuration cannot be used:{}", list(.0))]
    Problems(Vec<Problem>),
    /// The demo's credentials cannot be read or kept.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The data directory cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// An address cannot be listened at.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The webhook client cannot be made.
    #[error(transparent)]
    Outbound(#[from] BuildError),
    /// Something of the system failed.
    #[error("{0}")]
    System(#[from] io::Error),
}

impl RunError {
    /// With which code the process ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Problems(_) | Self::Tls(_) => Exit::Config,
            Self::Listen(_) => Exit::Unavailable,
            Self::Credentials(_) => Exit::DataDir,
            Self::Storage(error) => error.into(),
            Self::Outbound(_) | Self::System(_) => Exit::Internal,
        }
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

/// Runs the demo until a signal.
///
/// # Errors
/// Whatever keeps it from starting.
pub async fn demo(args: DemoArgs, fatal: FatalHook) -> Result<(), RunError> {
    // The lock first: two demos of one directory must not both draw credentials.
    let storage = Storage::open(&args.data_dir, &Settings::new(Arc::clone(&fatal)))?;
    let credentials = Credentials::load_or_create(&args.data_dir)?;
    let config = Config::demo(credentials.demo(&args));
    let http = Listeners::bind(config.server.listen, plan::shards(&config))?;
    let certificate = development_certificate(&args.data_dir)?;
    let (tls_address, must) = args.tls();
    let tls = match Listeners::bind(tls_address, plan::shards(&config)) {
        Ok(listeners) => Some((listeners, acceptor(&certificate.certificate, &certificate.key)?)),
        Err(error) if must => return Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "the demo goes on without TLS; --tls-listen names another address");
            None
        }
    };
    let secure = tls.as_ref().map(|(listeners, _)| listeners.address);
    // The demo's shop is made once; what becomes of it is the administration's business.
    let mut plans = plan::licenses(&config, true);
    if let Some(plan) = plans.first_mut() {
        plan.inbox = Some(credentials.inbox());
    }
    let server = Server::start(&config, plans, storage, http, tls, fatal)?;
    let welcome = Welcome {
        http: format!("http://{}", server.address),
        https: secure.map(|address| format!("https://{address}")),
        ca_cert: secure.map(|_| certificate.ca.display().to_string()),
        pid: std::process::id(),
        credentials: &credentials,
    };
    let text = if args.json { welcome.line().map_err(io::Error::from)? } else { welcome.page(args.bot()) };
    writeln!(io::stdout(), "{text}")?;
    if args.bot() {
        let (url, token) = (welcome.http.clone(), credentials.agents[0].token.clone());
        actix::spawn(async move {
            if let Err(error) = pizzabot::run(url, token).await {
                tracing::warn!(%error, "the pizza bot does not run");
            }
        });
    }
    server.run(Duration::from_secs(config.server.drain_grace_seconds)).await
}

/// Runs by a configuration file until a signal.
///
/// # Errors
/// Whatever keeps it from starting.
pub async fn serve(args: ServeArgs, fatal: FatalHook) -> Result<(), RunError> {
    let config = Config::load(&args.config)?;
    let problems = config.check();
    if !problems.is_empty() {
        return Err(RunError::Problems(problems));
    }
    let storage = Storage::open(&config.data.dir, &plan::storage(&config, Arc::clone(&fatal)))?;
    let http = Listeners::bind(config.server.listen, plan::shards(&config))?;
    let tls = match &config.server.tls {
        None => None,
        Some(tls) => {
            let listeners = Listeners::bind(tls.listen, plan::shards(&config))?;
            Some((listeners, acceptor(&tls.cert, &tls.key)?))
        }
    };
    let plans = plan::licenses(&config, false);
    let server = Server::start(&config, plans, storage, http, tls, fatal)?;
    tracing::info!(address = %server.address, "accepting connections");
    server.run(Duration::from_secs(config.server.drain_grace_seconds)).await
}

fn development_certificate(dir: &Path) -> Result<DevCertificate, RunError> {
    Ok(DevCertificate::open_or_make(dir, clock::now())?)
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, RunError> {
    Ok(TlsAcceptor::from(server_config(certificate, key)?))
}

/// A running server.
struct Server {
    engine: Engine,
    address: SocketAddr,
    drain: Drain,
    /// Heard before anybody is told that connections are accepted: a signal that came in between would
    /// end the process without a drain.
    signals: Signals,
    /// Each shard's word that it accepts no more, and that its connections are gone.
    accepted: Vec<oneshot::Receiver<()>>,
    idle: Vec<oneshot::Receiver<()>>,
}

impl Server {
    fn start(
        config: &Config,
        plans: Vec<Plan>,
        storage: Storage,
        http: Listeners,
        tls: Option<(Listeners, TlsAcceptor)>,
        fatal: FatalHook,
    ) -> Result<Self, RunError> {
        storage.set_address(&http.address.to_string())?;
        let parts = Parts {
            storage,
            client: WebhookClient::new(plan::outbound(config))?,
            dialects: dialects(),
            metrics: Arc::new(Metrics::new()),
            admin_token: config.admin.token.expose().to_owned(),
            platform_token: config.admin.platform_token.as_ref().map(|token| token.expose().to_owned()),
            shards: plan::shards(config),
            settings: plan::settings(config),
            fatal,
        };
        stop_on_panic(Arc::clone(&parts.fatal));
        let (engine, signals) = (Engine::start(parts, plans)?, Signals::new()?);
        let (address, drain) = (http.address, Drain::new());
        let mut server = Self { engine, address, drain, signals, accepted: Vec::new(), idle: Vec::new() };
        server.listen(http, tls);
        Ok(server)
    }

    fn listen(&mut self, http: Listeners, tls: Option<(Listeners, TlsAcceptor)>) {
        let router = router(self.engine.handle());
        let (sockets, acceptor) = tls.map_or((Vec::new(), None), |(l, acceptor)| (l.sockets, Some(acceptor)));
        let mut secure = sockets.into_iter();
        for (shard, plain) in http.sockets.into_iter().enumerate() {
            let secure = secure.next().map(|socket| (socket, acceptor.clone()));
            let (router, drain) = (router.clone(), self.drain.clone());
            let (accepted, told_accepted) = oneshot::channel();
            let (idle, told_idle) = oneshot::channel();
            self.accepted.push(told_accepted);
            self.idle.push(told_idle);
            self.engine.on_shard(shard, move || {
                actix::spawn(async move {
                    let connections = Connections::new(CONNECTIONS_PER_SHARD);
                    let accept = |listener, tls| {
                        let (router, connections) = (router.clone(), connections.clone());
                        let acceptor =
                            Acceptor { listener, tls, router, connections, patience: Patience::default() };
                        acceptor.run(drain.clone())
                    };
                    let plain = accept(plain, None);
                    let secure = secure.map(|(socket, tls)| accept(socket, tls));
                    let secure = async { if let Some(secure) = secure { secure.await } else { Ok(()) } };
                    let (plain, secure) = futures_util::future::join(plain, secure).await;
                    if let Err(error) = plain.and(secure) {
                        tracing::error!(%error, "a listener failed");
                    }
                    accepted.send(()).ok();
                    connections.idle().await;
                    idle.send(()).ok();
                });
            });
        }
    }

    /// Serves until SIGTERM or Ctrl-C, then drains; a second signal ends the process at once.
    async fn run(mut self, grace: Duration) -> Result<(), RunError> {
        self.signals.next().await;
        tracing::info!("stopping: a second signal stops at once");
        let Self { engine, drain, mut signals, accepted, idle, .. } = self;
        let drained = drain_for(grace, engine, &drain, (accepted, idle));
        tokio::select! {
            () = drained => Ok(()),
            () = signals.next() => {
                tracing::warn!("stopped at once; the journal holds everything that was acknowledged");
                Ok(())
            }
        }
    }
}

/// Accepts no more, tells the sessions, and stores everything, within a time of grace.
async fn drain_for(
    grace: Duration,
    engine: Engine,
    drain: &Drain,
    (accepted, idle): (Vec<oneshot::Receiver<()>>, Vec<oneshot::Receiver<()>>),
) {
    drain.start();
    let connections = async {
        for shard in accepted {
            drop(shard.await);
        }
        engine.tell_sessions();
        for shard in idle {
            drop(shard.await);
        }
        engine.sessions_gone().await;
    };
    let patience = grace.saturating_sub(STORE_TIME).max(grace / 2);
    if tokio::time::timeout(patience, connections).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
    if tokio::time::timeout(grace - patience, engine.stop()).await.is_err() {
        tracing::warn!("not everything was stored in time; the next start reads the journal");
    }
}

/// Every dialect of every face, with the number by which stored webhooks name it.
fn dialects() -> Vec<(u16, &'static dyn Dialect)> {
    api::livechat::dialects().into_iter().chain(api::chatwoot::dialects()).collect()
}

/// Every face behind one router.
pub fn router(engine: &EngineHandle) -> Router {
    let others = api::livechat::web(engine.clone()).merge(api::admin::router(engine.clone()));
    let others = others.merge(api::files::router(engine.clone()));
    api::chatwoot::beside(engine.clone(), others.merge(doors::router(engine)))
}

/// SIGTERM and Ctrl-C.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
