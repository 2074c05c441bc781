//! Going on after a lost connection (design D12): exactly what was missed, once and in order.

use std::collections::HashMap;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::chance::Chance;
use crate::support::people::Person;
use crate::support::rtm::{Rtm, Side};
use crate::support::server::{Server, cli};
use crate::support::shape::{id, list, texts};

/// A client as an author of one would write it: it keeps the newest place of each chat, and what it heard.
struct Client {
    side: Side,
    token: String,
    places: HashMap<String, String>,
    heard: Vec<(String, String, Value)>,
}

impl Client {
    fn agent(server: &Server, n: usize) -> Self {
        Self { side: Side::Agent, token: server.agent_token(n), places: HashMap::new(), heard: Vec::new() }
    }

    fn customer(person: &Person) -> Self {
        let token = person.token.clone();
        Self { side: Side::Customer, token, places: HashMap::new(), heard: Vec::new() }
    }

    /// Logs in where it stands; gives what the server says of each chat.
    async fn connect(&self, server: &Server) -> (Rtm, HashMap<String, Value>) {
        let stands = |(chat, seq): (&String, &String)| json!({ "chat_id": chat, "seq": seq });
        let chats: Vec<_> = self.places.iter().map(stands).collect();
        let login = json!({ "token": self.token, "resume": { "chats": chats } });
        let rtm = Rtm::login(server, self.side, login).await;
        let told = list(&rtm.welcome["resume"]["chats"]).iter();
        let told = told.map(|line| (line["chat_id"].as_str().unwrap().to_owned(), line.clone())).collect();
        (rtm, told)
    }

    /// Goes on with all its chats: the server has everything that it missed.
    async fn reconnect(&self, server: &Server) -> Rtm {
        let (rtm, told) = self.connect(server).await;
        for chat in self.places.keys() {
            assert_eq!(told[chat]["recovered"], true, "{told:?}");
        }
        rtm
    }

    /// Keeps what a connection heard.
    fn keep(&mut self, rtm: &Rtm) {
        for push in rtm.since(0) {
            let Some(seq) = push.seq else { continue };
            let chat = match push.payload["chat_id"].as_str() {
                Some(chat) => chat.to_owned(),
                None => id(&push.payload["chat"]),
            };
            self.places.insert(chat, seq.clone());
            self.heard.push((seq, push.name, push.payload));
        }
    }
}

fn message(chat: &str, text: &str) -> Value {
    json!({ "chat_id": chat, "event": { "type": "message", "text": text } })
}

/// Something that happens in a chat.
async fn something(server: &Server, chat: &str, thread: &str, n: u64) {
    let web = server.agent_web(0);
    let text = format!("said {n}");
    let note =
        json!({ "chat_id": chat, "event": { "type": "message", "text": text, "recipients": "agents" } });
    let tag = json!({ "chat_id": chat, "thread_id": thread, "tag": text });
    let properties = json!({ "chat_id": chat, "properties": { "test": { "int_property": n } } });
    match n % 8 {
        0 => web.ok("send_event", note).await,
        1 => web.ok("tag_chat_thread", tag).await,
        2 => web.ok("update_chat_properties", properties).await,
        3 => web.ok("update_last_seen_timestamp", json!({ "chat_id": chat })).await,
        _ => web.ok("send_event", message(chat, &text)).await,
    };
}

