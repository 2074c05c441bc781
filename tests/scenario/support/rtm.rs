//! A client of the RTM APIs. A background task collects everything that arrives, in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::seen::Seen;
use super::server::Server;
use super::shape::{assert_fit_for_customer, text};
use super::{DEADLINE, WireError};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Which RTM API a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Agent,
    Customer,
}

/// One frame that arrived, or the end of the connection as `{"closed": <code or null>}`.
#[derive(Debug)]
pub(crate) struct Frame {
    value: Value,
    /// Already given to someone who waited for a push.
    taken: bool,
}

impl Frame {
    fn push(&self) -> Option<Push> {
        (self.value["type"] == "push").then(|| Push {
            name: text(&self.value["action"]),
            payload: self.value["payload"].clone(),
            request_id: self.value.get("request_id").map(text),
            seq: self.value["seq"].as_str().map(str::to_owned),
        })
    }
}

/// A push as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Push {
    pub(crate) name: String,
    pub(crate) payload: Value,
    pub(crate) request_id: Option<String>,
    /// Its place, when the login asked for places.
    pub(crate) seq: Option<String>,
}

impl Push {
    /// Whether it tells about this chat.
    pub(crate) fn is_about(&self, chat: &str) -> bool {
        self.payload["chat_id"] == chat || self.payload["chat"]["id"] == chat
    }
}

/// A connection. When it is dropped, the rules that hold for every frame are checked.
pub(crate) struct Rtm {
    side: Side,
    out: Mutex<SplitSink<Socket, Message>>,
    seen: Arc<Seen<Frame>>,
    reader: JoinHandle<()>,
    requests: AtomicU64,
    /// Who is logged in.
    pub(crate) id: String,
    /// The answer to `login`.
    pub(crate) welcome: Value,
}

impl Rtm {
    /// Connects without logging in.
    pub(crate) async fn connect(server: &Server, side: Side) -> Self {
        let base = server.http().replacen("http", "ws", 1);
        let url = match side {
            Side::Agent => format!("{base}/v3.0/agent/rtm/ws"),
            Side::Customer => format!("{base}/v3.0/customer/rtm/ws?license_id={}", server.license()),
        };
        let (socket, _) = timeout(DEADLINE, connect_async(url)).await.unwrap().unwrap();
        let (out, stream) = socket.split();
        let seen = Arc::new(Seen::new());
        let reader = tokio::spawn(collect(stream, Arc::clone(&seen)));
        Self {
            side,
            out: Mutex::new(out),
            seen,
            reader,
            requests: AtomicU64::new(0),
            id: String::new(),
            welcome: Value::Null,
        }
    }

    /// Connects and logs in; `login` is the payload of the request.
    pub(crate) async fn login(server: &Server, side: Side, login: Value) -> Self {
        let mut rtm = Self::connect(server, side).await;
        rtm.welcome = rtm.ok("login", login).await;
        rtm.id = match side {
            Side::Agent => text(&rtm.welcome["my_profile"]["id"]),
            Side::Customer => text(&rtm.welcome["customer_id"]),
        };
        rtm
    }

    /// Sends a request and gives its `request_id`, without waiting for the response.
    pub(crate) async fn begin(&self, mut frame: Value) -> String {
        let id = format!("r{}", self.requests.fetch_add(1, Ordering::Relaxed));
        frame["request_id"] = json!(id);
        self.send(Message::text(frame.to_string())).await;
        id
    }

    /// Sends any frame.
    pub(crate) async fn send(&self, message: Message) {
        self.out.lock().await.send(message).await.unwrap();
    }

    /// Sends any frame; false when the connection is gone.
    pub(crate) async fn try_send(&self, message: Message) -> bool {
        self.out.lock().await.send(message).await.is_ok()
    }

    /// The response to a request that was begun.
    pub(crate) async fn response(&self, request: &str) -> Value {
        let is_it = |frame: &Frame| {
            let response = frame.value["type"] == "response" && frame.value["request_id"] == request;
            response.then(|| frame.value.clone())
        };
        let what = format!("the response to {request}");
        self.seen.wait(&what, DEADLINE, |frames| frames.iter().find_map(is_it)).await
    }

