//! Files: sent by a form, referred to by events, served to whoever has the address.

use reqwest::Method;
use serde_json::{Value, json};

use crate::chatwoot::{Desk, token};
use crate::support::server::{Server, cli};
use crate::support::sink::Sink;

/// A picture of one pixel.
const PIXEL: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\0IEND\xaeB`\x82";

/// The greatest file (spec v3.0, 11).
const FILE_BYTES: usize = 10 * 1024 * 1024;

/// A part of a form: its name, its file name and type when it is a file, and what it holds.
type Part<'a> = (&'a str, Option<(&'a str, &'a str)>, &'a [u8]);

const BOUNDARY: &str = "a-boundary-of-a-form";

fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, bytes) in parts {
        body.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"").bytes());
        if let Some((file_name, kind)) = file {
            body.extend(format!("; filename=\"{file_name}\"\r\nContent-Type: {kind}").bytes());
        }
        body.extend(b"\r\n\r\n");
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    body
}

/// Posts a form; the body of the answer is JSON.
async fn post(
    server: &Server,
    path: &str,
    (header, token): (&str, &str),
    parts: &[Part<'_>],
) -> (u16, Value) {
    let request = server
        .raw(Method::POST, path)
        .header(header, token)
        .header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(form(parts));
    crate::support::web::send(request).await
}

async fn upload(server: &Server, action: &str, token: &str, parts: &[Part<'_>]) -> (u16, Value) {
    let path = format!("/v3.0/agent/action/{action}");
    post(server, &path, ("Authorization", &format!("Bearer {token}")), parts).await
}

/// What is at an address: status, the headers that keep it harmless, and the bytes.
async fn fetch(server: &Server, url: &str) -> (u16, [String; 3], Vec<u8>) {
    let path = url.strip_prefix(server.http()).unwrap_or(url);
    let answer = server.raw(Method::GET, path).send().await.unwrap();
    let header = |name: &str| {
        answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let headers = ["content-type", "content-disposition", "x-content-type-options"].map(header);
    (answer.status().as_u16(), headers, answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn a_file_is_sent_as_an_event_and_read_by_both_sides() {
    let mut server = Server::start().await;
    let ann = server.agent(0).await;
    let (person, chat) = server.chat(json!({})).await;
    let mia = server.customer_rtm(&person).await;
    let chat_id = chat["id"].as_str().unwrap();
    let picture: Part<'_> = ("payload.file", Some(("a pixel.png", "image/png")), PIXEL);
    let texts: [Part<'_>; 2] =
        [("payload.chat_id", None, chat_id.as_bytes()), ("payload.custom_id", None, b"mine")];
    let (status, sent) =
        upload(&server, "send_file", &server.agent_token(0), &[texts[0], texts[1], picture]).await;
    assert_eq!(status, 200, "{sent}");
    let url = sent["url"].as_str().unwrap();
    let of_file = |payload: &Value| payload["event"]["type"] == "file";
    let event = mia.push("incoming_event", of_file).await.payload["event"].clone();
    let expected = json!({ "name": "a pixel.png", "url": url, "content_type": "image/png", "size": PIXEL.len(),
        "width": 1, "height": 1, "thumbnail_url": url, "thumbnail2x_url": url, "custom_id": "mine" });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(event[field], *value, "{field}: {event}");
    }
    ann.push("incoming_event", of_file).await;
    let shown = ["image/png".to_owned(), String::new(), "nosniff".to_owned()];
    assert_eq!(fetch(&server, url).await, (200, shown.clone(), PIXEL.to_vec()));

    // A customer uploads first, and sends the address then; what it says of the file does not count.
    let path = format!("/v3.0/customer/action/upload_file?license_id={}", server.license());
    let page: Part<'_> = ("file", Some(("../evil.html", "text/html")), b"<script>alert(1)</script>");
    let bearer = format!("Bearer {}", person.token);
    let (status, uploaded) = post(&server, &path, ("Authorization", &bearer), &[page]).await;
    assert_eq!(status, 200, "{uploaded}");
    let page_url = uploaded["url"].as_str().unwrap().to_owned();
    let event =
        json!({ "type": "file", "url": page_url, "name": "harmless.png", "content_type": "image/png" });
    mia.ok("send_event", json!({ "chat_id": chat_id, "event": event })).await;
    let told = ann.push("incoming_event", |payload| payload["event"]["url"] == page_url.as_str()).await;
    assert_eq!(
        (&told.payload["event"]["name"], &told.payload["event"]["content_type"]),
        (&json!("evil.html"), &json!("text/html"))
    );
    let downloaded = fetch(&server, &page_url).await;
    assert_eq!(downloaded.1, ["text/html", "attachment", "nosniff"].map(str::to_owned));
    assert_eq!(fetch(&server, &page_url.replace("/files/", "/files/0")).await.0, 404);

    // Over a crash, and in a backup.
    let url = url.to_owned();
    drop((ann, mia));
    server.kill_9().await;
    server.restart().await;
    let path = url.split_once("/files/").map(|(_, path)| format!("/files/{path}")).unwrap();
    assert_eq!(fetch(&server, &path).await, (200, shown.clone(), PIXEL.to_vec()));
    let dir = tempfile::TempDir::with_prefix("switchboard-files-").unwrap();
    let (to, data) = (dir.path().join("backup"), server.data_dir());
    let args = ["backup", to.to_str().unwrap(), "--data-dir", data.to_str().unwrap()];
    let (code, _, stderr) = cli(&args).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let restored = dir.path().join("data");
    let (code, _, stderr) = cli(&["restore", to.to_str().unwrap(), restored.to_str().unwrap()]).await;
    assert_eq!(code, Some(0), "{stderr}");
    let other = Server::start_in(dir).await;
    assert_eq!(fetch(&other, &path).await, (200, shown, PIXEL.to_vec()));
}

/// How many files something refers to.
fn kept(server: &Server) -> usize {
    let list = |dir| std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    list(server.data_dir().join("blobs/kept")).flat_map(list).count()
}

#[tokio::test]
async fn a_file_of_a_refused_or_repeated_message_waits_again_for_one_that_refers_to_it() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = desk.bot(&sink, "/bot", json!({})).await;
    let ana = desk.contact("Ana").await;
    let path = format!("/api/v1/accounts/1/conversations/{}/messages", ana.conversation);
    let file: Part<'_> = ("attachments[]", Some(("a.txt", "text/plain")), b"hello");
    let once: Part<'_> = ("source_id", None, b"s-1");
    let bearer = token(&bot);
    let mut stored = Vec::new();
    for _ in 0..3 {
        let (status, sent) = post(&desk.server, &path, ("api_access_token", &bearer), &[file, once]).await;
        assert_eq!(status, 200, "{sent}");
        stored.push(sent["attachments"][0]["data_url"].clone());
    }
    assert!(stored.iter().all(|url| *url == stored[0]), "said once: {stored:?}");
    assert_eq!(kept(&desk.server), 1);

    // An uploaded file, first for a chat that is not there, then for one that is.
    let _here = desk.server.agent(0).await;
    let (person, chat) = desk.server.chat(json!({})).await;
    let upload = format!("/v3.0/customer/action/upload_file?license_id={}", desk.server.license());
    let bearer = format!("Bearer {}", person.token);
    let (_, uploaded) =
        post(&desk.server, &upload, ("Authorization", &bearer), &[("file", file.1, b"hello")]).await;
    let mia = desk.server.customer_rtm(&person).await;
    let event = json!({ "type": "file", "url": uploaded["url"] });
    mia.err("send_event", json!({ "chat_id": "NOWHERE", "event": event })).await;
    assert_eq!(kept(&desk.server), 1);
    mia.ok("send_event", json!({ "chat_id": chat["id"], "event": event })).await;
    assert_eq!(kept(&desk.server), 2);
    assert_eq!(fetch(&desk.server, uploaded["url"].as_str().unwrap()).await.2, b"hello");
}

#[tokio::test]
async fn what_is_no_file_to_send_is_refused_and_leaves_nothing() {
    let server = Server::start().await;
    let _here = server.agent(0).await;
    let (_, chat) = server.chat(json!({})).await;
    let chat_id = chat["id"].as_str().unwrap();
    let ann = server.agent_token(0);
    let file: Part<'_> = ("payload.file", Some(("a.txt", "text/plain")), b"hello");
    let great = vec![b'x'; FILE_BYTES + 1];
    let too_great: Part<'_> = ("payload.file", Some(("a.txt", "text/plain")), &great);
    let to_chat: Part<'_> = ("payload.chat_id", None, chat_id.as_bytes());
    let nowhere: Part<'_> = ("payload.chat_id", None, b"NOWHERE");
    let refused: [(&str, &[Part<'_>], u16, &str); 6] = [
        ("send_file", &[file, nowhere], 400, "Chat not found"),
        ("send_file", &[file], 400, "chat_id"),
        ("send_file", &[to_chat], 400, "payload.file"),
        ("upload_file", &[too_great], 413, "Upload limit exceeded (10MB)"),
        (
            "upload_image",
            &[("payload.image", Some(("a.png", "image/png")), b"no picture")],
            400,
            "payload.image",
        ),
        ("upload_file", &[("payload.file", None, b"only a text")], 400, "payload.file"),
    ];
    for (action, parts, status, says) in refused {
        let (found, answer) = upload(&server, action, &ann, parts).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(found == status && message.contains(says), "{action}: {found} {answer}");
    }
    // A part whose head does not end, and more parts than anybody has fields.
    let endless = "x".repeat(300 * 1024);
    let head: Part<'_> = (&endless, None, b"");
    assert_eq!(upload(&server, "upload_file", &ann, &[head]).await.0, 400);
    let many: Vec<Part<'_>> = std::iter::repeat_n(("a", None, b"b".as_slice()), 513).collect();
    assert_eq!(upload(&server, "upload_file", &ann, &many).await.0, 413);
    let whole = vec![b'x'; FILE_BYTES];
    let greatest: Part<'_> = ("payload.file", Some(("a.txt", "text/plain")), &whole);
    assert_eq!(upload(&server, "upload_file", &ann, &[greatest]).await.0, 200);
    // Nobody, somebody else's kind of token, JSON instead of a form.
    let (status, answer) = upload(&server, "upload_file", "nobody's", &[file]).await;
    assert_eq!((status, &answer["error"]["type"]), (401, &json!("authentication")));
    let (status, answer) = server.agent_web(0).post("send_file", &json!({ "payload": {} })).await;
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(status == 400 && message.contains("multipart/form-data"), "{status} {answer}");
    // What was refused goes at once; what was answered waits for something that refers to it.
    let waiting = async || {
        let names = std::fs::read_dir(server.data_dir().join("blobs/new")).unwrap();
        names.count() == 1
    };
    crate::support::until("refused files to go", waiting).await;
    assert_eq!(kept(&server), 0, "no event refers to any");
    // A picture stays, whoever refers to it.
    let image: Part<'_> = ("payload.image", Some(("p.png", "image/png")), PIXEL);
    let (_, sent) = upload(&server, "upload_image", &ann, &[image]).await;
    let (url, path) = (sent["url"].as_str().unwrap(), sent["path"].as_str().unwrap());
    assert!(url.ends_with(path) && path.ends_with("/p.png"), "{sent}");
    assert_eq!(fetch(&server, url).await.2, PIXEL);
}

#[tokio::test]
async fn a_desks_message_has_files_which_both_faces_show() {
    let (desk, sink) = (Desk::start().await, Sink::start().await);
    let bot = desk.bot(&sink, "/bot", json!({ "events": ["message_created"] })).await;
    let ann = desk.server.agent(0).await;
    let ana = desk.contact("Ana").await;
    let text: Part<'_> = ("content", None, b"see here");
    let picture: Part<'_> = ("attachments[]", Some(("p.png", "image/png")), PIXEL);
    let other: Part<'_> = ("attachments[]", Some(("b.txt", "text/plain")), b"second");
    let path = format!("/api/v1/accounts/1/conversations/{}/messages", ana.conversation);
    let own = token(&bot);
    let (status, sent) = post(&desk.server, &path, ("api_access_token", &own), &[text, picture, other]).await;
    assert_eq!(status, 200, "{sent}");
    let files = sent["attachments"].as_array().unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!((&files[0]["file_type"], &files[0]["width"]), (&json!("image"), &json!(1)));
    assert_eq!((&files[1]["file_type"], &files[1]["file_size"]), (&json!("file"), &json!(6)));
    assert_ne!(files[0]["id"], files[1]["id"]);
    let url = files[1]["data_url"].as_str().unwrap();
    assert_eq!(fetch(&desk.server, url).await.2, b"second");

    // The customer sends a file by itself; the bot is told of it, and people of the other side see it.
    let of_contact = format!("contacts/{}/conversations/{}/messages", ana.source, ana.conversation);
    let public = format!("/public/api/v1/inboxes/{}/{of_contact}", desk.inbox());
    let (status, own_file) = post(&desk.server, &public, ("x-none", "x"), &[picture]).await;
    assert_eq!((status, &own_file["content"]), (200, &Value::Null), "{own_file}");
    let hit = sink.hit("the file", |hit| hit.json["attachments"][0]["file_type"] == "image").await;
    assert_eq!(hit.json["attachments"].as_array().unwrap().len(), 1);
    desk.toggle(&own, ana.conversation, "open").await;
    let summary = desk.server.agent_web(0).ok("get_chats_summary", json!({})).await;
    let chat = summary["chats_summary"][0]["id"].clone();
    let threads = desk.server.agent_web(0).ok("get_chat_threads", json!({ "chat_id": chat })).await;
    let events = threads["chat"]["threads"][0]["events"].as_array().unwrap();
    let said = events[0]["text"].as_str().unwrap();
    assert!(said.starts_with("see here\n") && said.ends_with(url), "{said}");
    assert_eq!((&events[1]["type"], &events[1]["name"]), (&json!("file"), &json!("p.png")));
    drop(ann);

    // Too many, too great, and no files at all.
    let many: Vec<Part<'_>> = std::iter::once(text).chain(std::iter::repeat_n(other, 16)).collect();
    let great = vec![b'x'; FILE_BYTES + 1];
    let too_great: Part<'_> = ("attachments[]", Some(("a.bin", "a/b")), &great);
    for parts in [many.as_slice(), &[text, too_great], &[("content", None, b" ")]] {
        let (status, refused) = post(&desk.server, &path, ("api_access_token", &own), parts).await;
        assert_eq!(status, 422, "{refused}");
    }
    // Deleted: the files go with it.
    let deleted = format!("conversations/{}/messages/{}", ana.conversation, sent["id"]);
    let gone = desk.ok(&desk.admin, Method::DELETE, &deleted, Value::Null).await;
    assert!(gone.get("attachments").is_none(), "{gone}");
    assert_eq!(fetch(&desk.server, url).await.0, 404);
    // Unless something else refers to it.
    let (_, twice) = post(&desk.server, &path, ("api_access_token", &own), &[other]).await;
    let url = twice["attachments"][0]["data_url"].as_str().unwrap();
    let event = json!({ "type": "file", "url": url });
    desk.server.agent_web(0).ok("send_event", json!({ "chat_id": chat, "event": event })).await;
    let deleted = format!("conversations/{}/messages/{}", ana.conversation, twice["id"]);
    desk.ok(&desk.admin, Method::DELETE, &deleted, Value::Null).await;
    assert_eq!(fetch(&desk.server, url).await.2, b"second");
    // Nobody's picture stays.
    let nowhere = format!("/public/api/v1/inboxes/{}/nowhere", desk.inbox());
    let avatar: Part<'_> = ("avatar", Some(("me.png", "image/png")), PIXEL);
    assert_eq!(post(&desk.server, &nowhere, ("x-none", "x"), &[avatar]).await.0, 404);
    let gone = async || {
        let names = std::fs::read_dir(desk.server.data_dir().join("blobs/new")).unwrap();
        names.count() == 0
    };
    crate::support::until("it to go", gone).await;

    // A bot has a face.
    let path = format!("/api/v1/accounts/1/agent_bots/{}", bot["id"]);
    let patch = desk
        .server
        .raw(Method::PATCH, &path)
        .header("api_access_token", &desk.admin)
        .header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(form(&[avatar]));
    let (status, changed) = crate::support::web::send(patch).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(fetch(&desk.server, changed["thumbnail"].as_str().unwrap()).await.2, PIXEL);
}

#[tokio::test]
async fn a_desks_message_may_be_long() {
    let desk = Desk::start().await;
    let ana = desk.contact("Ana").await;
    let longest = "ü".repeat(150_000);
    desk.write(&ana, &longest).await;
    desk.answer(&desk.agent, ana.conversation, json!({ "content": longest })).await;
    desk.toggle(&desk.agent, ana.conversation, "resolved").await;
    desk.write(&ana, &longest).await;
    assert_eq!(desk.read(&ana).await, [longest.as_str(); 3]);
    let path = format!("/api/v1/accounts/1/conversations/{}/messages", ana.conversation);
    let body = json!({ "content": format!("{longest}x") });
    let (status, refused) = desk.call(Some(&desk.agent), Method::POST, &path, body).await;
    assert_eq!(status, 422, "{refused}");
}

#[tokio::test]
async fn a_visitor_of_a_page_sends_files() {
    let desk = Desk::start().await;
    let site = json!({ "name": "Site", "channel": { "type": "web_widget", "website_url": "shop.example" } });
    let inbox = desk.post(&desk.admin, "inboxes", site).await;
    let at = |path: &str| {
        format!("/api/v1/widget/{path}?website_token={}", inbox["website_token"].as_str().unwrap())
    };
    let (_, config) = desk.call(None, Method::POST, &at("config"), json!({})).await;
    let token = config["website_channel_config"]["auth_token"].as_str().unwrap();
    let picture: Part<'_> = ("message[attachments][]", Some(("p.png", "image/png")), PIXEL);
    let page: Part<'_> = ("message[referer_url]", None, b"https://shop.example/");
    let send = async |token: &str, parts: &[Part<'_>]| {
        post(&desk.server, &at("messages"), ("X-Auth-Token", token), parts).await
    };
    assert_eq!(send("x", &[picture]).await.0, 404);
    let (status, begun) = send(token, &[page, picture]).await;
    assert_eq!((status, &begun["attachments"][0]["file_type"]), (200, &json!("image")), "{begun}");
    let (status, more) = send(token, &[("message[content]", None, b"two"), picture, picture]).await;
    assert_eq!((status, &more["content"]), (200, &json!("two")), "{more}");
    assert_eq!(more["attachments"].as_array().unwrap().len(), 2);
    for shown in [&begun["attachments"][0], &more["attachments"][1]] {
        assert_eq!(fetch(&desk.server, shown["data_url"].as_str().unwrap()).await.2, PIXEL);
    }
}
