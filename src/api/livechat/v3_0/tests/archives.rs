//! The answer of `get_archives`.

use std::sync::Arc;

use serde_json::{Value, json};
use switchboard_domain::conversation::view::ThreadView;

use super::answers::answer;
use super::{ann, mia, routing, thread};
use crate::api::livechat::v3_0::show::testing as world;
use crate::engine::dialect::Side;
use crate::engine::order::{ArchivePage, ArchivedThread, Done};

fn archives(entries: Vec<ArchivedThread>, page: u64, total: usize) -> Value {
    answer(Side::Agent, "get_archives", Done::Archives(world::shown(ArchivePage { entries, page, total })))
}

#[test]
fn each_thread_comes_with_its_whole_chat() {
    let chat = Arc::new(world::chat());
    let older = ThreadView {
        id: "THR0000000".parse().unwrap(),
        active: false,
        events: Vec::new(),
        tags: Vec::new(),
        ..world::thread()
    };
    let entries = [world::thread(), older].map(|thread| ArchivedThread { chat: Arc::clone(&chat), thread });
    let mut older = thread(true);
    (older["id"], older["active"]) = (json!("THR0000000"), json!(false));
    (older["events"], older["tags"]) = (json!([]), json!([]));
    let entry = |thread: Value| {
        json!({ "chat": { "id": "CHA0000001", "users": [mia(true), ann(true)], "properties": routing(),
                "access": { "group_ids": [0] }, "is_followed": true, "thread": thread } })
    };
    assert_eq!(
        archives(entries.to_vec(), 2, 27),
        json!({ "chats": [entry(thread(true)), entry(older)], "pagination": { "page": 2, "total": 27 } })
    );
    assert_eq!(archives(Vec::new(), 1, 0), json!({ "chats": [], "pagination": { "page": 1, "total": 0 } }));
}
