//! Builds pause: a separate freestanding program, which the library embeds as bytes.
//!
//! Stable Cargo cannot embed a static `no_std` executable as bytes. So this script calls Cargo's compiler directly,
//! with Cargo's linker. gcc with ld or lld is enough.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, exit},
};

/// The linker script defines the layout; ld and lld produce the same.
const LINK_ARGS: &[&str] = &[
    "-static",
    "-nostdlib",
    "-nostartfiles",
    "-Wl,--build-id=none",
    "-Wl,--no-eh-frame-hdr",
    "-Wl,-z,norelro",
    "-Wl,-z,noexecstack",
    "-Wl,-z,max-page-size=4096",
    "-Wl,-Tsrc/init/pause.ld",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/init");
    let target = var("TARGET");
    if !["x86_64-", "aarch64-"].iter().any(|arch| target.starts_with(arch)) || !target.contains("-linux-") {
        fail(&format!("pause-init has no system calls for {target}; it knows x86_64 and aarch64 Linux"));
    }
    let elf = PathBuf::from(var("OUT_DIR")).join("pause");
    if let Err(why) = compile(&target, &elf) {
        fail(&why);
    }
}

fn compile(target: &str, elf: &Path) -> Result<(), String> {
    let mut rustc = Command::new(var("RUSTC"));
    rustc
        .args(["--crate-name", "pause", "--crate-type", "bin", "--edition", "2024", "--target", target])
        .args(["-C", "panic=abort", "-C", "opt-level=z", "-C", "codegen-units=1"])
        .args(["-C", "relocation-model=static", "-C", "force-unwind-tables=no"])
        .args(["-C", "debuginfo=0", "-C", "strip=symbols", "-C", "debug-assertions=no"])
        .arg("-o")
        .arg(elf)
        .args(LINK_ARGS.iter().map(|arg| format!("-Clink-arg={arg}")))
        .arg("src/init/main.rs");
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        rustc.arg("-C").arg(format!("linker={}", linker.to_string_lossy()));
    }
    let out = rustc.output().map_err(|e| format!("cannot run {rustc:?}: {e}"))?;
    let output = String::from_utf8_lossy(&out.stderr);
    if !out.status.success() {
        return Err(format!("{rustc:?} failed:\n{output}"));
    }
    for line in output.lines() {
        println!("cargo::warning={line}");
    }
    Ok(())
}

fn var(name: &str) -> String {
    env::var(name).unwrap_or_else(|e| fail(&format!("{name}: {e}; this is a Cargo build script")))
}

fn fail(why: &str) -> ! {
    eprintln!("{why}");
    exit(1)
}
