//! Sends and receives descriptors with a message (`SCM_RIGHTS`, `unix(7)`).

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, accept4, recvmsg, sendmsg};

/// The most descriptors that Linux sends with one message (`SCM_MAX_FD`).
pub const MAX_FDS: usize = 253;

/// Receives one packet with its descriptors; 0 bytes at the end of the stream.
pub fn receive(socket: impl AsFd, buffer: &mut [u8], flags: MsgFlags) -> Result<(usize, Vec<OwnedFd>), Errno> {
    let mut space = cmsg_space!([RawFd; MAX_FDS]);
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = flags | MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_fd().as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let mut fds = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = control {
            // SAFETY: the kernel has just created these descriptors for us, and each is listed once.
            fds.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    Ok((message.bytes, fds))
}

/// Accepts the next connection; close-on-exec.
///
/// # Errors
/// As for `accept(2)`; `EINVAL` once the listener was shut down.
pub fn accept(listener: impl AsFd) -> Result<OwnedFd, Errno> {
    let fd = accept4(listener.as_fd().as_raw_fd(), SockFlag::SOCK_CLOEXEC)?;
    // SAFETY: the kernel has just created this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sends one packet with descriptors. The caller keeps its own copies.
pub fn send(socket: impl AsFd, packet: &[u8], fds: &[OwnedFd], flags: MsgFlags) -> Result<(), Errno> {
    let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() { &[][..] } else { &rights[..] };
    sendmsg::<()>(socket.as_fd().as_raw_fd(), &[IoSlice::new(packet)], control, flags, None).map(drop)
}
