//! Pseudoterminals (`pty(7)`).

use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open as open_file};
use nix::sys::stat::Mode;
use serde::{Deserialize, Serialize};

/// Rows and columns, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    pub rows: u16,
    pub cols: u16,
}

/// The multiplexer of the devpts mounted at `/dev/pts`. `/dev/ptmx` may belong to another devpts.
pub const MULTIPLEXER: &str = "/dev/pts/ptmx";

/// Opens a new terminal of the devpts that `multiplexer` belongs to: master and slave, both close-on-exec.
///
/// # Errors
/// `ENOENT` if no devpts is mounted, `EACCES` if its `ptmxmode` forbids it to this user, `ENOSPC` if it has no more
/// terminals.
pub fn open(multiplexer: &str) -> Result<(OwnedFd, OwnedFd), Errno> {
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let master = open_file(multiplexer, flags, Mode::empty())?;
    let unlocked: libc::c_int = 0;
    // SAFETY: `unlocked` lives through the call, which reads it.
    Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked) })?;
    // SAFETY: the argument is a number, no pointer.
    let slave = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags.bits()) };
    let slave = Errno::result(slave)?;
    // SAFETY: the kernel has just created this descriptor for us.
    Ok((master, unsafe { OwnedFd::from_raw_fd(slave) }))
}

/// Makes a slave the controlling terminal of the caller's session. The caller must be its leader, and it must have
/// none.
///
/// # Errors
/// `EPERM` if the caller is no session leader, or if the terminal belongs to another session.
pub fn take_control(slave: impl AsFd) -> Result<(), Errno> {
    // SAFETY: the argument is a number, no pointer.
    Errno::result(unsafe { libc::ioctl(slave.as_fd().as_raw_fd(), libc::TIOCSCTTY, 0) }).map(drop)
}

/// The size of a terminal.
///
/// # Errors
/// `ENOTTY` if it is no terminal.
pub fn size(terminal: impl AsFd) -> Result<Size, Errno> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: this request writes `size`, which lives through the call.
    Errno::result(unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) })?;
    Ok(Size { rows: size.ws_row, cols: size.ws_col })
}

/// Sets the size of a terminal. Its foreground programs get SIGWINCH if the size changes.
///
/// # Errors
/// `ENOTTY` if it is no terminal.
pub fn set_size(terminal: impl AsFd, size: Size) -> Result<(), Errno> {
    let size = libc::winsize { ws_row: size.rows, ws_col: size.cols, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: this request reads `size`, which lives through the call.
    Errno::result(unsafe { libc::ioctl(terminal.as_fd().as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }).map(drop)
}

#[cfg(test)]
mod tests {
    use nix::unistd::{read, write};

    use super::{Size, open, set_size, size};

    #[test]
    fn output_and_size_pass_between_master_and_slave() {
        // the devpts at /dev/pts may have ptmxmode=000, the kernel's default
        let (master, slave) = open("/dev/ptmx").expect("a terminal");
        assert_eq!(write(&slave, b"from the program\n"), Ok(17));
        let mut buffer = [0; 64];
        let n = read(&master, &mut buffer).expect("read");
        assert_eq!(&buffer[..n], b"from the program\r\n");
        let large = Size { rows: 40, cols: 132 };
        set_size(&master, large).expect("set");
        assert_eq!(size(&slave), Ok(large));
        let (pipe, _) = nix::unistd::pipe().expect("pipe");
        assert_eq!(size(&pipe), Err(nix::errno::Errno::ENOTTY));
    }
}
