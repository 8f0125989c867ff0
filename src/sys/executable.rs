//! A sealed copy of our own program in memory. The launcher, the node and every stand-in run from one, the helpers that
//! join namespaces from another.
//!
//! A process can reach its executable through `/proc/PID/exe`, and so can other processes of a shared pid namespace.
//! The program's own file often belongs to the user that a pod's root is on the host: a pod could change its mode, or
//! overwrite it once nothing runs from it (CVE-2019-5736 is of this class). Nobody can change the copy, and it leads to
//! no file of the host.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl, open};
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::Mode;

/// The copy. It exists as long as this value or a process that runs from it.
#[derive(Debug)]
pub struct Executable(OwnedFd);

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("{path}: {error}", path = path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error(
        "the program cannot be copied into memory to run from there: vm.memfd_noexec forbids it; \
         as root: sysctl vm.memfd_noexec=0"
    )]
    Forbidden,
    #[error("the program cannot be copied into memory: {0}")]
    Memory(io::Error),
}

impl CopyError {
    pub fn errno(&self) -> Errno {
        match self {
            Self::Read { error, .. } | Self::Memory(error) => error.raw_os_error().map_or(Errno::EIO, Errno::from_raw),
            Self::Forbidden => Errno::EACCES,
        }
    }
}

impl Executable {
    /// The path of the program that runs.
    pub const OURS: &str = "/proc/self/exe";

    /// Copies the part of the program at `path` that the kernel loads, and seals it.
    ///
    /// # Errors
    /// If the file cannot be read, or the kernel gives no executable memory file (`memfd_create(2)`).
    pub fn copy_of(path: &Path) -> Result<Self, CopyError> {
        let read = |error| CopyError::Read { path: path.to_owned(), error };
        let mut from = File::open(path).map_err(read)?;
        let mut header = [0; ELF_HEADER];
        from.read_exact(&mut header).map_err(read)?;
        let size = match loaded_size(|table, at| from.read_exact_at(table, at), &header).map_err(read)? {
            Some(size) => {
                header[SECTIONS_OFFSET].fill(0);
                header[SECTIONS_COUNT].fill(0);
                size
            }
            None => from.metadata().map_err(read)?.len(),
        };
        let copy = create().map_err(|e| match e {
            Errno::EACCES => CopyError::Forbidden,
            e => CopyError::Memory(e.into()),
        })?;
        from.seek(SeekFrom::Start(0)).map_err(read)?;
        Self::fill(copy, from, size, &header).map_err(CopyError::Memory)
    }

    fn fill(mut copy: File, from: File, size: u64, header: &[u8; ELF_HEADER]) -> io::Result<Self> {
        // io::copy lets the kernel copy where it can
        io::copy(&mut from.take(size), &mut copy)?;
        copy.write_all_at(header, 0)?;
        copy.flush()?;
        copy.set_permissions(std::fs::Permissions::from_mode(0o555))?;
        seal(&copy)?;
        // keep a descriptor that can only execute; the writable one is closed
        let path = format!("/proc/self/fd/{}", copy.as_raw_fd());
        Ok(Self(open(path.as_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?))
    }

    /// The path by which this process, and a child before its `execve(2)`, can execute the copy.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

fn create() -> Result<File, Errno> {
    let name = c"podscope";
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let executable = flags | MFdFlags::from_bits_retain(libc::MFD_EXEC);
    match memfd_create(name, executable) {
        // before Linux 6.3 every memory file is executable, and the flag is unknown
        Err(Errno::EINVAL) => memfd_create(name, flags),
        other => other,
    }
    .map(File::from)
}

/// Seals content, size and mode.
fn seal(copy: &File) -> Result<(), Errno> {
    let add = |seals| fcntl(copy, FcntlArg::F_ADD_SEALS(seals)).map(drop);
    // As strict as F_SEAL_WRITE here, since nothing maps the copy yet, and it never waits. Linux 5.1; nix does not
    // define it.
    let future_write = SealFlag::from_bits_retain(libc::F_SEAL_FUTURE_WRITE);
    add(future_write | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW)?;
    seal_mode(add)?;
    add(SealFlag::F_SEAL_SEAL)
}

/// Seals the execute permission of the copy, which its owner, a pod's root, could remove. Linux 6.3; an earlier kernel
/// does not know this seal.
///
/// The kernel also adds `F_SEAL_WRITE`, so this fails with EBUSY while a page of the copy is pinned, for example by the
/// kernel itself to migrate it. Nothing reports when it no longer is. Each call waits up to 150 ms for that
/// (`memfd_wait_for_pins`, mm/memfd.c), which is too short on a busy machine, so this calls until a limit.
fn seal_mode(add: impl Fn(SealFlag) -> Result<(), Errno>) -> Result<(), Errno> {
    const LIMIT: Duration = Duration::from_secs(10);
    let began = Instant::now();
    loop {
        match add(SealFlag::from_bits_retain(libc::F_SEAL_EXEC)) {
            Err(Errno::EBUSY) if began.elapsed() < LIMIT => {}
            Err(Errno::EINVAL) => return Ok(()),
            other => return other,
        }
    }
}

/// Size of the header of a 64-bit ELF file; the offsets below are in it (`elf(5)`, `Elf64_Ehdr`).
pub(crate) const ELF_HEADER: usize = 64;
/// `e_shoff`.
const SECTIONS_OFFSET: std::ops::Range<usize> = 40..48;
/// `e_shnum` and `e_shstrndx`.
const SECTIONS_COUNT: std::ops::Range<usize> = 60..64;
const PT_LOAD: u32 = 1;
/// Size of `Elf64_Phdr`, which describes a segment.
const SEGMENT: usize = 56;

/// The end of the last segment that the kernel loads. The rest of the file is for debuggers, and often the larger part.
/// `None` if this is no 64-bit ELF file of our byte order. `read` fills a buffer from an offset of the file.
pub(crate) fn loaded_size(
    read: impl FnOnce(&mut [u8], u64) -> io::Result<()>,
    header: &[u8; ELF_HEADER],
) -> io::Result<Option<u64>> {
    if header[..6] != [0x7f, b'E', b'L', b'F', 2, 1] || cfg!(target_endian = "big") {
        return Ok(None);
    }
    let (at, each, count) = (word(header, 32), half(header, 54), half(header, 56));
    // another size is none of a 64-bit file; it would also make the table large
    if usize::from(each) != SEGMENT {
        return Ok(None);
    }
    let mut table = vec![0; usize::from(each) * usize::from(count)];
    read(&mut table, at)?;
    let loaded = table.chunks_exact(each.into()).filter(|entry| entry[..4] == PT_LOAD.to_le_bytes());
    let end = loaded.map(|entry| word(entry, 8).saturating_add(word(entry, 32))).max();
    Ok(end.filter(|end| *end >= at.saturating_add(table.len() as u64)))
}

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].try_into().map_or(0, u64::from_le_bytes)
}

