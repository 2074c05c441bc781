//! The rules once more, written as plainly as possible: lists and no facts. Random play compares.

use std::collections::BTreeSet;

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
    pub(super) continuous: bool,
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
    EndUnserved,
    Reassign(String),
    SetProperty(Spot, &'static str, i32),
    DeleteProperty(Spot, &'static str),
    Tag(u64, String, bool),
    Press(u64, u32, bool),
    /// Begin, or end.
    Follow(bool),
    See(u64),
    Give(Give, u32),
}

/// Asks the router, whose word is drawn only when it is needed.
pub(super) type Router<'a> = &'a mut dyn FnMut(PlacementNeed) -> Placement;

const HUMANS: [&str; 3] = ["ann", "bob", "eve"];
pub(super) const CUSTOMERS: [&str; 2] = ["mia", "tom"];

impl Model {
    pub(super) fn active(&self) -> bool {
        self.hold != Hold::Closed
    }

    pub(super) fn is_here(&self, name: &str) -> bool {
        self.present.iter().any(|p| p == name)
    }

    fn need(&self, exclude: &[&str], may_wait_offline: bool) -> PlacementNeed {
        let groups = self.groups.iter().map(|&group| GroupId(group)).collect();
        let exclude = exclude.iter().map(|name| agent(name)).collect();
        PlacementNeed { groups, exclude, may_wait_offline }
    }

    pub(super) fn may(&self, by: Option<(&str, Token)>, right: Right) -> Result<(), Rejected> {
        let Some((name, token)) = by else { return Ok(()) };
        if CUSTOMERS.contains(&name) {
            return if name == "mia" { Ok(()) } else { Err(Rejected::NotFound(Resource::Chat)) };
        }
        let mine: &[u32] = match name {
            "ann" => &[0, 1],
            "bob" => &[0, 2],
            "eve" => &[0, 1, 2],
            _ => &[0],
        };
        let access = self.groups.contains(&0) || mine.iter().any(|group| self.groups.contains(group));
        let allowed = match token {
            Token::Everything => true,
            Token::Talk => right <= Right::Talk,
            Token::Own => self.is_here(name),
            Token::Near => access || self.is_here(name),
            Token::Look => right == Right::Read && (access || self.is_here(name)),
        };
        if allowed { Ok(()) } else { Err(Rejected::NoAccess) }
    }

    pub(super) fn say(&mut self, by: Option<&str>, visible: bool, says: &str) {
        self.threads.last_mut().unwrap().push((by.map(str::to_owned), visible, says.to_owned()));
    }

    fn join(&mut self, name: &str) {
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
                self.hold = Hold::By(agent.as_str().to_owned());
                self.say(None, seen, &format!("routing.assigned{cause}"));
            }
            Placement::Queued { .. } | Placement::Unassigned => {
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
        self.threads.push(first.into_iter().collect());
        self.marks.followers.clear();
        self.present = vec!["mia".to_owned()];
        match placement {
            Some(placement) => self.place(placement, ""),
            None => {
                self.join(by);
                self.hold = Hold::By(by.to_owned());
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
            Act::Close { .. } => Right::Manage,
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
            Act::EndUnserved => {
                if self.hold == Hold::Waits && !self.continuous {
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
            _ if !self.active() => Err(Rejected::Inactive),
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
            self.hold = Hold::By(by.to_owned());
        }
        self.threads.last_mut().unwrap().push(line);
        Ok(())
    }

    fn add(&mut self, by: Option<&str>, other: &str) -> Result<(), Rejected> {
        match other {
            "ghost" => return Err(Rejected::NotFound(Resource::User)),
            "tom" => return Err(Rejected::CustomerFixed),
            other if self.is_here(other) => return Ok(()),
            _ => {}
        }
        let first = self.present.iter().all(|p| p == "mia");
        self.join(other);
        if self.hold == Hold::Waits && HUMANS.contains(&other) {
            self.hold = Hold::By(other.to_owned());
        }
        if !first {
            let by_another = by.is_some_and(|by| by != other);
            self.say(None, true, if by_another { "agent_added" } else { "agent_joined" });
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
            self.hold = Hold::By(other.clone());
        } else if self.place(router(self.need(&[name], true)), cause).is_err() {
            let kind = if cause.is_empty() { "_other" } else { cause };
            self.say(None, cause.is_empty(), &format!("routing.archived{kind}"));
            self.hold = Hold::Closed;
        }
    }
}
