//! Webhooks: what can be told, to whom, and how a delivery is tried until it is over.
//!
//! Pure (design D10): the table says which endpoints hear of a change, the outbox says what to
//! send when. Names of a wire, rendering of bodies and sockets may not appear here.

mod action;
mod dead;
mod delivery;
mod endpoint;
mod filter;
pub mod limits;
mod outbox;
pub mod registration;
mod schedule;
mod secret;
mod standing;
mod table;

pub use action::{Action, Additional};
pub use dead::{DeadLetter, DeadLetters, DeadLine, Keeping, Which};
pub use delivery::{Delivery, DeliveryFact, DeliveryId, Lane, Settlement};
pub use endpoint::{BotWebhooks, Endpoint, EndpointId, Owner, Subscription, check_url};
pub use filter::{AuthorKind, Filters, Occasion, PropertyFilter, PropertyRule};
pub use outbox::{Attempt, News, Outbox, ReceiverView, Verdict};
pub use registration::Registration;
pub use schedule::{Outcome, Report, Schedule, Schedules};
pub use secret::FormerSecret;
pub use standing::{Disabled, Standing, WhyDisabled};
pub use table::EndpointTable;
