//! A login's answer and the pushes around it: what the answer shows is not pushed again.

use serde_json::json;

use crate::support::rtm::{Rtm, Side};
use crate::support::stage::Stage;

/// Logins over as many connections as one agent may have, so that both shards get some.
const LOGINS: usize = 6;

#[tokio::test]
async fn what_a_login_shows_is_not_pushed_after_it() {
    let stage = Stage::set().await;
    let Stage { mia, server, .. } = &stage;
    for round in 0..LOGINS {
        let text = format!("in between {round}");
        let accepted = server.journal.changes();
        server.shut_gate();
        let said = mia.begin(json!({ "action": "send_event", "payload": stage.message(&text) })).await;
        server.journal.wait_for(accepted + 1).await;
        // The summary shows the message, so the answer waits for it.
        let ann = Rtm::connect(server, Side::Agent).await;
        let payload = json!({ "token": server.agent_token(0) });
        let login = ann.begin(json!({ "action": "login", "payload": payload })).await;
        stage.fence().await;
        server.open_gate();
        let welcome = ann.response(&login).await["payload"].clone();
        let last = &welcome["chats_summary"][0]["last_event_per_type"]["message"]["event"]["text"];
        assert_eq!(mia.response(&said).await["success"], true);
        stage.heard(&text).await;
        let next = format!("afterwards {round}");
        stage.say(mia, &next).await;
        ann.message(&next).await;
        let pushed =
            |text: &str| ann.since(0).iter().filter(|push| push.payload["event"]["text"] == text).count();
        assert_eq!(
            pushed(&text),
            usize::from(*last != text.as_str()),
            "shown or pushed, and once: {welcome:#}"
        );
        assert_eq!(pushed(&next), 1);
        drop(ann);
    }
    server.assert_whole();
}
