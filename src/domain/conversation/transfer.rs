//! Handing a chat over: to agents, to groups, or to somebody else of its groups. One decision, so
//! that a crash leaves it whole or not at all. Source: spec v3.0, 5.2 and 10.3.

use crate::conversation::access::{Access, AccessChange};
use crate::conversation::command::TransferTarget;
use crate::conversation::decide::{Context, Decision, Need};
use crate::conversation::event::within;
use crate::conversation::fact::Change;
use crate::conversation::push::{Push, Told};
use crate::conversation::state::{Assignment, Conversation};
use crate::conversation::system;
use crate::error::{PlacementNeed, Rejected, Resource};
use crate::id::{AgentId, GroupId, UserId};
use crate::limits::{AGENTS_PER_TRANSFER, GROUPS_PER_ACCESS};
use crate::routing::Placement;

impl Conversation {
    pub(super) fn transfer(
        &self,
        to: TransferTarget,
        force: bool,
        placement: Option<Placement>,
        cx: &Context<'_>,
    ) -> Result<Decision, Rejected> {
        self.may(cx, Need::WriteMeta)?;
        Self::check_target(&to, cx)?;
        self.active_thread().ok_or(Rejected::Inactive)?;
        let access = self.access_after(&to, cx);
        access.check(cx.license)?;
        let (named, need) = match &to {
            TransferTarget::Agents(agents) => {
                let need =
                    PlacementNeed { among: agents.clone(), ..PlacementNeed::of(access.groups.clone()) };
                (agents.as_slice(), need)
            }
            // Not to whoever has it, and not to whoever just let go of it.
            _ => {
                let exclude = self.holder().or(self.let_go_by.as_ref()).into_iter().cloned().collect();
                (&[][..], PlacementNeed { exclude, ..self.need_in(access.groups.clone()) })
            }
        };
        let assignment = match (placement, named.first()) {
            (Some(Placement::Assigned(agent)), _) => Assignment::Held(agent),
            (Some(_), _) if !force => return Err(Rejected::NobodyFree),
            (Some(Placement::Queued { .. }), _) => Assignment::Queued(cx.placed_at),
            // By hand it goes beyond what routing would allow.
            (Some(_), None) => Assignment::Unassigned(cx.placed_at),
            (_, Some(first)) if force => Assignment::Held(first.clone()),
            _ => return Err(PlacementNeed { at_once: !force, ..need }.into()),
        };
        Ok(self.hand_over(to, access, assignment, cx))
    }

    fn hand_over(
        &self,
        to: TransferTarget,
        access: Access,
        assignment: Assignment,
        cx: &Context<'_>,
    ) -> Decision {
        let by = cx.by.map(|principal| principal.user.clone());
        let targets = self.target_names(&to, cx);
        let named = if let TransferTarget::Agents(agents) = &to { agents.clone() } else { Vec::new() };
        let holder = if let Assignment::Held(agent) = &assignment { Some(agent) } else { None };
        let mut draft = self.draft(cx.now);
        draft.add(Change::Transferred { by: by.clone(), to, access });
        for agent in self.present_agents().filter(|agent| !named.contains(agent) && holder != Some(*agent)) {
            draft.add(Change::MemberRemoved { user: UserId::Agent(agent.clone()), by: by.clone() });
        }
        let routed = holder.filter(|agent| !named.contains(agent));
        for (agent, by) in
            named.iter().map(|agent| (agent, by.clone())).chain(routed.map(|agent| (agent, None)))
        {
            let user = UserId::Agent(agent.clone());
            if !self.is_present(&user) {
                draft.add(Change::MemberAdded { user, by });
            }
        }
        let said = match holder {
            _ if !named.is_empty() => None,
            Some(agent) => Some(system::assigned(&Self::shown_name(&UserId::Agent(agent.clone()), cx))),
            None => Some(system::unassigned()),
        };
        draft.add(Change::Assigned(assignment));
        let initiator = by.map(|by| Self::shown_name(&by, cx));
        draft.post(system::transferred(initiator.as_deref(), &targets), None);
        if let Some(said) = said {
            draft.post(said, None);
        }
        draft.done()
    }

    fn check_target(to: &TransferTarget, cx: &Context<'_>) -> Result<(), Rejected> {
        match to {
            TransferTarget::Agents(agents) => {
                check_ids(agents, AGENTS_PER_TRANSFER, "agents")?;
                if agents.iter().all(|agent| cx.license.name(&UserId::Agent(agent.clone())).is_some()) {
                    Ok(())
                } else {
                    Err(Rejected::NotFound(Resource::User))
                }
            }
            TransferTarget::Groups(groups) => {
                check_ids(groups, GROUPS_PER_ACCESS, "groups")?;
                Access::from_iter(groups.iter().copied()).check(cx.license)
            }
            TransferTarget::Within => Ok(()),
        }
    }

    /// Who takes over must be able to see the chat: access becomes the groups it goes to, or is
    /// widened by each agent who has none.
    fn access_after(&self, to: &TransferTarget, cx: &Context<'_>) -> Access {
        let mut access = self.access.clone();
        match to {
            TransferTarget::Within => {}
            TransferTarget::Groups(groups) => access = groups.iter().copied().collect(),
            TransferTarget::Agents(agents) => {
                let user = |agent: &AgentId| UserId::Agent(agent.clone());
                let admitted =
                    |agent: &&AgentId| self.access.admits(&user(agent), &cx.license.groups_of(agent));
                access.agents.extend(agents.iter().filter(|agent| !admitted(agent)).cloned());
            }
        }
        access
    }

    fn target_names(&self, to: &TransferTarget, cx: &Context<'_>) -> String {
        let group = |group: GroupId| {
            cx.license.group_name(group).map_or_else(|| group.to_string(), |n| n.to_string())
        };
        let names: Vec<String> = match to {
            TransferTarget::Agents(agents) => agents
                .iter()
                .map(|agent| Self::shown_name(&UserId::Agent(agent.clone()), cx).to_string())
                .collect(),
            TransferTarget::Groups(groups) => groups.iter().copied().map(group).collect(),
            TransferTarget::Within => self.access.groups.iter().copied().map(group).collect(),
        };
        names.join(", ")
    }

    /// Told to everybody who could see the chat before or can see it now.
    pub(super) fn transferred(
        &mut self,
        by: Option<&UserId>,
        to: &TransferTarget,
        access: &Access,
        told: &mut Vec<Told>,
    ) {
        let Some(thread) = self.threads.last().map(|thread| thread.id) else { return };
        let shown = match to {
            TransferTarget::Within => TransferTarget::Groups(access.groups.iter().copied().collect()),
            to => to.clone(),
        };
        let push = Push::Transferred { chat: self.id, thread, by: by.cloned(), to: shown };
        if self.access == *access {
            told.push(Told { push, to: self.keyed_address(None), main: true, seq: None });
            return;
        }
        let mut set = Vec::new();
        self.access_changed(access, &AccessChange::Set(access.clone()), &mut set);
        let audience = set.first().map_or_else(|| self.keyed_address(None), |set| set.to.clone());
        told.push(Told { push, to: audience, main: true, seq: None });
        told.extend(set);
    }
}

fn check_ids<T: PartialEq>(ids: &[T], most: usize, what: &str) -> Result<(), Rejected> {
    if ids.is_empty() {
        return Err(Rejected::invalid("target.ids", "must not be empty"));
    }
    within("target.ids", ids.len(), most, what)?;
    let twice = ids.iter().enumerate().any(|(i, id)| ids[..i].contains(id));
    if twice { Err(Rejected::invalid("target.ids", "names somebody twice")) } else { Ok(()) }
}
