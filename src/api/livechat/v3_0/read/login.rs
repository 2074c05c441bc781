//! The first request of a connection (spec v3.0, 5.6 and 6). What has no effect here, such as
//! the time zone, is checked all the same and then dropped.

use std::borrow::Cow;

use switchboard_domain::conversation::event::within;
use switchboard_domain::conversation::recent::{NotASeq, Seq};
use switchboard_domain::id::{ConversationId, GroupId};
use switchboard_domain::limits::URL_CHARS;
use switchboard_domain::participant::customer::check_side_storage;

use super::Call;
use super::customers::{Named, change, page};
use crate::api::livechat::object::Object;
use crate::engine::dialect::Ask;
use crate::engine::limits::RESUME_CHATS;
use crate::engine::order::{Failure, Login};

/// `login` of an agent, or of the bot named as author.
pub(in super::super) fn agent_login(call: &Call<'_>) -> Result<Ask, Failure> {
    let token = token(&call.args)?;
    check_agents_client(&call.args)?;
    Ok(Ask::Login(Login::Agent {
        token,
        author: call.author.clone(),
        reconnect: call.args.flag("reconnect")?,
        resume: resume(&call.args)?,
    }))
}

/// `login` of a customer.
pub(in super::super) fn customer_login(call: &Call<'_>) -> Result<Ask, Failure> {
    let args = &call.args;
    let token = token(args)?;
    let customer: Object<'_> = args.optional("customer")?.unwrap_or_default();
    let opened: Object<'_> = args.optional("customer_page")?.unwrap_or_default();
    // A page without an address is none.
    let url: Option<Box<str>> = opened.optional("url")?;
    let opened = page(&opened, url.clone().unwrap_or_default())?;
    let referrer: Option<Box<str>> = args.optional("referrer")?;
    let chars = referrer.as_ref().map_or(0, |referrer| referrer.chars().count());
    within("referrer", chars, URL_CHARS, "characters")?;
    let side_storage = args.optional::<Named>("customer_side_storage")?.map(|named| named.0);
    side_storage.as_ref().map_or(Ok(()), check_side_storage)?;
    args.flag("is_mobile")?;
    Ok(Ask::Login(Login::Customer {
        token,
        group: args.optional("group_id")?.map(GroupId),
        change: change(&customer)?,
        page: url.map(|_| opened),
        referrer,
        side_storage,
        resume: resume(args)?,
    }))
}

/// Where the client stood in its chats (ours; design D12).
fn resume(args: &Object<'_>) -> Result<Option<Vec<(ConversationId, Seq)>>, Failure> {
    let Some(resume) = args.optional::<Object<'_>>("resume")? else { return Ok(None) };
    let chats: Vec<Object<'_>> = resume.optional("chats")?.unwrap_or_default();
    within("resume.chats", chats.len(), RESUME_CHATS, "chats")?;
    let place = |chat: &Object<'_>| {
        let seq = chat.required::<Cow<'_, str>>("seq")?.parse();
        let seq = seq.map_err(|error: NotASeq| chat.invalid("seq", error.to_string()))?;
        Ok((chat.required("chat_id")?, seq))
    };
    chats.iter().map(place).collect::<Result<_, Failure>>().map(Some)
}

fn check_agents_client(args: &Object<'_>) -> Result<(), Failure> {
    args.optional::<Cow<'_, str>>("timezone")?;
    let application: Object<'_> = args.optional("application")?.unwrap_or_default();
    application.optional::<Cow<'_, str>>("name")?;
    application.optional::<Cow<'_, str>>("version")?;
    if let Some(push) = args.optional::<Object<'_>>("push_notifications")? {
        push.optional::<Cow<'_, str>>("firebase_token")?;
        push.required_choice("platform", &[("ios", ()), ("android", ())])?;
    }
    Ok(())
}

/// With or without `Bearer`.
fn token(args: &Object<'_>) -> Result<String, Failure> {
    let token: String = args.required("token")?;
    Ok(match token.strip_prefix("Bearer ") {
        Some(bare) => bare.to_owned(),
        None => token,
    })
}