#[tokio::test]
async fn a_client_that_is_cut_again_and_again_hears_what_one_hears_that_is_not() {
    let server = Server::start().await;
    let person = server.person().await;
    let mut clients = [Client::agent(&server, 0), Client::customer(&person)];
    let mut steady = [Client::agent(&server, 0), Client::customer(&person)];
    let (ann, _) = steady[0].connect(&server).await;
    let (mia, _) = steady[1].connect(&server).await;
    let mut cut = [clients[0].connect(&server).await.0, clients[1].connect(&server).await.0];
    let started = mia.ok("start_chat", json!({ "chat": {} })).await["chat"].clone();
    let (chat, thread) = (id(&started), id(&started["thread"]));
    let mut chance = Chance::new(12);
    let mut n = 0;
    for round in 0..12 {
        // Both are cut at some moment, in the middle of what happens.
        let doings = 1 + chance.below(12);
        let moment = chance.below(doings);
        for at in 0..doings {
            something(&server, &chat, &thread, n).await;
            n += 1;
            if at == moment {
                for (client, rtm) in clients.iter_mut().zip(&cut) {
                    client.keep(rtm);
                }
                let [of_ann, of_mia] = cut;
                of_ann.cut().await;
                of_mia.cut().await;
                something(&server, &chat, &thread, n).await;
                n += 1;
                cut = [clients[0].reconnect(&server).await, clients[1].reconnect(&server).await];
            }
        }
        let fence = format!("end of round {round}");
        server.agent_web(0).ok("send_event", message(&chat, &fence)).await;
        for rtm in [&ann, &mia, &cut[0], &cut[1]] {
            rtm.message(&fence).await;
        }
    }
    steady[0].keep(&ann);
    steady[1].keep(&mia);
    for ((client, rtm), steady) in clients.iter_mut().zip(&cut).zip(&steady) {
        client.keep(rtm);
        assert_eq!(client.heard.len(), steady.heard.len());
        for (heard, steady) in client.heard.iter().zip(&steady.heard) {
            assert_eq!(heard, steady);
        }
        assert!(steady.heard.len() > 40, "{}", steady.heard.len());
    }
}

#[tokio::test]
async fn many_clients_go_on_after_kill_9_with_the_servers_history() {
    let mut server = Server::start().await;
    server.bot(json!({ "max_chats_count": 100 })).await;
    let mut talks = Vec::new();
    for _ in 0..8 {
        let person = server.person().await;
        let client = Client::customer(&person);
        let (rtm, _) = client.connect(&server).await;
        let chat = id(&rtm.ok("start_chat", json!({ "chat": {} })).await["chat"]);
        talks.push((person, client, rtm, chat));
    }
    for round in 0..3 {
        // Nobody waits for answers; the kill comes when some are out and many are not.
        for n in 0..30 {
            for (_, _, rtm, chat) in &talks {
                rtm.begin(
                    json!({ "action": "send_event", "payload": message(chat, &format!("{round} {n}")) }),
                )
                .await;
            }
        }
        talks[7].2.message(&format!("{round} 5")).await;
        server.kill_9().await;
        server.restart().await;
        for (_, client, rtm, _) in &mut talks {
            rtm.closed().await;
            client.keep(rtm);
            *rtm = client.reconnect(&server).await;
        }
        for (person, _, _, chat) in &talks {
            let fence = message(chat, &format!("end of round {round}"));
            server.customer_web(person).ok("send_event", fence).await;
        }
        for (_, _, rtm, _) in &talks {
            rtm.message(&format!("end of round {round}")).await;
        }
    }
    for (_, mut client, rtm, chat) in talks {
        client.keep(&rtm);
        let heard = client.heard.iter().filter(|(_, name, _)| name == "incoming_event");
        let heard: Vec<_> = heard.filter_map(|(_, _, payload)| payload["event"]["text"].as_str()).collect();
        let history = texts(&server.look(&chat).await["threads"][0]["events"]);
        let said =
            |texts: Vec<String>| -> Vec<_> { texts.into_iter().filter(|text| text.contains(' ')).collect() };
        let heard = said(heard.into_iter().map(str::to_owned).collect());
        let history = said(history);
        assert_eq!(
            heard[heard.len() - history.len()..],
            history,
            "the first are told by the thread's beginning"
        );
    }
}

