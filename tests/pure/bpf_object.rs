//! The object that runs in the kernel is in the repository. It must be what its source makes.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The first line that a compiler says of itself, or `None` if it is not installed.
fn version(compiler: &str) -> Option<String> {
    let said = Command::new(compiler).arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&said.stdout).lines().next()?.to_owned())
}

#[test]
fn the_object_is_what_the_script_builds_from_the_source() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let compiler = version("clang-14").unwrap_or_else(|| "clang-14 is not installed".to_owned());
    let missing = [
        (!compiler.contains("Debian clang version 14.0.6"), compiler.as_str()),
        (version("llvm-objcopy-14").is_none(), "llvm-objcopy-14 is not installed"),
        (!Path::new("/usr/include/bpf/bpf_core_read.h").exists(), "libbpf-dev is not installed"),
    ];
    if let Some((_, reason)) = missing.iter().find(|(is_missing, _)| *is_missing) {
        return eprintln!("skipped: other compilers build another object than Debian's clang 14.0.6: {reason}");
    }
    let place = tempfile::tempdir().expect("a directory");
    let built = place.path().join("podscope.bpf.o");
    let done = Command::new(top.join("scripts/bpf")).arg(&built).status().expect("the script starts");
    assert!(done.success());
    let kept = fs::read(top.join("src/observe/bpf/podscope.bpf.o")).expect("it is there");
    assert!(kept == fs::read(&built).expect("built"), "run scripts/bpf and commit src/observe/bpf/podscope.bpf.o");
    assert!(kept.len() <= 64 << 10, "{} bytes", kept.len());
}
