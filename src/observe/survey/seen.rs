//! What was read about one process.

use crate::model::{Looked, NsKind, Source};
use crate::observe::namespaces::Nsfs;
use crate::observe::proc::{Reading, Unread};

/// One process, with what it holds besides its own namespaces.
#[derive(Debug)]
pub struct Sighting {
    pub pid: u32,
    pub reading: Result<Reading, Unread>,
    /// Who has read it: [`Source::Scan`] or [`Source::Bpf`].
    pub by: Source,
    /// Namespaces of threads that differ from their process's.
    pub threads: Vec<ThreadNamespace>,
    pub files: Vec<OpenNamespace>,
    pub sockets: Vec<Socket>,
    pub threads_looked: Looked,
    pub files_looked: Looked,
    pub sockets_looked: Looked,
}

impl Sighting {
    pub fn new(pid: u32, reading: Result<Reading, Unread>) -> Self {
        Self {
            pid,
            reading,
            by: Source::Scan,
            threads: Vec::new(),
            files: Vec::new(),
            sockets: Vec::new(),
            threads_looked: Looked::default(),
            files_looked: Looked::default(),
            sockets_looked: Looked::default(),
        }
    }
}

impl Sighting {
    /// Whether it is a process that has arguments.
    pub fn has_arguments(&self) -> bool {
        self.reading.as_ref().is_ok_and(|reading| reading.stat.has_memory() && !reading.stat.is_kernel_thread())
    }

    /// If reading them failed, the process is not known.
    pub fn add_arguments(&mut self, arguments: Result<Vec<String>, Unread>) {
        match (&mut self.reading, arguments) {
            (Ok(reading), Ok(arguments)) => reading.cmdline = arguments,
            (Ok(_), Err(why)) => *self = Self::new(self.pid, Err(why)),
            (Err(_), _) => {}
        }
    }
}

/// A namespace of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadNamespace {
    pub tid: u32,
    pub kind: NsKind,
    pub ino: u64,
    /// The number that no other namespace has. `None` if the reader does not tell.
    pub unique: Option<u64>,
    /// Only its next children will be in it.
    pub for_children: bool,
}

/// A namespace that a process has open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenNamespace {
    pub fd: u32,
    pub kind: NsKind,
    pub ino: u64,
}

/// A socket and its network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    pub fd: u32,
    pub net: NetOfSocket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetOfSocket {
    /// By the unique number of the namespace.
    Unique(u64),
    Inode(u64),
}

/// Counts an attempt to look at something.
pub fn count(looked: &mut Looked, outcome: Result<(), Unread>) {
    looked.found += 1;
    match outcome {
        Ok(()) => {}
        Err(Unread::Denied) => looked.denied += 1,
        Err(Unread::Gone) => looked.gone += 1,
        Err(Unread::Failed(_)) => looked.failed += 1,
    }
}

impl NetOfSocket {
    /// Whether it means this network namespace.
    pub fn is(self, ns: Nsfs) -> bool {
        match self {
            Self::Unique(unique) => ns.unique == Some(unique),
            Self::Inode(ino) => ns.ino == ino,
        }
    }
}
