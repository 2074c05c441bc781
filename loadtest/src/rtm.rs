//! A connection of LiveChat v3.0's RTM that asks and waits for answers.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use crate::machine;
use crate::ws::{Opening, Socket, text_frame};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Names the requests of such a connection.
const ID: &str = "setup";

/// A connection that has one question at a time.
pub(crate) struct Rtm {
    pub(crate) socket: Socket,
    arrived: VecDeque<Vec<u8>>,
    /// Bytes of the last answer.
    pub(crate) last: usize,
}

impl Rtm {
    /// Connects and upgrades.
    pub(crate) fn open(address: SocketAddr, path: &str) -> Result<Self> {
        Ok(Self::over(Socket::open(address, path, None)?))
    }

    fn over(socket: Socket) -> Self {
        Self { socket, arrived: VecDeque::new(), last: 0 }
    }

    /// The next frame; spins until it is there.
    pub(crate) fn next(&mut self) -> Result<Vec<u8>> {
        let until = machine::now() + PATIENCE;
        loop {
            if let Some(frame) = self.arrived.pop_front() {
                return Ok(frame);
            }
            let arrived = &mut self.arrived;
            self.socket.read(|payload| arrived.push_back(payload.to_vec()))?;
            if machine::now() > until {
                bail!("nothing came for {} s", PATIENCE.as_secs());
            }
        }
    }

    /// Asks and gives the payload of the answer; what is pushed meanwhile is passed over.
    pub(crate) fn ask(&mut self, action: &str, payload: &Value) -> Result<Value> {
        self.arrived.clear();
        self.begin(action, payload)?;
        self.answer(action)
    }

    /// Asks.
    pub(crate) fn begin(&mut self, action: &str, payload: &Value) -> Result<()> {
        self.socket.queue(&text_frame(request(ID, action, payload).as_bytes()));
        self.socket.flush()
    }

    /// The payload of the answer to the last question.
    pub(crate) fn answer(&mut self, action: &str) -> Result<Value> {
        loop {
            let frame = self.next()?;
            let answer: Value = serde_json::from_slice(&frame)?;
            if answer["type"] == "response" && answer["request_id"] == ID {
                self.last = frame.len();
                ensure!(answer["success"] == true, "{action} was refused: {answer}");
                return Ok(answer["payload"].clone());
            }
        }
    }
}

/// A request as the wire has it.
pub(crate) fn request(id: &str, action: &str, payload: &Value) -> String {
    json!({ "request_id": id, "action": action, "payload": payload }).to_string()
}

/// Connections that log in side by side, each with its token.
pub(crate) fn log_in(opening: Vec<Opening>, tokens: &[String]) -> Result<Vec<Socket>> {
    let sockets: Result<Vec<_>> = opening.into_iter().map(Opening::finish).collect();
    let mut rtms: Vec<_> = sockets?.into_iter().map(Rtm::over).collect();
    for (rtm, token) in rtms.iter_mut().zip(tokens) {
        rtm.begin("login", &json!({ "token": token }))?;
    }
    rtms.iter_mut().try_for_each(|rtm| rtm.answer("login").map(drop))?;
    Ok(rtms.into_iter().map(|rtm| rtm.socket).collect())
}