#[tokio::test]
async fn what_is_no_event_is_told_after_a_crash_too() {
    let mut server = Server::start().await;
    let ann = server.agent(0).await;
    let (_, chat) = server.chat(json!({})).await;
    let (thread, chat) = (id(&chat["thread"]), id(&chat));
    let mut client = Client::agent(&server, 0);
    let (rtm, told) = client.connect(&server).await;
    client.places.insert(chat.clone(), told[&chat]["seq"].as_str().unwrap().to_owned());
    rtm.cut().await;
    ann.ok("tag_chat_thread", json!({ "chat_id": chat, "thread_id": thread, "tag": "vip" })).await;
    ann.ok("send_event", message(&chat, "last words")).await;
    server.kill_9().await;
    server.restart().await;
    let rtm = client.reconnect(&server).await;
    rtm.message("last words").await;
    assert_eq!(rtm.names_since(0, &chat), ["chat_thread_tagged", "incoming_event"]);
}

#[tokio::test]
async fn what_cannot_be_told_is_said_so() {
    let server = Server::start().await;
    let _here = server.agent(0).await;
    let (person, foreign) = server.chat(json!({})).await;
    let (_, own) = server.chat(json!({})).await;
    let (foreign, own) = (id(&foreign), id(&own));
    let mut client = Client::agent(&server, 0);
    let (rtm, told) = client.connect(&server).await;
    assert_eq!(told[&own].get("recovered"), None, "{told:?}");
    let place = told[&own]["seq"].as_str().unwrap().to_owned();
    for n in 0..101 {
        server.agent_web(0).ok("send_event", message(&own, &n.to_string())).await;
    }
    rtm.message("100").await;
    client.places.insert(own.clone(), place.clone());
    let unknown = "ZZZZZZZZZZ".to_owned();
    client.places.insert(unknown.clone(), place.clone());
    let (late, told) = client.connect(&server).await;
    assert_eq!(told[&own]["recovered"], false, "101 pushes are too many");
    assert_eq!(told[&unknown], json!({ "chat_id": unknown, "recovered": false }));
    assert!(late.since(0).iter().all(|push| !push.is_about(&own)), "none rather than some");

    // Somebody else's chat is like one that is not there, and what is yet to come is not known.
    let stranger = server.person().await;
    let mut client = Client::customer(&stranger);
    client.places.insert(foreign.clone(), place.clone());
    let (_, told) = client.connect(&server).await;
    assert_eq!(told[&foreign], json!({ "chat_id": foreign, "recovered": false }));
    let mut client = Client::customer(&person);
    let (_, told) = client.connect(&server).await;
    let now = told[&foreign]["seq"].as_str().unwrap();
    let (epoch, number) = now.split_once('-').unwrap();
    let ahead = format!("{epoch}-{}", number.parse::<u64>().unwrap() + 1);
    client.places.insert(foreign.clone(), ahead);
    assert_eq!(client.connect(&server).await.1[&foreign]["recovered"], false);
    client.places.insert(foreign.clone(), now.to_owned());
    assert_eq!(client.connect(&server).await.1[&foreign]["recovered"], true, "nothing was missed");
}

#[tokio::test]
async fn who_does_not_ask_sees_no_difference_and_bad_places_are_named() {
    let server = Server::start().await;
    let ann = server.agent(0).await;
    assert_eq!(ann.welcome.get("resume"), None);
    let (_, chat) = server.chat(json!({})).await;
    ann.ok("send_event", message(&id(&chat), "hello there")).await;
    assert_eq!(ann.message("hello there").await.seq, None);
    let too_many = vec![json!({ "chat_id": id(&chat), "seq": "1-1" }); 201];
    for (resume, named) in [
        (json!(7), "resume"),
        (json!({ "chats": 7 }), "resume.chats"),
        (json!({ "chats": [{ "seq": "1-1" }] }), "chat_id"),
        (json!({ "chats": [{ "chat_id": id(&chat), "seq": "x" }] }), "resume.chats.0.seq"),
        (json!({ "chats": [{ "chat_id": id(&chat), "seq": 7 }] }), "resume.chats.0.seq"),
        (json!({ "chats": too_many }), "resume.chats"),
    ] {
        let rtm = Rtm::connect(&server, Side::Agent).await;
        let login = json!({ "token": server.agent_token(0), "resume": resume });
        let refused = rtm.err("login", login).await;
        assert_eq!(refused.kind, "validation");
        assert!(refused.message.contains(named), "{refused:?}");
    }
}

