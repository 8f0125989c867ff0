//! The system call `bpf(2)`, as far as the observer needs it: maps, programs of the type "tracing", their links, and a
//! ring buffer. Each descriptor that is returned is close-on-exec, and nothing outlives its descriptor.
//!
//! The attributes have the layout of `union bpf_attr` in `include/uapi/linux/bpf.h`.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use nix::errno::Errno;
use nix::unistd::{SysconfVar, sysconf};

/// `enum bpf_cmd`.
#[derive(Clone, Copy)]
enum Operation {
    MapCreate = 0,
    MapLookup = 1,
    MapUpdate = 2,
    MapDelete = 3,
    ProgramLoad = 5,
    TracepointOpen = 17,
    LinkCreate = 28,
    IteratorCreate = 33,
}

/// `enum bpf_map_type`.
const HASH: u32 = 1;
const ARRAY: u32 = 2;
const ARRAY_OF_CPUS: u32 = 6;
const RING_BUFFER: u32 = 27;
/// `enum bpf_prog_type`.
const TRACING: u32 = 26;
/// `BPF_TRACE_ITER` of `enum bpf_attach_type`.
const TRACE_ITERATOR: u32 = 28;

/// Large enough for every operation used here; the kernel wants the rest to be zero.
type Attributes = [u8; 120];

/// What a program is attached to when it is loaded, `enum bpf_attach_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachType {
    /// `BPF_TRACE_RAW_TP`.
    Tracepoint = 23,
    /// `BPF_TRACE_ITER`.
    Iterator = 28,
}

/// Makes a map with one value of 8 bytes, zero at first. [`lookup`] reads it.
pub fn create_counter() -> io::Result<OwnedFd> {
    create_map([ARRAY, 4, 8, 1])
}

/// The same with a value for each CPU.
pub fn create_counter_of_cpus() -> io::Result<OwnedFd> {
    create_map([ARRAY_OF_CPUS, 4, 8, 1])
}

/// Makes a map from numbers of 4 bytes to numbers of 4 bytes, with room for so many.
pub fn create_table(entries: u32) -> io::Result<OwnedFd> {
    create_map([HASH, 4, 4, entries])
}

/// Makes a ring buffer of this size: a power of two, and a multiple of the page size.
pub fn create_ring(size: u32) -> io::Result<OwnedFd> {
    create_map([RING_BUFFER, 0, 0, size])
}

/// Type, key size, value size and number of entries.
fn create_map(words: [u32; 4]) -> io::Result<OwnedFd> {
    let mut attributes = [0; 120];
    for (i, word) in words.into_iter().enumerate() {
        put(&mut attributes, 4 * i, word);
    }
    // SAFETY: the attributes hold no address.
    unsafe { descriptor(Operation::MapCreate, &mut attributes) }
}

/// The value of a counter made by [`create_counter`].
pub fn lookup(counter: impl AsFd) -> io::Result<u64> {
    let key = 0_u32;
    let mut value = 0_u64;
    let mut attributes = [0; 120];
    put(&mut attributes, 0, counter.as_fd().as_raw_fd() as u32);
    put_address(&mut attributes, 8, (&raw const key) as u64);
    put_address(&mut attributes, 16, (&raw mut value) as u64);
    // SAFETY: the kernel reads the map's key of 4 bytes and writes its value of 8 bytes, and both live through the call.
    unsafe { call(Operation::MapLookup, &mut attributes) }?;
    Ok(value)
}

/// Sets an entry of a table made by [`create_table`].
///
/// # Errors
/// `E2BIG` if the entry is new and there is no room.
pub fn set_entry(table: impl AsFd, key: u32, value: u32) -> io::Result<()> {
    let mut attributes = [0; 120];
    put(&mut attributes, 0, table.as_fd().as_raw_fd() as u32);
    put_address(&mut attributes, 8, (&raw const key) as u64);
    put_address(&mut attributes, 16, (&raw const value) as u64);
    // SAFETY: the kernel reads a key and a value of 4 bytes each, and both live through the call.
    unsafe { call(Operation::MapUpdate, &mut attributes) }?;
    Ok(())
}

