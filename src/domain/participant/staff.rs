//! What the administration does with agents: makes them, changes them, sends them off, removes them.

use crate::conversation::event::within;
use crate::error::{Rejected, Resource};
use crate::id::{AgentId, GroupId};
use crate::limits::{EMAIL_CHARS, NAME_CHARS, URL_CHARS};
use crate::participant::agent::{Agent, AgentFact, Role};
use crate::participant::{Departure, Duty, RoutingStatus};
use crate::routing::Priority;
use crate::time::Timestamp;

/// New values for some fields of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentChange {
    /// Shown name.
    pub name: Option<Box<str>>,
    /// URL or empty.
    pub avatar: Option<Box<str>>,
    /// Rights as a person.
    pub role: Option<Role>,
    /// Chats that routing may give at the same time.
    pub max_chats: Option<u32>,
    /// Replaces the stored list.
    pub groups: Option<Vec<(GroupId, Priority)>>,
    /// Puts it into one group, or takes it out.
    pub place: Option<(GroupId, Option<Priority>)>,
    /// The creation number of the person that it is; counts only when it is made.
    pub number: Option<u64>,
}

impl Agent {
    /// An agent of whom nothing but the name is known.
    #[must_use]
    pub fn new(id: AgentId, name: &str) -> Self {
        Self {
            id,
            number: 0,
            name: name.into(),
            avatar: "".into(),
            role: Role::Normal,
            duty: Duty::default(),
            last_status: RoutingStatus::Accepting,
            grace_until: None,
            departure: Departure::SignedOut,
            version: 0,
            changed_at: Timestamp::default(),
            away: false,
            removed: false,
            since: Timestamp::default(),
        }
    }

    /// The place of an agent that is to be made.
    #[must_use]
    pub fn unborn(id: AgentId, number: u64) -> Self {
        Self { number, removed: true, ..Self::new(id, "") }
    }

    /// The agent made with this profile and duty; one that was removed is made again. `since` becomes
    /// `now`: tokens given out before do not come back.
    ///
    /// # Errors
    /// `Invalid` when there is such an agent, or naming the field that cannot be.
    pub fn enroll(
        &self,
        profile: AgentChange,
        exists: impl Fn(GroupId) -> bool,
        now: Timestamp,
    ) -> Result<AgentFact, Rejected> {
        if !self.removed {
            return Err(Rejected::invalid("id", "is another agent's"));
        }
        check_address(&self.id)?;
        let now = now.after(self.changed_at);
        let number = profile.number.unwrap_or(self.number);
        let fresh = Self { number, since: now, ..Self::new(self.id.clone(), &self.name) };
        let mut agent = fresh.changed(profile, exists)?;
        agent.changed_at = now;
        Ok(AgentFact::Put(agent))
    }

    /// The agent with some fields changed; `None` when nothing changes. The time of its last change stays
    /// that of its status: by it one tells whether it joined a chat after it had gone.
    ///
    /// # Errors
    /// `NotFound` when removed; `Invalid` or `GroupNotFound` for a value that cannot be.
    pub fn change(
        &self,
        change: AgentChange,
        exists: impl Fn(GroupId) -> bool,
    ) -> Result<Option<AgentFact>, Rejected> {
        self.must_be_here()?;
        let agent = self.clone().changed(change, exists)?;
        Ok((agent != *self).then_some(AgentFact::Put(agent)))
    }

    fn changed(mut self, change: AgentChange, exists: impl Fn(GroupId) -> bool) -> Result<Self, Rejected> {
        self.name = change.name.unwrap_or(self.name);
        self.avatar = change.avatar.unwrap_or(self.avatar);
        self.role = change.role.unwrap_or(self.role);
        self.duty.max_chats = change.max_chats.unwrap_or(self.duty.max_chats);
        self.duty.groups = change.groups.unwrap_or(self.duty.groups);
        if let Some((group, priority)) = change.place {
            self.duty.place(group, priority);
        }
        if self.name.trim().is_empty() {
            return Err(Rejected::invalid("name", "must not be blank"));
        }
        within("name", self.name.chars().count(), NAME_CHARS, "characters")?;
        within("avatar", self.avatar.chars().count(), URL_CHARS, "characters")?;
        self.duty.check(exists)?;
        Ok(self)
    }

    /// Leaves the groups that are no more.
    #[must_use]
    pub fn leave_groups(&self, exists: impl Fn(GroupId) -> bool) -> Option<AgentFact> {
        let mut agent = self.clone();
        agent.duty.groups.retain(|(group, _)| exists(*group));
        (agent != *self).then_some(AgentFact::Put(agent))
    }

