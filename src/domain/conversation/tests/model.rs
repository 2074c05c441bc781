//! The rules once more, written as plainly as possible: lists and no facts. Random play compares.

use std::collections::{BTreeMap, BTreeSet};

use super::changes::{Give, Marks, Spot};
use super::*;

/// What a token lets its agent do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Everything,
    /// Conversation data of all chats.
    Talk,
    /// Everything, in one's own chats.
    Own,
    /// Everything, in chats with access and one's own.
    Near,
    /// Reading, in chats with access.
    Look,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Right {
    Read,
    Talk,
    Manage,
}

/// Who has the chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hold {
    Closed,
    Waits,
    By(String),
}

/// One event: who wrote it, whether the customer may see it, what it says.
pub(super) type Line = (Option<String>, bool, String);

#[derive(Debug, Clone)]
pub(super) struct Model {
    /// Events of each thread; the last one may be active.
    pub(super) threads: Vec<Vec<Line>>,
    pub(super) hold: Hold,
    pub(super) present: Vec<String>,
    /// Everybody who was ever in it, in the order of first joining.
    pub(super) known: Vec<String>,
    /// Groups that may see it.
    pub(super) groups: BTreeSet<u32>,
    /// Agents who may see it, too.
    pub(super) let_in: BTreeSet<String>,
    /// It waits in a queue, which may come to its end.
    pub(super) queued: bool,
    /// Who let go of it while it waits.
    pub(super) let_go: Option<String>,
    pub(super) continuous: bool,
    /// The moment, in seconds; and when something was last said, and the holder got it.
    pub(super) at: u64,
    pub(super) said_at: u64,
    pub(super) held_at: u64,
    /// Since when each agent has not seen what the customer says.
    pub(super) owed: BTreeMap<String, u64>,
    pub(super) idle: bool,
    pub(super) marks: Marks,
}

/// A command in the words of the model.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Activate,
    Close {
        strict: bool,
    },
    /// A message, or a rich one when it says "cards".
    Post {
        hidden: bool,
        says: String,
        attach: bool,
        refuse: bool,
    },
    Add(String),
    Remove(String),
    Assign(String),
    /// Time has passed.
    Due,
    EndUnserved,
    Reassign(String),
    /// To agents, to groups, or (both empty) inside its groups.
    Transfer {
        agents: Vec<String>,
        groups: Vec<u32>,
        force: bool,
    },
    SetProperty(Spot, &'static str, i32),
    DeleteProperty(Spot, &'static str),
    Tag(u64, String, bool),
    Press(u64, u32, bool),
    /// Begin, or end.
    Follow(bool),
    /// Up to then: long ago, or now.
    See(u64),
    Give(Give, u32),
}

/// Asks the router, whose word is drawn only when it is needed.
pub(super) type Router<'a> = &'a mut dyn FnMut(PlacementNeed) -> Placement;

/// Groups that an agent was put into.
fn groups_of(name: &str) -> &'static [u32] {
    match name {
        "ann" => &[1],
        "bob" => &[2],
        "eve" => &[1, 2],
        _ => &[],
    }
}

/// A moment that is still to come.
pub(super) const FUTURE: u64 = 1_000_000_000;
pub(super) const HUMANS: [&str; 3] = ["ann", "bob", "eve"];
pub(super) const CUSTOMERS: [&str; 2] = ["mia", "tom"];

impl Model {
    pub(super) fn active(&self) -> bool {
        self.hold != Hold::Closed
    }

    pub(super) fn is_here(&self, name: &str) -> bool {
        self.present.iter().any(|p| p == name)
    }

    pub(super) fn need(&self, exclude: &[&str], may_wait_offline: bool) -> PlacementNeed {
        let groups = self.groups.iter().copied().map(GroupId);
        let exclude = exclude.iter().map(|name| agent(name)).collect();
        PlacementNeed { exclude, may_wait_offline, ..PlacementNeed::of(groups) }
    }

    pub(super) fn may(&self, by: Option<(&str, Token)>, right: Right) -> Result<(), Rejected> {
        let Some((name, token)) = by else { return Ok(()) };
        if CUSTOMERS.contains(&name) {
            return if name == "mia" { Ok(()) } else { Err(Rejected::NotFound(Resource::Chat)) };
        }
        let access = self.admits(name);
        let allowed = match token {
            Token::Everything => true,
            Token::Talk => right <= Right::Talk,
            Token::Own => self.is_here(name),
            Token::Near => access || self.is_here(name),
            Token::Look => right == Right::Read && (access || self.is_here(name)),
        };
        if allowed { Ok(()) } else { Err(Rejected::NoAccess) }
    }

    fn admits(&self, name: &str) -> bool {
        let grouped = groups_of(name).iter().any(|group| self.groups.contains(group));
        self.groups.contains(&0) || grouped || self.let_in.contains(name)
    }