/// Removes an entry of a table made by [`create_table`].
///
/// # Errors
/// `ENOENT` if there is none.
pub fn remove_entry(table: impl AsFd, key: u32) -> io::Result<()> {
    let mut attributes = [0; 120];
    put(&mut attributes, 0, table.as_fd().as_raw_fd() as u32);
    put_address(&mut attributes, 8, (&raw const key) as u64);
    // SAFETY: the kernel reads a key of 4 bytes, which lives through the call.
    unsafe { call(Operation::MapDelete, &mut attributes) }?;
    Ok(())
}

/// Loads a program of the type "tracing". `instructions` are `struct bpf_insn`, `license` is a C string, and `target` is
/// the id of a type of the kernel: the iterator's function, or the tracepoint's typedef. The verifier writes to `log`
/// what it does, unless `log` is empty.
pub fn load(
    instructions: &[u8],
    license: &std::ffi::CStr,
    kind: AttachType,
    target: u32,
    log: &mut [u8],
) -> io::Result<OwnedFd> {
    let mut attributes = [0; 120];
    put(&mut attributes, 0, TRACING);
    put(&mut attributes, 4, (instructions.len() / 8) as u32);
    put_address(&mut attributes, 8, instructions.as_ptr() as u64);
    put_address(&mut attributes, 16, license.as_ptr() as u64);
    if !log.is_empty() {
        put(&mut attributes, 24, 1); // the level
        put(&mut attributes, 28, log.len() as u32);
        put_address(&mut attributes, 32, log.as_mut_ptr() as u64);
    }
    put(&mut attributes, 68, kind as u32);
    put(&mut attributes, 108, target);
    // SAFETY: the kernel reads as many instructions as `instructions` holds, reads a C string and writes at most
    // `log.len()` bytes to the log. All three live through the call. The verifier checks what the program does.
    unsafe { descriptor(Operation::ProgramLoad, &mut attributes) }
}

/// Attaches a program to the tracepoint that it was loaded for. It runs until the descriptor is closed.
pub fn attach_tracepoint(program: impl AsFd) -> io::Result<OwnedFd> {
    let mut attributes = [0; 120];
    put(&mut attributes, 8, program.as_fd().as_raw_fd() as u32);
    // SAFETY: the attributes hold no address: a program that was loaded for a tracepoint needs no name.
    unsafe { descriptor(Operation::TracepointOpen, &mut attributes) }
}

/// Attaches a program to the iterator that it was loaded for.
pub fn attach_iterator(program: impl AsFd) -> io::Result<OwnedFd> {
    let mut attributes = [0; 120];
    put(&mut attributes, 0, program.as_fd().as_raw_fd() as u32);
    put(&mut attributes, 8, TRACE_ITERATOR);
    // SAFETY: the attributes hold no address.
    unsafe { descriptor(Operation::LinkCreate, &mut attributes) }
}

/// Starts an iterator: reading from the descriptor runs its program for one object after another.
pub fn start_iterator(link: impl AsFd) -> io::Result<OwnedFd> {
    let mut attributes = [0; 120];
    put(&mut attributes, 0, link.as_fd().as_raw_fd() as u32);
    // SAFETY: the attributes hold no address.
    unsafe { descriptor(Operation::IteratorCreate, &mut attributes) }
}

fn put(attributes: &mut Attributes, at: usize, word: u32) {
    attributes[at..at + 4].copy_from_slice(&word.to_ne_bytes());
}

fn put_address(attributes: &mut Attributes, at: usize, address: u64) {
    attributes[at..at + 8].copy_from_slice(&address.to_ne_bytes());
}

/// # Safety
/// Addresses in the attributes must be valid for what the kernel does with them.
unsafe fn call(operation: Operation, attributes: &mut Attributes) -> io::Result<i64> {
    // SAFETY: the attributes live through the call, and the caller answers for the addresses in them.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, operation as libc::c_int, attributes.as_mut_ptr(), size_of::<Attributes>())
    };
    Ok(Errno::result(result)?)
}

/// # Safety
/// As for [`call`]. The operation must return a new descriptor.
unsafe fn descriptor(operation: Operation, attributes: &mut Attributes) -> io::Result<OwnedFd> {
    // SAFETY: the caller answers for the addresses; the descriptor is new, so nobody else owns it.
    unsafe { Ok(OwnedFd::from_raw_fd(call(operation, attributes)? as RawFd)) }
}

