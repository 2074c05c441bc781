//! Settings of a license that its applications read and change.

use std::collections::BTreeMap;
use std::rc::Rc;

use switchboard_domain::auth::Principal;
use switchboard_domain::conversation::properties::PropertyTable;
use switchboard_domain::error::Rejected;
use switchboard_domain::id::{GroupId, LicenseId};
use switchboard_domain::participant::form::FormKind;
use switchboard_domain::participant::license::LicenseChange;

use crate::engine::license::Change;
use crate::engine::link;
use crate::engine::operations::read::table;
use crate::engine::order::{Done, Outcome};
use crate::engine::release::Answer;
use crate::engine::shard::Shard;

/// Changes a license.
pub(crate) fn change_license(shard: &Rc<Shard>, license: LicenseId, change: LicenseChange, answer: Answer) {
    match shard.engine.directory().license(license) {
        Some(actors) => {
            let done = match &change {
                LicenseChange::RegisterWebhook(webhook) => Done::WebhookRegistered(webhook.id.clone()),
                _ => Done::Nothing,
            };
            link::tell(&actors.license, Change { change, answer, done });
        }
        None => shard.answer(answer, Err(Rejected::Internal.into())),
    }
}

/// Webhooks of the principal's application, or of all, oldest first. The table holds only what is
/// durable.
pub(super) fn webhooks(shard: &Shard, by: &Principal, all: bool) -> Outcome {
    let license = table(shard, by.license)?.license.load_full();
    let shown = license.webhooks.iter().filter(|webhook| all || webhook.client == by.client);
    Ok(Done::Webhooks(shown.cloned().collect()))
}

/// Definitions of properties: of the principal's application, or all. The table holds only what is
/// durable.
pub(super) fn properties(shard: &Shard, by: &Principal, all: bool) -> Outcome {
    let table = table(shard, by.license)?.properties();
    let own = |table: &PropertyTable| {
        let mine = table.0.get_key_value(by.client.as_str());
        PropertyTable(
            mine.map(|(name, mine)| (name.clone(), mine.clone())).into_iter().collect::<BTreeMap<_, _>>(),
        )
    };
    Ok(Done::Properties(if all { (*table).clone() } else { own(&table) }))
}

/// A form of a group, as customers ask for it.
pub(super) fn form(shard: &Shard, license: LicenseId, group: GroupId, kind: FormKind) -> Outcome {
    let license = table(shard, license)?.license.load_full();
    let group = license.groups.get(&group).ok_or(Rejected::GroupNotFound(group))?;
    Ok(Done::Form(group.forms.get(&kind).cloned().map(Box::new)))
}