    pub(super) fn say(&mut self, by: Option<&str>, visible: bool, says: &str) {
        self.threads.last_mut().unwrap().push((by.map(str::to_owned), visible, says.to_owned()));
    }

    pub(super) fn join(&mut self, name: &str) {
        if !self.is_here(name) {
            self.present.push(name.to_owned());
        }
        if !self.known.iter().any(|known| known == name) {
            self.known.push(name.to_owned());
        }
    }

    /// The router's word about a chat that nobody holds, because of what.
    fn place(&mut self, placement: Placement, cause: &str) -> Result<(), Rejected> {
        let seen = cause.is_empty();
        match placement {
            Placement::Assigned(agent) => {
                self.join(agent.as_str());
                self.hand(agent.as_str());
                self.say(None, seen, &format!("routing.assigned{cause}"));
            }
            Placement::Queued { .. } | Placement::Unassigned => {
                self.queued = matches!(placement, Placement::Queued { .. });
                self.hold = Hold::Waits;
                self.say(None, seen, &format!("routing.unassigned{cause}"));
            }
            Placement::Refused(Refusal::GroupOffline) => return Err(Rejected::GroupOffline),
            Placement::Refused(Refusal::GroupUnavailable) => return Err(Rejected::GroupUnavailable),
        }
        Ok(())
    }

    fn open(
        &mut self,
        by: &str,
        holds: bool,
        first: Option<Line>,
        router: Router<'_>,
    ) -> Result<(), Rejected> {
        // Only a customer's beginning is refused when nobody is there.
        let may_wait = self.continuous || !CUSTOMERS.contains(&by);
        let placement = (!holds).then(|| router(self.need(&[], may_wait)));
        let talked = first.is_some();
        self.threads.push(first.into_iter().collect());
        self.marks.followers.clear();
        self.present = vec!["mia".to_owned()];
        (self.said_at, self.idle) = (self.at, false);
        self.owed.clear();
        if holds {
            self.join(by);
        }
        if talked {
            self.talked(by);
        }
        match placement {
            Some(placement) => self.place(placement, ""),
            None => {
                self.join(by);
                self.hand(by);
                Ok(())
            }
        }
    }

    /// Does a command, or leaves everything as it is.
    pub(super) fn step(
        &mut self,
        by: Option<(&str, Token)>,
        act: &Act,
        router: Router<'_>,
    ) -> Result<(), Rejected> {
        let mut next = self.clone();
        next.act(by, act, router)?;
        if next.hold != Hold::Waits {
            next.let_go = None;
        }
        next.idle &= next.active();
        *self = next;
        Ok(())
    }

    fn act(&mut self, by: Option<(&str, Token)>, act: &Act, router: Router<'_>) -> Result<(), Rejected> {
        if let (
            Act::SetProperty(..)
            | Act::DeleteProperty(..)
            | Act::Tag(..)
            | Act::Press(..)
            | Act::Follow(_)
            | Act::See(_)
            | Act::Give(..),
            Some(by),
        ) = (act, by)
        {
            return self.mark(by, act);
        }
        let name = by.map(|(name, _)| name);
        let oneself = |other: &String| name == Some(other);
        let right = match act {
            Act::Activate | Act::Post { .. } => Right::Talk,
            Act::Close { .. } | Act::Transfer { .. } => Right::Manage,
            Act::Add(other) => {
                if oneself(other) {
                    Right::Talk
                } else {
                    Right::Manage
                }
            }
            Act::Remove(other) => {
                if oneself(other) {
                    Right::Read
                } else {
                    Right::Manage
                }
            }
            _ => Right::Read,
        };
        self.may(by, right)?;
        match act {
            Act::Activate if self.active() => Err(Rejected::AlreadyActive),
            Act::Activate => {
                let by = name.unwrap_or_default();
                self.open(by, by != "mia", None, router)
            }
            Act::Post { hidden, says, attach, refuse } => {
                self.post(name.unwrap_or_default(), *hidden, says, *attach, *refuse, router)
            }
            Act::Due => {
                self.due(router);
                Ok(())
            }
            Act::EndUnserved => {
                if self.hold == Hold::Waits && self.queued && !self.continuous {
                    self.say(None, false, "routing.archived_offline");
                    self.hold = Hold::Closed;
                }
                Ok(())
            }
            Act::Reassign(gone) => {
                if self.active() && self.is_here(gone) {
                    self.leave(gone, "_disconnected", router);
                }
                Ok(())
            }
            Act::Transfer { groups, .. } if groups.contains(&9) => Err(Rejected::GroupNotFound(GroupId(9))),
            _ if !self.active() => Err(Rejected::Inactive),
            Act::Transfer { agents, groups, force } => self.transfer(agents, groups, *force, router),
            Act::Close { strict } => {
                match name {
                    Some(name) if *strict && !self.is_here(name) => return Err(Rejected::NotPresent),
                    Some("mia") => self.say(None, true, "manual_archived_customer"),
                    Some(_) => self.say(None, true, "manual_archived_agent"),
                    None => {}
                }
                self.hold = Hold::Closed;
                Ok(())
            }
            Act::Add(other) => self.add(name, other),
            Act::Remove(other) if CUSTOMERS.contains(&other.as_str()) => Err(Rejected::CustomerFixed),
            Act::Remove(other) if !self.is_here(other) => Err(Rejected::NotFound(Resource::User)),
            Act::Remove(other) => {
                if self.hold == Hold::By(other.clone()) {
                    self.let_go = Some(other.clone());
                }
                self.say(None, true, "agent_removed");
                self.leave(other, "", router);
                Ok(())
            }
            Act::Assign(other) => match &self.hold {
                Hold::By(holder) if holder == other => Ok(()),
                Hold::Waits => self.place(assigned(other), ""),
                _ => Err(Rejected::AlreadyActive),
            },
            _ => unreachable!("marked above: {act:?}"),
        }
    }

