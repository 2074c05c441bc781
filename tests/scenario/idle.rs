//! Who is not needed leaves memory, and is as it was when it is needed again (design D3).

use serde_json::{Value, json};

use crate::customers::login_with;
use crate::support::server::Server;
use crate::support::shape::{id, list, texts};
use crate::support::small::small;
use crate::support::until;

async fn in_memory(server: &Server, conversations: usize, customers: usize) -> bool {
    let page = server.get("/metrics").await.1;
    let counts =
        |kind: &str, count: usize| page.contains(&format!("switchboard_actors{{kind=\"{kind}\"}} {count}\n"));
    counts("conversation", conversations) && counts("customer", customers)
}

#[tokio::test]
async fn who_is_not_needed_leaves_memory_and_comes_back_as_it_was() {
    let mut server = small("checkpoint_seconds = 1\nactor_idle_seconds = 1").await;
    let ann = server.agent(0).await;
    let (mia, kim) = (server.person().await, server.person().await);
    let page = json!({ "customer_page": { "url": "https://shop.example/", "title": "Shop" } });
    let (at_mia, at_kim) = (login_with(&server, &mia, page).await, server.customer_rtm(&kim).await);
    let over = id(&at_mia.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    let open = id(&at_kim.ok("start_chat", json!({ "chat": {} })).await["chat"]);
    let say = |text: &str| json!({ "type": "message", "text": text });
    for text in ["one", "two"] {
        at_mia.ok("send_event", json!({ "chat_id": over, "event": say(text) })).await;
    }
    ann.ok("close_thread", json!({ "chat_id": over, "ignore_requester_presence": true })).await;
    at_mia.cut().await;
    at_kim.cut().await;

    // What goes on stays, with whom it is about.
    until("only what goes on is in memory", async || in_memory(&server, 1, 1).await).await;
    let stored = server.look(&over).await;
    assert_eq!(texts(&stored["threads"][0]["events"])[..2], ["one", "two"]);
    assert!(in_memory(&server, 2, 2).await, "whoever is asked for comes, and whoever is shown with it");
    let card = json!({ "customer_id": mia.id, "fields": { "seen": "1" } });
    let card = server.agent_web(0).ok("update_customer", card).await;
    assert_eq!(card["last_visit"]["last_pages"][0]["url"], "https://shop.example/", "{card}");
    assert_eq!(
        (&card["statistics"]["visits_count"], &card["statistics"]["chats_count"]),
        (&json!(1), &json!(1))
    );
    until("it leaves again", async || in_memory(&server, 1, 1).await).await;

    // It is found, goes on where it was, and nobody's count is lost.
    let back = server.customer_rtm(&mia).await;
    let taken = back.ok("send_event", json!({ "chat_id": over, "event": say("three") })).await;
    let one_too_many = back.err("start_chat", json!({ "chat": {} })).await;
    assert!(one_too_many.message.contains("number of chats"), "{one_too_many:?}");
    let threads = server.look(&over).await["threads"].clone();
    let own = |thread: &Value| thread["id"] == taken["thread_id"];
    assert_eq!((list(&threads).len(), list(&threads).iter().filter(|thread| own(thread)).count()), (2, 1));

    // A crash finds them wherever they are.
    server.kill_9().await;
    drop((ann, back));
    server.restart().await;
    let after = server.look(&over).await;
    assert!(list(&after["threads"]).iter().any(|thread| texts(&thread["events"]).contains(&"three".into())));
    assert_eq!(list(&server.look(&open).await["threads"])[0]["active"], true);
}
