//! The machine's tasks, and the open files that hold namespaces, read at once.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;

use super::loader::{Loader, Program, no_map};
use super::record::{self, Holder, Task};
use super::unavailable::Unavailable;
use crate::sys::bpf::{self, AttachType};

/// Two iterators in the kernel. They run only while they are read, and end when this is dropped.
#[derive(Debug)]
pub struct Reader {
    tasks: OwnedFd,
    holders: OwnedFd,
    buffer: Vec<u8>,
}

/// The kernel hands over at most this much at once (`bpf_seq_read` in `kernel/bpf/bpf_iter.c`).
const CHUNK: usize = 32 << 10;

impl Reader {
    /// Loads the iterators.
    pub fn open() -> Result<Self, Unavailable> {
        Self::load(&Loader::new()?)
    }

    /// As [`open`](Self::open), with a loader that also loads something else.
    pub fn load(loader: &Loader) -> Result<Self, Unavailable> {
        let attach = |section, target| {
            let program = loader.load(Program { section, target, attach: AttachType::Iterator }, no_map)?;
            // the link keeps the program
            bpf::attach_iterator(program).map_err(|e| Unavailable::from_call(section, e))
        };
        Ok(Self {
            tasks: attach("iter/task", "bpf_iter_task")?,
            holders: attach("iter/task_file", "bpf_iter_task_file")?,
            buffer: Vec::new(),
        })
    }

    /// Every thread of every process, in the order of their pids. It is not one moment for all: who is born or ends
    /// meanwhile may be there or not. A kernel may also keep processes from BPF that `/proc` shows.
    pub fn read_tasks(&mut self) -> io::Result<Vec<Task>> {
        read(&self.tasks, &mut self.buffer)?;
        record::tasks(&self.buffer).ok_or_else(damaged)
    }

    /// Every open file that is a namespace or a socket, with the process that has it open.
    pub fn read_holders(&mut self) -> io::Result<Vec<Holder>> {
        read(&self.holders, &mut self.buffer)?;
        record::holders(&self.buffer).ok_or_else(damaged)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "BPF has written a record that it should not have")
}

/// Runs an iterator to its end.
fn read(link: &OwnedFd, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut iterator = File::from(bpf::start_iterator(link)?);
    let mut length = 0;
    loop {
        if buffer.len() < length + CHUNK {
            buffer.resize(length + 8 * CHUNK, 0);
        }
        match iterator.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            // it has gone over many objects and written nothing about them, or a signal came
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(e) => return Err(e),
        }
    }
    buffer.truncate(length);
    Ok(())
}
