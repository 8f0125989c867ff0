//! The actor: a child that the init has since before its exec. By commands over a socket it does what a pod's processes
//! do: it leaves orphans and sends signals from inside. It never executes a program, and has only its end of the socket
//! open. It exits when the other end is closed, or when its pid namespace ends.

use super::child::{exit_child, exit_unless, fork};
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

/// A command or an answer: its kind and two numbers. One message on the socket.
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

/// The test's end of the socket.
#[derive(Debug)]
pub struct Actor {
    socket: OwnedFd,
}

impl Actor {
    /// Both ends of the socket; the second is for [`run`].
    pub fn new() -> (Actor, OwnedFd) {
        let (socket, other) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).expect("socketpair");
        (Actor { socket }, other)
    }

    /// Makes orphans. When this returns, each has a new parent and is about to end. Returns their pids and the pid of
    /// each one's new parent, in their pid namespace.
    pub fn orphans(&self, count: i32, end: End) -> Vec<(i32, i32)> {
        let end = match end {
            End::Exit(code) => code,
            End::Signal(signal) => -signal,
        };
        self.send_command([ORPHANS, count, end]);
        (0..count)
            .map(|_| {
                let [_, pid, parent] = self.receive();
                (pid, parent)
            })
            .collect()
    }

    /// Makes orphans, without waiting for their answers.
    pub fn start_orphans(&self, count: i32) {
        self.send_command([ORPHANS, count, 0]);
    }

    /// Sends a signal to the init from inside, which must be allowed and must not end the init.
    pub fn kill_init(&self, signal: Signal) {
        self.end_init(signal);
        assert_eq!(self.receive()[1], 0, "{signal} may be sent to PID 1");
    }

    /// As [`Self::kill_init`], if the signal may end the init, so that no answer comes.
    pub fn end_init(&self, signal: Signal) {
        self.send_command([KILL, 1, signal as i32]);
    }

    fn send_command(&self, words: Words) {
        send(self.socket.as_raw_fd(), &to_wire(words), MsgFlags::MSG_NOSIGNAL).expect(super::ACTOR);
    }

    fn receive(&self) -> Words {
        let mut ready = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut ready, PollTimeout::from(30_000u16)), Ok(1), "{} is silent", super::ACTOR);
        let mut wire = [0; WORDS];
        assert_eq!(recv(self.socket.as_raw_fd(), &mut wire, MsgFlags::empty()), Ok(WORDS), "{} ended", super::ACTOR);
        from_wire(wire)
    }
}

/// The actor's code, run in the child.
pub fn run(socket: &OwnedFd) -> ! {
    const SOCKET: i32 = 0;
    // SAFETY: this is a separate process, which uses none of the descriptors that it closes.
    unsafe {
        exit_unless(libc::dup2(socket.as_raw_fd(), SOCKET) == SOCKET);
        exit_unless(libc::syscall(libc::SYS_close_range, 1, u32::MAX, 0) == 0);
    }
    loop {
        let mut wire = [0; WORDS];
        if recv(SOCKET, &mut wire, MsgFlags::empty()) != Ok(WORDS) {
            exit_child(0);
        }
        let [order, a, b] = from_wire(wire);
        if order == ORPHANS {
            // SAFETY: the child forks and exits.
            let middle = unsafe { fork(0) };
            if middle == 0 {
                leave_orphans(a, b);
            }
            // SAFETY: the status pointer is null, so no status is written.
            exit_unless(middle > 0 && unsafe { libc::waitpid(middle, ptr::null_mut(), 0) } == middle);
        } else {
            // SAFETY: no memory is involved.
            let errno = if unsafe { libc::kill(a, b) } == 0 { 0 } else { nix::errno::Errno::last_raw() };
            answer([order, errno, 0]);
        }
    }

    fn answer(words: Words) {
        exit_unless(send(SOCKET, &to_wire(words), MsgFlags::MSG_NOSIGNAL).is_ok());
    }

    fn leave_orphans(count: i32, end: i32) -> ! {
        let mut gate = [0; 2];
        // SAFETY: the kernel writes two descriptors, and there are no arguments.
        let parent = unsafe {
            exit_unless(libc::pipe(gate.as_mut_ptr()) == 0);
            libc::getpid()
        };
        for _ in 0..count {
            // SAFETY: the child waits, sends one message and ends.
            match unsafe { fork(0) } {
                0 => orphan(parent, gate, end),
                pid => exit_unless(pid > 0),
            }
        }
        exit_child(0)
    }

    fn orphan(parent: i32, [reader, writer]: [i32; 2], end: i32) -> ! {
        let mut byte = 0u8;
        let moment = libc::timespec { tv_sec: 0, tv_nsec: 500_000 };
        // SAFETY: the kernel writes the byte and reads the time; the other calls use no memory.
        let (pid, now) = unsafe {
            // The read returns when all others have closed the pipe and the parent is exiting, which is shortly before
            // its children get a new parent.
            libc::close(writer);
            exit_unless(libc::read(reader, (&raw mut byte).cast(), 1) == 0);
            while libc::getppid() == parent {
                libc::nanosleep(&raw const moment, ptr::null_mut());
            }
            (libc::getpid(), libc::getppid())
        };
        answer([ORPHANS, pid, now]);
        if end < 0 {
            // SAFETY: it signals only itself.
            unsafe { libc::kill(pid, -end) };
        }
        exit_child(end)
    }
}
