//! The engine: thin actors around the pure domain, and delivery.
//!
//! Lives here: shards, actors, operations, hubs, sessions as far as they know no socket. May not
//! live here: rules (domain), wire formats (a face, behind [`dialect::Dialect`]), sockets (net),
//! sled (storage), HTTP (outbound).

mod administration;
mod aftermath;
pub mod agent;
mod archive;
pub mod bot;
pub mod conversation;
pub mod customer;
pub mod desk;
pub mod dialect;
pub mod directory;
pub mod entry;
pub mod examine;
pub mod files;
pub mod handle;
pub mod hub;
pub mod index;
mod kept_files;
pub mod license;
pub mod limits;
mod link;
mod maps;
mod meters;
pub mod names;
mod operations;
pub mod order;
pub mod origin;
pub mod outbox;
pub mod panics;
mod participants;
mod people;
mod previews;
pub mod profiles;
pub mod provision;
mod push;
pub mod rates;
mod recovery;
pub mod release;
mod request_key;
mod resident;
pub mod router;
pub mod secret;
pub mod session;
pub mod settings;
pub mod shard;
mod start;
pub mod stream;
pub mod tables;
mod tenancy;
pub mod visitor;
pub mod webhook;
mod wheel;

pub use handle::{Authenticated, EngineHandle, Parts};
pub use settings::Settings;
pub use start::Engine;
