//! `recipients: "agents"` never reaches a customer. Whatever a customer's client sees in this whole suite is
//! checked for it as well; here are the corners.

use serde_json::json;

use crate::support::server::Server;
use crate::support::shape::{id, list, texts};

const SECRET: &str = "the customer must not read this";

#[tokio::test]
async fn internal_notes_stay_internal_in_push_summary_and_history() {
    let mut server = Server::start().await;
    let ann = server.agent(0).await;
    let person = server.person().await;
    let mia = server.customer_rtm(&person).await;
    let chat = id(&mia.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    mia.push_in(&chat, "incoming_chat_thread").await;
    let note = json!({ "chat_id": chat, "event":
        { "type": "message", "text": SECRET, "recipients": "agents", "custom_id": SECRET } });
    let open =
        json!({ "chat_id": chat, "event": { "type": "message", "text": "open", "recipients": "all" } });

    // In an active thread: message, custom event, and a system message, which is for agents by default.
    ann.ok("send_event", open).await;
    ann.ok("send_event", note.clone()).await;
    let customers = server.customer_web(&person).ok("get_chats_summary", json!({})).await;
    let last = &customers["chats_summary"][0]["last_event_per_type"]["message"];
    assert_eq!(last["event"]["text"], "open", "the last one that it may see, not none");
    let agents = server.agent_web(0).ok("get_chats_summary", json!({})).await;
    assert_eq!(agents["chats_summary"][0]["last_event_per_type"]["message"]["event"]["text"], SECRET);
    let custom = json!({ "type": "custom", "content": { "secret": SECRET }, "recipients": "agents" });
    ann.ok("send_event", json!({ "chat_id": chat, "event": custom })).await;
    let system = json!({ "type": "system_message", "system_message_type": "own", "text": SECRET });
    let sent = ann.ok("send_event", json!({ "chat_id": chat, "event": system })).await;
    assert_eq!(sent["event"]["recipients"], "agents");

    // On a closed thread, and as the event that opens a new one.
    ann.ok("close_thread", json!({ "chat_id": chat })).await;
    let mut late = note.clone();
    late["attach_to_last_thread"] = json!(true);
    ann.ok("send_event", late).await;
    ann.ok("send_event", note.clone()).await;
    let opened = mia.push_in(&chat, "incoming_chat_thread").await;
    assert_eq!(texts(&opened.payload["chat"]["thread"]["events"]), Vec::<String>::new());

    // A bot's notes too.
    let bot = server.bot(json!({ "status": "not accepting chats" })).await;
    server.agent_web(0).acting_as(&bot).ok("send_event", note).await;

    // The fence: what comes next arrives, so what did not arrive before never will.
    let last = json!({ "chat_id": chat, "event": { "type": "message", "text": "over" } });
    ann.ok("send_event", last).await;
    mia.message("over").await;
    assert!(!mia.ever_saw(SECRET));

    for crashed in [false, true] {
        if crashed {
            server.kill_9().await;
            server.restart().await;
        }
        let customer = server.customer_web(&person);
        let summary = customer.ok("get_chats_summary", json!({})).await;
        let last = &summary["chats_summary"][0]["last_event_per_type"];
        assert_eq!(last["message"]["event"]["text"], "over");
        assert_eq!(last.get("custom"), None, "its last custom event is none");
        let history = customer.ok("get_chat_threads", json!({ "chat_id": chat })).await;
        let threads = list(&history["chat"]["threads"]);
        let talk: Vec<_> = threads.iter().flat_map(|thread| texts(&thread["events"])).collect();
        assert_eq!(talk, ["open", "over"]);
        assert!(!summary.to_string().contains(SECRET) && !history.to_string().contains(SECRET));
        let login = server.customer_rtm(&person).await;
        assert!(!login.ever_saw(SECRET));

        let look = server.look(&chat).await.to_string();
        assert_eq!(look.matches(&format!("\"text\":\"{SECRET}\"")).count(), 5, "agents keep them all");
    }
}
