//! The socket of the kernel's proc connector (`Documentation/driver-api/connector.rst`).

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use netlink_sys::{Socket, SocketAddr, constants::NETLINK_CONNECTOR};
use nix::sys::socket::{setsockopt, sockopt};

/// `CN_IDX_PROC` and `CN_VAL_PROC` of `include/uapi/linux/connector.h`.
const CN_IDX_PROC: u32 = 1;
const CN_VAL_PROC: u32 = 1;
/// `PROC_CN_MCAST_LISTEN` of `include/uapi/linux/cn_proc.h`.
const PROC_CN_MCAST_LISTEN: u32 = 1;
/// `struct nlmsghdr`, `struct cn_msg` and the operation.
const REQUEST: usize = 16 + 20 + 4;

/// A socket that receives process events; never blocks.
pub struct Connector(Socket);

impl Connector {
    /// Opens and binds the socket, and subscribes to events. The kernel answers with an acknowledgement event. It does
    /// not answer outside the initial pid and user namespaces.
    pub fn open(buffer: usize) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_CONNECTOR)?;
        socket.set_non_blocking(true)?;
        socket.bind(&SocketAddr::new(0, 1 << (CN_IDX_PROC - 1)))?;
        let this = Self(socket);
        // root may exceed net.core.rmem_max, others may not
        if setsockopt(&this, sockopt::RcvBufForce, &buffer).is_err() {
            this.0.set_rx_buf_sz(buffer as i32)?;
        }
        this.0.send_to(&listen_request(), &SocketAddr::new(0, 0), 0)?;
        Ok(this)
    }

    /// The receive buffer that the kernel granted, in bytes.
    pub fn buffer(&self) -> usize {
        self.0.get_rx_buf_sz().unwrap_or(0)
    }

    /// How many messages the kernel has dropped since the socket was opened; the count wraps. `None` before Linux 4.12,
    /// which does not tell.
    pub fn dropped(&self) -> Option<u32> {
        /// `SK_MEMINFO_DROPS` and `SK_MEMINFO_VARS` of `include/uapi/linux/sock_diag.h`.
        const DROPS: usize = 8;
        const VARS: usize = 9;
        let mut info = [0_u32; VARS];
        let mut length = size_of_val(&info) as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes to `info`, and both live through the call.
        let done = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_MEMINFO,
                info.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        (done == 0 && length as usize > DROPS * size_of::<u32>()).then_some(info[DROPS])
    }

    /// Receives one datagram into `buf` and returns its length; zero if it did not come from the kernel. Fails with
    /// `WouldBlock` if there is none, and with `ENOBUFS` if some were lost.
    pub fn receive(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut rest = buf;
        let (length, from) = self.0.recv_from(&mut rest, 0)?;
        Ok(if from.port_number() == 0 { length } else { 0 })
    }
}

impl AsFd for Connector {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor belongs to the socket, which outlives the borrow.
        unsafe { BorrowedFd::borrow_raw(self.0.as_raw_fd()) }
    }
}

/// The request to send process events to this socket.
fn listen_request() -> [u8; REQUEST] {
    let mut message = [0; REQUEST];
    let words: [u32; 10] = [
        REQUEST as u32,
        libc::NLMSG_DONE as u32, // type, and no flags in the upper half
        0,                       // sequence
        0,                       // port: the kernel fills in ours
        CN_IDX_PROC,
        CN_VAL_PROC,
        0, // sequence
        0, // acknowledgement
        4, // length of the operation, and no flags in the upper half
        PROC_CN_MCAST_LISTEN,
    ];
    let words = words.map(u32::to_ne_bytes);
    message.copy_from_slice(words.as_flattened());
    if cfg!(target_endian = "big") {
        // u16 pairs: the value belongs in the first half
        message[4..8].rotate_left(2);
        message[32..36].rotate_left(2);
    }
    message
}
