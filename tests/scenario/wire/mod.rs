//! The coverage table of LiveChat v3.0, and the tests that keep it honest.
//!
//! `methods/` lists every method of sections 5 to 7 of the specification with its fields, limits, scopes and what
//! it causes; `pushes.rs` every push of section 8 and every webhook action of 9.2 with its audience; `golden/` what
//! answers and pushes look like. All of it is written from the specification and knows nothing of the server. The
//! drivers (`drive.rs`, `refuse.rs`, `matrix.rs`) do what the table says to the real binary: a row that no longer
//! tells the truth fails, and so does a method, push or action that has no row. What is not served yet stands in
//! `later.rs`, and is asked for, too. README's table of what is served is made from the same rows (`readme.rs`).

mod act;
mod call;
mod complete;
mod drive;
mod later;
mod matrix;
mod methods;
mod occasions;
mod pushes;
mod readme;
mod refuse;
mod scene;
mod scopes;
mod shape;
mod stage;
mod table;
