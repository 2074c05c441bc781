//! Two hundred customers at once: every slot is given once, and the rest waits its turn.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::support::people::Person;
use crate::support::rtm::Rtm;
use crate::support::server::Server;
use crate::support::shape::{id, present_agents, text, waits};

const CUSTOMERS: usize = 200;
const BOTS: usize = 20;
const SLOTS: usize = 5;
/// Customers that come when the others wait already, one after the other.
const LATE: usize = 10;
/// Tokens asked for at a time, and sockets opened.
const AT_A_TIME: usize = 20;

/// One start of a chat: between these moments of a clock that only counts it came to its place in the order.
struct Start {
    person: Person,
    chat: Value,
    asked: u64,
    answered: u64,
}

impl Start {
    fn certainly_before(&self, other: &Self) -> bool {
        self.answered < other.asked
    }
}

async fn start(customer: &Rtm, person: Person, moments: &AtomicU64) -> Start {
    let asked = moments.fetch_add(1, Ordering::SeqCst);
    let events = json!([{ "type": "message", "text": "hello" }]);
    let answer = customer.ok("start_chat", json!({ "chat": { "thread": { "events": events } } })).await;
    let answered = moments.fetch_add(1, Ordering::SeqCst);
    Start { person, chat: answer["chat"].clone(), asked, answered }
}

/// Closes a chat and gives the next one that an agent was added to, and the agent.
async fn close_one(server: &Server, watcher: &Rtm, start: &Start) -> (String, String) {
    server.close(&start.person, &start.chat).await;
    let added = watcher.push("chat_user_added", |added| added["user_type"] == "agent").await.payload;
    (text(&added["chat_id"]), id(&added["user"]))
}

#[tokio::test]
async fn two_hundred_customers_share_a_hundred_slots_and_wait_in_order() {
    let server = Server::start().await;
    let watcher = server.watcher(0).await;
    let bots = join_all((0..BOTS).map(|_| server.bot(json!({ "max_chats_count": SLOTS })))).await;
    let connect = |_| async {
        let person = server.person().await;
        (server.customer_rtm(&person).await, person)
    };
    let customers: Vec<_> =
        stream::iter(0..CUSTOMERS + LATE).map(connect).buffered(AT_A_TIME).collect().await;
    let (crowd, late) = customers.split_at(CUSTOMERS);

    // All at once, each on a socket of its own.
    let moments = AtomicU64::new(0);
    let starts = crowd.iter().map(|(customer, person)| start(customer, person.clone(), &moments));
    let starts = join_all(starts).await;
    let (waiting, held): (Vec<_>, Vec<_>) = starts.iter().partition(|start| waits(&start.chat));
    assert_eq!((held.len(), waiting.len()), (BOTS * SLOTS, CUSTOMERS - BOTS * SLOTS));
    let mut load: HashMap<String, usize> = HashMap::new();
    let mut holders: HashMap<String, String> = HashMap::new();
    for start in &held {
        let agents = present_agents(&start.chat);
        assert_eq!(agents.len(), 1, "given to one: {:#}", start.chat);
        *load.entry(agents[0].clone()).or_default() += 1;
        holders.insert(id(&start.chat), agents[0].clone());
    }
    assert!(bots.iter().all(|bot| load.get(bot) == Some(&SLOTS)), "each bot has what it can take: {load:?}");
    for early in &waiting {
        let passed = held.iter().find(|late| early.certainly_before(late));
        assert!(passed.is_none(), "somebody who came later got the slot");
    }

    // Some more, of whom it is known in which order they came.
    let mut latecomers = Vec::new();
    for (customer, person) in late {
        let start = start(customer, person.clone(), &moments).await;
        assert!(waits(&start.chat));
        latecomers.push(start);
    }

    // Each end gives out one more, to the bot whose slot it was; nobody is passed over or served twice.
    let everybody: HashMap<String, &Start> =
        starts.iter().chain(&latecomers).map(|start| (id(&start.chat), start)).collect();
    let mut open: Vec<String> = held.iter().map(|start| id(&start.chat)).collect();
    let mut served = Vec::new();
    for n in 0..waiting.len() + LATE {
        // Not always the oldest: which slot frees is nobody's order.
        let closing = open.swap_remove((n * 7) % open.len());
        let (chat, agent) = close_one(&server, &watcher, everybody[&closing]).await;
        assert_eq!(agent, holders[&closing], "the one with the free slot");
        assert_eq!(holders.insert(chat.clone(), agent), None, "{chat} was given out twice");
        open.push(chat.clone());
        served.push(everybody[&chat]);
    }
    for (n, first) in served.iter().enumerate() {
        let passed = served[n + 1..].iter().find(|later| later.certainly_before(first));
        assert!(passed.is_none(), "given out before somebody who came earlier");
    }
    let last: Vec<_> = served[waiting.len()..].iter().map(|start| id(&start.chat)).collect();
    assert_eq!(last, latecomers.iter().map(|start| id(&start.chat)).collect::<Vec<_>>());

    // What the server says of the chats agrees, and every slot is taken still.
    let looks = join_all(open.iter().map(|chat| server.look(chat))).await;
    let mut load: HashMap<String, usize> = HashMap::new();
    for look in &looks {
        assert_eq!(present_agents(look), [holders[&id(look)].as_str()]);
        *load.entry(holders[&id(look)].clone()).or_default() += 1;
    }
    assert!(bots.iter().all(|bot| load.get(bot) == Some(&SLOTS)), "{load:?}");
}
