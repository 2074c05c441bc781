//! The generator: every connection of one system, served by one thread that never sleeps. A
//! sleeping client would make each of the server's writes pay for waking it.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Result, ensure};
use mio::{Events, Interest, Poll, Token};

use crate::machine;
use crate::ws::Socket;

/// Events taken at once.
const EVENTS: usize = 1024;
/// How often, in turns, the clock is read.
const TURNS_PER_LOOK: u32 = 16;
/// How long the last messages may take to be answered.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// What one payload was.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Heard {
    /// Messages delivered with it: pushes and responses.
    pub(crate) frames: u64,
    /// Of those, the ends of this connection's own messages.
    pub(crate) own: u64,
}

/// How the frames of a system are understood. One for each connection: some protocols are streams.
pub(crate) trait Ear {
    /// Understands one payload.
    ///
    /// # Errors
    /// When the server refuses something.
    fn hear(&mut self, payload: &[u8]) -> Result<Heard>;
}

/// A connection, and what it says.
pub(crate) struct Client {
    pub(crate) socket: Socket,
    /// Its message, framed; empty for one who only listens.
    pub(crate) message: Vec<u8>,
    pub(crate) ear: Box<dyn Ear>,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) frames: u64,
    pub(crate) messages: u64,
}

/// Every connection of one system.
pub(crate) struct Swarm {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    /// Who speaks next; whoever waits for an answer is not in it.
    next: VecDeque<usize>,
    outstanding: usize,
    tally: Tally,
}

impl Swarm {
    pub(crate) fn new(mut clients: Vec<Client>) -> Result<Self> {
        let poll = Poll::new()?;
        for (n, client) in clients.iter_mut().enumerate() {
            poll.registry().register(&mut client.socket.stream, Token(n), Interest::READABLE)?;
        }
        let next =
            clients.iter().enumerate().filter(|(_, c)| !c.message.is_empty()).map(|(n, _)| n).collect();
        let events = Events::with_capacity(EVENTS);
        let mut swarm = Self { poll, events, clients, next, outstanding: 0, tally: Tally::default() };
        // What came while everybody was connecting.
        for n in 0..swarm.clients.len() {
            swarm.listen(n)?;
        }
        swarm.tally = Tally::default();
        swarm.outstanding = 0;
        Ok(swarm)
    }

    /// Keeps `outstanding` messages on their way for so long, and counts what is delivered.
    pub(crate) fn run(&mut self, time: Duration, outstanding: usize) -> Result<Tally> {
        self.tally = Tally::default();
        let end = machine::now() + time;
        self.speak(outstanding)?;
        let mut turns = 0_u32;
        loop {
            self.turn()?;
            self.speak(outstanding)?;
            turns = turns.wrapping_add(1);
            if turns.is_multiple_of(TURNS_PER_LOOK) && machine::now() >= end {
                return Ok(self.tally);
            }
        }
    }

    /// Lets what is on its way arrive, so that another system has the machine to itself.
    /// Gives how many messages ended meanwhile.
    pub(crate) fn settle(&mut self) -> Result<u64> {
        self.tally = Tally::default();
        let end = machine::now() + LAST_ANSWERS;
        while self.outstanding > 0 {
            self.turn()?;
            ensure!(machine::now() < end, "{} messages were never answered", self.outstanding);
        }
        Ok(self.tally.messages)
    }

    fn turn(&mut self) -> Result<()> {
        self.poll.poll(&mut self.events, Some(Duration::ZERO))?;
        let ready: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
        ready.into_iter().try_for_each(|n| self.listen(n))
    }

    fn listen(&mut self, n: usize) -> Result<()> {
        let Client { socket, ear, .. } = &mut self.clients[n];
        let mut heard = Heard::default();
        let mut wrong = None;
        socket.read(|payload| match ear.hear(payload) {
            Ok(one) => {
                heard.frames += one.frames;
                heard.own += one.own;
            }
            Err(error) => wrong = Some(error),
        })?;
        if let Some(error) = wrong {
            return Err(error);
        }
        self.tally.frames += heard.frames;
        self.tally.messages += heard.own;
        for _ in 0..heard.own {
            self.outstanding = self.outstanding.saturating_sub(1);
            self.next.push_back(n);
        }
        Ok(())
    }

    fn speak(&mut self, outstanding: usize) -> Result<()> {
        while self.outstanding < outstanding
            && let Some(n) = self.next.pop_front()
        {
            let Client { socket, message, .. } = &mut self.clients[n];
            socket.queue(message);
            socket.flush()?;
            self.outstanding += 1;
        }
        Ok(())
    }
}
