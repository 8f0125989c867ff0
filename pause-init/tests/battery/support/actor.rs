//! The actor: a child the init has from before its exec, which does as told over a socket what a
//! pod's processes do: leave orphans, send signals from inside. It never execs, so it holds nothing
//! but its end of the socket, and ends with the other end if not with its pid namespace.

use super::child::{fork, leave, must};
use nix::{
    libc,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::Signal,
        socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair},
    },
};
use std::{
    os::fd::{AsFd, AsRawFd, OwnedFd},
    ptr,
};

const ORPHANS: i32 = 1;
const KILL: i32 = 2;

/// How an orphan ends.
#[derive(Clone, Copy, Debug)]
pub enum End {
    Exit(i32),
    Signal(i32),
}

/// An order or an answer: what, and two numbers. One message on the wire.
type Words = [i32; 3];
const WORDS: usize = size_of::<Words>();

fn to_wire(words: Words) -> [u8; WORDS] {
    let mut wire = [0; WORDS];
    for (bytes, word) in wire.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    wire
}

fn from_wire(wire: [u8; WORDS]) -> Words {
    std::array::from_fn(|i| i32::from_ne_bytes([wire[4 * i], wire[4 * i + 1], wire[4 * i + 2], wire[4 * i + 3]]))
}

/// The test's end.
#[derive(Debug)]
pub struct Actor {
    socket: OwnedFd,
}

impl Actor {
    /// Both ends, the second for `live`.
    pub fn new() -> (Actor, OwnedFd) {
        let (socket, other) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).expect("socketpair");
        (Actor { socket }, other)
    }

    /// Has orphans made. When this returns, each has a new parent and is about to end; their pids
    /// and their parent's, in their pid namespace.
    pub fn orphans(&self, count: i32, end: End) -> Vec<(i32, i32)> {
        let end = match end {
            End::Exit(code) => code,
            End::Signal(signal) => -signal,
        };
        self.tell([ORPHANS, count, end]);
        (0..count)
            .map(|_| {
                let [_, pid, parent] = self.hear();
                (pid, parent)
            })
            .collect()
    }

    /// Has orphans made, without listening to them.
    pub fn start_orphans(&self, count: i32) {
        self.tell([ORPHANS, count, 0]);
    }

    /// Has the init sent a signal from inside, which must be allowed; the init lives on.
    pub fn kill_init(&self, signal: Signal) {
        self.end_init(signal);
        assert_eq!(self.hear()[1], 0, "{signal} may be sent to PID 1");
    }

    /// As `kill_init`, if it may be the end of all, and of an answer.
    pub fn end_init(&self, signal: Signal) {
        self.tell([KILL, 1, signal as i32]);
    }

    fn tell(&self, words: Words) {
        send(self.socket.as_raw_fd(), &to_wire(words), MsgFlags::MSG_NOSIGNAL).expect(super::ACTOR);
    }

    fn hear(&self) -> Words {
        let mut ready = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut ready, PollTimeout::from(30_000u16)), Ok(1), "{} is silent", super::ACTOR);
        let mut wire = [0; WORDS];
        assert_eq!(recv(self.socket.as_raw_fd(), &mut wire, MsgFlags::empty()), Ok(WORDS), "{} ended", super::ACTOR);
        from_wire(wire)
    }
}

/// In the child: the actor's whole life.
pub fn live(socket: &OwnedFd) -> ! {
    const SOCKET: i32 = 0;
    // SAFETY: a process of its own, which uses none of the descriptors it closes.
    unsafe {
        must(libc::dup2(socket.as_raw_fd(), SOCKET) == SOCKET);
        must(libc::syscall(libc::SYS_close_range, 1, u32::MAX, 0) == 0);
    }
    loop {
        let mut wire = [0; WORDS];
        if recv(SOCKET, &mut wire, MsgFlags::empty()) != Ok(WORDS) {
            leave(0);
        }
        let [order, a, b] = from_wire(wire);
        if order == ORPHANS {
            // SAFETY: the child forks and exits.
            let middle = unsafe { fork(0) };
            if middle == 0 {
                leave_orphans(a, b);
            }
            // SAFETY: no status is asked for.
            must(middle > 0 && unsafe { libc::waitpid(middle, ptr::null_mut(), 0) } == middle);
        } else {
            // SAFETY: no memory is involved.
            let errno = if unsafe { libc::kill(a, b) } == 0 { 0 } else { nix::errno::Errno::last_raw() };
            answer([order, errno, 0]);
        }
    }

    fn answer(words: Words) {
        must(send(SOCKET, &to_wire(words), MsgFlags::MSG_NOSIGNAL).is_ok());
    }

    fn leave_orphans(count: i32, end: i32) -> ! {
        let mut gate = [0; 2];
        // SAFETY: the kernel writes two descriptors, and there are no arguments.
        let parent = unsafe {
            must(libc::pipe(gate.as_mut_ptr()) == 0);
            libc::getpid()
        };
        for _ in 0..count {
            // SAFETY: the child waits, sends one message and ends.
            match unsafe { fork(0) } {
                0 => orphan(parent, gate, end),
                pid => must(pid > 0),
            }
        }
        leave(0)
    }

    fn orphan(parent: i32, [reader, writer]: [i32; 2], end: i32) -> ! {
        let mut byte = 0u8;
        let moment = libc::timespec { tv_sec: 0, tv_nsec: 500_000 };
        // SAFETY: the byte is the kernel's to write, the time to read; the rest has no memory.
        let (pid, now) = unsafe {
            // The gate opens when all others have let go of it and the parent is ending, which is
            // a moment before it hands its children over.
            libc::close(writer);
            must(libc::read(reader, (&raw mut byte).cast(), 1) == 0);
            while libc::getppid() == parent {
                libc::nanosleep(&raw const moment, ptr::null_mut());
            }
            (libc::getpid(), libc::getppid())
        };
        answer([ORPHANS, pid, now]);
        if end < 0 {
            // SAFETY: to itself.
            unsafe { libc::kill(pid, -end) };
        }
        leave(end)
    }
}
