//! Addresses: shared among shards, with nobody else.

use std::net::TcpStream;
use std::num::NonZeroUsize;

use super::loopback;
use crate::net::listen::{ListenError, Listeners};

#[test]
fn shards_share_one_free_port() {
    let shards = NonZeroUsize::new(3).unwrap();
    let listeners = Listeners::bind(loopback(0), shards).unwrap();
    assert_ne!(listeners.address.port(), 0);
    assert_eq!(listeners.sockets.len(), 3);
    for socket in &listeners.sockets {
        assert_eq!(socket.local_addr().unwrap(), listeners.address);
    }
    TcpStream::connect(listeners.address).unwrap();
}

#[test]
fn a_taken_port_is_an_error_that_helps() {
    let first = Listeners::bind(loopback(0), NonZeroUsize::MIN).unwrap();
    let error = Listeners::bind(first.address, NonZeroUsize::MIN).unwrap_err();
    assert!(matches!(error, ListenError::Taken { address } if address == first.address));
    let said = error.to_string();
    assert!(said.contains(&first.address.to_string()) && said.contains("choose another port"), "{said}");
}

#[test]
fn a_port_can_be_used_again_at_once() {
    let first = Listeners::bind(loopback(0), NonZeroUsize::MIN).unwrap();
    let address = first.address;
    let client = TcpStream::connect(address).unwrap();
    let socket = &first.sockets[0];
    socket.set_nonblocking(false).unwrap();
    // The side that closes first keeps the port in TIME_WAIT.
    drop(socket.accept().unwrap());
    drop(client);
    drop(first);
    assert_eq!(Listeners::bind(address, NonZeroUsize::MIN).unwrap().address, address);
}

#[test]
fn an_address_of_another_machine_is_an_error() {
    let elsewhere = "192.0.2.1:0".parse().unwrap();
    let error = Listeners::bind(elsewhere, NonZeroUsize::MIN).unwrap_err();
    assert!(matches!(error, ListenError::NotOurs { .. }), "{error}");
}
