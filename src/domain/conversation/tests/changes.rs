//! The model's rules for what is changed and marked inside a chat.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Act, CUSTOMERS, FUTURE, Model, Right, Token};
use super::*;
use crate::conversation::access::AccessChange;

/// Name and value of a property; the namespace is `test`, but for `score`.
pub(super) type Props = BTreeMap<&'static str, i32>;

/// What has properties: threads and events by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spot {
    Chat,
    Thread(u64),
    Event(u64, u32),
}

/// One change of access.
#[derive(Debug, Clone, Copy)]
pub(super) enum Give {
    Grant,
    Revoke,
    Set,
}

/// What is kept of a chat beside its talk.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    pub(super) properties: BTreeMap<Spot, Props>,
    pub(super) tags: BTreeMap<u64, Vec<String>>,
    pub(super) followers: BTreeSet<String>,
    /// Who has pressed the button of an event.
    pub(super) presses: BTreeMap<(u64, u32), Vec<String>>,
}

pub(super) fn path(name: &str) -> (&str, &str) {
    if name == "score" { ("rating", name) } else { ("test", name) }
}

fn place(spot: Spot) -> Place {
    match spot {
        Spot::Chat => Place::Chat,
        Spot::Thread(n) => Place::Thread(thread(n)),
        Spot::Event(n, order) => Place::Event(event_id(n, order)),
    }
}

/// The command of an act that changes something inside a chat.
pub(super) fn command(act: &Act) -> Command {
    match act {
        Act::SetProperty(spot, name, value) => {
            let (namespace, name) = path(name);
            change(place(*spot), PropertyChange::Set(ints(&[(namespace, name, *value)])))
        }
        Act::DeleteProperty(spot, name) => delete(place(*spot), &[path(name)]),
        Act::Tag(n, name, on) => tag(*n, name, *on),
        Act::Press(n, order, toggled) => press(event_id(*n, *order), "buy", *toggled),
        Act::Follow(true) => Command::Follow,
        Act::Follow(false) => Command::Unfollow,
        Act::See(second) => Command::See(Some(Timestamp::from_secs(*second))),
        Act::Give(give, group) => {
            let access = Access::of(GroupId(*group));
            Command::ChangeAccess(match give {
                Give::Grant => AccessChange::Granted(access),
                Give::Revoke => AccessChange::Revoked(access),
                Give::Set => AccessChange::Set(access),
            })
        }
        _ => unreachable!("not of this kind: {act:?}"),
    }
}

impl Model {
    /// Does an act of this kind.
    pub(super) fn mark(&mut self, by: (&str, Token), act: &Act) -> Result<(), Rejected> {
        match act {
            Act::SetProperty(spot, name, value) => self.set_property(by, *spot, name, Some(*value)),
            Act::DeleteProperty(spot, name) => self.set_property(by, *spot, name, None),
            Act::Tag(n, name, on) => {
                self.may(Some(by), Right::Manage)?;
                self.find(Spot::Thread(*n), by.0)?;
                let tags = self.marks.tags.entry(*n).or_default();
                if tags.contains(name) != *on {
                    tags.retain(|other| other != name);
                    tags.extend(on.then(|| name.clone()));
                }
                Ok(())
            }
            Act::Press(n, order, toggled) => self.press(by, *n, *order, *toggled),
            Act::Follow(begin) => self.follow(by, *begin),
            Act::See(second) => {
                self.may(Some(by), Right::Read)?;
                if *second == FUTURE {
                    self.sees(by.0);
                }
                Ok(())
            }
            Act::Give(give, group) => self.give(by, *give, *group),
            _ => unreachable!("not of this kind: {act:?}"),
        }
    }

    /// Is it there, as far as the asker may know?
    fn find(&self, spot: Spot, by: &str) -> Result<(), Rejected> {
        let (Spot::Thread(n) | Spot::Event(n, _)) = spot else { return Ok(()) };
        let events = usize::try_from(n - 1).ok().and_then(|at| self.threads.get(at));
        let events = events.ok_or(Rejected::NotFound(Resource::Thread))?;
        let Spot::Event(_, order) = spot else { return Ok(()) };
        let found = events.get(order as usize - 1).filter(|(_, visible, _)| *visible || by != "mia");
        found.map(drop).ok_or(Rejected::NotFound(Resource::Event))
    }

    fn set_property(
        &mut self,
        by: (&str, Token),
        spot: Spot,
        name: &'static str,
        value: Option<i32>,
    ) -> Result<(), Rejected> {
        self.may(Some(by), Right::Talk)?;
        self.find(spot, by.0)?;
        let properties = self.marks.properties.entry(spot).or_default();
        let before = match value {
            Some(value) => properties.insert(name, value),
            None => properties.remove(name),
        };
        let rates = before != value && name == "score" && by.0 == "mia" && !matches!(spot, Spot::Event(..));
        if rates {
            let kind = if value.is_some() { "rating.chat_rated" } else { "rating.chat_rating_canceled" };
            self.say(None, false, kind);
        }
        Ok(())
    }

    fn press(&mut self, by: (&str, Token), n: u64, order: u32, toggled: bool) -> Result<(), Rejected> {
        self.may(Some(by), Right::Talk)?;
        if by.1 == Token::Near && !self.is_here(by.0) && !CUSTOMERS.contains(&by.0) {
            return Err(Rejected::NoAccess);
        }
        self.find(Spot::Event(n, order), by.0)?;
        let at = usize::try_from(n - 1).unwrap();
        if self.threads[at][order as usize - 1].2 != "cards" {
            return Err(Rejected::invalid("event_id", "is no rich message"));
        }
        let id = user(by.0).to_string();
        let users = self.marks.presses.entry((n, order)).or_default();
        if users.contains(&id) != toggled {
            users.retain(|other| *other != id);
            users.extend(toggled.then_some(id));
        }
        Ok(())
    }

    fn follow(&mut self, by: (&str, Token), begin: bool) -> Result<(), Rejected> {
        let (name, here) = (by.0, self.is_here(by.0));
        if begin {
            self.may(Some(by), Right::Read)?;
        }
        match (CUSTOMERS.contains(&name), begin) {
            (true, true) => Err(Rejected::NoAccess),
            (true, false) => Err(Rejected::NotFound(Resource::Chat)),
            (false, true) => {
                self.marks.followers.extend((!here).then(|| name.to_owned()));
                Ok(())
            }
            (false, false) if here => {
                Err(Rejected::invalid("chat_id", "a member of the chat cannot unfollow it"))
            }
            (false, false) => {
                self.marks.followers.remove(name);
                Ok(())
            }
        }
    }

    fn give(&mut self, by: (&str, Token), give: Give, group: u32) -> Result<(), Rejected> {
        self.may(Some(by), Right::Manage)?;
        if group > 2 && !matches!(give, Give::Revoke) {
            return Err(Rejected::GroupNotFound(GroupId(group)));
        }
        let mut groups = self.groups.clone();
        match give {
            Give::Grant => drop(groups.insert(group)),
            Give::Revoke => drop(groups.remove(&group)),
            Give::Set => {
                groups = [group].into();
                self.let_in.clear();
            }
        }
        if groups.is_empty() {
            return Err(Rejected::invalid("access.group_ids", "must name a group"));
        }
        self.groups = groups;
        Ok(())
    }
}
