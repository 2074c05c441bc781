//! What a login answers (spec v3.0, 5.6 and 6).

use serde::Serialize;
use switchboard_domain::conversation::recent::Seq;
use switchboard_domain::id::{ConversationId, CustomerId, LicenseId};

use super::list::SummaryOut;
use super::user::MyProfile;
use super::{Lens, Text};
use crate::engine::dialect::Side;
use crate::engine::order::{AgentWelcome, CustomerWelcome, ResumedChat, Shown};

/// The plan we tell: there is only one.
const PLAN: &str = "business";
/// A license of one's own server does not end: the year 2100.
const NEVER: u64 = 4_102_444_800;

/// An agent's welcome.
#[derive(Serialize)]
pub(super) struct AgentLoginOut<'a> {
    license: LicenseOut,
    my_profile: MyProfile<'a>,
    chats_summary: Vec<SummaryOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<ResumeOut>,
}

#[derive(Serialize)]
struct LicenseOut {
    id: Text<LicenseId>,
    plan: &'static str,
    expiration_timestamp: u64,
    creation_timestamp: u64,
    in_trial: bool,
}

impl<'a> From<&'a Shown<AgentWelcome>> for AgentLoginOut<'a> {
    fn from(shown: &'a Shown<AgentWelcome>) -> Self {
        let lens = Lens::of(Side::Agent, shown);
        let welcome = &shown.what;
        let me = &welcome.me.id;
        Self {
            license: LicenseOut {
                id: Text(welcome.license),
                plan: PLAN,
                expiration_timestamp: NEVER,
                creation_timestamp: welcome.license_created_at.as_secs(),
                in_trial: false,
            },
            my_profile: (&*welcome.me).into(),
            chats_summary: welcome.chats.iter().map(|summary| lens.summary(summary, Some(me))).collect(),
            resume: ResumeOut::of(welcome.resumed.as_deref()),
        }
    }
}

/// Where the client stands in its chats (ours; design D12).
#[derive(Serialize)]
struct ResumeOut {
    chats: Vec<ResumedOut>,
}

#[derive(Serialize)]
struct ResumedOut {
    chat_id: Text<ConversationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<Text<Seq>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered: Option<bool>,
}

impl ResumeOut {
    fn of(chats: Option<&[ResumedChat]>) -> Option<Self> {
        let out = |chat: &ResumedChat| ResumedOut {
            chat_id: Text(chat.chat),
            seq: chat.seq.map(Text),
            recovered: chat.recovered,
        };
        chats.map(|chats| Self { chats: chats.iter().map(out).collect() })
    }
}

/// A customer's welcome.
#[derive(Serialize)]
pub(super) struct CustomerLoginOut {
    customer_id: Text<CustomerId>,
    has_active_thread: bool,
    chats: Vec<CustomerChat>,
    #[serde(rename = "__priv_dynamic_config")]
    dynamic_config: DynamicConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<ResumeOut>,
}

#[derive(Serialize)]
struct CustomerChat {
    chat_id: Text<ConversationId>,
    has_unread_events: bool,
}

#[derive(Serialize)]
struct DynamicConfig {
    online_groups_ids: Vec<u32>,
}

impl From<&CustomerWelcome> for CustomerLoginOut {
    fn from(welcome: &CustomerWelcome) -> Self {
        let chat = |(id, _, unread): &(ConversationId, bool, bool)| CustomerChat {
            chat_id: Text(*id),
            has_unread_events: *unread,
        };
        Self {
            customer_id: Text(welcome.customer.id),
            has_active_thread: welcome.chats.iter().any(|(_, active, _)| *active),
            chats: welcome.chats.iter().map(chat).collect(),
            dynamic_config: DynamicConfig {
                online_groups_ids: welcome.online_groups.iter().map(|group| group.0).collect(),
            },
            resume: ResumeOut::of(welcome.resumed.as_deref()),
        }
    }
}
