//! Groups of a license: made, changed and deleted. Source: spec v3.0, 10.1 #7 and 12 #20.

use std::collections::BTreeSet;

use crate::conversation::event::within;
use crate::error::Rejected;
use crate::id::GroupId;
use crate::limits::{FORMS_BYTES_PER_LICENSE, GROUPS_PER_LICENSE, MAX_GROUP_ID, NAME_CHARS};
use crate::participant::Duty;
use crate::participant::form::{Form, FormKind};
use crate::participant::license::{Group, License};
use crate::participant::settings::OwnSettings;
use crate::routing::Priority;

impl License {
    /// Does this group exist?
    #[must_use]
    pub fn has_group(&self, group: GroupId) -> bool {
        self.groups.contains_key(&group)
    }

    /// The groups that an agent or bot with this duty is in: those it was put into that exist, with
    /// its priority there, and every deleted one. A chat that names a deleted group falls to
    /// everybody: it is seen and routed as if it named group 0.
    #[must_use]
    pub fn living(&self, duty: &Duty) -> Vec<(GroupId, Priority)> {
        let own = duty.groups.iter().copied().filter(|(group, _)| self.has_group(*group));
        let everybody = duty.priority_in_everybody();
        own.chain(self.gone_groups.iter().map(|group| (*group, everybody))).collect()
    }

    /// Makes a group. A number that was given before may be given again by name only: chats still
    /// name the old one.
    pub(crate) fn create_group(
        &mut self,
        group: Option<GroupId>,
        name: &str,
        settings: OwnSettings,
    ) -> Result<(), Rejected> {
        let id = group.map_or_else(|| self.next_group(), Ok)?;
        if id.0 > MAX_GROUP_ID {
            return Err(Rejected::invalid("id", format!("must be at most {MAX_GROUP_ID}")));
        }
        if self.has_group(id) {
            return Err(Rejected::invalid("id", "is another group's"));
        }
        self.gone_groups.remove(&id);
        within("group", self.groups.len() + self.gone_groups.len() + 1, GROUPS_PER_LICENSE, "groups")?;
        check_name(name)?;
        let settings = settings.of(None, self.settings)?;
        self.groups.insert(id, Group { settings, ..Group::named(name) });
        self.group_changes += 1;
        Ok(())
    }

    fn next_group(&self) -> Result<GroupId, Rejected> {
        let last = self.groups.keys().chain(&self.gone_groups).max().map_or(0, |id| id.0);
        let next = last.checked_add(1).filter(|next| *next <= MAX_GROUP_ID);
        next.map(GroupId).ok_or_else(|| Rejected::invalid("id", "missing: no number above the last is left"))
    }

    pub(crate) fn change_group(
        &mut self,
        group: GroupId,
        name: Option<Box<str>>,
        settings: OwnSettings,
    ) -> Result<(), Rejected> {
        let license = self.settings;
        let changed = self.groups.get_mut(&group).ok_or(Rejected::GroupNotFound(group))?;
        if let Some(name) = name {
            check_name(&name)?;
            changed.name = name;
        }
        changed.settings = settings.of(changed.settings, license)?;
        Ok(())
    }

    /// Deletes a group, and from every form the choice of it; a form that asked for nothing else goes.
    pub(crate) fn delete_group(&mut self, group: GroupId) -> Result<(), Rejected> {
        if group == GroupId::EVERYBODY {
            return Err(Rejected::invalid("group_id", "group 0 holds everybody and cannot be deleted"));
        }
        self.groups.remove(&group).ok_or(Rejected::GroupNotFound(group))?;
        self.gone_groups.insert(group);
        self.group_changes += 1;
        for other in self.groups.values_mut() {
            other.forms.retain(|_, form| {
                form.without_group(group);
                !form.fields.is_empty()
            });
        }
        Ok(())
    }

    pub(super) fn set_form(
        &mut self,
        group: GroupId,
        kind: FormKind,
        form: Option<Form>,
    ) -> Result<(), Rejected> {
        let known: BTreeSet<_> = self.groups.keys().copied().collect();
        let changed = self.groups.get_mut(&group).ok_or(Rejected::GroupNotFound(group))?;
        match form {
            None => drop(changed.forms.remove(&kind)),
            Some(form) => {
                form.check(|group| known.contains(&group))?;
                changed.forms.insert(kind, form);
            }
        }
        let bytes = self.groups.values().flat_map(|group| group.forms.values()).map(Form::bytes).sum();
        within("fields", bytes, FORMS_BYTES_PER_LICENSE, "bytes of text in all forms together")
    }
}

