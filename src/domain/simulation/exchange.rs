//! The router and those who ask it: notices and questions in, offers and alerts out.

use std::collections::{BTreeMap, BTreeSet};

use crate::conversation::Conversation;
use crate::conversation::command::{Command, NewConversation};
use crate::error::PlacementNeed;
use crate::id::{AgentId, ConversationId};
use crate::participant::Departure;
use crate::routing::{Alert, Assign, PlaceRequest, Placement};
use crate::simulation::cast::{self, LICENSE, Worker};
use crate::simulation::journal::Release;
use crate::simulation::world::{Execute, Happening, Node, Operation, ToRouter, World};
use crate::time::Timestamp;

impl World {
    pub(super) fn router_hears(&mut self, message: ToRouter) {
        let now = self.now;
        let loads = self.loads();
        let assigns = match message {
            ToRouter::Place(request, operation) => {
                let (placement, assigns) = self.router.place(request);
                let number = self.next_operation();
                let what = Happening::Answered(number, operation, placement);
                self.send(Node::Router, Node::Operation(number), what);
                assigns
            }
            ToRouter::Cancel(chat) => self.router.cancel(chat, now),
            ToRouter::Agent(seat) => {
                self.witness.router_limits.insert(seat.agent.clone(), seat.limit);
                self.router.agent_changed(seat, now)
            }
            ToRouter::Chat(seat) => {
                self.witness.told(&seat);
                let (id, present) = (seat.conversation, seat.present.clone());
                let kept = |agent: &AgentId| self.router.conversations_of(agent).any(|chat| chat == id);
                let kept: BTreeSet<_> = self.workers.keys().filter(|agent| kept(agent)).cloned().collect();
                let assigns = self.router.conversation_changed(seat, now);
                // A slot that was kept for it is only announced now: it was given before.
                let given: Vec<_> = assigns
                    .iter()
                    .filter(|a| a.conversation != id || !kept.contains(&a.agent))
                    .cloned()
                    .collect();
                self.witness.check_fifo(&self.router, &given);
                // Joining by hand may exceed a limit; what is given on top of it may not.
                self.witness.check_limits(&self.router, &loads, &present);
                return self.give(assigns);
            }
            ToRouter::Settings(settings) => self.router.settings_changed(settings, now),
            ToRouter::Answered(chat, ticket, answer) => {
                self.witness.answered(chat, ticket, answer);
                self.router.answered(chat, ticket, answer, now)
            }
        };
        self.witness.check_fifo(&self.router, &assigns);
        self.witness.check_limits(&self.router, &loads, &[]);
        self.give(assigns);
    }

    pub(super) fn loads(&self) -> BTreeMap<AgentId, usize> {
        self.workers.keys().map(|id| (id.clone(), self.router.load(id))).collect()
    }

    pub(super) fn give(&mut self, assigns: Vec<Assign>) {
        for alert in self.router.take_alerts() {
            let (chat, command) = match alert {
                Alert::GroupOffline(chat) => (chat, Command::EndUnserved),
                Alert::AgentGone(chat, from) => (chat, self.taken_out(from, None)),
                Alert::CameGone(chat, from) => match self.workers.get(&from).and_then(Worker::gone_since) {
                    Some(since) => (chat, self.taken_out(from, Some(since))),
                    None => continue,
                },
            };
            self.router_commands(chat, command);
        }
        for Assign { conversation, agent, ticket } in assigns {
            self.witness.offered(ticket, &agent);
            self.router_commands(conversation, Command::Assign { agent, ticket });
        }
        if let Some(due) = self.router.next_deadline() {
            self.at(due, Happening::Lapse);
        }
    }

    fn taken_out(&self, from: AgentId, gone_since: Option<Timestamp>) -> Command {
        Command::Reassign { from, why: Departure::Disconnected, gone_since, placement: None }
    }

    pub(super) fn router_commands(&mut self, chat: ConversationId, command: Command) {
        let execute = Execute { command, by: None, message: None, placed_at: None };
        self.command(Node::Router, chat, execute);
    }

    pub(super) const fn next_operation(&mut self) -> u64 {
        self.operations += 1;
        self.operations
    }

    /// Asks the router; the operation goes on with its word.
    pub(super) fn place(
        &mut self,
        from: Node,
        chat: ConversationId,
        need: PlacementNeed,
        operation: Operation,
    ) {
        let request = PlaceRequest {
            conversation: chat,
            groups: need.groups,
            continuous: need.may_wait_offline,
            exclude: need.exclude,
            team: need.team,
            at: self.now,
            among: need.among,
            at_once: need.at_once,
        };
        self.tell_router(from, ToRouter::Place(request, Box::new(operation)));
    }

    pub(super) fn go_on(&mut self, number: u64, operation: Operation, placement: Placement) {
        match operation {
            Operation::Again { chat, mut execute } => {
                execute.command = execute.command.with_placement(placement);
                self.command(Node::Operation(number), chat, execute);
            }
            Operation::Start { visitor, chat, mut open, placed_at } => {
                open.placement = Some(placement);
                let by = cast::customer(visitor);
                let new = NewConversation { license: LICENSE, id: chat, number, open };
                let epoch = self.chance.bits();
                match self.decided(Some(&by), Some(placed_at), epoch, |cx| Conversation::create(new, cx)) {
                    Ok(decision) => {
                        let born = decision.facts.first().and_then(Conversation::born);
                        let born = born.expect("a new conversation begins with its creation");
                        self.seats.insert(chat, born.seat());
                        self.chats.insert(chat, born);
                        self.commit(chat, decision, vec![Release::Started(visitor, chat)]);
                        self.watch_the_clock(chat);
                    }
                    Err(_) => {
                        self.tell_router(Node::Operation(number), ToRouter::Cancel(chat));
                        self.visitors.entry(visitor).or_default().starting = false;
                    }
                }
            }
        }
    }
}
