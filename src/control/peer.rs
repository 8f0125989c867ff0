//! Checks which user is at the other end of a connection.

use std::fs;
use std::os::fd::OwnedFd;

use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::geteuid;

/// Checks that the command is of the lab's own user, and in the same user namespace.
///
/// # Errors
/// Why it is refused, as a sentence for the command.
pub fn check(socket: &OwnedFd) -> Result<(), String> {
    let peer = getsockopt(socket, sockopt::PeerCredentials)
        .map_err(|e| format!("the user who asks cannot be determined: {e}"))?;
    if peer.uid() != geteuid().as_raw() {
        return Err(format!("this lab belongs to user {}, and user {} asks", geteuid(), peer.uid()));
    }
    // a pod's root has the same user id outside, but is in another user namespace
    let of = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/user"));
    match (of("self"), of(&peer.pid().to_string())) {
        (Ok(own), Ok(other)) if own == other => Ok(()),
        (Ok(_), Ok(_)) => Err("this command is in another user namespace than the lab's app".to_owned()),
        (Err(e), _) | (_, Err(e)) => Err(format!("the user namespace of the command cannot be determined: {e}")),
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    #[test]
    fn a_process_of_the_same_user_is_accepted() {
        let (ours, _theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).expect("a pair");
        assert_eq!(super::check(&ours), Ok(()));
    }
}
