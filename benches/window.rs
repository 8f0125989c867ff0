//! The window's figures, beside an empty window of the same toolkit. `cargo bench --bench window`; needs
//! Xvfb, and four quiet minutes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const STARTS: usize = 7;
const IDLE_SECONDS: u64 = 30;
const KILLS: usize = 30;
const PODS: usize = 60;
const SIZE: [&str; 2] = ["--window-size", "1440x900"];

fn main() {
    let podscope = PathBuf::from(env!("CARGO_BIN_EXE_podscope"));
    let empty = podscope.with_file_name("examples").join("empty_window");
    if !empty.exists() {
        eprintln!("{} is not there: cargo build --example empty_window", empty.display());
        std::process::exit(1);
    }
    let display = Display::start();
    for (name, exe, preset) in [("empty window", &empty, false), ("podscope, one pod", &podscope, true)] {
        let firsts: Vec<f64> = (0..STARTS).map(|_| display.open(exe, preset).1).collect();
        let (mut window, _) = display.open(exe, preset);
        std::thread::sleep(Duration::from_secs(6));
        let pid = window.child.id();
        let idle = cpu_percent(pid, IDLE_SECONDS);
        println!(
            "{name:<20} first frame {:>6.0} ms   resident {:>6.1} MB   idle {idle:>5.2} % of a core",
            median(firsts),
            rss_mb(pid)
        );
        window.end();
    }
    kills(&display, &podscope);
    zombies(&display, &podscope);
    storm(&display, &podscope);
    many_pods(&display, &podscope);
    fork_bomb(&display, &podscope);
}

/// Five zombies that are held: their ages count in the map and in the tree.
fn zombies(display: &Display, podscope: &Path) {
    let mut window =
        Display::wait_for_frame(display.command(podscope).args(["--preset", "held-zombies"]).args(SIZE), podscope);
    for seconds in [5, 15] {
        std::thread::sleep(Duration::from_secs(5));
        println!("5 counting zombies, from {seconds} s on: {:.2} % of a core", cpu_percent(window.child.id(), 10));
    }
    window.end();
}

/// Many pods that fork all the time, one of which is on screen.
fn storm(display: &Display, podscope: &Path) {
    let file = manifest(display, PODS, "while :; do sleep 0.5; done");
    let mut window = Display::wait_for_frame(display.command(podscope).arg(&file).args(SIZE), podscope);
    std::thread::sleep(Duration::from_secs(10));
    let pid = window.child.id();
    let whole = cpu_percent(pid, 20);
    println!("{PODS} pods, {} forks a second: {whole:.1} % of a core, {:.1} MB", PODS * 2, rss_mb(pid));
    window.end();
    window.print_frames();
}

/// Many pods that sleep: what a frame costs.
fn many_pods(display: &Display, podscope: &Path) {
    let file = manifest(display, 200, "while :; do sleep 1h; done");
    let mut window = Display::wait_for_frame(display.command(podscope).arg(&file).args(SIZE), podscope);
    std::thread::sleep(Duration::from_secs(10));
    let pid = window.child.id();
    println!("200 pods that sleep: {:.2} % of a core, {:.1} MB", cpu_percent(pid, 20), rss_mb(pid));
    window.end();
    window.print_frames();
}

/// As many forks as the machine makes for a minute, in one pod.
fn fork_bomb(display: &Display, podscope: &Path) {
    let file = manifest(display, 1, "while :; do (:); done & while :; do (:); done");
    let mut window = Display::wait_for_frame(display.command(podscope).arg(&file).args(SIZE), podscope);
    let pid = window.child.id();
    let (before, began) = (forks(), Instant::now());
    let mut largest = 0.0_f64;
    while began.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_secs(1));
        largest = largest.max(rss_mb(pid));
    }
    let rate = (forks() - before) as f64 / began.elapsed().as_secs_f64();
    println!("{rate:.0} forks a second for a minute: at most {largest:.1} MB resident");
    window.end();
    window.print_frames();
}

/// The number of forks since the machine has started (`proc_stat(5)`).
fn forks() -> u64 {
    let text = std::fs::read_to_string("/proc/stat").expect("it is there");
    let line = text.lines().find_map(|line| line.strip_prefix("processes ")).expect("the number of forks");
    line.parse().expect("a number")
}

/// A file with `n` pods that run this.
fn manifest(display: &Display, n: usize, program: &str) -> PathBuf {
    let pod = |n: usize| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: pod-{n}}}\nspec:\n  containers:\n  - name: shell\n    \
             image: busybox\n    command: [sh, -c, '{program}']\n"
        )
    };
    let file = display.home.path().join("pods.yaml");
    std::fs::write(&file, (0..n).map(pod).collect::<Vec<_>>().join("---\n")).expect("a manifest");
    file
}

