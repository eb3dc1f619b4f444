//! How every TCP connection of the gateway is set up, to agents and to services.

use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// After so long without a word the other side is asked whether it is still there.
const ASK_AFTER: Duration = Duration::from_secs(60);

/// Sends small pieces at once; notices a side that is gone, and one that takes nothing for `stall` although there is something for it.
pub(super) fn set_up(stream: &TcpStream, stall: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(ASK_AFTER).with_interval(ASK_AFTER / 4))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(stall))?;
    #[cfg(not(target_os = "linux"))]
    let _ = stall;
    Ok(())
}
