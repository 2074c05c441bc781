//! The table for people and the figures for programs.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use crate::bench::Sample;
use crate::machine::Machine;
use crate::work::{Sizes, Work};

/// One system, measured.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) version: String,
    /// One for each round, in order.
    pub(crate) samples: Vec<Sample>,
}

/// A whole run.
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) work: Work,
    pub(crate) sizes: Sizes,
    pub(crate) rows: Vec<Row>,
    /// What could not be measured, and what would change that.
    pub(crate) skipped: Vec<(String, String)>,
}

/// The figures of one system as they are written.
#[derive(Serialize)]
struct Figures<'a> {
    name: &'a str,
    version: &'a str,
    us_per_frame: f64,
    user_us_per_frame: f64,
    us_per_message: f64,
    frames_per_second: f64,
    resident_bytes: u64,
    writes_per_message: Option<f64>,
    reads_per_message: Option<f64>,
    /// Processor time for each message as a ratio to each other system, median over the rounds.
    message_ratios: Value,
    /// The same for each frame.
    frame_ratios: Value,
}

/// Says what happens, on standard error.
pub(crate) fn say(text: &str) {
    // Nobody reads any more: nothing is left to do.
    writeln!(std::io::stderr(), "{text}").ok();
}

/// Says why it ended.
pub(crate) fn complain(error: &anyhow::Error) {
    say(&format!("loadtest: {error:#}"));
}

/// Writes figures for programs.
pub(crate) fn write_figures(path: &Path, figures: &Value) -> Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).ok();
    }
    std::fs::write(path, format!("{figures:#}\n")).with_context(|| format!("cannot write {}", path.display()))
}

/// The middle of some figures; of an even number what lies between the two.
pub(crate) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.collect();
    sorted.sort_by(f64::total_cmp);
    let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
    f64::midpoint(at(sorted.len().saturating_sub(1) / 2), at(sorted.len() / 2))
}

impl Row {
    fn median(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(figure))
    }

    /// Round by round, then the median: neighbours on the machine disturb a round as a whole.
    fn ratio(&self, other: &Self, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().zip(&other.samples).map(|(mine, theirs)| figure(mine) / figure(theirs)))
    }
}

impl Report {
    pub(crate) fn print(&self) {
        let mut out = std::io::stdout().lock();
        // Nobody reads any more: nothing is left to do.
        self.table(&mut out).ok();
    }

    fn table(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        writeln!(out, "{}", self.machine)?;
        let Work { rooms, senders, outstanding, .. } = self.work;
        let Sizes { request, response, push } = self.sizes;
        writeln!(
            out,
            "{rooms} rooms of {}, {senders} speaking in each, {outstanding} outstanding",
            self.work.members()
        )?;
        writeln!(out, "request {request} B, response {response} B, push {push} B\n")?;
        let floor = self.rows.iter().find(|row| row.name == "floor");
        writeln!(
            out,
            "| System | us/frame | user us/frame | us/message | per message / floor | writes, reads per message | frames/s | resident |"
        )?;
        writeln!(out, "|---|---|---|---|---|---|---|---|")?;
        for row in &self.rows {
            let floor = floor.map_or("-".into(), |floor| format!("{:.2}", row.ratio(floor, |s| s.message)));
            let calls = match row.samples.last().and_then(|sample| sample.calls) {
                Some(_) => format!(
                    "{:.2}, {:.2}",
                    row.median(|s| s.calls.map_or(f64::NAN, |calls| calls.0)),
                    row.median(|s| s.calls.map_or(f64::NAN, |calls| calls.1))
                ),
                None => "-".into(),
            };
            writeln!(
                out,
                "| {} | {:.2} | {:.2} | {:.2} | {floor} | {calls} | {:.0} | {:.1} MiB |",
                row.name,
                row.median(|s| s.frame),
                row.median(|s| s.user),
                row.median(|s| s.message),
                row.median(|s| s.rate),
                row.median(|s| s.resident as f64) / (1 << 20) as f64,
            )?;
        }
        writeln!(out, "\nRatios of processor time for each frame (median of the rounds):")?;
        for row in self.rows.iter().filter(|row| row.name.starts_with("switchboard")) {
            for other in self.rows.iter().filter(|other| other.name != row.name) {
                writeln!(out, "  {} / {}: {:.2}", row.name, other.name, row.ratio(other, |s| s.frame))?;
            }
        }
        for (name, why) in &self.skipped {
            writeln!(out, "skipped {name}: {why}")?;
        }
        Ok(())
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let figures: Vec<_> = self.rows.iter().map(|row| self.figures(row)).collect();
        let skipped: Vec<_> =
            self.skipped.iter().map(|(name, why)| json!({ "name": name, "why": why })).collect();
        let whole = json!({
            "machine": self.machine, "work": self.work, "sizes": self.sizes, "systems": figures, "skipped": skipped,
        });
        write_figures(path, &whole)
    }

    fn figures<'a>(&self, row: &'a Row) -> Figures<'a> {
        let ratios = |figure: fn(&Sample) -> f64| {
            let others = self.rows.iter().filter(|other| other.name != row.name);
            Value::Object(others.map(|other| (other.name.clone(), json!(row.ratio(other, figure)))).collect())
        };
        Figures {
            name: &row.name,
            version: &row.version,
            us_per_frame: row.median(|s| s.frame),
            user_us_per_frame: row.median(|s| s.user),
            us_per_message: row.median(|s| s.message),
            frames_per_second: row.median(|s| s.rate),
            resident_bytes: row.samples.last().map_or(0, |s| s.resident),
            writes_per_message: row.samples.last().and_then(|s| s.calls).map(|calls| calls.0),
            reads_per_message: row.samples.last().and_then(|s| s.calls).map(|calls| calls.1),
            message_ratios: ratios(|s| s.message),
            frame_ratios: ratios(|s| s.frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_round_by_round() {
        let row = |frames: &[f64]| Row {
            name: "x".into(),
            version: String::new(),
            samples: frames
                .iter()
                .map(|&frame| Sample {
                    frame,
                    user: 0.0,
                    message: frame,
                    rate: 1.0,
                    resident: 0,
                    calls: None,
                })
                .collect(),
        };
        // A neighbour made the second round slow for both.
        let (ours, theirs) = (row(&[1.0, 10.0, 1.2]), row(&[2.0, 20.0, 2.0]));
        assert!((ours.ratio(&theirs, |s| s.frame) - 0.5).abs() < 1e-9);
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < 1e-9);
        assert!((median([3.0, 1.0].into_iter()) - 2.0).abs() < 1e-9, "neither side is flattered");
    }
}
