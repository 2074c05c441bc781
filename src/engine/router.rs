//! The router's actor: one for each license, rebuilt at start, never stored (design D8). It only
//! feeds the pure machine and carries its word to the conversations.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message, MessageResult};
use switchboard_domain::conversation::command::Command;
use switchboard_domain::id::{AgentId, ConversationId, GroupId, LicenseId};
use switchboard_domain::participant::license::License;
use switchboard_domain::routing::{
    AgentSeat, Alert, Answer as Reply, Assign, ConversationSeat, GroupStatus, PlaceRequest, Placement,
    Refusal, Router, RouterSettings,
};

use crate::engine::conversation::Execute;
use crate::engine::link;
use crate::engine::profiles::AgentProfile;
use crate::engine::release::Answer;
use crate::engine::shard::Shard;
use crate::engine::tables::LicenseTable;
use switchboard_domain::participant::{Departure, RoutingStatus};

/// How often overdue reservations are looked for.
const LAPSE_EVERY: Duration = Duration::from_secs(1);

/// A license's router.
pub struct RouterActor {
    shard: Rc<Shard>,
    license: LicenseId,
    machine: Router,
    /// [`License::group_changes`] that every seat was made with.
    seated: u64,
}

/// Asks who gets a chat; reserves the slot.
pub struct Place(pub PlaceRequest);

/// The chat that a place was reserved for will not be.
pub struct Cancel(pub ConversationId);

/// A conversation's routing state, in full.
pub struct SeatChanged(pub ConversationSeat);

/// The conversation's answer to what the router gave: taken or not.
pub struct AssignAnswered {
    /// The conversation.
    pub chat: ConversationId,
    /// The router's name for the offer.
    pub ticket: u64,
    /// Did it take it?
    pub taken: bool,
}

/// An agent's or bot's routing state, in full.
pub struct AgentChanged(pub Arc<AgentProfile>);

/// How the license routes from now on.
pub struct SettingsChanged(pub RouterSettings);

/// Whether these groups can serve.
pub struct GroupStatuses(pub Vec<GroupId>);

/// Who would get a chat of this group now; nothing is reserved.
pub struct Predict(pub GroupId);

/// Groups of the license were made or deleted: every agent's place has to be told anew.
pub struct GroupsChanged;

impl Message for Place {
    type Result = Placement;
}
impl Message for Cancel {
    type Result = ();
}
impl Message for SeatChanged {
    type Result = ();
}
impl Message for AssignAnswered {
    type Result = ();
}
impl Message for AgentChanged {
    type Result = ();
}
impl Message for GroupsChanged {
    type Result = ();
}
impl Message for SettingsChanged {
    type Result = ();
}
impl Message for GroupStatuses {
    type Result = Vec<(GroupId, GroupStatus)>;
}
impl Message for Predict {
    type Result = Result<AgentId, Refusal>;
}

impl RouterActor {
    /// A router of a license as it is, that knows of nobody yet.
    #[must_use]
    pub fn new(shard: Rc<Shard>, license: &License) -> Self {
        let machine = Router::new(license.router_settings());
        Self { shard, license: license.id, machine, seated: license.group_changes }
    }

    fn give(&mut self, assigns: Vec<Assign>) {
        for alert in self.machine.take_alerts() {
            match alert {
                Alert::GroupOffline(chat) => self.command(chat, Command::EndUnserved),
                Alert::AgentGone(chat, from) => {
                    let why = self.departure(&from);
                    self.command(chat, Command::Reassign { from, why, gone_since: None, placement: None });
                }
                Alert::CameGone(chat, from) => self.came_gone(chat, from),
            }
        }
        for Assign { conversation, agent, ticket } in assigns {
            self.command(conversation, Command::Assign { agent, ticket });
        }
    }

    /// Either it went while it came, or it works without a connection: the times tell which.
    fn came_gone(&self, chat: ConversationId, from: AgentId) {
        let gone_since = match self.table().and_then(|table| table.agent(&from)) {
            Some(profile) if !profile.removed => Some(profile.changed_at),
            _ => None,
        };
        let why = self.departure(&from);
        self.command(chat, Command::Reassign { from, why, gone_since, placement: None });
    }

    fn table(&self) -> Option<Arc<LicenseTable>> {
        self.shard.engine.tables().license(self.license)
    }

    fn agent_changed(&mut self, profile: &AgentProfile) {
        let Some(table) = self.table() else { return };
        self.seat_anew(&table);
        let now = self.shard.now();
        let assigns = if profile.removed {
            self.machine.agent_removed(&profile.id, now)
        } else {
            self.machine.agent_changed(seat(profile, &table.license.load()), now)
        };
        self.give(assigns);
    }

