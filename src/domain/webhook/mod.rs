//! Webhooks: what can be told, to whom, and how a delivery is tried until it is over.
//!
//! Pure (design D10): the table says which endpoints hear of a change, the outbox says what to
//! send when. Names of a wire, rendering of bodies and sockets may not appear here.

mod action;
mod delivery;
mod endpoint;
mod filter;
pub mod limits;
mod outbox;
pub mod registration;
mod schedule;
mod table;

pub use action::{Action, Additional};
pub use delivery::{Delivery, DeliveryFact, DeliveryId, Lane, Settlement};
pub use endpoint::{BotWebhooks, Endpoint, EndpointId, Owner, Subscription};
pub use filter::{AuthorKind, Filters, Occasion, PropertyFilter, PropertyRule};
pub use outbox::{Attempt, Outbox, Verdict};
pub use registration::Registration;
pub use schedule::{Outcome, Schedule, Schedules};
pub use table::EndpointTable;
