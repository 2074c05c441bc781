//! The real binary as a child process.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Once;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The file of a configured server, in its directory.
const CONFIGURATION: &str = "switchboard.toml";
/// From spawn to the one line on standard output; several servers may start at once on a small machine.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// The default grace time of a drain is 8 s; the rest is for a busy machine.
const DRAIN_DEADLINE: Duration = Duration::from_secs(15);

/// A running server. Dropping it kills it, and fails the test if it logged an error.
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    log: PathBuf,
    runs: u32,
    dir: TempDir,
    /// The story is about something broken, which the server has to say as an error.
    may_log_errors: bool,
    /// The line that a demo printed; the same of a configured server.
    pub(crate) ready: Value,
    pub(crate) client: reqwest::Client,
}

impl Server {
    /// Starts `serve` with this configuration, which needs neither `[server]` nor `[data]`, and waits until
    /// connections are accepted. `known` is what a demo would print of it, but for the address.
    pub(crate) async fn serve(configuration: &str, mut known: Value) -> Self {
        let dir = TempDir::with_prefix("switchboard-scenario-").unwrap();
        let file = dir.path().join(CONFIGURATION);
        let data = dir.path().join("data");
        let head = format!("[server]\nlisten = \"127.0.0.1:0\"\n[data]\ndir = {data:?}\n");
        std::fs::write(&file, head + configuration).unwrap();
        let (child, stdout, log, address) = spawn_serve(dir.path(), 1).await;
        known["http"] = Value::from(format!("http://{address}"));
        Self {
            child,
            stdout,
            log,
            runs: 1,
            dir,
            may_log_errors: false,
            ready: known,
            client: http_client(None),
        }
    }

    /// Starts a demo on a fresh directory and waits until connections are accepted.
    pub(crate) async fn start() -> Self {
        Self::start_in(TempDir::with_prefix("switchboard-scenario-").unwrap()).await
    }

    /// The same on this directory, in which `data` may be there already.
    pub(crate) async fn start_in(dir: TempDir) -> Self {
        let (child, stdout, log, ready) = spawn(dir.path(), 1).await;
        Self { child, stdout, log, runs: 1, dir, may_log_errors: false, ready, client: http_client(None) }
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill_9(&mut self) {
        self.child.start_kill().unwrap();
        timeout(DRAIN_DEADLINE, self.child.wait()).await.unwrap().unwrap();
        self.assert_clean();
    }

    /// Starts again on the same directory, after [`Server::kill_9`] or [`Server::stop`]. Ports change.
    pub(crate) async fn restart(&mut self) {
        self.runs += 1;
        if self.dir.path().join(CONFIGURATION).exists() {
            let address;
            (self.child, self.stdout, self.log, address) = spawn_serve(self.dir.path(), self.runs).await;
            self.ready["http"] = Value::from(format!("http://{address}"));
        } else {
            (self.child, self.stdout, self.log, self.ready) = spawn(self.dir.path(), self.runs).await;
        }
        // Idle connections to the old process would only fail.
        self.client = http_client(None);
    }

    /// Asks it to drain, and gives the exit code.
    pub(crate) async fn stop(&mut self) -> Option<i32> {
        self.signal_term();
        self.ended().await
    }

    /// The exit code, after [`Server::signal_term`].
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let status = timeout(DRAIN_DEADLINE, self.child.wait()).await;
        let code = status.expect("SIGTERM should end it within the grace time").unwrap().code();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "", "with --json standard output holds one line and nothing else");
        self.assert_clean();
        code
    }

    /// From now on an error in the log is no failure; gives what was logged since the last start.
    pub(crate) fn may_log_errors(&mut self) -> String {
        self.may_log_errors = true;
        std::fs::read_to_string(&self.log).unwrap()
    }

    fn assert_clean(&self) {
        if !self.may_log_errors {
            assert_clean(&self.log);
        }
    }

    pub(crate) fn signal_term(&self) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).unwrap())).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The plain address, `http://host:port`.
    pub(crate) fn http(&self) -> &str {
        self.ready["http"].as_str().unwrap()
    }

    /// `host:port` of the plain listener.
    pub(crate) fn address(&self) -> &str {
        self.http().strip_prefix("http://").unwrap()
    }

    pub(crate) fn license(&self) -> u64 {
        self.ready["license_id"].as_u64().unwrap()
    }

    /// The id of a demo agent (0 or 1).
    pub(crate) fn agent_id(&self, n: usize) -> String {
        self.ready["agents"][n]["id"].as_str().unwrap().to_owned()
    }

    /// The token of a demo agent (0 or 1): every scope, owned by the demo's own application.
    pub(crate) fn agent_token(&self, n: usize) -> String {
        self.ready["agents"][n]["token"].as_str().unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        // Killed at once, so this ends at once; the directory is removed only when nobody writes to it any more.
        while let Ok(None) = self.child.try_wait() {
            std::thread::yield_now();
        }
        if std::thread::panicking() {
            show(&self.log);
        } else {
            self.assert_clean();
        }
    }
}

