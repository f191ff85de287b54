//! A connection that looks whether it is still wanted wherever it waits, and a server that says
//! nothing for too long is given up.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};

use super::token::{SLICE, Token};

/// How long a server may say nothing, and how long it may take until it accepts.
const SILENCE: Duration = Duration::from_secs(20);
const CONNECTING: Duration = Duration::from_secs(10);
const RESOLVING: Duration = Duration::from_secs(20);

/// Waits until something can be done with a socket.
fn wait(socket: impl AsFd, wanted: PollFlags, limit: Duration) -> io::Result<()> {
    let end = Instant::now() + limit;
    loop {
        Token::check_current()?;
        let mut waiting = [PollFd::new(&socket, wanted)];
        let slice = Timespec {
            tv_sec: 0,
            tv_nsec: SLICE.subsec_nanos().into(),
        };
        match poll(&mut waiting, Some(&slice)) {
            Ok(0) | Err(Errno::INTR) if Instant::now() >= end => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[derive(Debug)]
pub struct Tcp;

impl<In: Transport> Connector<In> for Tcp {
    type Out = Either<In, Connection>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if let Some(chained) = chained {
            return Ok(Some(Either::A(chained)));
        }
        let mut failed = None;
        for &address in details.addrs.iter() {
            match connect_to(address) {
                Ok(stream) => {
                    let (input, output) = (
                        details.config.input_buffer_size(),
                        details.config.output_buffer_size(),
                    );
                    return Ok(Some(Either::B(Connection {
                        stream,
                        buffers: LazyBuffers::new(input, output),
                    })));
                }
                Err(error) => failed = Some(error),
            }
            Token::check_current()?;
        }
        Err(failed.map_or(Error::ConnectionFailed, Error::Io))
    }
}

fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    match connect(&socket, &address) {
        Ok(()) => {}
        Err(Errno::INPROGRESS | Errno::INTR) => wait(&socket, PollFlags::OUT, CONNECTING)?,
        Err(errno) => return Err(errno.into()),
    }
    let stream = TcpStream::from(socket);
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Its socket never blocks.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffers: LazyBuffers,
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _timeout: NextTimeout) -> Result<(), Error> {
        let mut sent = 0;
        while sent < amount {
            let output = &self.buffers.output()[sent..amount];
            match (&self.stream).write(output) {
                Ok(0) => return Err(Error::Io(io::ErrorKind::WriteZero.into())),
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(&self.stream, PollFlags::OUT, SILENCE)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, _timeout: NextTimeout) -> Result<bool, Error> {
        loop {
            let input = self.buffers.input_append_buf();
            match (&self.stream).read(input) {
                Ok(count) => {
                    self.buffers.input_appended(count);
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(&self.stream, PollFlags::IN, SILENCE)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A server that has something to say before it was asked has closed, or is none of ours.
    fn is_open(&mut self) -> bool {
        let peeked = self.stream.peek(&mut [0]);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Looks names up on a thread of its own, since the system's function cannot be canceled. The
/// thread of a look-up that is no longer wanted ends with the function.
#[derive(Debug)]
pub struct Names;

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(Error::HostNotFound);
        };
        let name = DefaultResolver::host_and_port(scheme, authority).ok_or(Error::HostNotFound)?;
        let host = authority.host().trim_matches(['[', ']']);
        let mut found = self.empty();
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => {
                let port = name.rsplit(':').next().and_then(|port| port.parse().ok());
                vec![SocketAddr::new(address, port.unwrap_or(0))]
            }
            Err(_) => look_up(name)?,
        };
        for address in addresses.into_iter().take(16) {
            found.push(address);
        }
        if found.is_empty() {
            return Err(Error::HostNotFound);
        }
        Ok(found)
    }
}

fn look_up(name: String) -> Result<Vec<SocketAddr>, Error> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("wmlb".to_owned())
        .spawn(move || {
            let found = name.to_socket_addrs().map(Iterator::collect);
            // Nobody may be waiting any more.
            let _ = sender.send(found);
        })?;
    let end = Instant::now() + RESOLVING;
    loop {
        Token::check_current()?;
        match receiver.recv_timeout(SLICE) {
            Ok(found) => return found.map_err(|_| Error::HostNotFound),
            Err(RecvTimeoutError::Timeout) if Instant::now() < end => {}
            Err(_) => return Err(Error::HostNotFound),
        }
    }
}
