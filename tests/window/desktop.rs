//! A virtual display with its own session bus and accessibility bus, and the app in it. Everything ends with the
//! [`Desktop`]. On X11 the tests use a pointer and a keyboard; a headless Wayland compositor has neither, so there they
//! do what a screen reader does.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use zbus::blocking::{Connection, Proxy, connection::Builder};
use zbus::zvariant::OwnedObjectPath;

use crate::kernel::{PATIENCE, wait_for};

const SCREEN: &str = "1500x950x24";
const WINDOW: &str = "1440x900";

/// A node of the accessibility tree: the bus name of its application, and its path.
type Node = (String, OwnedObjectPath);

#[derive(Debug)]
enum Display {
    X11(String),
    /// The name of the compositor's socket.
    Wayland(&'static str),
}

pub struct Desktop {
    display: Display,
    bus: String,
    home: tempfile::TempDir,
    /// The child processes; the last one started is first.
    children: Vec<Child>,
    a11y: Connection,
    app: Option<u32>,
}

impl Desktop {
    pub fn start() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        // a number of our own: two servers that search for a free number at the same time can take the same one
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = 1_000 + (std::process::id() * 16 + NEXT.fetch_add(1, Ordering::Relaxed)) % 50_000;
        // without -noreset the server resets when its last client leaves (Xserver(1)), and closes the connection of a
        // client that connects at that moment, such as the accessibility registry, which then exits
        let mut x = Command::new("Xvfb")
            .arg(format!(":{number}"))
            .args(["-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"])
            // the screen's pixels, in a file
            .arg("-fbdir")
            .arg(home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb: scripts/setup test installs it");
        let display = Display::X11(format!(":{}", first_line(&mut x)));
        Self::with_buses(home, x, display)
    }

    /// A Wayland compositor without a screen, drawn in software.
    pub fn start_wayland() -> Self {
        const SOCKET: &str = "wayland-podscope";
        let home = tempfile::tempdir().expect("a temporary directory");
        let (width, height) = WINDOW.split_once('x').expect("a size");
        let compositor = Command::new("weston")
            .args(["--backend=headless-backend.so", "--no-config", "--idle-time=0", "--socket", SOCKET])
            .args([format!("--width={width}"), format!("--height={height}")])
            .env("XDG_RUNTIME_DIR", home.path())
            .env("HOME", home.path())
            .env_remove("DISPLAY")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("weston: scripts/setup test installs it");
        wait_for("the compositor's socket", || home.path().join(SOCKET).exists().then_some(()));
        Self::with_buses(home, compositor, Display::Wayland(SOCKET))
    }

