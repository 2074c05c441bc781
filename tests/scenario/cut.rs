//! Killed while something is done that more follows from: the next start finds it whole or undone, and completes what
//! follows. (Where exactly it is cut is chance here; `tests/gate/consequences.rs` cuts after each record.)

use std::time::Duration;

use tokio::time::sleep;

use crate::support::deeds::{Deed, Scene};
use crate::support::server::Server;

/// When to kill after the request was sent: before it came, while it is done, after all of it.
const MOMENTS: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_micros(500),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(12),
    Duration::from_millis(60),
];

async fn kill_in_the_middle(deed: Deed) {
    for moment in MOMENTS {
        let mut scene = Scene::set(Server::start().await, deed).await;
        let asked = scene.ask();
        sleep(moment).await;
        scene.server.kill_9().await;
        let answer = asked.await.unwrap();
        assert!([None, Some(200)].contains(&answer), "{answer:?}");
        scene.server.restart().await;
        let done = scene.is_done().await;
        assert!(done || answer.is_none(), "{deed:?} was acknowledged, and is not done");
        scene.check(done).await;
        // It can be done, or done again, and then the talk goes on.
        if !done {
            assert_eq!(scene.ask().await.unwrap(), Some(200));
        }
        scene.check(true).await;
        scene.server.kill_9().await;
        scene.server.restart().await;
        scene.check(true).await;
        scene.goes_on().await;
    }
}

#[tokio::test]
async fn a_bot_is_removed() {
    kill_in_the_middle(Deed::Removed).await;
}

#[tokio::test]
async fn a_token_is_revoked() {
    kill_in_the_middle(Deed::Revoked).await;
}

#[tokio::test]
async fn a_bot_is_taken_offline() {
    kill_in_the_middle(Deed::TakenOffline).await;
}

#[tokio::test]
async fn a_chat_is_transferred() {
    kill_in_the_middle(Deed::Transferred).await;
}

#[tokio::test]
async fn a_customer_is_banned() {
    kill_in_the_middle(Deed::Banned).await;
}