fn half(bytes: &[u8], at: usize) -> u16 {
    bytes[at..at + 2].try_into().map_or(0, u16::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;
    use std::process::Command;
    use std::thread;

    use nix::fcntl::{SpliceFFlags, splice};

    use super::*;

    #[test]
    fn the_copy_runs_and_nobody_can_change_it() {
        let copy = Executable::copy_of(Path::new("/bin/true")).expect("a copy");
        assert!(Command::new(copy.path()).status().expect("it runs").success());
        // a pod's root may do this, since on the host it is the owner
        fs::set_permissions(copy.path(), fs::Permissions::from_mode(0o755)).expect("our own");
        let open = || fs::OpenOptions::new().write(true).open(copy.path()).expect("its mode is not what protects it");
        let refused = |done: io::Result<()>| done.expect_err("a seal forbids it").raw_os_error();
        assert_eq!(refused(open().write_all(b"evil")), Some(libc::EPERM));
        assert_eq!(refused(open().set_len(0)), Some(libc::EPERM));
    }

    #[test]
    fn the_copy_contains_only_what_the_kernel_loads() {
        let ours = Path::new("/proc/self/exe");
        let copy = Executable::copy_of(ours).expect("a copy");
        let (whole, part) = (fs::metadata(ours).expect("ours").len(), fs::metadata(copy.path()).expect("copy"));
        assert!(part.size() < whole, "{} of {whole}: this test's own debug information is left out", part.size());
        let listed = Command::new(copy.path()).arg("--list").output().expect("it runs");
        assert!(listed.status.success(), "{listed:?}");
    }

    #[test]
    fn the_copy_is_sealed_once_no_page_is_pinned() {
        let mut copy = create().expect("a memory file");
        copy.write_all(&[1; 4096]).expect("written");
        copy.set_permissions(fs::Permissions::from_mode(0o555)).expect("our own");
        let (reader, writer) = nix::unistd::pipe().expect("a pipe");
        // the pipe pins the page itself
        splice(&copy, Some(&mut 0), &writer, None, 4096, SpliceFFlags::empty()).expect("the pipe has room");
        assert_eq!(fcntl(&copy, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_WRITE)), Err(Errno::EBUSY));
        let sealing = thread::spawn({
            let copy = copy.try_clone().expect("a descriptor");
            move || seal(&copy)
        });
        while fcntl(&copy, FcntlArg::F_GET_SEALS) == Ok(0) {
            thread::yield_now();
        }
        assert_eq!(copy.write_all_at(b"evil", 0).map_err(|e| e.raw_os_error()), Err(Some(libc::EPERM)));
        // longer than the kernel's own wait
        thread::sleep(Duration::from_millis(200));
        drop((reader, writer));
        sealing.join().expect("no panic").expect("sealed");
        let seals = fcntl(&copy, FcntlArg::F_GET_SEALS).expect("seals");
        assert_ne!(seals & SealFlag::F_SEAL_SEAL.bits(), 0);
    }

    #[test]
    fn a_file_that_is_no_elf_file_is_copied_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let script = dir.path().join("script");
        let text = format!("#!/bin/sh\n# {}\nexit 7\n", "x".repeat(100));
        fs::write(&script, &text).expect("written");
        let copy = Executable::copy_of(&script).expect("a copy");
        assert_eq!(fs::read_to_string(copy.path()).expect("read"), text);
    }

    #[test]
    fn the_error_names_a_program_that_cannot_be_read() {
        let e = Executable::copy_of(Path::new("/nowhere/podscope")).expect_err("nothing there");
        assert_eq!(e.to_string(), "/nowhere/podscope: No such file or directory (os error 2)");
    }
}
