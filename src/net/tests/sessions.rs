//! Messages, control frames, broken frames, pausing, and who is told the end.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

use super::{Echo, Server, on_shard};
use crate::engine::outbox::Outbox;
use crate::net::conn::Conn;
use crate::net::limits::{MESSAGE_BYTES, SESSION_READ_BYTES};
use crate::net::socket::serve;
use crate::telemetry::traffic::traffic;

fn fragment(payload: &'static [u8], opcode: Data, last: bool) -> Message {
    Message::Frame(Frame::message(payload, OpCode::Data(opcode), last))
}

fn close_code(message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) -> u16 {
    match message {
        Some(Ok(Message::Close(Some(frame)))) => frame.code.into(),
        other => unreachable!("not a close frame: {other:?}"),
    }
}

#[test]
fn text_is_echoed_and_binary_refused() {
    on_shard(async {
        let server = Server::start();
        let (mut client, echo) = server.session().await;
        client.send(Message::text("hello")).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text("hello"));
        client.send(Message::binary(vec![1, 2])).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text("no binary"));
        assert_eq!((echo.binaries.get(), echo.lives.get(), echo.gone.get()), (1, 2, 0));
    });
}

#[test]
fn a_ping_is_answered_and_is_life() {
    on_shard(async {
        let server = Server::start();
        let (mut client, echo) = server.session().await;
        client.send(Message::Ping("beat".into())).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::Pong("beat".into()));
        assert_eq!(echo.lives.get(), 1);
    });
}

#[test]
fn a_part_of_a_frame_is_life() {
    on_shard(async {
        let server = Server::start();
        let (mut client, echo) = server.session().await;
        client.get_mut().write_all(b"\x81").await.unwrap();
        server.until(|| echo.lives.get() == 1).await;
        assert!(echo.texts.borrow().is_empty());
    });
}

#[test]
fn fragments_make_one_message_with_a_ping_between_them() {
    on_shard(async {
        let server = Server::start();
        let (mut client, _) = server.session().await;
        client.send(fragment(b"hel", Data::Text, false)).await.unwrap();
        client.send(Message::Ping("p".into())).await.unwrap();
        client.send(fragment(b"lo", Data::Continue, true)).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::Pong("p".into()));
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text("hello"));
    });
}

#[test]
fn the_longest_message_passes_and_a_longer_one_closes() {
    on_shard(async {
        let server = Server::start();
        let (mut client, echo) = server.session().await;
        let longest = "x".repeat(MESSAGE_BYTES);
        client.send(Message::text(longest.clone())).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text(longest.clone()));
        client.send(Message::text(longest + "x")).await.unwrap();
        assert_eq!(close_code(client.next().await), 1009);
        assert!(client.next().await.is_none());
        assert_eq!(echo.gone.get(), 1);
        drop(client);
        server.connections.idle().await;
    });
}

#[test]
fn fragments_that_grow_too_long_close() {
    on_shard(async {
        let server = Server::start();
        let (mut client, _) = server.session().await;
        let half = vec![b'x'; MESSAGE_BYTES / 2 + 1];
        let frame = |opcode| Message::Frame(Frame::message(half.clone(), OpCode::Data(opcode), false));
        client.send(frame(Data::Text)).await.unwrap();
        client.send(frame(Data::Continue)).await.unwrap();
        assert_eq!(close_code(client.next().await), 1009);
    });
}

#[test]
fn invalid_utf8_closes() {
    on_shard(async {
        let server = Server::start();
        let (mut client, echo) = server.session().await;
        client.send(fragment(b"\xff", Data::Text, true)).await.unwrap();
        assert_eq!(close_code(client.next().await), 1007);
        server.until(|| echo.gone.get() == 1).await;
    });
}

#[test]
fn an_unmasked_frame_closes_without_a_reset() {
    on_shard(async {
        let server = Server::start();
        let (client, echo) = server.session().await;
        let mut raw = client.into_inner();
        raw.write_all(b"\x81\x02hi and more that nobody will read").await.unwrap();
        let mut said = Vec::new();
        raw.read_to_end(&mut said).await.unwrap();
        assert_eq!(said[..4], [0x88, 16, 0x03, 0xea]);
        drop(raw);
        server.connections.idle().await;
        assert_eq!(echo.gone.get(), 1);
    });
}

#[test]
fn the_clients_close_is_answered_with_its_code() {
    on_shard(async {
        let server = Server::start();
        let (mut client, echo) = server.session().await;
        let frame = CloseFrame { code: CloseCode::Away, reason: "leaving".into() };
        client.send(Message::Close(Some(frame.clone()))).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::Close(Some(frame)));
        assert!(client.next().await.is_none());
        server.connections.idle().await;
        assert_eq!(echo.gone.get(), 1);
        assert!(echo.outbox.is_closing());
    });
}

