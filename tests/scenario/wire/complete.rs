//! The table is whole: no method, push or action of the specification lacks a row, nothing stands twice, and every
//! push is seen by some test.

use std::collections::BTreeSet;

use super::later;
use super::methods;
use super::occasions;
use super::pushes;
use super::table::{Api, Cause, Method, Role};

/// The methods of section 5.
const AGENT: &str = "get_chats_summary get_chat_threads_summary get_chat_threads get_archives start_chat
    activate_chat close_thread follow_chat unfollow_chat get_filtered_chats grant_access revoke_access set_access
    transfer_chat add_user_to_chat remove_user_from_chat send_event send_file upload_file upload_image
    send_rich_message_postback send_typing_indicator multicast update_last_seen_timestamp update_chat_properties
    delete_chat_properties update_chat_thread_properties delete_chat_thread_properties update_event_properties
    delete_event_properties tag_chat_thread untag_chat_thread get_customers create_customer update_customer
    ban_customer login logout update_agent set_away_status change_push_notifications ping";

/// The methods of section 6.
const CUSTOMER: &str = "login get_chats_summary get_chat_threads get_chat_threads_summary start_chat activate_chat
    close_thread send_event send_file upload_file send_rich_message_postback send_sneak_peek update_chat_properties
    delete_chat_properties update_chat_thread_properties delete_chat_thread_properties update_event_properties
    delete_event_properties update_last_seen_timestamp update_customer set_customer_fields update_customer_page
    get_groups_status get_predicted_agent get_url_details get_form check_goals ping";

/// The methods of section 7.
const CONFIGURATION: &str = "create_bot_agent update_bot_agent remove_bot_agent get_bot_agents
    get_bot_agent_details register_webhook get_webhooks_config unregister_webhook create_properties
    get_property_configs";

#[test]
fn every_method_of_the_specification_has_one_row() {
    for (api, names) in [(Api::Agent, AGENT), (Api::Customer, CUSTOMER), (Api::Configuration, CONFIGURATION)]
    {
        let expected: BTreeSet<_> = names.split_whitespace().collect();
        let rows: Vec<_> =
            methods::all().filter(|method| method.api == api).map(|method| method.name).collect();
        assert_eq!(rows.len(), expected.len(), "a row of {api:?} stands twice: {rows:?}");
        assert_eq!(rows.into_iter().collect::<BTreeSet<_>>(), expected, "the rows of {api:?}");
    }
    for (api, name, _) in later::METHODS {
        assert_eq!(methods::find(*api, name).name, *name);
    }
}

/// Pushes and actions, by who hears them.
pub(crate) struct Told {
    pub(crate) agents: BTreeSet<&'static str>,
    pub(crate) customers: BTreeSet<&'static str>,
    pub(crate) webhooks: BTreeSet<&'static str>,
}

/// What is told by these methods, and on the occasions that no method makes.
pub(crate) fn told(methods: impl Iterator<Item = &'static Method>) -> Told {
    let (mut agents, mut customers) =
        (BTreeSet::from(occasions::TO_AGENTS), BTreeSet::from(occasions::TO_CUSTOMERS));
    let mut webhooks = BTreeSet::from(occasions::TO_WEBHOOKS);
    for cause in methods.flat_map(|method| method.cases.iter().flat_map(|case| case.causes)) {
        let (to_agents, to_customers) = match cause {
            Cause::Push(name) => (true, pushes::find(name).customers),
            Cause::To(_, roles) | Cause::Quiet(_, roles) => {
                (roles.iter().any(|role| *role != Role::Customer), roles.contains(&Role::Customer))
            }
            Cause::Hook(action) => {
                webhooks.insert(*action);
                (false, false)
            }
        };
        agents.extend(to_agents.then_some(cause.name()));
        customers.extend(to_customers.then_some(cause.name()));
    }
    let of_webhook = |name: &'static str| match name {
        "agent_updated" => Some("agent_status_changed"),
        name => pushes::find(name).webhook.then_some(name),
    };
    webhooks.extend(agents.iter().copied().filter_map(of_webhook));
    Told { agents, customers, webhooks }
}

#[test]
fn every_push_and_action_is_caused_by_a_row_or_listed() {
    let Told { agents, customers, webhooks } = told(methods::all());
    let all = pushes::AGENT.iter().map(|push| push.name).collect();
    for (whom, all, told, listed) in [
        ("agents", all, agents, later::AGENT_PUSHES),
        ("customers", BTreeSet::from(pushes::CUSTOMER), customers, later::CUSTOMER_PUSHES),
        ("webhooks", BTreeSet::from(pushes::ACTIONS), webhooks, later::ACTIONS),
    ] {
        let unseen: BTreeSet<_> = all.difference(&told).copied().collect();
        let listed: BTreeSet<_> = listed.iter().copied().collect();
        assert_eq!(unseen, listed, "what no row tells to {whom}, against later.rs");
    }
}
