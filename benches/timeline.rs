//! What the timeline costs: `cargo bench --bench timeline`. It needs no display.
//!
//! - a frame with 1,000 and with 10,000 processes, after a change of one of them;
//! - a step through ten minutes of 1,000 events a second: the World of the moment, and the frame that shows it;
//! - a Delta that is noted in the history.

use std::time::{Duration, Instant};

use eframe::egui::{self, Pos2, RawInput, Rect, vec2};
use podscope::model::{Delta, Member, MonoNs, Parent, PodUid, ProcId, Stamp, State, WaitStatus};
use podscope::store::{Cursor, Store};
use podscope::ui::timeline::{TimelineState, timeline_ui};
use podscope::ui::tokens::Tokens;
use podscope::ui::{Cx, Latest, Selection, WorldVersion, fonts};

const FRAMES: u32 = 200;
const S: u64 = 1_000_000_000;

fn main() {
    for processes in [1_000, 10_000] {
        frames(processes);
    }
    scrub();
}

const fn id(pid: u32) -> ProcId {
    ProcId { pid, start: pid as u64 }
}

const fn at(t: u64) -> Stamp {
    Stamp::connector(MonoNs(t))
}

fn uid() -> PodUid {
    PodUid("00000000-0000-4000-8000-000000000001".into())
}

/// The median and the longest.
fn median(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() - 1])
}

/// The first process of a container.
fn head(store: &mut Store) {
    store.push(Delta::Born { id: id(1), parent: Parent::Outside, at: at(1) });
    store.push(Delta::Joined { id: id(1), member: Member::container(&uid(), "shell"), at: at(1) });
}

fn fork(pid: u32, t: u64) -> [Delta; 2] {
    let name = format!("worker-{pid}");
    let born = Delta::Born { id: id(pid), parent: Parent::Process(id(1)), at: at(t) };
    [born, Delta::Exec { id: id(pid), comm: name.clone(), cmdline: vec![name], at: at(t + 1) }]
}

struct Screen {
    ctx: egui::Context,
    state: TimelineState,
    time: f64,
}

impl Screen {
    fn new() -> Self {
        let ctx = egui::Context::default();
        fonts::install(&ctx);
        Tokens::dark().apply(&ctx);
        Self { ctx, state: TimelineState::default(), time: 0.0 }
    }

    /// Draws a frame, up to the triangles.
    fn frame(&mut self, store: &mut Store, cursor: Cursor, now: MonoNs) -> Duration {
        let began = Instant::now();
        let (version, world) = match cursor {
            Cursor::Live => (WorldVersion::Live(store.revision()), store.live().clone()),
            Cursor::At(t) => (WorldVersion::Past(t, None), store.view(cursor).clone()),
        };
        let shown = if let Cursor::At(t) = cursor { t } else { now };
        let latest = Latest {
            world: store.live(),
            history: store.history(),
            version: WorldVersion::Live(store.revision()),
            now,
        };
        self.time += 0.1;
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(864.0, 400.0)));
        let input = RawInput { screen_rect, time: Some(self.time), ..RawInput::default() };
        let (tokens, mut out) = (Tokens::dark(), Vec::new());
        let selection = Selection { pod: Some(uid()), ..Selection::default() };
        let (live, epoch) = (cursor.is_live(), MonoNs(0));
        let mut cx = Cx {
            world: &world,
            tokens: &tokens,
            selection: &selection,
            now: shown,
            epoch,
            live,
            version,
            out: &mut out,
        };
        let state = &mut self.state;
        let mut output = self.ctx.run_ui(input, |ui| timeline_ui(ui, &mut cx, latest, state));
        output.textures_delta.clear();
        drop(self.ctx.tessellate(output.shapes, output.pixels_per_point));
        began.elapsed()
    }
}

fn frames(processes: u32) {
    let mut store = Store::default();
    head(&mut store);
    let began = Instant::now();
    for pid in 2..=processes {
        for delta in fork(pid, u64::from(pid) * 1_000) {
            store.push(delta);
        }
    }
    let each = began.elapsed() / (2 * processes);
    let mut screen = Screen::new();
    let frame = |nth: u32| {
        let now = 9 * S + u64::from(nth) * 100_000_000;
        let state = if nth.is_multiple_of(2) { State::Sleeping } else { State::Running };
        store.push(Delta::State { id: id(2 + nth), state, at: at(now) });
        screen.frame(&mut store, Cursor::Live, MonoNs(now))
    };
    let times: Vec<Duration> = (0..FRAMES).map(frame).skip(5).collect();
    let (median, worst) = median(times);
    println!("a frame with {processes} processes: {median:.2?}, at most {worst:.2?}; a Delta {each:.2?}");
}

/// Ten minutes of 1,000 events a second: each process is forked, executes, exits and is reaped.
fn scrub() {
    let mut store = Store::default();
    head(&mut store);
    const MS: u64 = 1_000_000;
    for nth in 0..150_000_u32 {
        let (pid, t) = (10 + nth % 30_000, u64::from(nth) * 4 * MS);
        let process = ProcId { pid, start: u64::from(nth) };
        let [born, exec] = fork(pid, t);
        for delta in [born, exec] {
            let delta = match delta {
                Delta::Born { parent, at, .. } => Delta::Born { id: process, parent, at },
                Delta::Exec { comm, cmdline, at, .. } => Delta::Exec { id: process, comm, cmdline, at },
                other => other,
            };
            store.push(delta);
        }
        store.push(Delta::Exited { id: process, status: Some(WaitStatus::exited(0)), at: at(t + 2 * MS) });
        store.push(Delta::Reaped { id: process, by: Parent::Process(id(1)), at: at(t + 3 * MS) });
    }
    let (oldest, newest) = store.span();
    let mut screen = Screen::new();
    for (span, name) in [(10, "10 s"), (600, "10 min")] {
        screen.state.view.show_span(span * S, newest, newest, MonoNs(0));
        let step = newest.since(oldest) / u64::from(FRAMES);
        let back = |nth: u32| {
            let t = newest.minus(u64::from(nth) * step);
            screen.state.view.reveal(t);
            screen.frame(&mut store, Cursor::At(t), newest)
        };
        let (median, worst) = median((1..FRAMES).map(back).skip(5).collect());
        println!("a step back with {name} in view: {median:.2?}, at most {worst:.2?}");
    }
    let (deltas, bytes) = store.size();
    println!("{deltas} deltas kept, {} MB by the store's count", bytes >> 20);
}
