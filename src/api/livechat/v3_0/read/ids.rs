//! Ids of the wire. A text that cannot be an id is answered like one that does not exist.

use std::borrow::Cow;

use serde_json::value::RawValue;
use switchboard_domain::error::{Rejected, Resource};
use switchboard_domain::id::{AgentId, ConversationId, CustomerId, EventId, ThreadId};

use crate::api::livechat::object::{Field, Path};
use crate::engine::order::Failure;

macro_rules! id_field {
    ($($id:ty: $resource:ident),* $(,)?) => {$(
        impl<'a> Field<'a> for $id {
            fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
                let text = Cow::<'a, str>::read(raw, path)?;
                text.parse().map_err(|_| Rejected::NotFound(Resource::$resource).into())
            }
        }
    )*};
}

id_field! { ConversationId: Chat, ThreadId: Thread, EventId: Event, CustomerId: User }

impl<'a> Field<'a> for AgentId {
    fn read(raw: &'a RawValue, path: Path<'_>) -> Result<Self, Failure> {
        Cow::<'a, str>::read(raw, path).map(|text| Self::new(&text))
    }
}
