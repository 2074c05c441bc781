//! A drain: nobody who was let in is turned away.

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::{Server, on_shard};

const REQUEST: &[u8] = b"GET /peer HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn what_waits_in_the_listen_queue_is_served_and_then_nobody() {
    on_shard(async {
        let server = Server::start();
        // Blocking clients: the acceptor cannot run before the drain has started.
        let mut waiting = Vec::new();
        for _ in 0..5 {
            let client = std::net::TcpStream::connect(server.address).unwrap();
            std::io::Write::write_all(&mut &client, REQUEST).unwrap();
            client.set_nonblocking(true).unwrap();
            waiting.push(TcpStream::from_std(client).unwrap());
        }
        server.drain.start();
        server.accepting.await.unwrap().unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
        for mut client in waiting {
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.ends_with("127.0.0.1 false"), "{answer}");
        }
        server.connections.idle().await;
    });
}

#[test]
fn requests_in_hand_finish_and_idle_connections_close() {
    on_shard(async {
        let server = Server::start();
        let mut idle = server.tcp().await;
        idle.write_all(REQUEST).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"127.0.0.1 false") {
            assert_ne!(idle.read_buf(&mut answer).await.unwrap(), 0);
        }
        let mut busy = server.tcp().await;
        busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        server.until(|| server.connections.open() >= 2).await;

        server.drain.start();
        assert!(server.drain.is_started());
        server.accepting.await.unwrap().unwrap();
        assert_eq!(idle.read_u8().await.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
        drop(idle);
        server.shard.release.notify_one();
        let mut answer = String::new();
        busy.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("done"), "{answer}");
        drop(busy);
        server.connections.idle().await;
    });
}

#[test]
fn sessions_stay_until_they_are_closed() {
    on_shard(async {
        let server = Server::start();
        let (mut client, echo) = server.session().await;
        server.drain.start();
        server.accepting.await.unwrap().unwrap();
        echo.outbox.push_text(b"still served");
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text("still served"));
        echo.outbox.close(1001, "stopping");
        while client.next().await.is_some() {}
        server.connections.idle().await;
    });
}