/// The reading side of a ring buffer (`kernel/bpf/ringbuf.c`). Its descriptor is readable while there is a record.
#[derive(Debug)]
pub struct Ring {
    map: OwnedFd,
    /// One page that only we write: how far we have read.
    consumer: Mapping,
    /// One page with how far the kernel has written, then the data twice in a row, so that no record is in two pieces.
    producer: Mapping,
    page: usize,
    size: u64,
}

/// Before each record: its length with two flags, and four bytes for the kernel.
const HEADER: u64 = 8;
const IS_BUSY: u32 = 1 << 31;
const IS_DISCARDED: u32 = 1 << 30;

impl Ring {
    /// Maps a ring buffer that [`create_ring`] has made with this size.
    pub fn new(map: OwnedFd, size: u32) -> io::Result<Self> {
        let page = sysconf(SysconfVar::PAGE_SIZE)?.unwrap_or(4096) as usize;
        let consumer = Mapping::new(&map, page, 0, libc::PROT_READ | libc::PROT_WRITE)?;
        let producer = Mapping::new(&map, page + 2 * size as usize, page, libc::PROT_READ)?;
        Ok(Self { map, consumer, producer, page, size: u64::from(size) })
    }

    /// Hands over each record that is complete, oldest first; at most as many bytes as the ring buffer has, so that it
    /// ends also if the kernel writes faster than this reads.
    pub fn drain(&mut self, mut record: impl FnMut(&[u8])) {
        // SAFETY: both positions are at the begin of a page of a mapping that lives as long as `self`. The kernel writes
        // the second, so both are atomic.
        let (read, written) = unsafe {
            (self.consumer.address.cast::<AtomicU64>().as_ref(), self.producer.address.cast::<AtomicU64>().as_ref())
        };
        let mut position = read.load(Ordering::Relaxed);
        let end = position + self.size;
        while position < end {
            // the kernel wakes us for a record only if it sees that we have read all before it: what it sees of us must
            // not be older than what we see of it
            fence(Ordering::SeqCst);
            if position >= written.load(Ordering::Acquire) {
                return;
            }
            let at = self.page + (position & (self.size - 1)) as usize;
            // SAFETY: `at` is a multiple of 8 below `page + size`, so the header is in the mapping, and aligned. The
            // kernel writes it, so it is atomic.
            let header = unsafe { self.producer.address.byte_add(at).cast::<AtomicU32>().as_ref() };
            let header = header.load(Ordering::Acquire);
            if header & IS_BUSY != 0 {
                return;
            }
            let length = u64::from(header & !IS_DISCARDED).min(self.size - HEADER);
            if header & IS_DISCARDED == 0 {
                // SAFETY: the record begins below `page + size` and is shorter than `size`, so it is in the mapping. The
                // kernel does not change a complete record until we have moved our position.
                let bytes = unsafe {
                    let start = self.producer.address.byte_add(at + HEADER as usize);
                    std::slice::from_raw_parts(start.as_ptr(), length as usize)
                };
                record(bytes);
            }
            position += (HEADER + length).next_multiple_of(8);
            read.store(position, Ordering::Release);
        }
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}

/// Memory shared with the kernel.
#[derive(Debug)]
struct Mapping {
    address: NonNull<u8>,
    length: usize,
}

impl Mapping {
    fn new(map: &OwnedFd, length: usize, offset: usize, protection: libc::c_int) -> io::Result<Self> {
        let offset = offset as libc::off_t;
        // SAFETY: the kernel chooses an address that is free.
        let address =
            unsafe { libc::mmap(std::ptr::null_mut(), length, protection, libc::MAP_SHARED, map.as_raw_fd(), offset) };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let address = NonNull::new(address.cast()).ok_or(Errno::EFAULT)?;
        Ok(Self { address, length })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and what borrows from it borrows from its owner.
        let done = unsafe { libc::munmap(self.address.as_ptr().cast(), self.length) };
        debug_assert_eq!(done, 0, "a whole mapping can be unmapped");
    }
}

// SAFETY: the mapping belongs to the process and not to a thread, and only `&mut self` reads it.
unsafe impl Send for Mapping {}
