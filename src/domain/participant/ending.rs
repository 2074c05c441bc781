//! Licenses that come and go: how many there may be, and the end of one, which is a single fact from which
//! everything else follows.

use serde::{Deserialize, Serialize};

use crate::desk::{Account, Desk};
use crate::error::{Rejected, Resource};
use crate::limits::LICENSES_PER_INSTALLATION;
use crate::participant::license::{License, LicenseFact};
use crate::time::Timestamp;

/// The end of a license.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// The greatest process-wide creation number given out by then (design D14): what had it is forgotten.
    pub number: u64,
}

impl License {
    /// May there be one more license beside so many?
    ///
    /// # Errors
    /// `AllowanceReached` from [`LICENSES_PER_INSTALLATION`] on.
    pub fn room_beside(licenses: usize) -> Result<(), Rejected> {
        if licenses < LICENSES_PER_INSTALLATION { Ok(()) } else { Err(Rejected::AllowanceReached) }
    }

    /// Decides its end; whatever it had is forgotten. `number` is the greatest creation number by now.
    ///
    /// # Errors
    /// `NotFound` when it ended before.
    pub fn end(&self, now: Timestamp, number: u64) -> Result<LicenseFact, Rejected> {
        self.must_be_there()?;
        Ok(LicenseFact::Ended(Ended { at: now.after(self.created_at), number }))
    }

    /// Refuses whatever is asked of one that ended.
    pub(super) fn must_be_there(&self) -> Result<(), Rejected> {
        if self.ended.is_some() { Err(Rejected::NotFound(Resource::License)) } else { Ok(()) }
    }

    /// What is left of it: its numbers, so that nobody gets them again.
    pub(super) fn without_all(&self, ended: Ended) -> Self {
        let about = Account { by_platform: self.desk.about.by_platform, ..Account::default() };
        let desk = Desk { account: self.desk.account, about, ..Desk::default() };
        let bare = Self::new(self.id, &self.organization_id, self.client.clone(), self.created_at);
        Self { desk, ended: Some(ended), ..bare }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::id::{ClientId, GroupId, LicenseId};
    use crate::participant::license::LicenseChange;
    use crate::participant::settings::OwnSettings;

    fn license() -> License {
        License::new(LicenseId(1), "org", ClientId::new("app-1"), Timestamp::from_secs(1))
    }

    #[test]
    fn an_installation_has_so_many_licenses() {
        assert_eq!(License::room_beside(LICENSES_PER_INSTALLATION - 1), Ok(()));
        assert_eq!(License::room_beside(LICENSES_PER_INSTALLATION), Err(Rejected::AllowanceReached));
    }

    #[test]
    fn of_a_license_that_ended_its_numbers_are_left_and_it_stays_so() {
        let mut license = license();
        license.desk.account = 7;
        license.desk.about.by_platform = true;
        let made = LicenseChange::CreateGroup { group: None, name: "g".into(), settings: OwnSettings::Keep };
        let made = license.change(made).unwrap();
        license.apply(&made.unwrap());
        let end = license.end(Timestamp::from_secs(0), 99).unwrap();
        license.apply(&end);
        let ended = Ended { at: Timestamp::from_micros(1_000_001), number: 99 };
        assert_eq!((license.ended, license.desk.account, license.id), (Some(ended), 7, LicenseId(1)));
        assert!(license.desk.about.by_platform && license.groups.len() == 1);
        let gone = Rejected::NotFound(Resource::License);
        assert_eq!(license.end(Timestamp::from_secs(9), 100), Err(gone.clone()));
        assert_eq!(license.change(LicenseChange::DeleteGroup(GroupId(1))), Err(gone));
    }

    #[test]
    fn a_license_stored_before_it_could_end_still_opens() {
        let stored = rmp_serde::to_vec(&license()).unwrap();
        // The last field of thirteen is nil; before it the desk, whose last of six is what is known of it.
        let about = rmp_serde::to_vec(&Account::default()).unwrap();
        let (rest, last) = stored.split_at(stored.len() - 1 - about.len());
        assert_eq!((stored[0], last), (0x9d, &*[&about[..], &[0xc0]].concat()));
        let at = rest.len() - 6;
        assert_eq!(rest[at], 0x96, "the desk");
        let older = [&[0x9c], &rest[1..at], &[0x95], &rest[at + 1..]].concat();
        assert_eq!(rmp_serde::from_slice::<License>(&older).unwrap(), license());
    }
}
