//! A connection that keeps nothing: what arrives is looked at and forgotten.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::DEADLINE;
use crate::support::rtm::Side;
use crate::support::server::Server;
use crate::support::shape::assert_fit_for_customer;

/// What came over a connection.
#[derive(Debug)]
pub(super) enum Heard {
    Frame(Value),
    /// It ended, with the code of the close frame.
    End(Option<u16>),
}

pub(super) struct Line {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    side: Side,
}

impl Line {
    pub(super) async fn open(server: &Server, side: Side) -> Self {
        let base = server.http().replacen("http", "ws", 1);
        let url = match side {
            Side::Agent => format!("{base}/v3.0/agent/rtm/ws"),
            Side::Customer => format!("{base}/v3.0/customer/rtm/ws?license_id={}", server.license()),
        };
        let (socket, _) = timeout(DEADLINE, connect_async(url)).await.unwrap().unwrap();
        Self { socket, side }
    }

    /// Opens it and logs in.
    pub(super) async fn login(server: &Server, side: Side, token: &str) -> Self {
        let mut line = Self::open(server, side).await;
        let login = json!({ "action": "login", "payload": { "token": token } });
        let answer = line.ask(&login).await;
        assert_eq!(answer["success"], true, "{answer}");
        line
    }

    /// False when the connection is gone.
    pub(super) async fn send(&mut self, text: &str) -> bool {
        self.socket.send(Message::text(text)).await.is_ok()
    }

    /// Sends a request and gives the next response, whatever is pushed before it.
    pub(super) async fn ask(&mut self, frame: &Value) -> Value {
        assert!(self.send(&frame.to_string()).await, "the connection should live");
        self.until(|frame| (frame["type"] == "response").then(|| frame.clone())).await
    }

    /// As [`Line::ask`]; `None` when the server ends the connection instead, and says so.
    pub(super) async fn ask_or_be_sent_off(&mut self, frame: &Value) -> Option<Value> {
        assert!(self.send(&frame.to_string()).await, "the connection should live");
        let mut sent_off = false;
        loop {
            match self.next().await {
                Heard::Frame(frame) if frame["type"] == "response" => return Some(frame),
                Heard::Frame(frame) => {
                    sent_off |=
                        frame["action"].as_str().is_some_and(|action| action.ends_with("_disconnected"));
                }
                Heard::End(code) => {
                    assert!(sent_off, "the connection ended with {code:?} and no word");
                    return None;
                }
            }
        }
    }

    /// Waits for a frame that `pick` wants something of.
    pub(super) async fn until<T>(&mut self, mut pick: impl FnMut(&Value) -> Option<T>) -> T {
        loop {
            match self.next().await {
                Heard::Frame(frame) => {
                    if let Some(found) = pick(&frame) {
                        return found;
                    }
                }
                Heard::End(code) => panic!("the connection ended with {code:?}"),
            }
        }
    }

    /// The next thing that arrives; fails when nothing does.
    pub(super) async fn next(&mut self) -> Heard {
        let next = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let frame: Value = serde_json::from_str(&text)
                            .unwrap_or_else(|error| panic!("not JSON ({error}): {text}"));
                        if self.side == Side::Customer {
                            assert_fit_for_customer(&frame);
                        }
                        return Heard::Frame(frame);
                    }
                    Some(Ok(Message::Close(close))) => {
                        return Heard::End(close.map(|close| close.code.into()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Heard::End(None),
                }
            }
        };
        match timeout(DEADLINE, next).await {
            Ok(heard) => heard,
            Err(_) => panic!("nothing arrived for {DEADLINE:?}"),
        }
    }
}
