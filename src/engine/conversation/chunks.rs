//! Stored chunks of older events: read one, find an event, write changed events back.

use std::sync::Arc;

use switchboard_domain::conversation::event::Event;
use switchboard_domain::conversation::{Conversation, amend};
use switchboard_domain::id::{ConversationId, EventId, LicenseId, ThreadId};
use switchboard_domain::limits::TAIL_BYTES;

use crate::engine::entry::unreadable;
use crate::storage::{Records, Save, StorageError};

/// The events of one stored chunk.
///
/// # Errors
/// When it is not there or cannot be read.
pub(crate) fn read(
    records: &Records,
    (license, chat): (LicenseId, ConversationId),
    thread: ThreadId,
    index: u32,
) -> Result<Vec<Arc<Event>>, StorageError> {
    let bytes = records.chunk(license, chat, thread, index)?.unwrap_or_default();
    rmp_serde::from_slice(&bytes).map_err(|error| unreadable("a chunk", &error))
}

/// The chunk that holds an event, among the first `chunks` of its thread: events lie in order, so
/// few chunks are read however long the thread is.
///
/// # Errors
/// When a chunk cannot be read, or none holds the event.
pub(crate) fn find(
    records: &Records,
    chat: (LicenseId, ConversationId),
    event: EventId,
    chunks: u32,
) -> Result<(u32, Vec<Arc<Event>>), StorageError> {
    let (mut low, mut high) = (0, chunks);
    while low < high {
        let middle = low + (high - low) / 2;
        let events = read(records, chat, event.thread, middle)?;
        let order = |event: Option<&Arc<Event>>| event.map(|event| event.id.order);
        if order(events.first()) > Some(event.order) {
            high = middle;
        } else if order(events.last()) < Some(event.order) {
            low = middle + 1;
        } else {
            return Ok((middle, events));
        }
    }
    let missing = std::io::Error::other(format!("no chunk holds event {event}"));
    Err(unreadable("a thread", &missing))
}

/// Adds every chunk to a save that is not stored yet, or not with its changed events.
///
/// # Errors
/// When a chunk cannot be read or encoded.
pub(crate) fn save(records: &Records, state: &Conversation, save: &mut Save) -> Result<(), StorageError> {
    let (license, chat) = (state.license(), state.id());
    let mut put = |thread, index, events: &[Arc<Event>]| {
        let mut bytes = Vec::with_capacity(TAIL_BYTES);
        rmp_serde::encode::write(&mut bytes, events).map_err(|error| unreadable("a chunk", &error))?;
        save.chunk(license, chat, thread, index, bytes);
        Ok::<_, StorageError>(())
    };
    let mut amended = state.amended().clone();
    for chunk in state.unsaved_chunks() {
        let mut events = chunk.events.clone();
        amend(&mut events, &amended);
        events.iter().for_each(|event| drop(amended.remove(&event.id)));
        put(chunk.thread, chunk.index, &events)?;
    }
    while let Some((&first, _)) = amended.first_key_value() {
        let chunks = state.stored_chunks(first.thread).unwrap_or(0);
        let (index, mut events) = find(records, (license, chat), first, chunks)?;
        amend(&mut events, &amended);
        events.iter().for_each(|event| drop(amended.remove(&event.id)));
        put(first.thread, index, &events)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::storage::Storage;
    use switchboard_domain::conversation::event::{EventBody, Visibility};
    use switchboard_domain::conversation::properties::Properties;
    use switchboard_domain::time::Timestamp;

    const CHAT: (LicenseId, ConversationId) = (LicenseId(7), ConversationId::from_random(1));

    fn event(thread: ThreadId, order: u32) -> Arc<Event> {
        Arc::new(Event {
            details: None,
            number: 0,
            id: EventId { thread, order },
            custom_id: None,
            created_at: Timestamp::from_secs(u64::from(order)),
            author: None,
            visibility: Visibility::All,
            properties: Properties::default(),
            body: EventBody::Message { text: order.to_string(), postback: None },
        })
    }

    #[test]
    fn an_event_is_found_in_whatever_chunk_it_lies_and_a_missing_one_is_said() {
        let records = Storage::in_memory().0.records;
        let thread = ThreadId::from_random(2);
        // Chunks of one to seven events.
        let mut next = 1;
        let mut save = Save::new();
        for index in 0..7 {
            let events: Vec<_> = (next..=next + index).map(|order| event(thread, order)).collect();
            next += index + 1;
            let bytes = rmp_serde::to_vec(&events).unwrap();
            save.chunk(CHAT.0, CHAT.1, thread, index, bytes);
        }
        records.save(save).unwrap();
        for order in 1..next {
            let (index, events) = find(&records, CHAT, EventId { thread, order }, 7).unwrap();
            assert!(events.contains(&event(thread, order)), "{order} in {index}");
        }
        for (order, chunks) in [(next, 7), (1, 0), (next - 1, 6)] {
            assert!(find(&records, CHAT, EventId { thread, order }, chunks).is_err(), "{order}");
        }
    }
}