    /// When groups were made or deleted, everybody's place is told at once: one after the other
    /// would leave chats with nobody in between.
    fn seat_anew(&mut self, table: &LicenseTable) {
        let license = table.license.load();
        if license.group_changes == self.seated {
            return;
        }
        self.seated = license.group_changes;
        let profiles: Vec<_> = table.agents.iter().map(|entry| Arc::clone(entry.value())).collect();
        let here = profiles.iter().filter(|profile| !profile.removed);
        let now = self.shard.now();
        let assigns = self.machine.agents_changed(here.map(|profile| seat(profile, &license)), now);
        self.give(assigns);
    }

    fn departure(&self, agent: &AgentId) -> Departure {
        self.table()
            .and_then(|table| table.agent(agent))
            .map_or(Departure::Deleted, |profile| profile.departure)
    }

    fn command(&self, chat: ConversationId, command: Command) {
        let engine = &self.shard.engine;
        match engine.directory().conversation(engine, self.license, chat) {
            Ok(actor) => {
                link::tell(
                    &actor,
                    Execute { command, by: None, answer: Answer::Nobody, placed_at: None, key: None },
                );
            }
            Err(error) => tracing::error!(%chat, %error, "the router knows a chat that cannot be found"),
        }
    }
}

impl Actor for RouterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(LAPSE_EVERY, |router, _| {
            let assigns = router.machine.lapse(router.shard.now());
            router.give(assigns);
        });
    }
}

impl Handler<Place> for RouterActor {
    type Result = MessageResult<Place>;

    fn handle(&mut self, Place(request): Place, _: &mut Context<Self>) -> Self::Result {
        let (placement, assigns) = self.machine.place(request);
        self.give(assigns);
        MessageResult(placement)
    }
}

impl Handler<Cancel> for RouterActor {
    type Result = ();

    fn handle(&mut self, Cancel(chat): Cancel, _: &mut Context<Self>) {
        let assigns = self.machine.cancel(chat, self.shard.now());
        self.give(assigns);
    }
}

impl Handler<SeatChanged> for RouterActor {
    type Result = ();

    fn handle(&mut self, SeatChanged(seat): SeatChanged, _: &mut Context<Self>) {
        let assigns = self.machine.conversation_changed(seat, self.shard.now());
        self.give(assigns);
    }
}

impl Handler<AssignAnswered> for RouterActor {
    type Result = ();

    fn handle(&mut self, answer: AssignAnswered, _: &mut Context<Self>) {
        let reply = if answer.taken { Reply::Placed } else { Reply::Refused };
        let assigns = self.machine.answered(answer.chat, answer.ticket, reply, self.shard.now());
        self.give(assigns);
    }
}

impl Handler<AgentChanged> for RouterActor {
    type Result = ();

    fn handle(&mut self, AgentChanged(profile): AgentChanged, _: &mut Context<Self>) {
        self.agent_changed(&profile);
    }
}

impl Handler<GroupsChanged> for RouterActor {
    type Result = ();

    fn handle(&mut self, _: GroupsChanged, _: &mut Context<Self>) {
        if let Some(table) = self.table() {
            self.seat_anew(&table);
        }
    }
}

impl Handler<SettingsChanged> for RouterActor {
    type Result = ();

    fn handle(&mut self, SettingsChanged(settings): SettingsChanged, _: &mut Context<Self>) {
        let assigns = self.machine.settings_changed(settings, self.shard.now());
        self.give(assigns);
    }
}

impl Handler<GroupStatuses> for RouterActor {
    type Result = MessageResult<GroupStatuses>;

    fn handle(&mut self, GroupStatuses(groups): GroupStatuses, _: &mut Context<Self>) -> Self::Result {
        let status = |group| (group, self.machine.group_status(group));
        MessageResult(groups.into_iter().map(status).collect())
    }
}

impl Handler<Predict> for RouterActor {
    type Result = MessageResult<Predict>;

    fn handle(&mut self, Predict(group): Predict, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.machine.predict(&[group]))
    }
}

/// Both numbers only rise, so their sum orders whatever changed last.
fn seat(profile: &AgentProfile, license: &License) -> AgentSeat {
    AgentSeat {
        agent: profile.id.clone(),
        version: profile.version + license.group_changes,
        groups: license.living(&profile.duty).into_iter().collect(),
        default_priority: profile.duty.default_priority,
        online: profile.duty.status != RoutingStatus::Offline,
        accepting: profile.duty.status == RoutingStatus::Accepting && !profile.away,
        in_grace: profile.in_grace,
        limit: profile.duty.max_chats,
    }
}
