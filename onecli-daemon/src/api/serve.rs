//! Serving the API on the dashboard's port and on the local socket.

use std::{
    fs::{self, Permissions},
    io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use poem::{
    Addr, Endpoint, Response, Server,
    endpoint::BoxEndpoint,
    http::uri::Scheme,
    listener::Acceptor,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// A connection on which nothing happens is closed after this time.
const IDLE: Duration = Duration::from_secs(75);
/// Running calls get this long at shutdown; none takes longer.
const GRACE: Duration = Duration::from_secs(5);
/// Out of file descriptors, say; accepting at once again would only burn the processor.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// The API while it runs.
pub(crate) struct ApiServer {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl ApiServer {
    /// Serves on `listener` to those with a key, and on `socket` to the owner.
    pub(crate) fn start(
        app: &Arc<BoxEndpoint<'static, Response>>, listener: std::net::TcpListener, socket: LocalSocket,
    ) -> Result<Self> {
        let stop = CancellationToken::new();
        let address = listener.local_addr()?;
        let tcp = Tcp { listener: TcpListener::from_std(listener)?, address };
        let tasks = vec![
            tokio::spawn(serve(tcp, Arc::clone(app), stop.clone())),
            tokio::spawn(serve(socket, super::local(app), stop.clone())),
        ];
        Ok(Self { stop, tasks })
    }

    /// Takes no more connections and lets running calls end.
    pub(crate) async fn shutdown(self) {
        self.stop.cancel();
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

async fn serve<A: Acceptor + 'static>(
    acceptor: A, app: impl Endpoint<Output = Response> + 'static, stop: CancellationToken,
) {
    let server = Server::new_with_acceptor(acceptor).idle_timeout(IDLE);
    let served = server.run_with_graceful_shutdown(app, stop.cancelled_owned(), Some(GRACE)).await;
    if let Err(error) = served {
        tracing::error!(%error, "the API stopped");
    }
}

struct Tcp {
    listener: TcpListener,
    address: SocketAddr,
}

impl Acceptor for Tcp {
    type Io = TcpStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![LocalAddr(Addr::SocketAddr(self.address))]
    }

    async fn accept(&mut self) -> io::Result<(TcpStream, LocalAddr, RemoteAddr, Scheme)> {
        match self.listener.accept().await {
            Ok((stream, peer)) => {
                stream.set_nodelay(true)?;
                Ok((
                    stream,
                    LocalAddr(Addr::SocketAddr(self.address)),
                    RemoteAddr(Addr::SocketAddr(peer)),
                    Scheme::HTTP,
                ))
            }
            Err(error) => Err(pause(error).await),
        }
    }
}

/// The socket in the data dir, which only its owner can open.
pub(crate) struct LocalSocket(UnixListener);

impl LocalSocket {
    /// Listens at `path`; a socket that an earlier daemon left is removed. The caller holds the data dir's lock.
    pub(crate) fn bind(path: &Path) -> Result<Self> {
        match fs::remove_file(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("{} can't be removed", path.display())),
        }
        let listener = UnixListener::bind(path).with_context(|| {
            format!(
                "{} can't be listened on; a shorter --data-dir helps if its path is very long",
                path.display()
            )
        })?;
        // The directory around it is the owner's alone, so there is no moment at which others could open it.
        fs::set_permissions(path, Permissions::from_mode(0o600))
            .with_context(|| format!("{} can't be kept to its owner", path.display()))?;
        Ok(Self(listener))
    }
}

impl Acceptor for LocalSocket {
    type Io = UnixStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![LocalAddr(Addr::custom("unix", "api.sock"))]
    }

    async fn accept(&mut self) -> io::Result<(UnixStream, LocalAddr, RemoteAddr, Scheme)> {
        let address = || Addr::custom("unix", "api.sock");
        match self.0.accept().await {
            Ok((stream, _)) => Ok((stream, LocalAddr(address()), RemoteAddr(address()), Scheme::HTTP)),
            Err(error) => Err(pause(error).await),
        }
    }
}

async fn pause(error: io::Error) -> io::Error {
    tracing::warn!(%error, "a connection to the API could not be accepted");
    tokio::time::sleep(AFTER_FAILURE).await;
    error
}
