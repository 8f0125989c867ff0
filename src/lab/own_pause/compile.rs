//! The host's C compiler.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::{MOST, Unfit};
use crate::sys::{limits, random};

/// A pause is compiled in less than a second.
const PATIENCE: Duration = Duration::from_mins(1);

/// Of what the compiler says, so much is repeated.
const LINES: usize = 4;

/// A program made of this source.
pub fn file(source: &Path) -> Result<Vec<u8>, Unfit> {
    let room = Room::new().map_err(|e| Unfit(format!("make a directory to compile in: {}", limits::reason_of(&e))))?;
    room.compile(source)
}

/// The same of a text; the compiler's words have it under this name.
pub fn text(name: &str, text: &str) -> Result<Vec<u8>, Unfit> {
    let room = Room::new().map_err(|e| Unfit(format!("make a directory to compile in: {}", limits::reason_of(&e))))?;
    fs::write(room.0.join(name), text).map_err(|e| Unfit(format!("{name}: {}", limits::reason_of(&e))))?;
    room.compile(Path::new(name))
}

/// A directory of our own that goes when it is dropped.
struct Room(PathBuf);

impl Room {
    fn new() -> io::Result<Self> {
        let name = format!("podscope-{}", random::uuid()?);
        let dir = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&dir)?;
        Ok(Self(dir))
    }

    /// A source that is not absolute is in here.
    fn compile(&self, source: &Path) -> Result<Vec<u8>, Unfit> {
        let (made, said) = (self.0.join("program"), self.0.join("said"));
        let failed = |e: io::Error| Unfit(format!("cc {}: {}", source.display(), limits::reason_of(&e)));
        let words = File::create(&said).map_err(failed)?;
        let mut command = Command::new("cc");
        // a group of its own, since it starts others
        command.args(["-static", "-Os", "-s", "-o"]).arg(&made).arg(source).process_group(0);
        command.current_dir(&self.0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(words).env("LC_ALL", "C");
        let child = limits::restore_open_files(&mut command).spawn().map_err(|e| match e.kind() {
            ErrorKind::NotFound => Unfit(format!(
                "{}: there is no C compiler (cc) to compile it; install one (Debian: apt install gcc libc6-dev), or give an \
                 executable that is linked with -static",
                source.display()
            )),
            _ => failed(e),
        })?;
        let status = wait(child).map_err(failed)?;
        if !status.success() {
            let said = fs::read(&said).map_err(failed)?;
            return Err(Unfit(complaint(source, &String::from_utf8_lossy(&said))));
        }
        let bytes = fs::read(&made).map_err(failed)?;
        if bytes.len() as u64 > MOST {
            return Err(Unfit(format!("{}: compiled it has more than {MOST} bytes", source.display())));
        }
        Ok(bytes)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // in the directory for such things, which is emptied in time
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn wait(mut child: Child) -> io::Result<ExitStatus> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= end {
            let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
            child.wait()?;
            return Err(io::Error::new(ErrorKind::TimedOut, format!("not done after {} s", PATIENCE.as_secs())));
        }
        sleep(Duration::from_millis(5));
    }
}

/// What it says is wrong, in one line.
fn complaint(source: &Path, said: &str) -> String {
    if ["-lc", "libc.a", "-lgcc_eh"].iter().any(|part| said.lines().any(|l| l.contains("find") && l.contains(part))) {
        return format!(
            "{}: the C library's static part is missing (cc -static); install it (Debian: libc6-dev, Fedora: glibc-static), \
             or give an executable that is linked with -static",
            source.display()
        );
    }
    let telling = |line: &&str| line.contains("error") || line.contains("undefined reference");
    let mut lines: Vec<&str> = said.lines().filter(telling).take(LINES).collect();
    if lines.is_empty() {
        lines = said.lines().take(LINES).collect();
    }
    format!("cc: {}", lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::complaint;

    #[test]
    fn a_missing_static_library_is_told_with_the_way_out() {
        let said =
            "/usr/bin/ld: cannot find -lc: No such file or directory\ncollect2: error: ld returned 1 exit status\n";
        assert!(complaint(Path::new("p.c"), said).contains("glibc-static"));
        let said = "p.c: In function 'main':\np.c:1:18: error: 'x' undeclared\n    1 | int main(void) {\n";
        assert_eq!(complaint(Path::new("p.c"), said), "cc: p.c:1:18: error: 'x' undeclared");
    }
}
