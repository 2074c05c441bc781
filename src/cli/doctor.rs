//! `switchboard doctor`: whether a data directory is sound, what is wrong with it, what to do.

use std::fmt::Write as _;

use std::sync::Arc;

use super::args::DoctorArgs;
use super::exit::Exit;
use crate::engine::examine;
use crate::storage::{Doctor, Finding, Settings, Severity, StorageError};

/// What was found, and how the process should end.
pub struct Report {
    /// What to tell, line by line.
    pub text: String,
    /// 0: sound, or mended. 1: something to mend. 65: something that only a backup brings back.
    pub exit: Exit,
}

/// Examines a data directory, and mends it when asked to.
///
/// # Errors
/// `NoData`, `Locked`, `NewerFormat`, `Io`: then nothing is known.
pub fn run(args: &DoctorArgs) -> Result<Report, StorageError> {
    let fatal = Arc::new(|why: &str| tracing::error!(why, "the records could not be looked at to the end"));
    let doctor = Doctor::open(&args.data_dir, Settings::new(fatal))?;
    let mut text = String::new();
    let mut found = look(&doctor, &mut text)?;
    if args.repair && worst(&found) == Severity::Mendable {
        for repair in found.iter().filter_map(|finding| finding.repair.as_ref()) {
            doctor.repair(repair)?;
        }
        line(&mut text, "mended; looking again");
        found = look(&doctor, &mut text)?;
    }
    let (verdict, exit) = match worst(&found) {
        Severity::Note => ("sound", Exit::Ok),
        Severity::Mendable if args.repair => ("something is left to mend", Exit::No),
        Severity::Mendable => ("nothing is lost; something is to be mended", Exit::No),
        Severity::Broken => ("something may be lost; nothing was changed", Exit::Data),
    };
    line(&mut text, verdict);
    Ok(Report { text, exit })
}

fn look(doctor: &Doctor, text: &mut String) -> Result<Vec<Finding>, StorageError> {
    let mut understood = None;
    let mut found = doctor.examine(&mut examine::record, &mut |records| {
        understood = Some(examine::records(records)?);
        Ok(())
    })?;
    if let Some(seen) = understood {
        let what = format!(
            "the records hold {} conversations, {} customers, {} agents and bots, {} licenses",
            seen.conversations, seen.customers, seen.agents, seen.licenses
        );
        found.push(Finding { severity: Severity::Note, what, advice: "", repair: None });
    }
    for finding in &found {
        let mark = match finding.severity {
            Severity::Note => "ok    ",
            Severity::Mendable => "mend  ",
            Severity::Broken => "BROKEN",
        };
        line(text, &format!("{mark}  {}", finding.what));
        if !finding.advice.is_empty() {
            line(text, &format!("        {}", finding.advice));
        }
    }
    Ok(found)
}

fn worst(found: &[Finding]) -> Severity {
    found.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Note)
}

fn line(text: &mut String, words: &str) {
    // Writing into a text cannot fail.
    writeln!(text, "{words}").ok();
}
