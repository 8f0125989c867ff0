//! Reads directories and links without allocating, for the thousands of them in `/proc`.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd as _};

use nix::errno::Errno;

/// Reads the next entries of an open directory into `buffer` (`getdents64(2)`): their bytes, none at the end. The
/// buffer must hold the longest entry, 280 bytes.
pub fn next_entries(directory: impl AsFd, buffer: &mut [u8]) -> nix::Result<&[u8]> {
    let fd = directory.as_fd().as_raw_fd();
    // SAFETY: the kernel writes at most `len` bytes to the buffer, which lives through the call.
    let got = unsafe { libc::syscall(libc::SYS_getdents64, fd, buffer.as_mut_ptr(), buffer.len()) };
    let got = Errno::result(got)?;
    Ok(&buffer[..got as usize])
}

/// The names in what [`next_entries`] has read, `.` and `..` too.
pub fn names(entries: &[u8]) -> impl Iterator<Item = &CStr> {
    /// Where `d_reclen` and `d_name` of `struct linux_dirent64` are.
    const LENGTH: usize = 16;
    const NAME: usize = 19;
    let mut rest = entries;
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes([*rest.get(LENGTH)?, *rest.get(LENGTH + 1)?]));
        let entry = rest.get(..length)?;
        rest = &rest[length..];
        CStr::from_bytes_until_nul(entry.get(NAME..)?).ok()
    })
}

/// Reads a link below an open directory (`readlinkat(2)`). A text that fills the buffer may be cut.
pub fn read_link<'a>(directory: impl AsFd, name: &CStr, buffer: &'a mut [u8]) -> nix::Result<&'a [u8]> {
    let fd = directory.as_fd().as_raw_fd();
    // SAFETY: the name ends with a NUL, the kernel writes at most `len` bytes to the buffer, and both live through the
    // call.
    let got = unsafe { libc::readlinkat(fd, name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    let got = Errno::result(got)?;
    Ok(&buffer[..got as usize])
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_entry_of_a_large_directory_is_found() {
        let path = std::env::temp_dir().join(format!("podscope-directory-{}", std::process::id()));
        fs::create_dir(&path).expect("a directory of our own");
        let wanted: Vec<String> = (0..500).map(|n| format!("{n}-{}", "x".repeat(n % 200))).collect();
        for name in &wanted {
            symlink("target", path.join(name)).expect("a link");
        }
        let directory = File::open(&path).expect("it is there");
        let mut buffer = [0; 512];
        let mut found = Vec::new();
        loop {
            let entries = next_entries(&directory, &mut buffer).expect("readable");
            if entries.is_empty() {
                break;
            }
            found.extend(names(entries).filter_map(|name| name.to_str().ok()).map(str::to_owned));
        }
        let mut text = [0; 16];
        assert_eq!(read_link(&directory, c"1-x", &mut text), Ok(&b"target"[..]));
        assert_eq!(read_link(&directory, c"none", &mut text), Err(Errno::ENOENT));
        fs::remove_dir_all(&path).expect("our own");
        found.retain(|name| name != "." && name != "..");
        found.sort();
        let mut wanted = wanted;
        wanted.sort();
        assert_eq!(found, wanted);
    }

    #[test]
    fn cut_entries_have_no_name() {
        for cut in [&[][..], &[0; 18], &[0; 24], &[255; 30]] {
            assert_eq!(names(cut).count(), 0, "{cut:?}");
        }
    }
}
