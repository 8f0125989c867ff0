//! A terminal for a program in a container.

mod colours;
mod keys;

use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::Sender;
use eframe::egui::text::{LayoutJob, TextFormat};
use eframe::egui::{self, Color32, EventFilter, Rect, Role, Sense, Stroke, Ui, pos2, vec2};

use super::{Cx, text, tokens};
use crate::model::Member;
use crate::sys::pty::Size;

const FONT: f32 = 12.5;
/// The number of lines above the screen that one can scroll back to.
const SCROLLBACK: usize = 2_000;
const MIN_SIZE: Size = Size { rows: 4, cols: 20 };

/// Input to the program's terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalInput {
    Bytes(Vec<u8>),
    Size(Size),
    /// The user has closed it, or the program has ended.
    Close,
}

/// How the program ended, in words.
pub type Ended = Result<String, String>;

/// Answers to the queries that programs send to a terminal. They are sent as if typed.
#[derive(Debug, Default)]
pub struct Replies(Vec<u8>);

impl vt100::Callbacks for Replies {
    fn unhandled_csi(&mut self, screen: &mut vt100::Screen, i1: Option<u8>, _: Option<u8>, params: &[&[u16]], c: char) {
        match (i1, params.first().and_then(|p| p.first()), c) {
            // DSR: the position of the cursor
            (None, Some(6), 'n') => {
                let (row, col) = screen.cursor_position();
                self.0.extend(format!("\x1b[{};{}R", row + 1, col + 1).bytes());
            }
            (None, Some(5), 'n') => self.0.extend(b"\x1b[0n"),
            // DA: this is a VT102
            (None, None | Some(0), 'c') => self.0.extend(b"\x1b[?6c"),
            _ => {}
        }
    }
}

/// A terminal and its screen. Cloned into the threads that serve it.
#[derive(Clone)]
pub struct Terminal {
    pub member: Member,
    /// The program that runs in it, as it is shown.
    pub title: String,
    screen: Arc<Mutex<vt100::Parser<Replies>>>,
    pub ended: Arc<Mutex<Option<Ended>>>,
    input: Sender<TerminalInput>,
    /// The size that was last sent to the program.
    size: Arc<Mutex<Size>>,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("member", &self.member).field("title", &self.title).finish_non_exhaustive()
    }
}

impl Terminal {
    pub fn new(member: Member, title: String, input: Sender<TerminalInput>) -> Self {
        let size = Size { rows: 24, cols: 80 };
        let parser =
            vt100::Parser::new_with_callbacks(non_zero(size.rows), non_zero(size.cols), SCROLLBACK, Replies::default());
        let screen = Arc::new(Mutex::new(parser));
        Self { member, title, screen, ended: Arc::default(), input, size: Arc::new(Mutex::new(size)) }
    }

    pub fn size(&self) -> Size {
        *self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws what the program has written. Returns the answer to the queries in it.
    pub fn process_output(&self, bytes: &[u8]) -> Vec<u8> {
        let mut parser = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        parser.process(bytes);
        std::mem::take(&mut parser.callbacks_mut().0)
    }

    pub fn end(&self, how: Ended) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
    }

    /// Sends input to the thread that writes. It is dropped if that thread has ended.
    pub fn send(&self, input: TerminalInput) {
        let _ = self.input.send(input);
    }

