//! Compiles a pause with the host's C compiler.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::{MAX_SIZE, UnusablePause};
use crate::sys::{limits, pidfd, random};

/// Time limit of the compiler; a pause is compiled in less than a second.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Maximum number of the compiler's lines in an error.
const LINES: usize = 4;

/// Compiles this source file.
pub fn file(source: &Path) -> Result<Vec<u8>, UnusablePause> {
    let room = CompileDir::new()
        .map_err(|e| UnusablePause(format!("make a directory to compile in: {}", limits::reason_of(&e))))?;
    room.compile(source)
}

/// Compiles a source text, which the compiler's messages call `name`.
pub fn text(name: &str, text: &str) -> Result<Vec<u8>, UnusablePause> {
    let room = CompileDir::new()
        .map_err(|e| UnusablePause(format!("make a directory to compile in: {}", limits::reason_of(&e))))?;
    fs::write(room.0.join(name), text).map_err(|e| UnusablePause(format!("{name}: {}", limits::reason_of(&e))))?;
    room.compile(Path::new(name))
}

/// A temporary directory, which is removed when this is dropped.
struct CompileDir(PathBuf);

impl CompileDir {
    fn new() -> io::Result<Self> {
        let name = format!("podscope-{}", random::uuid()?);
        let dir = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&dir)?;
        Ok(Self(dir))
    }

    /// Compiles `source`; a relative path is relative to this directory.
    fn compile(&self, source: &Path) -> Result<Vec<u8>, UnusablePause> {
        let (made, said) = (self.0.join("program"), self.0.join("said"));
        let failed = |e: io::Error| UnusablePause(format!("cc {}: {}", source.display(), limits::reason_of(&e)));
        let words = File::create(&said).map_err(failed)?;
        let mut command = Command::new("cc");
        // its own process group, since the compiler starts other processes
        command.args(["-static", "-Os", "-s", "-o"]).arg(&made).arg(source).process_group(0);
        command.current_dir(&self.0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(words).env("LC_ALL", "C");
        let child = limits::restore_open_files(&mut command).spawn().map_err(|e| match e.kind() {
            ErrorKind::NotFound => UnusablePause(format!(
                "{}: there is no C compiler (cc) to compile it; install one (Debian: apt install gcc libc6-dev), or give an \
                 executable that is linked with -static",
                source.display()
            )),
            _ => failed(e),
        })?;
        let status = wait(child).map_err(failed)?;
        if !status.success() {
            let said = fs::read(&said).map_err(failed)?;
            return Err(UnusablePause(error_line(source, &String::from_utf8_lossy(&said))));
        }
        let bytes = fs::read(&made).map_err(failed)?;
        if bytes.len() as u64 > MAX_SIZE {
            return Err(UnusablePause(format!("{}: compiled it has more than {MAX_SIZE} bytes", source.display())));
        }
        Ok(bytes)
    }
}

impl Drop for CompileDir {
    fn drop(&mut self) {
        // if this fails, the system empties its directory for temporary files some time
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn wait(mut child: Child) -> io::Result<ExitStatus> {
    let ended = ends_within(TIMEOUT, &child);
    if matches!(ended, Ok(true)) {
        return child.wait();
    }
    let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
    child.wait()?;
    ended?;
    Err(io::Error::new(ErrorKind::TimedOut, format!("not done after {} s", TIMEOUT.as_secs())))
}

/// Waits until a child has ended, but no longer than this. Returns whether it has.
fn ends_within(timeout: Duration, child: &Child) -> io::Result<bool> {
    let by = Instant::now() + timeout;
    let process = pidfd::open(child.id())?;
    loop {
        let left = by.saturating_duration_since(Instant::now()).as_micros().div_ceil(1_000);
        // a pidfd is readable once its process has ended (pidfd_open(2))
        let mut fds = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// The compiler's errors in one line.
fn error_line(source: &Path, said: &str) -> String {
    if ["-lc", "libc.a", "-lgcc_eh"].iter().any(|part| said.lines().any(|l| l.contains("find") && l.contains(part))) {
        return format!(
            "{}: the C library's static part is missing (cc -static); install it (Debian: libc6-dev, Fedora: glibc-static), \
             or give an executable that is linked with -static",
            source.display()
        );
    }
    let is_error = |line: &&str| line.contains("error") || line.contains("undefined reference");
    let mut lines: Vec<&str> = said.lines().filter(is_error).take(LINES).collect();
    if lines.is_empty() {
        lines = said.lines().take(LINES).collect();
    }
    format!("cc: {}", lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::{Child, Command};
    use std::time::Duration;

    use super::{ends_within, error_line};

    #[test]
    fn the_wait_for_a_child_has_a_time_limit() {
        let child = |program: &str, args: &[&str]| Command::new(program).args(args).spawn().expect("started");
        let ends = |child: &Child, timeout| ends_within(timeout, child).expect("a pidfd");
        let mut short = child("true", &[]);
        assert!(ends(&short, Duration::from_secs(20)));
        // it is not reaped yet
        assert!(ends(&short, Duration::ZERO));
        assert!(short.wait().expect("a status").success());
        let mut long = child("sleep", &["1000"]);
        assert!(!ends(&long, Duration::from_millis(20)));
        long.kill().expect("our own");
        assert!(ends(&long, Duration::from_secs(20)));
        long.wait().expect("a status");
    }

    #[test]
    fn the_error_for_a_missing_static_library_says_what_to_install() {
        let said =
            "/usr/bin/ld: cannot find -lc: No such file or directory\ncollect2: error: ld returned 1 exit status\n";
        assert!(error_line(Path::new("p.c"), said).contains("glibc-static"));
        let said = "p.c: In function 'main':\np.c:1:18: error: 'x' undeclared\n    1 | int main(void) {\n";
        assert_eq!(error_line(Path::new("p.c"), said), "cc: p.c:1:18: error: 'x' undeclared");
    }
}
