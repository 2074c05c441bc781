//! Tags, seen markers, followers, and what is told in passing (spec v3.0, 5.1, 5.3, 5.4 and 6).

use std::time::Duration;

use switchboard_domain::conversation::command::Command;
use switchboard_domain::conversation::event::Visibility;
use switchboard_domain::time::Timestamp;

use super::Call;
use crate::engine::dialect::Ask;
use crate::engine::order::{Failure, Order};

/// This version names whole seconds: whoever has seen one has seen all of it.
const REST_OF_A_SECOND: Duration = Duration::from_micros(999_999);

/// `follow_chat`
pub(in super::super) fn follow_chat(call: &Call<'_>) -> Result<Ask, Failure> {
    call.order(Order::Chat(call.args.required("chat_id")?, Command::Follow))
}

/// `unfollow_chat`
pub(in super::super) fn unfollow_chat(call: &Call<'_>) -> Result<Ask, Failure> {
    call.order(Order::Chat(call.args.required("chat_id")?, Command::Unfollow))
}

/// `tag_chat_thread`
pub(in super::super) fn tag(call: &Call<'_>) -> Result<Ask, Failure> {
    tagged(call, true)
}

/// `untag_chat_thread`
pub(in super::super) fn untag(call: &Call<'_>) -> Result<Ask, Failure> {
    tagged(call, false)
}

fn tagged(call: &Call<'_>, on: bool) -> Result<Ask, Failure> {
    let args = &call.args;
    args.name_ids(&["chat_id", "thread_id"])?;
    let tag = args.required("tag")?;
    let thread = args.required("thread_id")?;
    call.order(Order::Chat(args.required("chat_id")?, Command::Tag { thread, tag, on }))
}

/// `update_last_seen_timestamp`
pub(in super::super) fn see(call: &Call<'_>) -> Result<Ask, Failure> {
    call.args.name_ids(&["chat_id"])?;
    let given: Option<u64> = call.args.optional("timestamp")?;
    let up_to = given.map(|seconds| Timestamp::from_secs(seconds).plus(REST_OF_A_SECOND));
    call.order(Order::Chat(call.args.required("chat_id")?, Command::See(up_to)))
}

/// `send_typing_indicator`
pub(in super::super) fn send_typing(call: &Call<'_>) -> Result<Ask, Failure> {
    let args = &call.args;
    args.name_ids(&["chat_id"])?;
    let typing = args.required("is_typing")?;
    let given = args.choice("recipients", &[("all", Visibility::All), ("agents", Visibility::Agents)])?;
    let visibility = given.unwrap_or(Visibility::All);
    call.order(Order::Chat(args.required("chat_id")?, Command::SignalTyping { typing, visibility }))
}

/// `send_sneak_peek`
pub(in super::super) fn send_sneak_peek(call: &Call<'_>) -> Result<Ask, Failure> {
    call.args.name_ids(&["chat_id"])?;
    let text = call.args.required("sneak_peek_text")?;
    call.order(Order::Chat(call.args.required("chat_id")?, Command::ShowDraft(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::livechat::v3_0::read::testing::{principal, read, refusal};
    use crate::engine::dialect::Side;
    use serde_json::json;
    use switchboard_domain::id::ThreadId;

    const CHAT: &str = "CHA0000001";

    #[test]
    fn marks_are_read_with_what_they_name() {
        let by = principal(Side::Agent, &["*"]);
        let command = |reader, args| match read(reader, &by, &args) {
            Ok(Order::Chat(chat, command)) if chat.to_string() == CHAT => Ok(command),
            other => Err(format!("{other:?}")),
        };
        let thread: ThreadId = "THR0000001".parse().unwrap_or_else(|_| ThreadId::from_random(0));
        let args = json!({ "chat_id": CHAT, "thread_id": "THR0000001", "tag": "refund" });
        for (reader, on) in [(tag as fn(&Call<'_>) -> _, true), (untag, false)] {
            assert_eq!(command(reader, args.clone()), Ok(Command::Tag { thread, tag: "refund".into(), on }));
        }
        assert_eq!(command(follow_chat, json!({ "chat_id": CHAT })), Ok(Command::Follow));
        assert_eq!(command(unfollow_chat, json!({ "chat_id": CHAT })), Ok(Command::Unfollow));
        assert_eq!(command(see, json!({ "chat_id": CHAT })), Ok(Command::See(None)));
        let up_to = Timestamp::from_micros(1_561_900_100_999_999);
        let args = json!({ "chat_id": CHAT, "timestamp": 1_561_900_100 });
        assert_eq!(command(see, args), Ok(Command::See(Some(up_to))), "to the end of that second");
        for (recipients, visibility) in [
            (json!(null), Visibility::All),
            (json!("all"), Visibility::All),
            (json!("agents"), Visibility::Agents),
        ] {
            let args = json!({ "chat_id": CHAT, "is_typing": false, "recipients": recipients });
            assert_eq!(command(send_typing, args), Ok(Command::SignalTyping { typing: false, visibility }));
        }
        let args = json!({ "chat_id": CHAT, "sneak_peek_text": "I wan" });
        assert_eq!(command(send_sneak_peek, args), Ok(Command::ShowDraft("I wan".into())));
    }

    #[test]
    fn each_refusal_of_a_mark_names_its_field() {
        let by = principal(Side::Agent, &["*"]);
        for (reader, args, expected) in [
            (tag as fn(&Call<'_>) -> _, json!({ "thread_id": "THR0000001", "tag": "x" }), "chat_id: missing"),
            (tag, json!({ "chat_id": CHAT, "tag": "x" }), "thread_id: missing"),
            (untag, json!({ "chat_id": CHAT, "thread_id": "THR0000001" }), "tag: missing"),
            (untag, json!({ "chat_id": CHAT, "thread_id": 5, "tag": "x" }), "thread_id: must be a string"),
            (tag, json!({ "chat_id": CHAT, "thread_id": "nowhere", "tag": 5 }), "tag: must be a string"),
            (follow_chat, json!({}), "chat_id: missing"),
            (unfollow_chat, json!({ "chat_id": {} }), "chat_id: must be a string"),
            (see, json!({ "timestamp": 5 }), "chat_id: missing"),
            (
                see,
                json!({ "chat_id": CHAT, "timestamp": -5 }),
                "timestamp: must be a whole number that is not negative",
            ),
            (send_typing, json!({ "chat_id": CHAT }), "is_typing: missing"),
            (send_typing, json!({ "chat_id": CHAT, "is_typing": "yes" }), "is_typing: must be a bool"),
            (
                send_typing,
                json!({ "chat_id": CHAT, "is_typing": true, "recipients": "nobody" }),
                "recipients: must be one of: all, agents",
            ),
            (send_sneak_peek, json!({ "chat_id": CHAT }), "sneak_peek_text: missing"),
            (
                send_sneak_peek,
                json!({ "chat_id": CHAT, "sneak_peek_text": [] }),
                "sneak_peek_text: must be a string",
            ),
        ] {
            assert_eq!(refusal(read(reader, &by, &args)), expected);
        }
    }
}
