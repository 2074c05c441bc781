//! A change that others follow from, cut after each record: a crash leaves it whole or undone, and what follows is
//! completed by the next start (design D7).

use crate::support::deeds::{Deed, Scene};
use crate::support::server::Server;

async fn set(deed: Deed) -> Scene {
    Scene::set(Server::start().await, deed).await
}

async fn crash(mut scene: Scene) -> Scene {
    scene.server = scene.server.crash().await;
    scene
}

/// Carries it out without a crash, and gives the number of records.
async fn carry_out(scene: &Scene) -> u64 {
    let before = scene.server.journal.changes();
    assert_eq!(scene.ask().await.unwrap(), Some(200));
    scene.settled(true).await;
    scene.server.journal.changes() - before
}

async fn cut_everywhere(deed: Deed, least: u64) {
    let records = carry_out(&set(deed).await).await;
    assert!(records >= least, "{deed:?}, and what follows: {records}");
    for durable in 0..=records {
        let scene = set(deed).await;
        let before = scene.server.journal.changes();
        scene.server.shut_gate();
        let asked = scene.ask();
        for n in 1..=durable {
            scene.server.journal.wait_for(before + n).await;
            scene.server.let_through(1);
        }
        // The next step was taken, but nobody will remember it.
        if durable < records {
            scene.server.journal.wait_for(before + durable + 1).await;
        }
        let mut scene = crash(scene).await;
        let answer = asked.await.unwrap();
        assert!(answer.is_none() || durable > 0, "{deed:?} was acknowledged before it was durable");
        for _ in 0..2 {
            scene.check(durable > 0).await;
            scene = crash(scene).await;
        }
        if durable == 0 {
            carry_out(&scene).await;
        }
        scene.check(true).await;
        scene.goes_on().await;
        scene.server.assert_whole();
    }
}

/// The deed, and each of both chats.
const WITH_BOTH_CHATS: u64 = 3;

#[tokio::test]
async fn a_removed_bot_loses_its_chats_wherever_it_is_cut() {
    cut_everywhere(Deed::Removed, WITH_BOTH_CHATS).await;
}

#[tokio::test]
async fn a_revoked_token_takes_its_bot_and_its_chats_along_wherever_it_is_cut() {
    cut_everywhere(Deed::Revoked, WITH_BOTH_CHATS).await;
}

#[tokio::test]
async fn a_bot_taken_offline_loses_its_chats_wherever_it_is_cut() {
    cut_everywhere(Deed::TakenOffline, WITH_BOTH_CHATS).await;
}

#[tokio::test]
async fn a_transfer_is_whole_or_undone_wherever_it_is_cut() {
    cut_everywhere(Deed::Transferred, 1).await;
}

#[tokio::test]
async fn a_ban_closes_the_chat_wherever_it_is_cut() {
    cut_everywhere(Deed::Banned, 2).await;
}
