//! Opens the window.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use eframe::egui::{Context, ViewportBuilder, ViewportId, vec2};
use thiserror::Error;

use super::settings::WindowSize;
use super::window::{ScriptFailureSlot, WindowOptions};
use super::{ThemeChoice, Window, settings};
use crate::command::{Command, PodSource};
use crate::engine::{self, Engine, Event, FrontEnd, Request, ScriptFailure};
use crate::presets;
use crate::script::{self, Script};
use crate::sys::thread;

/// The options of the window from the command line.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// A Pod manifest to start.
    pub file: Option<PathBuf>,
    pub lab: crate::lab::Options,
    /// A bundled manifest to start, by name.
    pub preset: Option<String>,
    pub script: Option<PathBuf>,
    /// The directory for the relative paths of a script.
    pub out_dir: Option<PathBuf>,
    /// The size of the window in points.
    pub size: Option<(f32, f32)>,
    pub exit_after_script: bool,
    pub theme: Option<ThemeChoice>,
}

#[derive(Debug, Error)]
pub enum OpenError {
    #[error(
        "no display: neither WAYLAND_DISPLAY nor DISPLAY is set; run pods in the terminal with `podscope run`, or use a \
         virtual display: `xvfb-run podscope`"
    )]
    NoDisplay,
    #[error("cannot open a window: {0}; `podscope doctor` shows what this machine lacks")]
    Window(String),
    /// The libraries that draw the window panic when they cannot start their threads.
    #[error(transparent)]
    Threads(#[from] thread::SpawnError),
    #[error("{0}")]
    Engine(String),
    #[error("{0}")]
    UnreadableScript(String),
    #[error(transparent)]
    Script(ScriptFailure),
}

/// The number of threads of the window and its settings, of the graphics driver, of the observer and of the lab.
const THREADS: usize = 13;

/// The error message without the place in winit's source, and with the display.
fn error_words(error: &str) -> String {
    let what = error.split_once(".rs:").and_then(|(_, rest)| rest.split_once(": ")).map_or(error, |(_, what)| what);
    let display = std::env::var("WAYLAND_DISPLAY").or_else(|_| std::env::var("DISPLAY")).unwrap_or_default();
    format!("{what} (display {display})")
}

/// Opens the window and returns when it is closed. If a script failed, its failure is the error.
pub fn open(options: OpenOptions) -> Result<(), OpenError> {
    let is_set = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    if !is_set("WAYLAND_DISPLAY") && !is_set("WAYLAND_SOCKET") && !is_set("DISPLAY") {
        return Err(OpenError::NoDisplay);
    }
    thread::room_for(THREADS)?;
    let script = options.script.as_deref().map(read_script).transpose()?;
    // read before there is a window, which never waits for a file
    let settings_path = settings::path();
    let settings = settings_path.as_deref().map(settings::load).unwrap_or_default();
    // a requested size is neither kept nor replaced by the one that was kept
    let kept = settings.settings.window.filter(|_| options.size.is_none());
    let (w, h) = options.size.or(kept.map(|kept| (kept.width, kept.height))).unwrap_or((1440.0, 900.0));
    let (min_w, min_h) = WindowSize::MIN;
    let native = eframe::NativeOptions {
        renderer: eframe::Renderer::Glow,
        viewport: ViewportBuilder::default()
            .with_title("Podscope")
            .with_app_id("podscope")
            .with_inner_size(vec2(w, h))
            .with_maximized(kept.is_some_and(|kept| kept.is_maximized))
            .with_min_inner_size(vec2(min_w, min_h)),
        // the size is kept with the settings
        persist_window: false,
        // the window is two-dimensional, so it needs no depth buffer
        depth_buffer: 0,
        // there are no gradients; without a graphics card dithering is a large part of the cost of a frame
        dithering: false,
        ..Default::default()
    };
    let failure = ScriptFailureSlot::default();
    // it outlives the window, and ends the lab when the window is closed
    let mut engine = None;
    let (theme, exit_after_script, slot) = (options.theme, options.exit_after_script, Arc::clone(&failure));
    // only now, since the window's libraries panic if the lab takes the last threads
    let create = |cc: &eframe::CreationContext<'_>| -> Result<Box<dyn eframe::App>, _> {
        let (started, events) = start_engine(&cc.egui_ctx, options.lab)?;
        let handle = started.handle();
        engine = Some(started);
        let is_built = options.preset.as_deref().and_then(presets::find).is_some_and(|preset| preset.yaml.is_none());
        let preset = options.preset.map(PodSource::Preset);
        let sources = preset.into_iter().chain(options.file.map(PodSource::File));
        let mut requests: Vec<Request> = sources.map(|source| Request::Execute(Command::Create(source))).collect();
        if let Some(script) = script {
            // the script waits for the pods that were requested before; that of a preset must not take its place
            let at = if is_built { 0 } else { requests.len() };
            requests.insert(at, Request::Play { script: Box::new(script), out_dir: options.out_dir });
        }
        for request in requests {
            handle.send(request);
        }
        let (engine, failure) = (handle, slot);
        let keeps_size = options.size.is_none();
        let options =
            WindowOptions { engine, events, theme, settings, settings_path, keeps_size, exit_after_script, failure };
        Ok(Box::new(Window::new(cc, options)))
    };
    let run = eframe::run_native("podscope", native, Box::new(create));
    drop(engine);
    run.map_err(|e| match e {
        eframe::Error::AppCreation(e) if e.is::<thread::SpawnError>() => OpenError::Engine(e.to_string()),
        e => OpenError::Window(error_words(&e.to_string())),
    })?;
    let failure = failure.lock().map_or(None, |mut f| f.take());
    failure.map_or(Ok(()), |failure| Err(OpenError::Script(failure)))
}

/// Starts the engine. Its events come with a frame.
fn start_engine(ctx: &Context, lab: crate::lab::Options) -> Result<(Engine, Receiver<Event>), thread::SpawnError> {
    let (ctx, (sender, events)) = (ctx.clone(), unbounded());
    let sink = move |event: Event| {
        if matches!(event, Event::Changed) {
            // a request without a delay makes egui draw two frames
            return ctx.request_repaint_after_for(Duration::from_nanos(1), ViewportId::ROOT);
        }
        // an error means that the window is closed
        let _ = sender.send(event);
        ctx.request_repaint_of(ViewportId::ROOT);
    };
    let engine = Engine::start(engine::Options { front_end: FrontEnd::Window, lab }, Box::new(sink))?;
    Ok((engine, events))
}

fn read_script(path: &Path) -> Result<Script, OpenError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| OpenError::UnreadableScript(format!("{name}: {e}")))?;
    script::parse(&name, &text).map_err(|e| OpenError::UnreadableScript(e.to_string()))
}
