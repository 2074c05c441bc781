//! The dead letters of a license: their lines in memory, their bodies in storage.

use std::collections::HashMap;

use switchboard_domain::id::LicenseId;
use switchboard_domain::time::Timestamp;
use switchboard_domain::webhook::{DeadLetter, DeadLetters, DeadLine, DeliveryId, Keeping};

use super::encode;
use super::pages::Pages;
use crate::engine::entry::unreadable;
use crate::storage::{Records, Save, StorageError};

/// The dead letters of a license.
pub(crate) struct Graves {
    license: LicenseId,
    /// What is known of each.
    pub(crate) lines: DeadLetters,
    /// Those that could not be stored yet. What holds the checkpoint back for them stays.
    unsaved: HashMap<DeliveryId, DeadLetter>,
}

impl Graves {
    /// Reads what is stored; what was kept under a larger bound is forgotten.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn open(
        records: &Records,
        license: LicenseId,
        keeping: Keeping,
    ) -> Result<Self, StorageError> {
        let mut lines = DeadLetters::new(keeping);
        let mut forgotten = Vec::new();
        records.each_dead_letter(license, &mut |bytes| {
            forgotten.extend(lines.add(DeadLine::of(&decode(&bytes)?)));
            Ok(())
        })?;
        let mut pages = Pages::new(records);
        for id in forgotten {
            pages.add(|save| {
                save.dead_letter_remove(license, id.as_str());
            })?;
        }
        pages.save()?;
        Ok(Self { license, lines, unsaved: HashMap::new() })
    }

    /// Takes one in; `store` it then.
    pub(crate) fn add(&mut self, letter: DeadLetter) {
        self.unsaved.insert(letter.delivery.id.clone(), letter);
    }

    /// Adds to `save` what is not stored yet, in the place of the owed deliveries. Returns which.
    pub(crate) fn store(&mut self, save: &mut Save) -> Vec<DeliveryId> {
        let mut stored = Vec::new();
        for (id, letter) in &self.unsaved {
            match encode(letter) {
                Ok(bytes) => {
                    save.dead_letter_put(self.license, id.as_str(), &bytes);
                    save.delivery_remove(self.license, id.as_str());
                    stored.push(id.clone());
                }
                Err(error) => tracing::error!(%error, "a dead letter cannot be stored"),
            }
        }
        stored
    }

    /// These are stored: they can be listed and replayed. What is too much is forgotten with `save`; tells how
    /// many those are.
    pub(crate) fn stored(&mut self, ids: &[DeliveryId], save: &mut Save) -> usize {
        let mut count = 0;
        for id in ids {
            if let Some(letter) = self.unsaved.remove(id) {
                let forgotten = self.lines.add(DeadLine::of(&letter));
                count += forgotten.len();
                self.forget(save, &forgotten);
            }
        }
        count
    }

    /// Forgets those that were kept long enough.
    pub(crate) fn expire(&mut self, now: Timestamp, save: &mut Save) {
        let forgotten = self.lines.expire(now);
        self.forget(save, &forgotten);
    }

    /// Dead letters in full, those of them that are stored.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(crate) fn letters(
        &self,
        records: &Records,
        ids: &[DeliveryId],
    ) -> Result<Vec<DeadLetter>, StorageError> {
        let mut letters = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(bytes) = records.dead_letter(self.license, id.as_str())? {
                letters.push(decode(&bytes)?);
            }
        }
        Ok(letters)
    }

    /// Those are stored as they were no more.
    pub(crate) fn forget(&mut self, save: &mut Save, ids: &[DeliveryId]) {
        for id in ids {
            drop(self.lines.remove(id));
            save.dead_letter_remove(self.license, id.as_str());
        }
    }
}

fn decode(bytes: &[u8]) -> Result<DeadLetter, StorageError> {
    rmp_serde::from_slice(bytes).map_err(|error| unreadable("a dead letter", &error))
}