    /// Starts the session bus and the accessibility bus.
    fn with_buses(home: tempfile::TempDir, server: Child, display: Display) -> Self {
        let mut daemon = Command::new("dbus-daemon");
        display.set(&mut daemon);
        let mut daemon = daemon
            .args(["--session", "--nofork", "--print-address"])
            .env("HOME", home.path())
            .env("XDG_RUNTIME_DIR", home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon: scripts/setup test installs it");
        let bus = first_line(&mut daemon);
        let session = Builder::address(bus.as_str()).and_then(Builder::build).expect("the session bus");
        let status = Proxy::new(&session, "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Status").expect("at-spi2-core");
        // a screen reader sets these properties; applications then publish their widgets
        for property in ["IsEnabled", "ScreenReaderEnabled"] {
            status.set_property(property, true).expect("accessibility on");
        }
        let launcher = Proxy::new(&session, "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus").expect("at-spi2-core");
        let address: String = launcher.call("GetAddress", &()).expect("the accessibility bus");
        let a11y = Builder::address(address.as_str()).and_then(Builder::build).expect("the accessibility bus");
        Self { display, bus, home, children: vec![daemon, server], a11y, app: None }
    }

    /// The name of the X11 display.
    pub fn display(&self) -> &str {
        match &self.display {
            Display::X11(name) => name,
            Display::Wayland(_) => panic!("the test needs X11"),
        }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Opens the app. Returns its pid once its window is shown.
    pub fn open(&mut self, args: &[&str]) -> u32 {
        self.open_with(args, &[])
    }

    /// Opens it with these environment variables as well.
    pub fn open_with(&mut self, args: &[&str], variables: &[(&str, &str)]) -> u32 {
        self.start_app(args, variables, WINDOW, "Export snapshot…")
    }

    /// Opens it with a window of this size, such as `720x450`, in which the panels are folded.
    pub fn open_small(&mut self, args: &[&str], size: &str) -> u32 {
        self.start_app(args, &[], size, "Open Inspector")
    }

    /// `shown`: a name that is on screen once the window can be used.
    fn start_app(&mut self, args: &[&str], variables: &[(&str, &str)], size: &str, shown: &str) -> u32 {
        let log = self.home().join("log");
        let mut app = Command::new(env!("CARGO_BIN_EXE_podscope"));
        self.display.set(&mut app);
        let app = app
            .args(args)
            .args(["--window-size", size, "--theme", "dark"])
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.home.path())
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env("PODSCOPE_LOG", "podscope::frames=debug")
            .envs(variables.iter().copied())
            // the settings are below HOME
            .env_remove("XDG_CONFIG_HOME")
            .current_dir(self.home.path())
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("the app");
        let pid = app.id();
        self.children.insert(0, app);
        self.app = Some(pid);
        wait_for("the first frame", || {
            self.assert_alive();
            std::fs::read_to_string(&log).ok()?.contains("first frame").then_some(())
        });
        self.wait_shown(shown);
        if let Display::X11(_) = self.display {
            // there is no window manager to give the window the keyboard focus
            self.xdotool(&["search", "--sync", "--name", "^Podscope$", "windowfocus", "--sync"]);
        }
        pid
    }

    /// Waits for the app, which must have been killed.
    pub fn reap(&mut self) {
        let mut app = self.children.remove(0);
        app.wait().expect("our child process");
    }

    /// Clicks the middle of the widget with this name, or with a name that contains it.
    pub fn click(&self, name: &str) {
        self.wait_shown(name);
        let (x, y) = wait_for(&format!("`{name}` on screen"), || {
            self.assert_alive();
            let node = self.find(name)?;
            let (x, y, w, h): (i32, i32, i32, i32) = self.extents(&node)?;
            (w > 0 && h > 0).then_some((x + w / 2, y + h / 2))
        });
        self.xdotool(&["mousemove", &x.to_string(), &y.to_string()]);
        self.xdotool(&["click", "1"]);
    }

    /// Presses the widget with this name, or with a name that contains it, as a screen reader does.
    pub fn press(&self, name: &str) {
        self.wait_shown(name);
        let pressed: bool = wait_for(&format!("`{name}` on screen"), || {
            self.assert_alive();
            self.proxy(&self.find(name)?, "org.a11y.atspi.Action")?.call("DoAction", &(0_i32,)).ok()
        });
        assert!(pressed, "`{name}` cannot be pressed");
    }

    /// Drags from the middle of one widget to the middle of another.
    pub fn drag(&self, from: &str, to: &str) {
        let middle = |name: &str| {
            let (x, y, w, h) = self.place(name);
            [(x + w / 2).to_string(), (y + h / 2).to_string()]
        };
        let ([x, y], [to_x, to_y]) = (middle(from), middle(to));
        self.xdotool(&["mousemove", &x, &y, "mousedown", "1"]);
        // in steps, as a user does: a press and a release in one place, or in one frame, is a click
        self.xdotool(&["mousemove_relative", "--sync", "--", "12", "-12"]);
        self.wait_shown(&format!("{from}, being dragged"));
        self.xdotool(&["mousemove", "--sync", &to_x, &to_y, "mousemove_relative", "--sync", "--", "3", "3"]);
        self.xdotool(&["mouseup", "1"]);
    }

    pub fn key(&self, key: &str) {
        self.xdotool(&["key", key]);
    }

    /// Clicks at this fraction of the window's width and height.
    pub fn click_at(&self, x: f32, y: f32) {
        self.point_at(x, y);
        self.xdotool(&["click", "1"]);
    }

    /// Moves the pointer to this fraction of the window's width and height.
    pub fn point_at(&self, x: f32, y: f32) {
        let (width, height) = WINDOW.split_once('x').expect("a size");
        let at = |size: &str, part: f32| (size.parse::<f32>().expect("points") * part).round().to_string();
        self.xdotool(&["mousemove", &at(width, x), &at(height, y)]);
    }

    /// Makes the window `by` pixels larger than it was at first.
    pub fn enlarge(&self, by: u32) {
        let (width, height) = WINDOW.split_once('x').expect("a size");
        let larger = |size: &str| (size.parse::<u32>().expect("pixels") + by).to_string();
        self.xdotool(&["search", "--name", "^Podscope$", "windowsize", "--sync", &larger(width), &larger(height)]);
    }

    /// The pixels of the screen once they have not changed for this time.
    pub fn still_picture(&self, time: Duration) -> Vec<u8> {
        let read_screen = || std::fs::read(self.home().join("Xvfb_screen0")).expect("the screen");
        let (mut last, mut since) = (read_screen(), Instant::now());
        wait_for("a picture that does not change", || {
            let now = read_screen();
            if now != last {
                (last, since) = (now, Instant::now());
            }
            (since.elapsed() > time).then_some(())
        });
        last
    }

    /// Writes the window's picture as PNG once it has not changed for half a second.
    pub fn save_picture(&self, path: &Path) {
        let dump = self.still_picture(Duration::from_millis(500));
        // XWDFile.h: the header has big-endian words; a pixel has four bytes: blue, green, red and one without meaning
        let word = |nth: usize| {
            let bytes = dump.get(nth * 4..nth * 4 + 4).and_then(|bytes| bytes.try_into().ok());
            u32::from_be_bytes(bytes.expect("a header")) as usize
        };
        let (header, line, colours) = (word(0), word(12), word(19));
        let (width, height) = WINDOW.split_once('x').expect("a size");
        let (width, height): (usize, usize) = (width.parse().expect("pixels"), height.parse().expect("pixels"));
        let lines = dump[header + colours * 12..].chunks_exact(line).take(height);
        let rgb = lines.flat_map(|line| line.chunks_exact(4).take(width)).flat_map(|p| [p[2], p[1], p[0]]);
        let file = File::create(path).expect("a file");
        let mut encoder = png::Encoder::new(file, width as u32, height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().expect("written");
        writer.write_image_data(&rgb.collect::<Vec<u8>>()).expect("written");
    }

    /// The app's log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home().join("log")).expect("a log")
    }

    /// Types into the widget that has the keyboard focus.
    pub fn type_text(&self, text: &str) {
        self.xdotool(&["type", "--delay", "4", text]);
    }

    /// The place of a widget on screen: left, top, width, height.
    pub fn place(&self, name: &str) -> (i32, i32, i32, i32) {
        self.wait_shown(name);
        wait_for(&format!("`{name}` on screen"), || self.extents(&self.find(name)?))
    }

    pub fn shows(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The first name on screen that begins with `start`.
    pub fn name_with(&self, start: &str) -> Option<String> {
        self.names().into_iter().find(|name| name.starts_with(start))
    }

    /// The first name on screen that ends with `end`.
    pub fn name_ending(&self, end: &str) -> Option<String> {
        self.names().into_iter().find(|name| name.ends_with(end))
    }

    /// Replaces the text of a field. Waits for the focus first, since text typed before would be lost.
    pub fn retype(&self, field: &str, text: &str) {
        // if it already has the focus, a click could miss it, since the dialog may still move, and remove the focus
        if !self.has_focus(field) {
            self.click(field);
        }
        wait_for(&format!("`{field}` has the focus"), || self.has_focus(field).then_some(()));
        self.xdotool(&["key", "ctrl+a"]);
        self.xdotool(&["type", "--delay", "4", text]);
    }

    pub fn has_focus(&self, name: &str) -> bool {
        /// `ATSPI_STATE_FOCUSED` (atspi-constants.h).
        const FOCUSED: u32 = 1 << 12;
        let states = || -> Option<Vec<u32>> {
            self.proxy(&self.find(name)?, "org.a11y.atspi.Accessible")?.call("GetState", &()).ok()
        };
        states().is_some_and(|states| states.first().is_some_and(|first| first & FOCUSED != 0))
    }

    pub fn wait_shown(&self, name: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.find(name).is_none() {
            self.assert_alive();
            assert!(Instant::now() < deadline, "`{name}` is not on screen; there is {}", self.names().join(" | "));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The names of all widgets on screen.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.visit(|_, name| {
            names.push(name.to_owned());
            false
        });
        names.retain(|n| !n.is_empty());
        names
    }

    fn assert_alive(&self) {
        let stat = self.app.map(|pid| format!("/proc/{pid}/stat"));
        assert!(stat.is_none_or(|s| Path::new(&s).exists()), "the app has ended");
    }

    fn xdotool(&self, args: &[&str]) {
        let done = Command::new("xdotool").args(args).env("DISPLAY", self.display()).status();
        assert!(done.expect("xdotool: scripts/setup test installs it").success(), "xdotool {args:?}");
    }

    /// Searches breadth first. An exact name takes precedence over one that only contains `name`.
    fn find(&self, name: &str) -> Option<Node> {
        let (mut exact, mut near) = (None, None);
        self.visit(|node, found| {
            if found == name {
                exact = Some(node.clone());
            } else if near.is_none() && found.contains(name) {
                near = Some(node.clone());
            }
            exact.is_some()
        });
        exact.or(near)
    }

    /// Visits all nodes with their names, breadth first, until `done` returns true.
    fn visit(&self, mut done: impl FnMut(&Node, &str) -> bool) {
        let root: Node = (
            "org.a11y.atspi.Registry".to_owned(),
            OwnedObjectPath::try_from("/org/a11y/atspi/accessible/root").expect("a path"),
        );
        let mut level = vec![root];
        let mut seen = HashSet::new();
        while !level.is_empty() {
            let mut next = Vec::new();
            for node in level {
                if !seen.insert((node.0.clone(), node.1.to_string())) {
                    continue;
                }
                let Some(proxy) = self.proxy(&node, "org.a11y.atspi.Accessible") else { continue };
                let name: String = proxy.get_property("Name").unwrap_or_default();
                if done(&node, &name) {
                    return;
                }
                let children: Vec<Node> = proxy.call("GetChildren", &()).unwrap_or_default();
                next.extend(children);
            }
            level = next;
        }
    }

    fn extents(&self, node: &Node) -> Option<(i32, i32, i32, i32)> {
        // 0: in screen coordinates
        self.proxy(node, "org.a11y.atspi.Component")?.call("GetExtents", &(0u32,)).ok()
    }

    fn proxy(&self, node: &Node, interface: &'static str) -> Option<Proxy<'_>> {
        use zbus::proxy::CacheProperties;
        let builder = zbus::blocking::proxy::Builder::<Proxy<'_>>::new(&self.a11y);
        let builder = builder.destination(node.0.clone()).ok()?.path(node.1.clone()).ok()?.interface(interface).ok()?;
        builder.cache_properties(CacheProperties::No).build().ok()
    }
}

impl Display {
    fn set(&self, command: &mut Command) {
        match self {
            Self::X11(name) => command.env("DISPLAY", name).env_remove("WAYLAND_DISPLAY"),
            Self::Wayland(socket) => command.env("WAYLAND_DISPLAY", socket).env_remove("DISPLAY"),
        };
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in &mut self.children {
            // TERM, so that the server removes its socket and its lock
            let _ = kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM);
            let _ = child.wait();
        }
    }
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let out = child.stdout.as_mut().expect("piped");
    // by reference, since only this line is needed
    BufReader::new(out.by_ref()).read_line(&mut line).expect("a line");
    line.trim().to_owned()
}