    fn has_ended(&self) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub(crate) fn resize(&self, wanted: Size) {
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        if *size != wanted {
            *size = wanted;
            let mut parser = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
            parser.set_size(non_zero(wanted.rows), non_zero(wanted.cols));
            self.send(TerminalInput::Size(wanted));
        }
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl Terminal {
    /// The text of each row as it is drawn.
    pub(crate) fn shown_rows(&self) -> Vec<String> {
        let parser = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        let screen = parser.screen();
        let (rows, cols) = screen.size();
        let (font, tokens) = (tokens::mono(FONT), tokens::Tokens::dark());
        (0..rows.get()).map(|row| row_job(screen, row, cols.get(), &font, &tokens).text).collect()
    }
}

fn non_zero(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap_or(NonZeroU16::MIN)
}

/// Whether a terminal has the keyboard focus.
pub fn has_focus(ctx: &egui::Context) -> bool {
    let terminal = ctx.data(|d| d.get_temp::<egui::Id>(terminal_focus()));
    terminal.is_some() && ctx.memory(egui::Memory::focused) == terminal
}

fn terminal_focus() -> egui::Id {
    egui::Id::unique("the terminal")
}

/// Draws the terminal over all available space. Keys go to the program while it has the focus.
pub fn terminal_ui(ui: &mut Ui, cx: &Cx<'_>, terminal: &Terminal, focus: bool) {
    let font = tokens::mono(FONT);
    let (cell, row_height) = ui.fonts_mut(|f| (f.glyph_width(&font, 'M'), f.row_height(&font).ceil()));
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click());
    let room = rect.shrink(6.0);
    let count = |length: f32, each: f32, least: u16| ((length / each).floor() as u16).max(least);
    terminal.resize(Size {
        rows: count(room.height(), row_height, MIN_SIZE.rows),
        cols: count(room.width(), cell, MIN_SIZE.cols),
    });
    if response.clicked() || focus {
        response.request_focus();
    }
    let id = response.id;
    let focused = ui.memory(|m| m.has_focus(id));
    ui.data_mut(|d| d.insert_temp(terminal_focus(), id));
    if focused {
        let all = EventFilter { tab: true, horizontal_arrows: true, vertical_arrows: true, escape: true };
        ui.memory_mut(|m| m.set_focus_lock_filter(id, all));
        send_typed(ui, terminal);
    }
    if response.hovered() {
        scroll(ui, terminal, row_height);
    }
    let parser = terminal.screen.lock().unwrap_or_else(PoisonError::into_inner);
    let screen = parser.screen();
    response.widget_info(|| text::labeled(Role::Terminal, true, format!("Terminal of {}", terminal.member.name())));
    ui.ctx().accesskit_node_builder(id, |node| node.set_value(screen.contents()));
    let tokens = cx.tokens;
    let edge = if focused { tokens.accent } else { tokens.line };
    ui.painter().rect(rect, 6.0, tokens.canvas, Stroke::new(1.0, edge), egui::StrokeKind::Inside);
    let painter = ui.painter().with_clip_rect(rect.shrink(1.0));
    let (rows, cols) = screen.size();
    for row in 0..rows.get() {
        let y = room.top() + f32::from(row) * row_height;
        let job = row_job(screen, row, cols.get(), &font, tokens);
        if !job.text.trim_end().is_empty() || job.sections.len() > 1 {
            let galley = ui.fonts_mut(|f| f.layout_job(job));
            painter.galley(pos2(room.left(), y), galley, tokens.text);
        }
    }
    if !screen.hide_cursor() && screen.scrollback() == 0 && !terminal.has_ended() {
        let (row, col) = screen.cursor_position();
        let at = pos2(room.left() + f32::from(col) * cell, room.top() + f32::from(row) * row_height);
        let block = Rect::from_min_size(at, vec2(cell, row_height));
        if focused {
            painter.rect_filled(block, 0.0, tokens.accent.gamma_multiply(0.6));
        } else {
            painter.rect_stroke(block, 0.0, Stroke::new(1.0, tokens.muted), egui::StrokeKind::Inside);
        }
    }
}

/// Sends what was typed and pasted in this frame.
fn send_typed(ui: &Ui, terminal: &Terminal) {
    let bytes = {
        let mut parser = terminal.screen.lock().unwrap_or_else(PoisonError::into_inner);
        let modes = (parser.screen().application_cursor(), parser.screen().bracketed_paste());
        let bytes = ui.input(|i| keys::bytes(&i.events, modes));
        if !bytes.is_empty() {
            // scroll down so that the typed text is visible
            parser.screen_mut().set_scrollback(0);
        }
        bytes
    };
    if !bytes.is_empty() && !terminal.has_ended() {
        terminal.send(TerminalInput::Bytes(bytes));
    }
}

fn scroll(ui: &Ui, terminal: &Terminal, row_height: f32) {
    let lines = (ui.input(|i| i.smooth_scroll_delta().y) / row_height).round() as i64;
    if lines != 0 {
        let mut parser = terminal.screen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = i64::try_from(parser.screen().scrollback()).unwrap_or_default();
        parser.screen_mut().set_scrollback(usize::try_from(now + lines).unwrap_or_default());
    }
}

/// One row, in runs of the same style.
fn row_job(screen: &vt100::Screen, row: u16, cols: u16, font: &egui::FontId, tokens: &tokens::Tokens) -> LayoutJob {
    let mut job = LayoutJob::default();
    job.wrap.max_width = f32::INFINITY;
    let mut run = String::new();
    let mut style: Option<(Color32, Color32, bool, bool)> = None;
    let mut end_run = |run: &mut String, style: Option<(Color32, Color32, bool, bool)>| {
        let Some((color, background, underline, italics)) = style.filter(|_| !run.is_empty()) else { return };
        let underline = if underline { Stroke::new(1.0, color) } else { Stroke::NONE };
        let format = TextFormat { font_id: font.clone(), color, background, underline, italics, ..Default::default() };
        job.append(&std::mem::take(run), 0.0, format);
    };
    for col in 0..cols {
        let Some(cell) = screen.cell(row, col) else { continue };
        if cell.is_wide_continuation() {
            continue;
        }
        let this = colours::cell_style(cell, tokens);
        if style != Some(this) {
            end_run(&mut run, style);
            style = Some(this);
        }
        // the output of a program may have hidden characters, as a name may
        let shown = if cell.has_contents() { text::escaped(cell.contents()) } else { " ".into() };
        run.push_str(&shown);
    }
    end_run(&mut run, style);
    job
}