    /// The response to a request, if it has arrived; for a connection that has ended.
    pub(crate) fn response_until_now(&self, request: &str) -> Option<Value> {
        let seen = self.seen.lock();
        let response = seen
            .iter()
            .find(|frame| frame.value["type"] == "response" && frame.value["request_id"] == request);
        response.map(|frame| frame.value.clone())
    }

    /// Success payload or error of a request.
    pub(crate) async fn call(&self, action: &str, payload: Value) -> Result<Value, WireError> {
        self.exchange(json!({ "action": action, "payload": payload })).await
    }

    /// The same, acting as a bot.
    pub(crate) async fn call_as(&self, bot: &str, action: &str, payload: Value) -> Result<Value, WireError> {
        self.exchange(json!({ "action": action, "author_id": bot, "payload": payload })).await
    }

    /// The same, with the key of a write.
    pub(crate) async fn call_once(
        &self,
        key: &str,
        action: &str,
        payload: Value,
    ) -> Result<Value, WireError> {
        self.exchange(json!({ "action": action, "request_key": key, "payload": payload })).await
    }

    async fn exchange(&self, frame: Value) -> Result<Value, WireError> {
        let action = frame["action"].clone();
        let request = self.begin(frame).await;
        let response = self.response(&request).await;
        assert_eq!(response["action"], action, "a response names its action: {response}");
        match response["success"].as_bool() {
            Some(true) => Ok(response["payload"].clone()),
            Some(false) => Err(WireError::read(&response["payload"])),
            None => panic!("a response has a `success`: {response}"),
        }
    }

    pub(crate) async fn ok(&self, action: &str, payload: Value) -> Value {
        match self.call(action, payload).await {
            Ok(value) => value,
            Err(error) => panic!("{action} failed: {error:?}"),
        }
    }

    pub(crate) async fn err(&self, action: &str, payload: Value) -> WireError {
        match self.call(action, payload).await {
            Ok(value) => panic!("{action} should have failed, but answered {value}"),
            Err(error) => error,
        }
    }

    /// Waits for a response without `request_id`: the answer to a frame that carried none.
    pub(crate) async fn anonymous_response(&self) -> Value {
        let pick = |frames: &mut Vec<Frame>| {
            let found = frames.iter_mut().find(|frame| {
                let response = frame.value["type"] == "response" && frame.value.get("request_id").is_none();
                response && !frame.taken
            })?;
            found.taken = true;
            Some(found.value.clone())
        };
        self.seen.wait("a response without request_id", DEADLINE, pick).await
    }

    /// Waits for a push that nobody took yet, and takes it.
    pub(crate) async fn push(&self, name: &str, fits: impl Fn(&Value) -> bool) -> Push {
        let pick = |frames: &mut Vec<Frame>| {
            frames.iter_mut().filter(|frame| !frame.taken).find_map(|frame| {
                let push = frame.push().filter(|push| push.name == name && fits(&push.payload))?;
                frame.taken = true;
                Some(push)
            })
        };
        self.seen.wait(&format!("a push {name} for {}", self.id), DEADLINE, pick).await
    }

    /// Waits for a push after the mark, taken or not, and leaves it there; none when it does not come.
    pub(crate) async fn push_since(
        &self,
        mark: usize,
        patience: Duration,
        fits: impl Fn(&Push) -> bool,
    ) -> Option<Push> {
        let pick = |frames: &mut Vec<Frame>| frames[mark..].iter().filter_map(Frame::push).find(&fits);
        self.seen.wait_or_none(patience, pick).await
    }

    /// Waits for a push about this chat.
    pub(crate) async fn push_in(&self, chat: &str, name: &str) -> Push {
        self.push(name, |payload| payload["chat_id"] == chat || payload["chat"]["id"] == chat).await
    }

    /// Waits for `incoming_event` with this text.
    pub(crate) async fn message(&self, text: &str) -> Push {
        self.push("incoming_event", |payload| payload["event"]["text"] == text).await
    }

