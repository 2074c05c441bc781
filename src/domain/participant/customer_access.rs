//! Who may see a customer: kept and told, without an effect on routing. Source: spec v3.0, 5.2, 8.2
//! and 12 #28.

use crate::auth::Principal;
use crate::conversation::Lookup;
use crate::conversation::access::{Access, AccessChange, AccessOwner};
use crate::conversation::push::{Address, Push, Told};
use crate::error::Rejected;
use crate::participant::customer::{Customer, CustomerFact};
use crate::time::Timestamp;

impl Customer {
    /// Changes who may see the customer; `None` when nothing changes. The asker reaches it as it
    /// would a chat with this access; `together`: they are in a chat with each other now.
    ///
    /// # Errors
    /// `NoAccess` for an asker out of reach, else as [`AccessChange::made_to`].
    pub fn change_access(
        &self,
        change: AccessChange,
        (by, together): (&Principal, bool),
        license: &dyn Lookup,
        now: Timestamp,
    ) -> Result<Option<CustomerFact>, Rejected> {
        if !by.reached(&self.access, together).covered_by(by.scopes.write_meta()) {
            return Err(Rejected::NoAccess);
        }
        let access = change.made_to(&self.access, license)?;
        if access == self.access {
            return Ok(None);
        }
        let (at, by) = (now.after(self.changed_at), by.agent().cloned());
        Ok(Some(CustomerFact::AccessChanged { at, access, change, by }))
    }

    /// What is told of a change: to whoever could see the customer before it or can now. The
    /// customer knows only of access that was set, as of a chat's.
    #[must_use]
    pub fn access_told(&self, change: AccessChange, before: &Access) -> Told {
        let customer = matches!(change, AccessChange::Set(_)).then_some(self.id);
        let to = Address {
            customer,
            groups: self.access.groups.union(&before.groups).copied().collect(),
            named: self.access.agents.union(&before.agents).cloned().collect(),
            ..Address::nobody()
        };
        let of = AccessOwner::Customer(self.id);
        Told {
            push: Push::AccessChanged { of, change, access: self.access.clone() },
            to,
            main: true,
            seq: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::auth::{Scope, ScopeSet};
    use crate::id::{AgentId, ClientId, CustomerId, GroupId, LicenseId, UserId};
    use crate::participant::settings::Settings;

    const NOW: Timestamp = Timestamp::from_secs(10);

    /// Ann and Bob; groups 0 to 2.
    struct World;

    impl Lookup for World {
        fn name(&self, user: &UserId) -> Option<Arc<str>> {
            user.agent().map(AgentId::as_str).filter(|id| ["ann", "bob"].contains(id)).map(Arc::from)
        }
        fn is_bot(&self, _: &AgentId) -> bool {
            false
        }
        fn group_name(&self, group: GroupId) -> Option<Arc<str>> {
            (group.0 < 3).then(|| Arc::from("a group"))
        }
        fn groups_of(&self, _: &AgentId) -> Vec<GroupId> {
            Vec::new()
        }
        fn settings(&self, _: &Access) -> Settings {
            Settings::default()
        }
        fn is_banned(&self, _: CustomerId, _: Timestamp) -> bool {
            false
        }
        fn customer_left(&self, _: CustomerId) -> Option<Timestamp> {
            None
        }
    }

    fn mia() -> Customer {
        Customer::new(CustomerId::from_random(1), 1, NOW)
    }

    fn ann(scope: &str) -> Principal {
        let scopes: ScopeSet = scope.parse::<Scope>().into_iter().collect();
        Principal {
            license: LicenseId(1),
            user: UserId::Agent(AgentId::new("ann")),
            client: ClientId::new("app"),
            bot: false,
            scopes,
            groups: vec![GroupId(0), GroupId(1)],
            token: [0; 32],
        }
    }

    fn changed(mia: &Customer, change: AccessChange) -> Result<Option<Customer>, Rejected> {
        let fact = mia.change_access(change, (&ann("chats--all:rw"), false), &World, NOW)?;
        Ok(fact.map(|fact| {
            let mut after = mia.clone();
            after.apply(&fact);
            after
        }))
    }

    #[test]
    fn a_change_is_kept_and_told_to_whoever_could_or_can_see_the_customer() {
        let two = AccessChange::Set(Access::of(GroupId(2)));
        let Ok(Some(of_two)) = changed(&mia(), two.clone()) else { unreachable!() };
        assert_eq!(of_two.access, Access::of(GroupId(2)));
        let told = of_two.access_told(two.clone(), &mia().access);
        assert_eq!(told.to.groups, [GroupId(0), GroupId(2)]);
        assert_eq!(told.to.customer, Some(of_two.id));
        assert_eq!(changed(&of_two, two), Ok(None), "nothing changes");
        let bob = AccessChange::Granted(Access::of_agent(AgentId::new("bob")));
        let Ok(Some(with_bob)) = changed(&of_two, bob.clone()) else { unreachable!() };
        let told = with_bob.access_told(bob, &of_two.access);
        assert_eq!((told.to.named, told.to.customer), (vec![AgentId::new("bob")], None));
    }

    #[test]
    fn what_the_license_lacks_and_an_access_of_nobody_are_refused() {
        let group = |id| Access::of(GroupId(id));
        let refused = changed(&mia(), AccessChange::Granted(group(3)));
        assert_eq!(refused, Err(Rejected::GroupNotFound(GroupId(3))));
        let eve = Access::of_agent(AgentId::new("eve"));
        assert!(matches!(changed(&mia(), AccessChange::Set(eve)), Err(Rejected::NotFound(_))));
        assert!(matches!(changed(&mia(), AccessChange::Revoked(group(0))), Err(Rejected::Invalid { .. })));
    }

    #[test]
    fn a_scope_reaches_a_customer_as_it_reaches_a_chat() {
        let Ok(Some(of_two)) = changed(&mia(), AccessChange::Set(Access::of(GroupId(2)))) else {
            unreachable!()
        };
        let one = || AccessChange::Granted(Access::of(GroupId(1)));
        for (mia, scope, together, allowed) in [
            (&of_two, "chats--all:rw", false, true),
            (&of_two, "chats--access:rw", false, false),
            (&of_two, "chats--access:rw", true, true),
            (&mia(), "chats--access:rw", false, true),
            (&mia(), "chats--my:rw", false, false),
            (&mia(), "chats--my:rw", true, true),
            (&mia(), "chats--all:ro", true, false),
        ] {
            let decided = mia.change_access(one(), (&ann(scope), together), &World, NOW);
            assert_eq!(decided != Err(Rejected::NoAccess), allowed, "{scope}, together: {together}");
        }
    }
}
