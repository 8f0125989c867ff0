//! A pause that the user supplies (`podscope.dev/pause: PATH`): a statically linked program, or its C source, which the
//! host's compiler compiles. It is read together with the manifest, so that the node needs no file of the host.

mod compile;
pub(crate) mod elf;

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::libc::O_NONBLOCK;

use super::spec::{Pods, SpecError, parse_with_program};
use crate::sys::limits;

/// Maximum size of a pause; one that is linked statically with glibc has less than 1 MiB.
const MAX_SIZE: u64 = 8 << 20;

/// Where the files are that a manifest names.
#[derive(Clone, Copy, Debug)]
pub enum ManifestFiles<'a> {
    /// In this directory, which is the manifest's.
    Directory(&'a Path),
    /// Bundled with a preset, as name and text.
    Bundled(&'a [(&'a str, &'a str)]),
}

/// Why a file cannot be used as a pause, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnusablePause(String);

/// Reads pods as [`super::parse`], from a manifest that may name a file beside it. The file is read now; a C source is
/// compiled, which takes time.
///
/// # Errors
/// As [`super::parse`], or an error of the file.
pub fn parse_with_files(file_name: &str, text: &str, beside: ManifestFiles<'_>) -> Result<Pods, SpecError> {
    parse_with_program(file_name, text, &|path| beside.program(path).map_err(|why| why.to_string()))
}

impl<'a> ManifestFiles<'a> {
    /// The files beside this manifest.
    pub fn file(manifest: &'a Path) -> Self {
        Self::Directory(manifest.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    }

    /// Reads the program at `path`; a source is compiled.
    ///
    /// # Errors
    /// The file does not exist, cannot be compiled, or cannot run as a pause.
    pub fn program(self, path: &str) -> Result<Vec<u8>, UnusablePause> {
        let is_source = Path::new(path).extension().is_some_and(|end| end == "c");
        let bytes = match self {
            Self::Directory(dir) if is_source => {
                let file = dir.join(path);
                // find errors that need no compiler
                read(&file)?;
                compile::file(&std::path::absolute(&file).unwrap_or(file))?
            }
            Self::Directory(dir) => read(&dir.join(path))?,
            Self::Bundled(files) => {
                let found = files.iter().find(|(name, _)| *name == path);
                let (name, text) = found.ok_or_else(|| UnusablePause(format!("{path}: no such file is bundled")))?;
                compile::text(name, text)?
            }
        };
        elf::check(&bytes).map_err(|why| UnusablePause(format!("{path}: {why}")))?;
        Ok(bytes)
    }
}

fn read(path: &PathBuf) -> Result<Vec<u8>, UnusablePause> {
    let unfit = |why: &str| UnusablePause(format!("{}: {why}", path.display()));
    // without O_NONBLOCK open would wait for the writer of a FIFO
    let file = File::options().read(true).custom_flags(O_NONBLOCK).open(path);
    let file = file.map_err(|e| unfit(&limits::reason_of(&e)))?;
    let is_file = file.metadata().is_ok_and(|meta| meta.is_file());
    if !is_file {
        return Err(unfit("is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|e| unfit(&limits::reason_of(&e)))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(unfit(&format!("has more than {MAX_SIZE} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(result: Result<Vec<u8>, UnusablePause>) -> String {
        result.expect_err("unfit").to_string()
    }

    #[test]
    fn a_source_is_compiled_and_an_unusable_file_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let beside = ManifestFiles::Directory(dir.path());
        let file = |name: &str, text: &[u8]| std::fs::write(dir.path().join(name), text).expect("written");
        file("own.c", b"#include \"part.h\"\nint main(void) { return CODE; }\n");
        file("part.h", b"#define CODE 7\n");
        let own = beside.program("own.c").expect("compiled");
        assert_eq!(own, beside.program("./own.c").expect("compiled again"), "the same source, the same program");
        file("made", &own);
        assert_eq!(beside.program("made").as_ref(), Ok(&own), "an executable is taken as it is");

        file("typo.c", b"int main(void) { retrun 7; }\n");
        let told = why(beside.program("typo.c"));
        assert!(told.contains("typo.c:1:") && told.contains("error"), "{told}");
        file("script.sh", b"#!/bin/sh\n");
        assert!(why(beside.program("script.sh")).ends_with("script.sh: is no ELF executable"));
        assert!(why(beside.program("absent.c")).contains("absent.c: "));
        nix::unistd::mkfifo(&dir.path().join("pipe.c"), nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        assert!(why(beside.program("pipe.c")).ends_with("is no regular file"));
        let dynamic = why(beside.program("/bin/sh"));
        assert!(dynamic.contains("linked dynamically") && dynamic.contains("-static"), "{dynamic}");
    }
}
