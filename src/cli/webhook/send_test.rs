//! `switchboard webhook send-test`: posts one call as a server would, and tells what was answered.

use bytes::Bytes;
use serde_json::json;
use switchboard_domain::webhook::Outcome;
use switchboard_domain::webhook::limits::ATTEMPT_TIMEOUT;

use super::{WebhookError, read, say};
use crate::cli::args::SendTestArgs;
use crate::outbound::{AddressPolicy, Options, Post, Signer, Target, WebhookClient};
use crate::telemetry::clock;

pub(super) async fn run(args: &SendTestArgs) -> Result<(), WebhookError> {
    let body = match &args.body {
        Some(file) => read(file)?,
        None => sample(args),
    };
    // Whoever sits at a terminal may call what it could call anyway.
    let anywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|net| net.parse().ok()).collect();
    let addresses = AddressPolicy { allow_loopback: true, allow_cidrs: anywhere, ..AddressPolicy::default() };
    let client = WebhookClient::new(Options { addresses, ..Options::default() })?;
    let delivery = args.id.clone().unwrap_or_else(|| format!("test-{:016x}", clock::random_u64()));
    let to = &Target::new(&args.url);
    let post = Post { to, delivery: &delivery, body: Bytes::from(body), timeout: ATTEMPT_TIMEOUT };
    let attempted = client.post(post, &Signer::new([args.secret.as_str()])).await;
    let answer = match attempted.answer {
        Ok(status) => status.to_string(),
        Err(fault) => fault.to_string(),
    };
    let what = format!("{delivery}: {answer}, after {} ms", attempted.latency.as_millis());
    match attempted.outcome() {
        Outcome::Delivered => {
            say(&what);
            Ok(())
        }
        Outcome::Refused => Err(WebhookError::NotDelivered(format!("{what}; a server would not try again"))),
        Outcome::Gone => Err(WebhookError::NotDelivered(format!("{what}; a server would never call again"))),
        Outcome::Trouble => {
            let pause = attempted.retry_after.map(|pause| format!(", not before {} s", pause.as_secs()));
            let again = pause.unwrap_or_default();
            Err(WebhookError::NotDelivered(format!("{what}; a server would try again later{again}")))
        }
    }
}

/// A message of a customer, in the form of the wire.
fn sample(args: &SendTestArgs) -> Vec<u8> {
    let text = "Hello from switchboard webhook send-test";
    json!({
        "webhook_id": "test",
        "secret_key": args.secret,
        "action": "incoming_event",
        "data": {
            "chat_id": "TESTCHAT00",
            "thread_id": "TESTTHREAD",
            "event": {
                "id": "TESTTHREAD_1", "order": 1, "timestamp": clock::now().as_secs(), "type": "message",
                "author_id": "3f2a6c1e-5b7d-4e8f-9a01-b2c3d4e5f607", "recipients": "all", "text": text,
            },
        },
    })
    .to_string()
    .into_bytes()
}
