//! Load harness for Switchboard. The measuring part comes with the first performance work.
fn main() {}
