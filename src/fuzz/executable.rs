//! Executables that a user gives as pause.

use std::io;

use super::assert_escaped;
use crate::lab::own_pause::elf;
use crate::sys::executable::{ELF_HEADER, loaded_size};

/// An executable is accepted, or refused with a short reason.
pub fn executable(bytes: &[u8]) {
    match elf::check(bytes) {
        Ok(()) => assert!(bytes.starts_with(b"\x7fELF")),
        Err(why) => {
            assert_escaped(&why);
            assert!(why.len() < 64 << 10, "{} bytes", why.len());
        }
    }
    let Some(header) = bytes.first_chunk::<ELF_HEADER>() else { return };
    let read = |table: &mut [u8], at: u64| -> io::Result<()> {
        let from = usize::try_from(at).ok().and_then(|at| bytes.get(at..at.checked_add(table.len())?));
        table.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    };
    if let Ok(Some(size)) = loaded_size(read, header) {
        assert!(size > 0);
    }
}