/// The share of one core that a process uses during the next seconds.
fn cpu_percent(pid: u32, seconds: u64) -> f64 {
    let (before, began) = (cpu_ms(pid), Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    (cpu_ms(pid) - before) / began.elapsed().as_secs_f64() / 10.0
}

/// From the kernel's own time of a member's exit to the end of the frame that shows it.
fn kills(display: &Display, podscope: &Path) {
    let script = display.home.path().join("kills.script");
    let mut text = String::from("wait ready within 30s\nsleep 1s\n");
    for _ in 0..KILLS {
        text.push_str("kill nginx-busybox/nginx:worker[0] KILL\nsleep 150ms\n");
    }
    std::fs::write(&script, text).expect("a script");
    let mut command = display.command(podscope);
    command.args(["--preset", "nginx-busybox", "--exit", "--script"]).arg(&script);
    let mut child = command.spawn().expect("the app");
    let log = BufReader::new(child.stderr.take().expect("piped"));
    let (mut frames, mut us) = (Vec::new(), Vec::new());
    for line in log.lines().map_while(Result::ok).filter(|l| l.contains("end shown of")) {
        frames.extend(field(&line, "frames"));
        us.extend(field(&line, " us"));
    }
    let _ = child.wait();
    let worst = frames.iter().copied().fold(0.0, f64::max);
    println!(
        "kill shown: median {:.1} ms after the kernel's exit time, {} of {KILLS} seen, frames begun by then: median {:.0}, worst {worst:.0}",
        median(us.clone()) / 1e3,
        us.len(),
        median(frames)
    );
}

struct Display {
    x: Child,
    name: String,
    home: tempfile::TempDir,
}

struct Window {
    child: Child,
    /// Reads the log, so that the app can go on writing: the costs of its frames in µs.
    log: Option<JoinHandle<Vec<f64>>>,
}

impl Window {
    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Prints what the frames have cost. Call it after the end.
    fn print_frames(&mut self) {
        let Some(costs) = self.log.take().and_then(|log| log.join().ok()) else { return };
        let (n, longest) = (costs.len(), costs.iter().copied().fold(0.0, f64::max));
        println!("    {n} frames: median {:.1} ms, longest {:.1} ms", median(costs) / 1e3, longest / 1e3);
    }
}

/// The number in `name=NUMBER` of a line of the log.
fn field(line: &str, name: &str) -> Option<f64> {
    let rest = line.split_once(&format!("{name}="))?.1;
    rest.split_whitespace().next()?.parse().ok()
}

impl Drop for Window {
    fn drop(&mut self) {
        self.end();
    }
}

impl Display {
    fn start() -> Self {
        let mut x = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1600x1000x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb");
        let mut line = String::new();
        BufReader::new(x.stdout.as_mut().expect("piped")).read_line(&mut line).expect("a display");
        Self { x, name: format!(":{}", line.trim()), home: tempfile::tempdir().expect("a home") }
    }

    fn command(&self, exe: &Path) -> Command {
        let mut command = Command::new(exe);
        command
            .env("DISPLAY", &self.name)
            .env("HOME", self.home.path())
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("PODSCOPE_LOG", "podscope::frames=debug")
            .env_remove("WAYLAND_DISPLAY")
            .stderr(Stdio::piped());
        command
    }

    /// Opens a window; returns it with the milliseconds to its first frame.
    fn open(&self, exe: &Path, preset: bool) -> (Window, f64) {
        let mut command = self.command(exe);
        if preset {
            command.args(["--preset", "nginx-busybox"]).args(SIZE);
        }
        let began = Instant::now();
        let window = Self::wait_for_frame(&mut command, exe);
        (window, began.elapsed().as_secs_f64() * 1e3)
    }

    /// Starts a window, and waits for its first frame.
    fn wait_for_frame(command: &mut Command, exe: &Path) -> Window {
        let mut child = command.spawn().expect("a window");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        while !line.contains("first frame") {
            line.clear();
            assert!(log.read_line(&mut line).expect("its log") > 0, "{} ended at once", exe.display());
        }
        let costs = move || log.lines().map_while(Result::ok).filter_map(|line| field(&line, "cost_us")).collect();
        Window { child, log: Some(std::thread::spawn(costs)) }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.x.kill();
        let _ = self.x.wait();
    }
}

/// User and system time of the whole process, from `/proc/PID/stat`.
fn cpu_ms(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = text.rsplit_once(") ").expect("a stat line").1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().expect("utime") + fields[12].parse::<f64>().expect("stime");
    // USER_HZ is 100 on every Linux that Podscope runs on
    ticks * 10.0
}

fn rss_mb(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = text.lines().find(|l| l.starts_with("VmRSS")).expect("VmRSS");
    line.split_whitespace().nth(1).expect("kB").parse::<f64>().expect("a number") / 1024.0
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}