    /// Waits for a system message of this type in the chat.
    pub(crate) async fn system_message(&self, chat: &str, kind: &str) -> Push {
        let fits =
            |payload: &Value| payload["chat_id"] == chat && payload["event"]["system_message_type"] == kind;
        self.push("incoming_event", fits).await
    }

    /// Now, for [`Rtm::since`].
    pub(crate) fn mark(&self) -> usize {
        self.seen.len()
    }

    /// Every push after the mark, in order of arrival, taken or not.
    ///
    /// Whoever concludes that something did *not* arrive first awaits a later push that must.
    pub(crate) fn since(&self, mark: usize) -> Vec<Push> {
        self.seen.lock()[mark..].iter().filter_map(Frame::push).collect()
    }

    /// Every push with its place, for comparing with marks.
    pub(crate) fn placed(&self) -> Vec<(usize, Push)> {
        let seen = self.seen.lock();
        seen.iter().enumerate().filter_map(|(at, frame)| Some((at, frame.push()?))).collect()
    }

    /// The names of the pushes about one chat after the mark, in order of arrival.
    pub(crate) fn names_since(&self, mark: usize, chat: &str) -> Vec<String> {
        let pushes = self.since(mark);
        pushes.into_iter().filter(|push| push.is_about(chat)).map(|push| push.name).collect()
    }

    /// Whether any frame until now holds this text.
    pub(crate) fn ever_saw(&self, text: &str) -> bool {
        self.seen.lock().iter().any(|frame| frame.value.to_string().contains(text))
    }

    /// Waits until the server ends the connection, and gives the code of its close frame.
    pub(crate) async fn closed(&self) -> Option<u64> {
        let end = |frames: &mut Vec<Frame>| {
            frames.iter().find_map(|frame| frame.value.get("closed").map(Value::as_u64))
        };
        self.seen.wait("the end of the connection", DEADLINE, end).await
    }

    /// Waits until a request is answered (true) or the server ends the connection (false).
    pub(crate) async fn answered_or_closed(&self, request: &str) -> bool {
        let pick = |frames: &mut Vec<Frame>| {
            frames.iter().find_map(|frame| {
                let answered = frame.value["request_id"] == request;
                (answered || frame.value.get("closed").is_some()).then_some(answered)
            })
        };
        self.seen.wait("an answer or the end", DEADLINE, pick).await
    }

    /// Drops the TCP connection without a close frame, as a lost network does.
    pub(crate) async fn cut(mut self) {
        self.reader.abort();
        // The socket is gone when both halves are; the other one goes with `self`.
        let _ = (&mut self.reader).await;
    }

    fn check_rules(&self) {
        let sent = self.requests.load(Ordering::Relaxed);
        let mut used = Vec::new();
        for frame in self.seen.lock().iter() {
            if self.side == Side::Customer {
                assert_fit_for_customer(&frame.value);
            }
            assert!(frame.value.get("version").is_none(), "no `version` in this version: {:?}", frame.value);
            let Some(request) = frame.push().and_then(|push| push.request_id) else { continue };
            let own = request.strip_prefix('r').and_then(|n| n.parse::<u64>().ok()).is_some_and(|n| n < sent);
            assert!(own, "a push carries a request_id that was never sent here: {:?}", frame.value);
            assert!(!used.contains(&request), "a second push carries {request}: {:?}", frame.value);
            used.push(request);
        }
    }
}

impl Drop for Rtm {
    fn drop(&mut self) {
        self.reader.abort();
        if !std::thread::panicking() {
            self.check_rules();
        }
    }
}

async fn collect(mut stream: SplitStream<Socket>, seen: Arc<Seen<Frame>>) {
    let mut code = None;
    while let Some(Ok(message)) = stream.next().await {
        match message {
            Message::Text(frame) => {
                let value =
                    serde_json::from_str(&frame).unwrap_or_else(|_| json!({ "not_json": frame.as_str() }));
                seen.add(Frame { value, taken: false });
            }
            Message::Close(frame) => code = frame.map(|frame| u16::from(frame.code)),
            _ => {}
        }
    }
    seen.add(Frame { value: json!({ "closed": code }), taken: false });
}
