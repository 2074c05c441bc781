//! Inboxes. Source: spec 2.2.

use serde_json::{Map, Value, json};
use switchboard_domain::desk::{Channel, Inbox, InboxCard, InboxNews};
use switchboard_domain::participant::license::License;

use super::{account, changes, extend, object};

/// The word for a channel.
pub(super) const fn channel_type(channel: Channel) -> &'static str {
    match channel {
        Channel::Api => "Channel::Api",
        Channel::Website => "Channel::WebWidget",
    }
}

fn name<'a>(license: &'a License, inbox: &Inbox) -> &'a str {
    license.groups.get(&inbox.group).map_or("", |group| &group.name)
}

/// An inbox in few words.
pub(in super::super) fn inbox_line(license: &License, inbox: &Inbox) -> Value {
    line(name(license, inbox), inbox)
}

fn line(name: &str, inbox: &Inbox) -> Value {
    json!({
        "id": inbox.number,
        "name": name,
        "channel_id": inbox.number,
        "channel_type": channel_type(inbox.channel),
        "avatar_url": "",
    })
}

/// An inbox, as events name it.
pub(super) fn inbox_in_event(license: &License, inbox: &Inbox) -> Value {
    json!({ "id": inbox.number, "name": name(license, inbox) })
}

/// An inbox in full; what proves and signs is for administrators.
pub(in super::super) fn inbox(license: &License, inbox: &Inbox, secrets: bool) -> Value {
    let shown = full(name(license, inbox), inbox);
    if secrets {
        return extend(shown, json!({ "hmac_token": inbox.hmac_token, "secret": inbox.secret }));
    }
    shown
}

/// An inbox that was made or changed, as hooks are told of it: without what proves and signs.
pub(in super::super) fn inbox_news(license: &License, news: &InboxNews, event: &str) -> Value {
    let shown = |card: &InboxCard| full(&card.name, &card.inbox);
    let after = shown(&news.after);
    let mut told = json!({ "event": event, "account": account(license) });
    if let Some(before) = &news.before {
        told["changed_attributes"] = changes(&shown(before), &after);
    }
    extend(after, told)
}

fn full(name: &str, inbox: &Inbox) -> Value {
    let usual = json!({
        "greeting_enabled": false,
        "greeting_message": null,
        "auto_assignment_config": {},
        "working_hours_enabled": false,
        "working_hours": [],
        "out_of_office_message": null,
        "timezone": "UTC",
        "enable_email_collect": true,
        "csat_survey_enabled": false,
        "sender_name_type": "friendly",
        "business_name": null,
    });
    let rules = json!({
        "enable_auto_assignment": inbox.auto_assign,
        "allow_messages_after_resolved": inbox.reopens,
        "lock_to_single_conversation": inbox.lock_to_single,
        "hmac_mandatory": inbox.hmac_mandatory,
        "webhook_url": inbox.webhook_url,
    });
    let kept = object(&inbox.extras);
    let known: &[&str] = match inbox.channel {
        Channel::Api => &["additional_attributes"],
        Channel::Website => &[],
    };
    let channel = match inbox.channel {
        Channel::Api => json!({ "inbox_identifier": inbox.identifier, "additional_attributes": {} }),
        Channel::Website => json!({
            "website_token": inbox.identifier,
            "website_url": "",
            "widget_color": "#1f93ff",
            "welcome_title": "",
            "welcome_tagline": "",
            "reply_time": "in_a_few_minutes",
            "pre_chat_form_enabled": false,
            "pre_chat_form_options": {},
            "selected_feature_flags": ["attachments", "emoji_picker", "end_conversation"],
            "web_widget_script": "",
        }),
    };
    let mut shown = extend(line(name, inbox), usual);
    shown = extend(shown, channel);
    // What was given stands over what is usual, where there is such a field.
    if let (Value::Object(fields), Value::Object(kept)) = (&mut shown, kept) {
        let given: Map<String, Value> = kept
            .into_iter()
            .filter(|(name, _)| fields.contains_key(name) || known.contains(&name.as_str()))
            .collect();
        fields.extend(given);
    }
    shown = extend(shown, rules);
    // What else the configuration says is kept; the bound is the one that is obeyed.
    if let Some(Value::Object(config)) = shown.get_mut("auto_assignment_config") {
        config.remove("max_assignment_limit");
        config.extend(inbox.max_per_agent.map(|limit| ("max_assignment_limit".to_owned(), limit.into())));
    }
    shown
}