#[tokio::test]
async fn a_restore_tells_clients_that_it_does_not_know_what_they_saw() {
    let server = Server::start().await;
    let _here = server.agent(0).await;
    let (person, chat) = server.chat(json!({})).await;
    let chat = id(&chat);
    let mut clients = [Client::agent(&server, 0), Client::customer(&person)];
    for client in &mut clients {
        let (rtm, told) = client.connect(&server).await;
        client.places.insert(chat.clone(), told[&chat]["seq"].as_str().unwrap().to_owned());
        rtm.cut().await;
    }
    let at_the_backup = clients[0].places[&chat].clone();
    let dir = TempDir::with_prefix("switchboard-restore-").unwrap();
    let (backup, data) = (dir.path().join("backup"), server.data_dir());
    let (backup, data) = (backup.to_str().unwrap(), data.to_str().unwrap());
    let (code, _, told) = cli(&["backup", backup, "--data-dir", data]).await;
    assert_eq!(code, Some(0), "{told}");
    // What comes behind the backup is seen and will be lost.
    let mut heard = Vec::new();
    for client in &mut clients {
        let rtm = client.reconnect(&server).await;
        for n in 0..3 {
            server.agent_web(0).ok("send_event", message(&chat, &format!("lost {n}"))).await;
        }
        rtm.message("lost 2").await;
        client.keep(&rtm);
        heard.extend(client.heard.iter().map(|(seq, ..)| seq.clone()));
    }
    assert!(heard.len() >= 6 && !heard.contains(&at_the_backup), "{heard:?}");
    drop(server);

    let (code, _, told) = cli(&["restore", backup, dir.path().join("data").to_str().unwrap()]).await;
    assert_eq!(code, Some(0), "{told}");
    let mut restored = Server::start_in(dir).await;
    let _here = restored.agent(0).await;
    let mut now = HashMap::new();
    for client in &clients {
        let (rtm, told) = client.connect(&restored).await;
        assert_eq!(told[&chat]["recovered"], false, "{told:?}");
        now = HashMap::from([(chat.clone(), told[&chat]["seq"].as_str().unwrap().to_owned())]);
        assert!(rtm.since(0).iter().all(|push| push.seq.is_none()), "none rather than some");
    }
    // Neither does it guess for one who saw nothing that is lost: that cannot be told from outside.
    let mut early = Client::agent(&restored, 0);
    early.places.insert(chat.clone(), at_the_backup.clone());
    assert_eq!(early.connect(&restored).await.1[&chat]["recovered"], false);
    // From what the answer said all goes on, also over the next start, and no name comes twice.
    heard.push(at_the_backup);
    for round in 0..2 {
        let mut client = Client::agent(&restored, 0);
        client.places.clone_from(&now);
        let rtm = client.reconnect(&restored).await;
        for n in 0..4 {
            restored.agent_web(0).ok("send_event", message(&chat, &format!("{round} {n}"))).await;
        }
        rtm.message(&format!("{round} 3")).await;
        let said = rtm.since(0).into_iter().filter(|push| push.is_about(&chat)).count();
        assert!(said >= 4, "{said}");
        client.keep(&rtm);
        for (seq, ..) in &client.heard {
            assert!(!heard.contains(seq), "{seq} was another push before: {heard:?}");
            heard.push(seq.clone());
        }
        restored.kill_9().await;
        restored.restart().await;
        let (_, told) = client.connect(&restored).await;
        assert_eq!(told[&chat]["recovered"], true, "{told:?}");
        now = HashMap::from([(chat.clone(), told[&chat]["seq"].as_str().unwrap().to_owned())]);
    }
}