    /// Sent off by somebody else: offline at once.
    ///
    /// # Errors
    /// `NotFound` when removed.
    pub fn send_off(&self, now: Timestamp) -> Result<Option<AgentFact>, Rejected> {
        self.must_be_here()?;
        let (at, why) = (now.after(self.changed_at), Departure::RemotelySignedOut);
        Ok((self.duty.status != RoutingStatus::Offline).then_some(AgentFact::SentOff { at, why }))
    }

    /// Removed; its id stays known for old chats.
    ///
    /// # Errors
    /// `NotFound` when removed already.
    pub fn remove(&self, now: Timestamp) -> Result<AgentFact, Rejected> {
        self.must_be_here()?;
        Ok(AgentFact::Removed { at: now.after(self.changed_at) })
    }

    fn must_be_here(&self) -> Result<(), Rejected> {
        if self.removed { Err(Rejected::NotFound(Resource::User)) } else { Ok(()) }
    }
}

/// Is this an e-mail address, as far as an id needs it: one `@` with something on both sides, no blank?
///
/// # Errors
/// `Invalid`.
pub fn check_address(id: &AgentId) -> Result<(), Rejected> {
    let text = id.as_str();
    within("id", text.chars().count(), EMAIL_CHARS, "characters")?;
    let blank = text.contains(|c: char| c.is_whitespace() || c.is_control());
    let whole = |(user, host): (&str, &str)| !user.is_empty() && !host.is_empty() && !host.contains('@');
    if !blank && text.split_once('@').is_some_and(whole) {
        return Ok(());
    }
    Err(Rejected::invalid("id", "must be an e-mail address"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::limits::{GROUPS_PER_AGENT, MAX_CHATS_COUNT};
    use crate::participant::agent::Coming;

    const NOW: Timestamp = Timestamp::from_secs(100);

    fn ann() -> Agent {
        let mut ann = Agent::new(AgentId::new("ann@example.org"), "Ann");
        ann.duty.groups = vec![(GroupId(1), Priority::Last)];
        ann
    }

    fn apply(agent: &mut Agent, fact: Option<AgentFact>) {
        agent.apply(&fact.unwrap());
    }

    fn exists(group: GroupId) -> bool {
        group.0 < 3
    }

    fn field(refused: Result<Option<AgentFact>, Rejected>) -> String {
        match refused {
            Err(Rejected::Invalid { field, .. }) => field,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn an_agent_gets_the_number_of_its_person_when_it_is_made_and_keeps_it() {
        let name = Some("Ann".into());
        let profile = AgentChange { name, number: Some(7), ..AgentChange::default() };
        let mut agent = Agent::unborn(AgentId::new("ann@example.org"), 3);
        let made = agent.enroll(profile.clone(), exists, NOW).unwrap();
        agent.apply(&made);
        assert_eq!(agent.number, 7);
        assert_eq!(agent.change(AgentChange { number: Some(8), ..profile }, exists), Ok(None));
        let gone = agent.remove(NOW).unwrap();
        agent.apply(&gone);
        let again = AgentChange { name: Some("Ann".into()), ..AgentChange::default() };
        let again = agent.enroll(again, exists, NOW).unwrap();
        agent.apply(&again);
        assert_eq!(agent.number, 7);
    }

    #[test]
    fn a_change_touches_what_it_names_and_rises_the_version() {
        let mut ann = ann();
        let change = AgentChange { max_chats: Some(2), role: Some(Role::Owner), ..AgentChange::default() };
        let fact = ann.change(change.clone(), exists).unwrap();
        apply(&mut ann, fact);
        assert_eq!((ann.version, ann.duty.max_chats, ann.role), (1, 2, Role::Owner));
        assert_eq!((&*ann.name, ann.duty.groups.len()), ("Ann", 1));
        assert_eq!(ann.change(change, exists), Ok(None), "nothing changes");
        let place = |priority| AgentChange { place: Some((GroupId(2), priority)), ..AgentChange::default() };
        let fact = ann.change(place(Some(Priority::First)), exists).unwrap();
        apply(&mut ann, fact);
        assert_eq!(ann.duty.groups, [(GroupId(1), Priority::Last), (GroupId(2), Priority::First)]);
        assert_eq!(ann.leave_groups(exists), None);
        let fact = ann.leave_groups(|group| group.0 == 2);
        apply(&mut ann, fact);
        assert_eq!(ann.duty.groups, [(GroupId(2), Priority::First)]);
    }

    #[test]
    fn each_bound_is_kept_and_named() {
        let change = |change| field(ann().change(change, exists));
        let groups = |n: u32| (0..n).map(|n| (GroupId(n), Priority::Normal)).collect::<Vec<_>>();
        let base = AgentChange::default;
        let many = groups(u32::try_from(GROUPS_PER_AGENT).unwrap() + 1);
        assert_eq!(change(AgentChange { name: Some(" ".into()), ..base() }), "name");
        assert_eq!(change(AgentChange { name: Some("x".repeat(NAME_CHARS + 1).into()), ..base() }), "name");
        assert_eq!(
            change(AgentChange { avatar: Some("x".repeat(URL_CHARS + 1).into()), ..base() }),
            "avatar"
        );
        assert_eq!(change(AgentChange { max_chats: Some(MAX_CHATS_COUNT + 1), ..base() }), "max_chats_count");
        assert_eq!(change(AgentChange { groups: Some(many), ..base() }), "groups");
        let unknown = ann().change(AgentChange { groups: Some(groups(4)), ..base() }, exists);
        assert_eq!(unknown, Err(Rejected::GroupNotFound(GroupId(3))));
        for bad in ["ann", "@x", "ann@", "a@b@c", "an n@x", "a\u{7}@x", ""] {
            assert!(check_address(&AgentId::new(bad)).is_err(), "{bad:?}");
        }
        let long = |n: usize| check_address(&AgentId::new(&format!("{}@x", "a".repeat(n - 2))));
        assert!(long(EMAIL_CHARS).is_ok() && long(EMAIL_CHARS + 1).is_err());
    }

    #[test]
    fn a_removed_agent_is_gone_until_it_is_made_again() {
        let mut ann = ann();
        let again = AgentChange { name: Some("Ann B.".into()), ..AgentChange::default() };
        assert_eq!(field(ann.enroll(again.clone(), exists, NOW).map(Some)), "id");
        let fact = ann.remove(NOW).unwrap();
        apply(&mut ann, Some(fact));
        assert!(ann.removed && ann.duty.groups.is_empty());
        assert_eq!((ann.duty.status, ann.departure), (RoutingStatus::Offline, Departure::Deleted));
        let gone = Rejected::NotFound(Resource::User);
        assert_eq!(ann.remove(NOW), Err(gone.clone()));
        assert_eq!(ann.change(again.clone(), exists), Err(gone.clone()));
        assert_eq!(ann.send_off(NOW), Err(gone));
        let fact = ann.enroll(again, exists, NOW).unwrap();
        apply(&mut ann, Some(fact));
        assert_eq!((ann.removed, &*ann.name, ann.version), (false, "Ann B.", 2));
        assert!(ann.since > NOW, "whatever was given out until its removal does not count");
    }

    #[test]
    fn somebody_who_is_sent_off_is_offline_for_that_reason() {
        let mut ann = ann();
        assert_eq!(ann.send_off(NOW), Ok(None), "is offline already");
        let facts = ann.log_in(Coming::Anew, NOW);
        facts.iter().for_each(|fact| ann.apply(fact));
        let fact = ann.send_off(NOW).unwrap();
        apply(&mut ann, fact);
        assert_eq!((ann.duty.status, ann.departure), (RoutingStatus::Offline, Departure::RemotelySignedOut));
        let facts = ann.log_in(Coming::Back, NOW);
        facts.iter().for_each(|fact| ann.apply(fact));
        assert_eq!(ann.duty.status, RoutingStatus::Accepting, "the last status of its own");
    }

    /// **A change here breaks what is stored.**
    #[test]
    fn stored_bytes_stay() {
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let at = Timestamp::from_secs(1);
        let facts = [AgentFact::SentOff { at, why: Departure::RemotelySignedOut }, AgentFact::Removed { at }];
        let golden = [
            "81a753656e744f666692ce000f4240b152656d6f74656c795369676e65644f7574",
            "81a752656d6f76656491ce000f4240",
        ];
        for (fact, golden) in facts.iter().zip(golden) {
            assert_eq!(hex(rmp_serde::to_vec(fact).unwrap()), golden);
        }
        // An agent stored before it could be removed lacks the last two of fourteen fields: false and 0.
        let stored = rmp_serde::to_vec(&ann()).unwrap();
        let mut older = stored[..stored.len() - 2].to_vec();
        assert_eq!((older[0], &stored[stored.len() - 2..]), (0x9e, &[0xc2, 0x00][..]));
        older[0] = 0x9c;
        assert_eq!(rmp_serde::from_slice::<Agent>(&older).unwrap(), ann());
    }
}
