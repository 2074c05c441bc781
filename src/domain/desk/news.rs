//! What is told of inboxes.

use crate::desk::Inbox;
use crate::participant::license::License;

/// An inbox with the name that its group gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxCard {
    /// The inbox.
    pub inbox: Inbox,
    /// Its shown name.
    pub name: Box<str>,
}

/// An inbox was made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxNews {
    /// As it was; `None` when it is new.
    pub before: Option<InboxCard>,
    /// As it is.
    pub after: InboxCard,
}

/// What a change of a license is to its inboxes, in the order of their numbers: those that are new, and
/// those that are shown otherwise. Which bot answers first is a matter of the bot's and told nobody; so is
/// that an inbox is gone.
#[must_use]
pub fn told_of_inbox(before: &License, after: &License) -> Vec<InboxNews> {
    // Nearly no change of a license is one of its inboxes, and looking is cheaper than copying.
    if before.desk.inboxes == after.desk.inboxes && before.groups == after.groups {
        return Vec::new();
    }
    let news = after.desk.inboxes.values().filter_map(|inbox| {
        let news = InboxNews { before: card(before, inbox.number), after: card(after, inbox.number)? };
        (news.before.as_ref() != Some(&news.after)).then_some(news)
    });
    news.collect()
}

fn card(license: &License, number: u64) -> Option<InboxCard> {
    let inbox = license.desk.inboxes.get(&number)?;
    let name = license.groups.get(&inbox.group).map(|group| group.name.clone()).unwrap_or_default();
    Some(InboxCard { inbox: Inbox { bot: None, ..inbox.clone() }, name })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::desk::{Channel, DeskChange};
    use crate::id::{AgentId, ClientId, LicenseId};
    use crate::participant::license::LicenseChange;
    use crate::time::Timestamp;

    fn told(license: &mut License, change: DeskChange) -> Vec<InboxNews> {
        let before = license.clone();
        let fact = license.change(LicenseChange::Desk(change)).unwrap();
        fact.iter().for_each(|fact| license.apply(fact));
        told_of_inbox(&before, license)
    }

    fn put(number: u64, name: &str, lock_to_single: bool) -> DeskChange {
        let inbox = Inbox::new(number, Channel::Api, ["key".into(), "hmac".into(), "secret".into()]);
        DeskChange::PutInbox { inbox: Box::new(Inbox { lock_to_single, ..inbox }), name: name.into() }
    }

    #[test]
    fn what_is_new_or_shown_otherwise_is_told_and_nothing_else() {
        let mut license = License::new(LicenseId(1), "org", ClientId::new("app"), Timestamp::from_secs(1));
        let made = told(&mut license, put(7, "Site", false));
        assert_eq!((made.len(), &made[0].before, &*made[0].after.name), (1, &None, "Site"));
        assert_eq!(told(&mut license, put(7, "Site", false)), []);
        let renamed = told(&mut license, put(7, "Shop", false));
        assert_eq!(renamed[0].before.as_ref().map(|card| &*card.name), Some("Site"));
        assert_eq!(&*renamed[0].after.name, "Shop");
        let other = told(&mut license, put(8, "Other", false));
        assert_eq!(other.iter().map(|news| news.after.inbox.number).collect::<Vec<_>>(), [8]);
        assert!(told(&mut license, put(8, "Other", true))[0].after.inbox.lock_to_single);
        let bot = Some(AgentId::bot_from_random(1));
        assert_eq!(told(&mut license, DeskChange::SetBot { inbox: 7, bot }), []);
        assert_eq!(told(&mut license, DeskChange::DeleteInbox(8)), []);
    }
}
