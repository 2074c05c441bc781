//! Clients that do not read, or read late.

use std::rc::Rc;

use futures_util::{SinkExt, StreamExt};
use tokio::task::yield_now;
use tokio_tungstenite::tungstenite::Message;

use super::{Server, on_shard};
use crate::engine::outbox::{OUTBOX_BYTES, frame_text};
use crate::net::limits::CLOSE_WAIT;
use crate::telemetry::clock;

#[test]
fn a_client_that_never_reads_is_closed_at_the_bound_and_harms_nobody() {
    on_shard(async {
        let server = Server::start();
        let (mut sleeper, echo) = server.session().await;
        echo.outbox.set_last_word(|| "too slow".into());
        let (mut neighbour, other) = server.session().await;
        let frame = Rc::new(frame_text(&[b'x'; 32 * 1024]));
        let mut pushed = 0;
        while !echo.outbox.overflowed() {
            echo.outbox.push_framed(&frame);
            pushed += 1;
            // Meanwhile the neighbour is served.
            neighbour.send(Message::text("there?")).await.unwrap();
            assert_eq!(neighbour.next().await.unwrap().unwrap(), Message::text("there?"));
            assert!(echo.outbox.pending_bytes() <= OUTBOX_BYTES + 128);
        }
        server.until(|| echo.gone.get() == 1).await;
        assert_eq!(other.gone.get(), 0);

        // When it reads at last, it finds all that was queued, and why it was closed.
        for _ in 1..pushed {
            assert_eq!(sleeper.next().await.unwrap().unwrap().len(), 32 * 1024);
        }
        assert_eq!(sleeper.next().await.unwrap().unwrap(), Message::text("too slow"));
        let Some(Ok(Message::Close(Some(close)))) = sleeper.next().await else {
            unreachable!("no close frame")
        };
        assert_eq!(u16::from(close.code), 1013);
        assert!(sleeper.next().await.is_none());
    });
}

#[test]
fn a_client_that_reads_late_gets_everything_in_order() {
    on_shard(async {
        let server = Server::start();
        let (mut client, echo) = server.session().await;
        let mut pushed = 0_usize;
        while !echo.outbox.is_blocked() {
            echo.outbox.push_text(format!("{pushed:0>8000}").as_bytes());
            pushed += 1;
            yield_now().await;
        }
        for _ in 0..20 {
            echo.outbox.push_text(format!("{pushed:0>8000}").as_bytes());
            pushed += 1;
        }
        for n in 0..pushed {
            assert_eq!(client.next().await.unwrap().unwrap(), Message::text(format!("{n:0>8000}")));
        }
        server.until(|| !echo.outbox.is_blocked()).await;
        assert_eq!(echo.outbox.pending_bytes(), 0);
        client.send(Message::text("and on")).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text("and on"));
    });
}

#[test]
fn a_client_that_answers_no_close_is_dropped_in_time() {
    on_shard(async {
        let server = Server::start();
        let (_client, echo) = server.session().await;
        echo.outbox.close(1000, "");
        let closed = clock::monotonic();
        server.connections.idle().await;
        assert!(clock::monotonic() - closed >= CLOSE_WAIT);
        assert_eq!(echo.gone.get(), 1);
    });
}
