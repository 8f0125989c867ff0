//! Checks that an executable needs no other file (elf(5)).

use crate::model::text::escaped;

/// The machine that this program is built for: `EM_X86_64` or `EM_AARCH64` of `elf.h`.
const MACHINE: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
const PT_INTERP: u32 = 3;
/// Size of a 64-bit program header.
const HEADER: usize = 56;

/// Checks that the file can run as a pause, whose root directory contains only this file. The error is why not.
pub fn check(file: &[u8]) -> Result<(), String> {
    let not_elf = || "is no ELF executable".to_owned();
    // 64 bits, little endian
    if file.get(..6) != Some(b"\x7fELF\x02\x01") {
        return Err(not_elf());
    }
    let kind = half(file, 16).ok_or_else(not_elf)?;
    if kind != ET_EXEC && kind != ET_DYN {
        return Err("is an ELF file, but no executable; link it".to_owned());
    }
    let machine = half(file, 18).ok_or_else(not_elf)?;
    if machine != MACHINE {
        return Err(format!("is for another processor (ELF machine {machine}, and here it is {MACHINE})"));
    }
    let (at, size, count) = (long(file, 32), half(file, 54), half(file, 56));
    let (Some(at), Some(size), Some(count)) = (at, size, count) else { return Err(not_elf()) };
    if usize::from(size) != HEADER {
        return Err(not_elf());
    }
    for i in 0..usize::from(count) {
        let header = at.checked_add(i * HEADER).and_then(|start| file.get(start..)).ok_or_else(not_elf)?;
        if word(header, 0) == Some(PT_INTERP) {
            let name = interpreter(file, header).unwrap_or_default();
            let name = escaped(&name);
            return Err(format!(
                "is linked dynamically: it needs {name}, and pause's root holds its own file and nothing else; link it \
                 with -static"
            ));
        }
    }
    Ok(())
}

/// The program that loads the file (`PT_INTERP`). A file may claim a name of any length; only a path of the kernel's
/// greatest length is taken.
fn interpreter(file: &[u8], header: &[u8]) -> Option<String> {
    let (at, size) = (long(header, 8)?, long(header, 32)?);
    let name = file.get(at..at.checked_add(size.min(libc::PATH_MAX as usize))?)?;
    let end = name.iter().position(|b| *b == 0).unwrap_or(name.len());
    Some(String::from_utf8_lossy(&name[..end]).into_owned())
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    let number: [u8; 8] = bytes.get(at..at + 8)?.try_into().ok()?;
    usize::try_from(u64::from_le_bytes(number)).ok()
}

#[cfg(test)]
mod tests {
    use super::{MACHINE, check};

    #[test]
    fn our_pause_is_accepted_and_a_damaged_one_is_refused() {
        let ours = pause_init::ELF;
        assert_eq!(check(ours), Ok(()));
        for end in 0..ours.len().min(0x400) {
            // a truncated header is refused
            assert!(check(&ours[..end]).is_ok() || check(&ours[..end]).is_err_and(|why| why == "is no ELF executable"));
        }
        let mut other = ours.to_vec();
        other[18] = if MACHINE == 62 { 183 } else { 62 };
        assert!(check(&other).is_err_and(|why| why.contains("another processor")));
        let mut object = ours.to_vec();
        object[16] = 1;
        assert!(check(&object).is_err_and(|why| why.contains("link it")));
        let mut wild = ours.to_vec();
        wild[32..40].fill(0xff);
        assert_eq!(check(&wild), Err("is no ELF executable".to_owned()));
    }

    #[test]
    fn the_name_of_a_loader_is_escaped_and_short() {
        let mut file = pause_init::ELF.to_vec();
        let header = usize::try_from(u64::from_le_bytes(file[32..40].try_into().expect("8 bytes"))).expect("an offset");
        let name = [b"/\x1b[2J\n/".repeat(1000), vec![0]].concat();
        file[header..header + 4].copy_from_slice(&super::PT_INTERP.to_le_bytes());
        file[header + 8..header + 16].copy_from_slice(&(pause_init::ELF.len() as u64).to_le_bytes());
        file[header + 32..header + 40].copy_from_slice(&(name.len() as u64).to_le_bytes());
        file.extend(name);
        let why = check(&file).expect_err("it is linked dynamically");
        assert!(why.contains(r"needs /\u{1b}[2J\n/") && !why.contains(['\x1b', '\n']), "{why}");
        assert!(why.len() < 40_000, "{}", why.len());
    }

    #[test]
    fn the_error_for_a_dynamic_program_names_its_loader() {
        let shell = std::fs::read("/bin/sh").expect("a shell");
        assert!(check(&shell).is_err_and(|why| why.contains("needs /lib")));
    }
}