impl Duty {
    /// Its priority in group 0, in which everybody is.
    #[must_use]
    pub fn priority_in_everybody(&self) -> Priority {
        let own = self.groups.iter().find(|(group, _)| *group == GroupId::EVERYBODY);
        own.map_or(self.default_priority, |(_, priority)| *priority)
    }

    /// Puts it into a group with a priority, or takes it out (`None`); the other places stay in order.
    pub fn place(&mut self, group: GroupId, priority: Option<Priority>) {
        let place = self.groups.iter_mut().find(|(id, _)| *id == group);
        match (place, priority) {
            (Some((_, own)), Some(priority)) => *own = priority,
            (None, Some(priority)) => self.groups.push((group, priority)),
            (Some(_), None) => self.groups.retain(|(id, _)| *id != group),
            (None, None) => {}
        }
    }
}

fn check_name(name: &str) -> Result<(), Rejected> {
    if name.trim().is_empty() {
        return Err(Rejected::invalid("name", "must not be blank"));
    }
    within("name", name.chars().count(), NAME_CHARS, "characters")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::id::{ClientId, LicenseId};
    use crate::participant::form::tests::{chooser, form};
    use crate::participant::license::LicenseChange;
    use crate::participant::settings::{Settings, SettingsChange};
    use crate::time::Timestamp;

    fn license() -> License {
        License::new(LicenseId(1), "org", ClientId::new("app-1"), Timestamp::from_secs(1))
    }

    fn create(id: Option<u32>, name: &str) -> LicenseChange {
        LicenseChange::CreateGroup { group: id.map(GroupId), name: name.into(), settings: OwnSettings::Keep }
    }

    fn run(license: &mut License, change: LicenseChange) -> Result<bool, Rejected> {
        let fact = license.change(change)?;
        let changes = fact.is_some();
        fact.iter().for_each(|fact| license.apply(fact));
        Ok(changes)
    }

    fn field(refused: Result<bool, Rejected>) -> String {
        match refused {
            Err(Rejected::Invalid { field, .. }) => field,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn numbers_go_on_behind_the_last_and_are_not_given_twice_by_themselves() {
        let mut license = license();
        for (id, name) in [(None, "Sales"), (Some(7), "Support"), (None, "Returns")] {
            assert_eq!(run(&mut license, create(id, name)), Ok(true));
        }
        let ids: Vec<_> = license.groups.keys().map(|id| id.0).collect();
        assert_eq!(ids, [0, 1, 7, 8]);
        run(&mut license, LicenseChange::DeleteGroup(GroupId(8))).unwrap();
        run(&mut license, create(None, "Next")).unwrap();
        assert!(license.has_group(GroupId(9)) && license.gone_groups.contains(&GroupId(8)));
        run(&mut license, create(Some(8), "Again")).unwrap();
        assert!(license.gone_groups.is_empty());
        assert_eq!(license.group_changes, 6);
    }

    #[test]
    fn what_cannot_be_is_refused_and_named() {
        let mut license = license();
        run(&mut license, create(Some(3), "Sales")).unwrap();
        assert_eq!(field(run(&mut license, create(Some(3), "Sales"))), "id");
        assert_eq!(field(run(&mut license, create(Some(MAX_GROUP_ID + 1), "Sales"))), "id");
        assert_eq!(field(run(&mut license, create(None, " "))), "name");
        assert_eq!(field(run(&mut license, create(None, &"x".repeat(NAME_CHARS + 1)))), "name");
        assert_eq!(field(run(&mut license, LicenseChange::DeleteGroup(GroupId(0)))), "group_id");
        let gone = Err(Rejected::GroupNotFound(GroupId(4)));
        assert_eq!(run(&mut license, LicenseChange::DeleteGroup(GroupId(4))), gone);
        let rename = |group, name: &str| LicenseChange::ChangeGroup {
            group: GroupId(group),
            name: Some(name.into()),
            settings: OwnSettings::Keep,
        };
        assert_eq!(run(&mut license, rename(4, "x")), gone);
        assert_eq!(field(run(&mut license, rename(3, ""))), "name");
        assert_eq!(run(&mut license, rename(3, "Sales")), Ok(false));
        assert_eq!(run(&mut license, rename(0, "All of us")), Ok(true));
        assert_eq!(license.groups.len(), 2);
        run(&mut license, create(Some(MAX_GROUP_ID), "Last")).unwrap();
        assert_eq!(field(run(&mut license, create(None, "One more"))), "id");
    }

    #[test]
    fn a_license_has_a_bounded_number_of_groups_deleted_ones_included() {
        let mut license = license();
        for _ in 2..GROUPS_PER_LICENSE {
            license.create_group(None, "g", OwnSettings::Keep).unwrap();
        }
        assert_eq!(run(&mut license, create(None, "the last")), Ok(true));
        assert_eq!(field(run(&mut license, create(None, "one more"))), "group");
        run(&mut license, LicenseChange::DeleteGroup(GroupId(5))).unwrap();
        assert_eq!(field(run(&mut license, create(None, "one more"))), "group");
        assert_eq!(run(&mut license, create(Some(5), "again")), Ok(true));
    }

    #[test]
    fn a_group_has_its_own_settings_until_they_are_taken_away() {
        let mut license = license();
        run(&mut license, create(Some(3), "Sales")).unwrap();
        let change = |settings| LicenseChange::ChangeGroup { group: GroupId(3), name: None, settings };
        let limit = SettingsChange { queue_limit: Some(5), ..SettingsChange::default() };
        run(&mut license, change(OwnSettings::Set(limit))).unwrap();
        assert_eq!(
            license.router_settings().of(&[GroupId(3)]),
            Settings { queue_limit: 5, ..Settings::default() }
        );
        run(&mut license, change(OwnSettings::Drop)).unwrap();
        assert_eq!(license.groups[&GroupId(3)].settings, None);
    }

    #[test]
    fn chats_of_a_deleted_group_fall_to_everybody() {
        let mut license = license();
        run(&mut license, create(Some(3), "Sales")).unwrap();
        run(&mut license, create(Some(4), "Support")).unwrap();
        let mut duty = Duty { groups: vec![(GroupId(3), Priority::First)], ..Duty::default() };
        assert_eq!(license.living(&duty), [(GroupId(3), Priority::First)]);
        for group in [3, 4] {
            run(&mut license, LicenseChange::DeleteGroup(GroupId(group))).unwrap();
        }
        let both = |priority| [(GroupId(3), priority), (GroupId(4), priority)];
        assert_eq!(license.living(&duty), both(Priority::Normal));
        duty.groups.push((GroupId(0), Priority::Last));
        assert_eq!(license.living(&duty)[1..], both(Priority::Last));
    }

    #[test]
    fn one_is_put_into_a_group_moved_in_it_and_taken_out() {
        let mut duty = Duty::default();
        duty.place(GroupId(3), Some(Priority::First));
        duty.place(GroupId(4), Some(Priority::Last));
        duty.place(GroupId(3), Some(Priority::Normal));
        assert_eq!(duty.groups, [(GroupId(3), Priority::Normal), (GroupId(4), Priority::Last)]);
        duty.place(GroupId(3), None);
        duty.place(GroupId(5), None);
        assert_eq!(duty.groups, [(GroupId(4), Priority::Last)]);
    }

    #[test]
    fn forms_belong_to_groups_and_are_bounded_together() {
        let mut license = license();
        run(&mut license, create(Some(3), "Sales")).unwrap();
        let set =
            |group, form| LicenseChange::SetForm { group: GroupId(group), kind: FormKind::Prechat, form };
        assert_eq!(run(&mut license, set(9, None)), Err(Rejected::GroupNotFound(GroupId(9))));
        assert_eq!(
            field(run(&mut license, set(0, Some(form(vec![chooser(&[9])]))))),
            "fields[0].options[0].group_id"
        );
        run(&mut license, set(0, Some(form(vec![chooser(&[0, 3])])))).unwrap();
        run(&mut license, LicenseChange::DeleteGroup(GroupId(3))).unwrap();
        let left = form(vec![chooser(&[0])]);
        assert_eq!(license.groups[&GroupId(0)].forms[&FormKind::Prechat], left);
        assert_eq!(run(&mut license, set(0, None)), Ok(true));
        assert_eq!(run(&mut license, set(0, None)), Ok(false));

        let great = |bytes: usize| {
            let mut great = form(vec![chooser(&[0])]);
            great.fields[0].label = "x".repeat(bytes).into();
            great
        };
        let fit = FORMS_BYTES_PER_LICENSE / great(4_000).bytes();
        for group in 0..fit {
            let id = GroupId(u32::try_from(group).unwrap() + 100);
            license.create_group(Some(id), "g", OwnSettings::Keep).unwrap();
            license.set_form(id, FormKind::Postchat, Some(great(4_000))).unwrap();
        }
        assert_eq!(field(run(&mut license, set(0, Some(great(4_000))))), "fields");
    }
}