#[test]
fn our_close_follows_what_is_queued_and_waits_for_the_answer() {
    on_shard(async {
        let server = Server::start();
        let (mut client, echo) = server.session().await;
        echo.outbox.push_text(b"last words");
        echo.outbox.close(1001, "bye");
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text("last words"));
        server.until(|| echo.gone.get() == 1).await;
        assert_eq!(server.connections.open(), 1);
        assert_eq!(close_code(client.next().await), 1001);
        assert!(client.next().await.is_none());
        server.connections.idle().await;
        assert_eq!(echo.gone.get(), 1);
    });
}

#[test]
fn a_request_may_close_and_nothing_after_it_is_heard() {
    on_shard(async {
        let server = Server::start();
        let (mut client, echo) = server.session().await;
        client.feed(Message::text("close")).await.unwrap();
        client.feed(Message::text("ignored")).await.unwrap();
        client.flush().await.unwrap();
        assert_eq!(close_code(client.next().await), 1001);
        assert!(client.next().await.is_none());
        server.connections.idle().await;
        assert_eq!(*echo.texts.borrow(), ["close"]);
    });
}

#[test]
fn a_lost_connection_is_told_once() {
    on_shard(async {
        let server = Server::start();
        let (client, echo) = server.session().await;
        let (_neighbour, other) = server.session().await;
        drop(client);
        server.until(|| echo.gone.get() > 0).await;
        assert_eq!((echo.gone.get(), other.gone.get()), (1, 0));
    });
}

#[test]
fn a_panic_in_a_handler_ends_only_its_session() {
    on_shard(async {
        let server = Server::start();
        let (mut client, echo) = server.session().await;
        let (mut neighbour, _) = server.session().await;
        client.send(Message::text("panic")).await.unwrap();
        server.until(|| echo.gone.get() > 0).await;
        neighbour.send(Message::text("still here")).await.unwrap();
        assert_eq!(neighbour.next().await.unwrap().unwrap(), Message::text("still here"));
        assert_eq!(echo.gone.get(), 1);
    });
}

#[test]
fn a_paused_session_keeps_what_was_read_and_hears_it_later() {
    on_shard(async {
        let server = Server::start();
        let (mut client, echo) = server.session().await;
        let (mut neighbour, _) = server.session().await;
        // Longer than what tungstenite takes at a time, so that some is left in the thread's buffer.
        let [first, second] = ["1", "2"].map(|digit| digit.repeat(4 * SESSION_READ_BYTES));
        for text in ["pause", &first, &second] {
            client.feed(Message::text(text)).await.unwrap();
        }
        client.flush().await.unwrap();
        server.until(|| !echo.texts.borrow().is_empty()).await;
        // The neighbour reads through the same buffer.
        neighbour.send(Message::text("x".repeat(MESSAGE_BYTES))).await.unwrap();
        neighbour.next().await.unwrap().unwrap();
        assert_eq!(*echo.texts.borrow(), ["pause"]);
        echo.outbox.resume_reading();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text(first));
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text(second));
    });
}

#[test]
fn a_paused_session_can_be_closed() {
    on_shard(async {
        let server = Server::start();
        let (mut client, echo) = server.session().await;
        echo.outbox.pause_reading();
        client.send(Message::text("unheard")).await.unwrap();
        echo.outbox.close(1008, "banned");
        assert_eq!(close_code(client.next().await), 1008);
        assert!(client.next().await.is_none());
        server.connections.idle().await;
        assert!(echo.texts.borrow().is_empty());
    });
}

#[test]
fn many_pushes_of_a_turn_are_one_write_and_many_requests_one_read() {
    on_shard(async {
        let server = Server::start();
        let (mut client, echo) = server.session().await;
        let before = traffic();
        for n in 0..50 {
            echo.outbox.push_text(format!("push {n}").as_bytes());
        }
        for n in 0..50 {
            assert_eq!(client.next().await.unwrap().unwrap(), Message::text(format!("push {n}")));
        }
        assert_eq!(traffic().writes - before.writes, 1);
        assert_eq!(traffic().reads, before.reads);

        for n in 0..50 {
            client.feed(Message::text(format!("request {n}"))).await.unwrap();
        }
        client.flush().await.unwrap();
        server.until(|| echo.texts.borrow().len() == 50).await;
        for n in 0..50 {
            assert_eq!(client.next().await.unwrap().unwrap(), Message::text(format!("request {n}")));
        }
        assert_eq!(traffic().writes - before.writes, 2);
        assert_eq!(traffic().reads - before.reads, 1);
    });
}

#[test]
fn an_idle_session_is_small() {
    on_shard(async {
        let server = Server::start();
        let (stream, _) = server.session().await;
        let conn = Conn::plain(stream.into_inner(), None);
        let outbox = Outbox::new(server.shard.dirty.clone());
        let serve = serve(conn, Bytes::new(), outbox, |outbox| Echo::new(outbox));
        let size = size_of_val(&serve);
        assert!(size <= 1280, "the task of a session takes {size} bytes");
    });
}
