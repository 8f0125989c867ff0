//! Running stand-ins with their output, and helpers that read /proc.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running stand-in. It is killed at the end of the test.
pub struct Applet {
    child: Child,
    /// The pid of the stand-in itself.
    pub pid: u32,
    output: Arc<Mutex<String>>,
}

impl Applet {
    pub fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podscope"));
        command.arg("__applet").args(args).stdin(Stdio::null());
        Self::of(command)
    }

    /// Starts a stand-in as PID 1 of a new pid namespace.
    pub fn start_as_init(args: &[&str]) -> Self {
        let mut applet = Self::of(as_init(args));
        let outer = applet.pid;
        applet.pid = wait_some("PID 1", || children(outer).into_iter().find(|pid| comm(*pid) != "unshare"));
        applet
    }

    pub fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let output = Arc::new(Mutex::new(String::new()));
        listen(child.stdout.take().expect("a pipe"), &output);
        listen(child.stderr.take().expect("a pipe"), &output);
        Self { pid: child.id(), child, output }
    }

    /// The lines of standard output and standard error in the order of arrival.
    pub fn output(&self) -> String {
        self.output.lock().expect("no panic").clone()
    }

    /// Waits until the output contains this text.
    pub fn wait_for_output(&self, word: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.output().contains(word) {
            assert!(Instant::now() < deadline, "not within {PATIENCE:?}: \"{word}\" in {}", self.output());
            pause();
        }
    }

    /// The port in the last line with "listening on".
    pub fn port(&self) -> u16 {
        wait_some("its port", || {
            let output = self.output();
            let (_, rest) = output.rsplit_once("listening on ")?;
            rest.split_once('\n')?.0.rsplit_once(':')?.1.parse().ok()
        })
    }

    pub fn signal(&self, name: &str) {
        signal(self.pid, name);
    }

    /// Waits for its end. Returns the exit code, or the negative number of the signal.
    pub fn exit_code(&mut self) -> i32 {
        let status = wait_some("its end", || self.child.try_wait().expect("our child"));
        status.code().unwrap_or_else(|| -status.signal().expect("exited or killed"))
    }
}

impl Drop for Applet {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command that runs a stand-in as PID 1 and exits with its exit code.
pub fn as_init(args: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.arg(env!("CARGO_BIN_EXE_podscope")).arg("__applet").args(args).stdin(Stdio::null());
    command
}

fn listen(stream: impl Read + Send + 'static, output: &Arc<Mutex<String>>) {
    let output = Arc::clone(output);
    spawn(move || {
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|n| n > 0) {
            output.lock().expect("no panic").push_str(&line);
            line.clear();
        }
    });
}

fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

pub fn wait_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        pause();
    }
}

pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    wait_some(what, || condition().then_some(()));
}

pub fn signal(pid: u32, name: &str) {
    let done = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().expect("kill runs");
    assert!(done.success(), "kill -{name} {pid}");
}

pub fn comm(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned()
}

/// The command line of a process up to the first zero byte.
pub fn title(pid: u32) -> String {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split('\0').next().unwrap_or_default().to_owned()
}

/// State letter and parent of a process; `None` once it is gone.
pub fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

pub fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|(_, ppid)| ppid == parent)).collect()
}

/// Connects, sends this text and reads until the other end closes.
pub fn talk(port: u16, text: &str) -> String {
    let mut stream = connect(port);
    stream.write_all(text.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("read");
    String::from_utf8(answer).expect("text")
}

pub fn get(port: u16, path: &str) -> String {
    talk(port, &format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"))
}

/// Splits an answer into head and body.
pub fn parts(answer: &str) -> (&str, &str) {
    answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP: {answer}"))
}

pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream.set_write_timeout(Some(PATIENCE)).expect("set");
    stream
}

/// A directory with an index page, in which a log can be written.
pub fn site() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("index.html"), "hello pod\n").expect("written");
    dir
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Starts a server for one connection. Returns its port and the thread with the result of `serve`.
pub fn serve_one<T: Send + 'static>(serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> (u16, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = listener.local_addr().expect("known").port();
    let done = spawn(move || {
        let (stream, _) = listener.accept().expect("accepted");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        serve(stream)
    });
    (port, done)
}