    fn post(
        &mut self,
        by: &str,
        hidden: bool,
        says: &str,
        attach: bool,
        refuse: bool,
        router: Router<'_>,
    ) -> Result<(), Rejected> {
        if by == "mia" && hidden {
            return Err(Rejected::invalid("event.recipients", "a customer writes to everybody"));
        }
        let human = HUMANS.contains(&by);
        let line = (Some(by.to_owned()), !hidden, says.to_owned());
        if !self.active() && !attach {
            return if refuse { Err(Rejected::Inactive) } else { self.open(by, human, Some(line), router) };
        }
        if human && !hidden && self.hold == Hold::Waits {
            self.join(by);
            self.hand(by);
        }
        self.threads.last_mut().unwrap().push(line);
        self.talked(by);
        Ok(())
    }

    fn add(&mut self, by: Option<&str>, other: &str) -> Result<(), Rejected> {
        match other {
            "ghost" => return Err(Rejected::NotFound(Resource::User)),
            "tom" => return Err(Rejected::CustomerFixed),
            other if self.is_here(other) => return Ok(()),
            _ => {}
        }
        let first = self.known.iter().all(|known| known == "mia" || known == other);
        self.join(other);
        if self.hold == Hold::Waits && HUMANS.contains(&other) {
            self.hand(other);
        }
        if !first {
            let by_another = by.is_some_and(|by| by != other);
            self.say(None, true, if by_another { "agent_added" } else { "agent_joined" });
        }
        Ok(())
    }

    fn transfer(
        &mut self,
        agents: &[String],
        groups: &[u32],
        force: bool,
        router: Router<'_>,
    ) -> Result<(), Rejected> {
        for agent in agents {
            if !self.admits(agent) {
                self.let_in.insert(agent.clone());
            }
        }
        if !groups.is_empty() {
            self.groups = groups.iter().copied().collect();
            self.let_in.clear();
        }
        let holder = if let Hold::By(holder) = &self.hold { Some(holder.clone()) } else { None };
        let word = if agents.is_empty() {
            let exclude = holder.clone().or(self.let_go.clone());
            let exclude: Vec<_> = exclude.iter().map(String::as_str).collect();
            router(PlacementNeed { at_once: !force, ..self.need(&exclude, true) })
        } else if force {
            assigned(&agents[0])
        } else {
            let among = agents.iter().map(|name| agent(name)).collect();
            router(PlacementNeed { among, at_once: true, ..self.need(&[], true) })
        };
        if !force && !matches!(word, Placement::Assigned(_)) {
            return Err(Rejected::NobodyFree);
        }
        self.let_go = holder.or(self.let_go.take());
        self.present.retain(|name| name == "mia" || agents.contains(name));
        agents.iter().for_each(|name| self.join(name));
        self.say(None, true, "chat_transferred");
        match word {
            Placement::Assigned(agent) if !agents.is_empty() => {
                self.hand(agent.as_str());
            }
            Placement::Refused(_) => self.place(Placement::Unassigned, "")?,
            word => self.place(word, "")?,
        }
        Ok(())
    }

    fn leave(&mut self, name: &str, cause: &str, router: Router<'_>) {
        self.present.retain(|p| p != name);
        if self.hold != Hold::By(name.to_owned()) {
            return;
        }
        if let Some(other) =
            self.known.iter().find(|known| self.is_here(known) && HUMANS.contains(&known.as_str()))
        {
            self.hand(&other.clone());
        } else if self.place(router(self.need(&[name], true)), cause).is_err() {
            let kind = if cause.is_empty() { "_other" } else { cause };
            self.say(None, cause.is_empty(), &format!("routing.archived{kind}"));
            self.hold = Hold::Closed;
        }
    }
}