/// A start that should fail: gives exit code, standard output and standard error.
pub(crate) async fn failed_start(dir: &Path, listen: &str) -> (Option<i32>, String, String) {
    let run = command(dir, listen).output();
    let output = timeout(START_DEADLINE, run).await.expect("a start that cannot work should end").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Another command of the program: gives exit code, standard output and standard error.
pub(crate) async fn cli(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let run = quiet(command.args(args)).output();
    let output = timeout(START_DEADLINE, run).await.expect("a command should end").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A client without proxies; `root` is an extra certificate authority in PEM.
pub(crate) fn http_client(root: Option<&[u8]>) -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    let roots = root.map(|pem| reqwest::Certificate::from_pem(pem).unwrap());
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(super::RETRY_DEADLINE)
        .tls_certs_only(roots)
        .build()
        .unwrap()
}

fn command(data: &Path, listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command
        .args(["demo", "--listen", listen, "--tls-listen", "127.0.0.1:0", "--json", "--data-dir"])
        .arg(data);
    quiet(&mut command);
    command
}

fn quiet(command: &mut Command) -> &mut Command {
    // Webhooks take no proxy: one that nobody answers at would show it.
    for proxy in ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"] {
        command.env(proxy, "http://127.0.0.1:9");
    }
    command.env_remove("RUST_LOG").env("NO_COLOR", "1").stdin(Stdio::null()).kill_on_drop(true)
}

/// Copies standard error into the log, and tells the address once the server says it.
async fn keep_log(mut stderr: BufReader<ChildStderr>, log: PathBuf, address: oneshot::Sender<String>) {
    let mut address = Some(address);
    let mut file = File::create(&log).unwrap();
    let mut line = String::new();
    while stderr.read_line(&mut line).await.is_ok_and(|bytes| bytes > 0) {
        file.write_all(line.as_bytes()).unwrap();
        let said = line.split("accepting connections").nth(1).and_then(|rest| rest.split("address=").nth(1));
        if let Some(said) = said
            && let Some(sender) = address.take()
        {
            sender.send(said.trim().to_owned()).ok();
        }
        line.clear();
    }
}

async fn spawn_serve(dir: &Path, run: u32) -> (Child, BufReader<ChildStdout>, PathBuf, String) {
    let log = dir.join(format!("stderr-{run}.log"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("serve").arg("--config").arg(dir.join(CONFIGURATION));
    let mut child = quiet(&mut command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (sender, address) = oneshot::channel();
    tokio::spawn(keep_log(stderr, log.clone(), sender));
    let Ok(Ok(address)) = timeout(START_DEADLINE, address).await else {
        show(&log);
        panic!("the server should say where it listens")
    };
    (child, stdout, log, address)
}

async fn spawn(dir: &Path, run: u32) -> (Child, BufReader<ChildStdout>, PathBuf, Value) {
    let log = dir.join(format!("stderr-{run}.log"));
    let stderr = File::create(&log).unwrap();
    let mut child = command(&dir.join("data"), "127.0.0.1:0")
        .stdout(Stdio::piped())
        .stderr(Stdio::from(stderr))
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let read = timeout(START_DEADLINE, stdout.read_line(&mut line)).await;
    match read.map(|read| read.map(|_| serde_json::from_str::<Value>(&line))) {
        Ok(Ok(Ok(ready))) if line.ends_with('\n') => (child, stdout, log, ready),
        other => {
            show(&log);
            panic!("no JSON line at start: {line:?}, {other:?}")
        }
    }
}

#[expect(clippy::print_stderr, reason = "the log of the server belongs to the report of a failed test")]
fn show(log: &Path) {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    eprintln!("--- {} ---\n{text}--- end of log ---", log.display());
}

/// Fails when the server logged an error or panicked: a story must not leave scars unseen.
fn assert_clean(log: &Path) {
    let text = std::fs::read_to_string(log).unwrap();
    let bad = |line: &&str| {
        let level = line.split_whitespace().take(2).any(|word| word.trim_matches(':') == "ERROR");
        level || line.contains("\"level\":\"ERROR\"") || line.contains("panicked at")
    };
    let scars: Vec<_> = text.lines().filter(bad).collect();
    if !scars.is_empty() {
        show(log);
    }
    assert!(scars.is_empty(), "the server logged errors: {scars:#?}");
}
