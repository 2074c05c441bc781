//! The machine: clock, cores, limits, and what a process has used of them.

use std::fmt;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};
use serde::Serialize;

/// The core that the measured server has to itself.
pub(crate) const SERVER_CORE: usize = 0;
/// The core of the generator, which spins.
pub(crate) const GENERATOR_CORE: usize = 1;

/// The clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Leaves a server alone for a while.
#[expect(clippy::disallowed_methods, reason = "what a server does by itself in that time is what counts")]
pub(crate) fn rest(time: Duration) {
    std::thread::sleep(time);
}

/// Binds this process to a core; children inherit it.
pub(crate) fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("cannot bind to core {core}"))
}

/// Lets this process and its children open as many sockets as the system allows.
pub(crate) fn raise_open_files(needed: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })
        .context("cannot raise the limit of open files")?;
    ensure!(
        most.is_none_or(|most| most >= needed),
        "the system allows {} open files, {needed} are needed: raise it with `ulimit -Hn {needed}`",
        most.unwrap_or_default()
    );
    Ok(())
}

/// Processor time that a process has used, and the memory it has.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// On a processor, all threads.
    pub(crate) cpu: Duration,
    /// Of that outside the kernel, in ticks of the system's clock.
    pub(crate) user_ticks: u64,
    /// Of that inside the kernel.
    pub(crate) system_ticks: u64,
    /// Resident memory, in bytes.
    pub(crate) resident: u64,
}

impl Usage {
    /// Of a process and, for servers that have some, its children.
    pub(crate) fn of(pid: Pid) -> Result<Self> {
        let root = format!("/proc/{}", pid.as_raw_nonzero());
        let mut usage = Self::default();
        for task in fs::read_dir(format!("{root}/task"))? {
            // A thread may end while we look.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
            let nanos = text.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0);
            usage.cpu += Duration::from_nanos(nanos);
        }
        let stat = fs::read_to_string(format!("{root}/stat"))?;
        // The name may hold blanks; what follows its bracket does not.
        let fields: Vec<&str> =
            stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect()).unwrap_or_default();
        let ticks = |at: usize| fields.get(at).and_then(|n| n.parse().ok()).unwrap_or(0);
        (usage.user_ticks, usage.system_ticks) = (ticks(11), ticks(12));
        let pages: u64 = fs::read_to_string(format!("{root}/statm"))?
            .split(' ')
            .nth(1)
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        usage.resident = pages * rustix::param::page_size() as u64;
        Ok(usage)
    }

    /// The most resident memory that a process ever had, in bytes.
    pub(crate) fn peak(pid: Pid) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        Ok(kibibytes.context("the system does not tell the peak of memory")? * 1024)
    }

    /// Files and connections that a process has open.
    pub(crate) fn open_files(pid: Pid) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero()))?.count())
    }

    /// What was used since `before`; memory as it is now.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            user_ticks: self.user_ticks.saturating_sub(before.user_ticks),
            system_ticks: self.system_ticks.saturating_sub(before.system_ticks),
            resident: self.resident,
        }
    }

    /// Which part of the time was spent outside the kernel, 0 to 1.
    pub(crate) fn user_share(self) -> f64 {
        let all = self.user_ticks + self.system_ticks;
        if all == 0 { 0.0 } else { self.user_ticks as f64 / all as f64 }
    }
}

/// What the figures were measured on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) commit: String,
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, kernel, commit } = self;
        write!(f, "{processor}, {cores} cores, Linux {kernel}, commit {commit}")
    }
}

impl Machine {
    pub(crate) fn look() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let git = std::process::Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
        let commit = git.ok().filter(|git| git.status.success());
        Self {
            processor: model.map_or("unknown", |(_, name)| name).trim().to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            commit: commit
                .map_or("unknown".into(), |git| String::from_utf8_lossy(&git.stdout).trim().to_owned()),
        }
    }
}
