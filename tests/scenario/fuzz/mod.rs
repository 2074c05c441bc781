//! Whatever is sent, the server answers and goes on, and nobody else notices.
//!
//! Two strangers, a human agent and a customer, send requests made from the wire's own shapes and then spoiled; a
//! third posts such bodies to the Web APIs; a fourth sends bytes that are no WebSocket and no HTTP. Meanwhile two
//! neighbours talk. Each text frame must be answered, no answer may be `internal`, nothing may stand in the log as an
//! error, the server may not grow, and the neighbours may miss nothing.
//!
//! `FUZZ_SEED=n` plays one seed, `FUZZ_TIMES=n` sends so many times more. A failure names the seed.

mod bodies;
mod frames;
mod grammar;
mod json;
mod line;
mod neighbours;
mod raw;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::chance::Chance;
use crate::support::server::Server;
use crate::support::{announce, number_from_env};

use self::neighbours::Neighbours;

/// Frames that each of the two strangers sends; with the rest about ten seconds on a small machine.
const FRAMES: u64 = 2_000;
/// Bodies posted.
const BODIES: u64 = 1_000;
/// Connections that speak no protocol.
const RAW: u64 = 200;

/// Bytes that the server's memory may grow by after the first quarter. What it rightly keeps (some thousand chats,
/// events, bots and customers of the strangers) is a few MiB; a leak of each input would be far beyond.
const GROWTH_BYTES: u64 = 32 << 20;

/// What a run is: reproducible but for the order in which the parties get their turns.
#[derive(Clone, Copy, Debug)]
struct Plan {
    seed: u64,
    times: u64,
}

impl Plan {
    fn from_env() -> Self {
        Self { seed: number_from_env("FUZZ_SEED", 1), times: number_from_env("FUZZ_TIMES", 1) }
    }

    /// Chance of one party: each has its own, so that they do not disturb one another.
    fn chance(self, party: u64) -> Chance {
        Chance::new(self.seed.wrapping_mul(1_000_003).wrapping_add(party))
    }
}

/// What the strangers know: ids that requests may name, real ones, learned from the answers, never those of the
/// neighbours.
struct Known {
    /// Each with what it was called, such as `chat_id`.
    ids: Mutex<Vec<(String, String)>>,
    /// Texts that stand in the ids of the neighbours.
    private: Vec<String>,
    /// How many requests went well, and how many were refused: a run with too few of either tries too little.
    good: AtomicU64,
    refused: AtomicU64,
}

impl Known {
    /// How many ids are kept; the oldest go.
    const KEPT: usize = 128;

    fn new(private: Vec<String>) -> Self {
        Self { ids: Mutex::default(), private, good: AtomicU64::new(0), refused: AtomicU64::new(0) }
    }

    /// Any id; mostly one that was called like this.
    fn pick(&self, name: &str, chance: &mut Chance) -> String {
        let ids = self.ids.lock().unwrap();
        let fitting: Vec<_> = ids.iter().filter(|(called, _)| called == name).collect();
        if !fitting.is_empty() && !chance.one_in(8) {
            return chance.pick(&fitting).map(|(_, id)| id.clone()).unwrap_or_default();
        }
        chance.pick(&ids).map(|(_, id)| id).unwrap_or_default()
    }

    fn count(&self, good: bool) {
        let counter = if good { &self.good } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Learns every id that stands in what came from the server.
    fn learn(&self, value: &Value) {
        self.learn_in("", value);
    }

    fn learn_in(&self, parent: &str, value: &Value) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let name = called(parent, key);
                    match value {
                        Value::String(id) if name.ends_with("_id") => self.add(&name, id),
                        _ => self.learn_in(&name, value),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|value| self.learn_in(parent, value)),
            _ => {}
        }
    }

    fn add(&self, name: &str, id: &str) {
        let mut ids = self.ids.lock().unwrap();
        let private = self.private.iter().any(|private| id.contains(private));
        let known = ids.iter().any(|(called, known)| called == name && known == id);
        if id.is_empty() || id.len() > 100 || private || known {
            return;
        }
        if ids.len() >= Self::KEPT {
            ids.remove(0);
        }
        ids.push((name.to_owned(), id.to_owned()));
    }
}

/// What stands at a key: the `id` of a chat is a `chat_id`, and so is that of one of its `chats`.
fn called(parent: &str, key: &str) -> String {
    let owner = parent.strip_suffix("s_summary").unwrap_or(parent);
    match key {
        "id" | "ids" => format!("{}_id", owner.strip_suffix('s').unwrap_or(owner)),
        _ => key.to_owned(),
    }
}

/// Resident bytes of the server.
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the size of a process");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn no_input_harms_the_server_or_a_neighbour() {
    let plan = Plan::from_env();
    announce(&format!("fuzz: {plan:?}"));
    let mut server = Server::start().await;
    let neighbours = Neighbours::meet(&server).await;
    let known = Known::new(neighbours.private());
    // So that chats of strangers find somebody, also when the agent among them is away.
    known.add("bot_agent_id", &server.bot(json!({ "max_chats_count": 50 })).await);
    known.add("user_id", &server.agent_id(0));

    let over = AtomicBool::new(false);
    let strangers = async {
        send_quarter(&server, &known, plan, 0).await;
        let warm = memory(&server);
        for quarter in 1..4 {
            send_quarter(&server, &known, plan, quarter).await;
        }
        over.store(true, Ordering::Relaxed);
        warm
    };
    let (warm, words) = tokio::join!(strangers, neighbours.talk(&server, &over));
    let end = memory(&server);
    let (good, refused) = (known.good.into_inner(), known.refused.into_inner());
    announce(&format!(
        "{good} requests went well, {refused} were refused; the neighbours said {words} words"
    ));
    announce(&format!("memory: {} MiB, then {} MiB", warm >> 20, end >> 20));
    assert!(good > 300 && refused > 1_000, "{plan:?}: it tried too little: {good} and {refused}");
    assert!(words > 50, "{plan:?}: the neighbours were hardly there: {words} words");
    assert!(end < warm + GROWTH_BYTES, "{plan:?}: grew from {warm} to {end} bytes");
    assert_eq!(server.stop().await, Some(0), "{plan:?}: it ends as ever, without an error in its log");
}

async fn send_quarter(server: &Server, known: &Known, plan: Plan, quarter: u64) {
    let part = |all: u64| all * plan.times / 4;
    let chance = |party: u64| plan.chance(quarter * 10 + party);
    tokio::join!(
        frames::by_agent(server, known, chance(0), part(FRAMES)),
        frames::by_customer(server, known, chance(1), part(FRAMES)),
        bodies::post(server, known, chance(2), part(BODIES)),
        raw::send(server, chance(3), part(RAW)),
    );
}
