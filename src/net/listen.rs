//! Listening sockets: one per shard on the same port, so that the kernel spreads connections.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

use super::limits::LISTEN_BACKLOG;

/// Why an address cannot be listened on. The message says what to do.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Somebody else listens there.
    #[error(
        "cannot listen on {address}: the port is taken by another program; stop that program \
         (`ss -ltnp` names it) or choose another port (0 picks a free one)"
    )]
    Taken {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address is none of this machine's.
    #[error(
        "cannot listen on {address}: this machine has no such address; use one of its own, \
         or 0.0.0.0 (IPv4) or [::] (all) to listen on every one"
    )]
    NotOurs {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The user may not listen there.
    #[error(
        "cannot listen on {address}: permission denied; choose a port from 1024 up \
         or give the program the right to use low ports"
    )]
    Denied {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("cannot listen on {address}: {source}")]
    Other {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl ListenError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::Taken { address },
            io::ErrorKind::AddrNotAvailable => Self::NotOurs { address },
            io::ErrorKind::PermissionDenied => Self::Denied { address },
            _ => Self::Other { address, source },
        }
    }
}

/// Listening, non-blocking sockets that share one address.
#[derive(Debug)]
pub struct Listeners {
    /// Where they listen, with the port that was picked if 0 was asked for.
    pub address: SocketAddr,
    /// One per shard.
    pub sockets: Vec<TcpListener>,
}

impl Listeners {
    /// Listens on `address`, once per shard.
    ///
    /// # Errors
    /// When the address is taken, not this machine's, not permitted, or the system refuses otherwise.
    pub fn bind(address: SocketAddr, shards: NonZeroUsize) -> Result<Self, ListenError> {
        Self::try_bind(address, shards).map_err(|source| ListenError::new(address, source))
    }

    fn try_bind(address: SocketAddr, shards: NonZeroUsize) -> io::Result<Self> {
        // Sockets that share a port would share it with another process of the same user as well,
        // without a word. One that does not share is refused when anybody listens there.
        let probe = bound(address, Sharing::Exclusive)?;
        let address = probe
            .local_addr()?
            .as_socket()
            .ok_or_else(|| io::Error::other("the socket has no internet address"))?;
        // The probe holds the port until all are bound; it does not listen, so it is not in the way.
        let sockets = (0..shards.get())
            .map(|_| bound(address, Sharing::AmongShards))
            .collect::<io::Result<Vec<_>>>()?;
        drop(probe);
        let listen = |socket: Socket| {
            socket.listen(LISTEN_BACKLOG)?;
            Ok(TcpListener::from(socket))
        };
        let sockets = sockets.into_iter().map(listen).collect::<io::Result<_>>()?;
        Ok(Self { address, sockets })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Exclusive,
    AmongShards,
}

fn bound(address: SocketAddr, sharing: Sharing) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Without it a restart would wait for the old connections to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(sharing == Sharing::AmongShards)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
