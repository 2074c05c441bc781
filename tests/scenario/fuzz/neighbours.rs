//! Two who talk while all this goes on, and miss nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::line::Line;
use crate::support::people::Person;
use crate::support::rtm::Side;
use crate::support::server::Server;
use crate::support::shape::{id, list, texts};

/// An agent who gets no other chat, a customer, and their chat.
pub(super) struct Neighbours {
    bob: Line,
    bob_id: String,
    nell: Line,
    person: Person,
    chat: String,
    thread: String,
}

impl Neighbours {
    pub(super) async fn meet(server: &Server) -> Self {
        let mut bob = Line::login(server, Side::Agent, &server.agent_token(1)).await;
        let person = server.person().await;
        let mut nell = Line::login(server, Side::Customer, &person.token).await;
        let start = json!({ "action": "start_chat", "payload": { "chat": {} } });
        let answer = nell.ask(&start).await;
        let chat = &answer["payload"]["chat"];
        let (chat, thread) = (id(chat), id(&chat["thread"]));
        let status = json!({ "routing_status": "not_accepting_chats" });
        assert_eq!(bob.ask(&json!({ "action": "update_agent", "payload": status })).await["success"], true);
        Self { bob, bob_id: server.agent_id(1), nell, person, chat, thread }
    }

    /// What stands in their ids: nobody else may learn them.
    pub(super) fn private(&self) -> Vec<String> {
        vec![self.bob_id.clone(), self.person.id.clone(), self.chat.clone(), self.thread.clone()]
    }

    /// They talk in turns until the others are done. Each word is answered and heard, once and in order. Gives how
    /// many rounds it were, when all of it stands in the history as well.
    pub(super) async fn talk(mut self, server: &Server, over: &AtomicBool) -> u64 {
        let mut said = Vec::new();
        while !over.load(Ordering::Relaxed) {
            for who in ["nell", "bob"] {
                let (by, to) = match who {
                    "nell" => (&mut self.nell, &mut self.bob),
                    _ => (&mut self.bob, &mut self.nell),
                };
                let word = format!("{who} {}", said.len());
                let event = json!({ "type": "message", "text": word });
                let payload = json!({ "chat_id": self.chat, "event": event });
                let answer = by.ask(&json!({ "action": "send_event", "payload": payload })).await;
                assert_eq!(answer["success"], true, "{answer}");
                // Both hear each word; system messages have no author.
                for line in [by, to] {
                    let next = |frame: &Value| {
                        let payload = &frame["payload"];
                        let ours = frame["action"] == "incoming_event" && payload["chat_id"] == *self.chat;
                        let event = &payload["event"];
                        (ours && event["author_id"].is_string()).then(|| event["text"].clone())
                    };
                    assert_eq!(line.until(next).await, json!(word), "the next word is the next thing heard");
                }
                said.push(word);
            }
        }
        let look = server.look(&self.chat).await;
        assert_eq!(list(&look["threads"]).len(), 1, "one thread, as it was");
        assert_eq!(texts(&look["threads"][0]["events"]), said, "nothing is missing, nothing was added");
        said.len() as u64
    }
}
