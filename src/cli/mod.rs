//! The command line: what may be asked, how the answer is printed, with which code we end.
//!
//! What a command does lives below; here is only the speaking with the person at the terminal.

pub mod args;
pub mod backup;
pub mod credentials;
pub mod doctor;
pub mod exit;
mod pizzabot;
mod plan;
pub mod run;
pub mod token;
pub mod webhook;
pub mod welcome;
