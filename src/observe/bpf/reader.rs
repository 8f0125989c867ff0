//! The machine's tasks, and the open files that hold namespaces, read at once.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;

use super::loader::{Loader, Program, maps, no_map};
use super::record::{self, Holder, Task};
use super::unavailable::Unavailable;
use crate::sys::bpf::{self, AttachType};

/// All of it. It runs in the kernel only while it is read, and ends when this is dropped.
#[derive(Debug)]
pub struct Reader {
    tasks: TaskReader,
    holders: HolderReader,
}

/// The iterator over tasks.
#[derive(Debug)]
pub struct TaskReader(KernelIterator);

/// The iterator over open files.
#[derive(Debug)]
pub struct HolderReader(KernelIterator);

#[derive(Debug)]
struct KernelIterator {
    link: OwnedFd,
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
        Ok(Self { tasks: TaskReader::load(loader)?, holders: HolderReader::load(loader)? })
    }

    /// As [`TaskReader::read`].
    pub fn read_tasks(&mut self) -> io::Result<Vec<Task>> {
        self.tasks.read()
    }

    /// As [`HolderReader::read`].
    pub fn read_holders(&mut self) -> io::Result<Vec<Holder>> {
        self.holders.read()
    }
}

impl TaskReader {
    pub fn load(loader: &Loader) -> Result<Self, Unavailable> {
        let of_cpus = bpf::create_counter_of_cpus().map_err(|e| Unavailable::from_call("a map", e))?;
        KernelIterator::load(loader, "iter/task", "bpf_iter_task", maps(&[("of_cpus", &of_cpus)])).map(Self)
    }

    /// Every thread of every process, in the order of their pids. It is not one moment for all: who is born or ends
    /// meanwhile may be there or not. A kernel may also keep processes from BPF that `/proc` shows.
    pub fn read(&mut self) -> io::Result<Vec<Task>> {
        self.0.run()?;
        record::tasks(&self.0.buffer).ok_or_else(damaged)
    }
}

impl HolderReader {
    pub fn load(loader: &Loader) -> Result<Self, Unavailable> {
        KernelIterator::load(loader, "iter/task_file", "bpf_iter_task_file", no_map).map(Self)
    }

    /// Every open file that is a namespace or a socket, with the process that has it open.
    pub fn read(&mut self) -> io::Result<Vec<Holder>> {
        self.0.run()?;
        record::holders(&self.0.buffer).ok_or_else(damaged)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "BPF has written a record that it should not have")
}

impl KernelIterator {
    fn load(
        loader: &Loader,
        section: &'static str,
        target: &'static str,
        map: impl Fn(&[u8]) -> Option<i32>,
    ) -> Result<Self, Unavailable> {
        let program = loader.load(Program { section, target, attach: AttachType::Iterator }, map)?;
        // the link keeps the program, and that keeps its maps
        let link = bpf::attach_iterator(program).map_err(|e| Unavailable::from_call(section, e))?;
        Ok(Self { link, buffer: Vec::new() })
    }

    /// Fills the buffer with all that it writes.
    fn run(&mut self) -> io::Result<()> {
        let buffer = &mut self.buffer;
        let mut iterator = File::from(bpf::start_iterator(&self.link)?);
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
}
