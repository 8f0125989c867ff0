//! The inspector describes the selection: its facts, the actions on it, and its namespaces.

mod end_card;
mod facts;
pub(super) mod namespaces;
mod pod;
mod processes;

use eframe::egui::{self, Ui};

use super::icons::Icon;
use super::memo::Memo;
use super::signals::{SignalsState, signals_ui};
use super::text::HoverText as _;
use super::{Cx, WorldVersion, pod_map, text, tokens, usage, widgets};
use crate::command::Command;
use crate::model::end_chain::explain_end;
use crate::model::{NsId, NsKind, Parent, PodUid, ProcId, Process, Scope, Signal, State, names, prediction};
use crate::ui::Action;
use crate::wording::duration;
use crate::wording::terms::{Term, isolates};
use end_card::EndModel;
use facts::{Chip, facts_ui};
use namespaces::Namespaces;
pub use namespaces::holders;
use pod::PodModel;
use processes::Processes;

/// Kept by the window between frames: what is found by looking at many processes. Everything else is about one process
/// or one pod.
#[derive(Clone, Debug, Default)]
pub struct InspectorState {
    signals: SignalsState,
    namespaces: Memo<(WorldVersion, ProcId), Namespaces>,
    /// Why the process ended.
    end: Memo<(WorldVersion, ProcId), Option<EndModel>>,
    inside: Memo<(WorldVersion, NsId), Processes>,
    pod: Memo<(WorldVersion, PodUid), PodModel>,
}

/// The room at the bottom for the export.
const BOTTOM: f32 = 46.0;
/// How far the scroll bar is beside the content: it is in the margin of the panel.
const SCROLL_BAR: f32 = 12.0;

pub fn inspector_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut InspectorState) {
    ui.add_space(10.0);
    let content = ui.available_rect_before_wrap();
    let content = content.with_max_y((content.bottom() - BOTTOM).max(content.top()));
    // nothing is below the scroll bar; a child, so that the panel does not grow
    let with_bar = content.with_max_x(content.right() + SCROLL_BAR);
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(with_bar));
    child.set_clip_rect(with_bar.intersect(ui.clip_rect()));
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(&mut child, |ui| {
        ui.set_width(content.width());
        ui.add_space(4.0);
        selection_ui(ui, cx, state);
    });
    ui.advance_cursor_after_rect(content);
    ui.separator();
    let width = ui.available_width();
    let export = widgets::button(
        ui,
        cx.tokens,
        widgets::ButtonStyle::Plain,
        Some(Icon::Export),
        "Export snapshot…",
        Some(width),
    );
    if export.hover_text("Write what is shown as JSON (Ctrl+E)").clicked() {
        cx.act(Action::AskExport);
    }
}

fn selection_ui(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut InspectorState) {
    let world = cx.world;
    if let Some(ns) = cx.selection.namespace {
        let inside = || match world.scope {
            Scope::Lab => Processes::of(world.ns_members_of_pods(ns)),
            Scope::Host => Processes::of(world.ns_members(ns)),
        };
        namespace_ui(ui, cx, ns, state.inside.get((cx.version, ns), inside));
    } else if let Some(p) = cx.selection.process.and_then(|id| world.process(id)) {
        process_ui(ui, cx, p, state);
    } else if let Some(pod) = cx.selection.pod.as_ref().and_then(|uid| world.pod(uid)) {
        let model = state.pod.get((cx.version, pod.uid.clone()), || PodModel::of(world, pod));
        pod::pod_ui(ui, cx, pod, model);
    } else {
        widgets::empty(ui, cx.tokens, "Nothing selected", "Click a process, a namespace or a pod.");
    }
}

fn process_ui(ui: &mut Ui, cx: &mut Cx<'_>, p: &Process, state: &mut InspectorState) {
    let pause = names::is_pause(p);
    let mut chips = Vec::new();
    if pause {
        chips.push(Chip::term(Term::PidOne, cx.tokens.accent));
    } else if let Some(member) = &p.member {
        let about = "The member of the pod that the process belongs to: pause or a container.";
        chips.push(Chip { word: member.name().to_owned(), color: cx.tokens.accent, about });
    }
    if p.is_zombie() {
        chips.push(Chip::term(Term::Zombie, cx.tokens.zombie));
    } else if p.is_gone() {
        chips.push(Chip::term(Term::Gone, cx.tokens.faint));
    }
    facts::title_ui(ui, cx, &names::short_name(p), &chips);
    facts_ui(ui, cx, &process_facts(cx, p, pause));
    ui.add_space(12.0);
    if p.exit.is_some() {
        let world = cx.world;
        let explain = || explain_end(world, p.id).map(|chain| EndModel::of(world, &chain));
        if let Some(end) = state.end.get((cx.version, p.id), explain) {
            end_card::section_ui(ui, cx, end);
            ui.add_space(12.0);
        }
    }
    signals_ui(ui, cx, &mut state.signals, p);
    ui.add_space(12.0);
    ui.horizontal(|ui| {
        facts::section_ui(ui, cx, Term::Namespaces);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let path = format!("/proc/{}/ns", p.id.pid);
            ui.label(text::rich(path).font(tokens::mono(11.0)).color(cx.tokens.faint));
        });
    });
    let namespaces = state.namespaces.get((cx.version, p.id), || Namespaces::of(cx.world, p));
    for (kind, sharers) in NsKind::ALL.into_iter().zip(&namespaces.sharers) {
        namespaces::row_ui(ui, cx, p, kind, sharers);
    }
    ui.add_space(12.0);
    namespaces::holders_ui(ui, cx, &namespaces.holders);
}

fn process_facts(cx: &Cx<'_>, p: &Process, pause: bool) -> Vec<(Term, String)> {
    let name_of = |parent: Parent| match parent {
        Parent::Process(id) => match cx.world.process(id) {
            Some(q) if cx.world.node.as_ref().is_some_and(|n| n.process == id) => {
                format!("node ({}), outside the pod", q.id.pid)
            }
            Some(q) => format!("{} ({})", names::short_name(q), q.pid_inside().unwrap_or(q.id.pid)),
            None => format!("pid {}", id.pid),
        },
        Parent::Outside if cx.world.scope == Scope::Host => "none that can be seen".into(),
        Parent::Outside => "outside the pod".into(),
        Parent::Unknown => "not known".into(),
    };
    let mut rows = vec![
        (Term::HostPid, p.id.pid.to_string()),
        (Term::PidInPod, in_pod(p)),
        (Term::Parent, name_of(p.parent)),
        (Term::State, state_words(p)),
    ];
    if !p.cmdline.is_empty() && !pause {
        rows.push((Term::Command, p.cmdline.join(" ")));
    }
    if p.is_alive() {
        rows.push((Term::Handles, handles(p)));
        rows.push((Term::OrphansGoTo, orphan_adopter(cx, p)));
        rows.push((Term::Memory, format!("{} RSS", text::bytes(p.rss_bytes))));
        rows.push((Term::Cpu, usage::cpu(p.cpu)));
    }
    // where it is, or where its container was started
    let of_member = || p.member.as_ref().and_then(|m| cx.world.cgroups.get(m)).map(|cgroup| cgroup.path.as_str());
    if let Some(path) = p.cgroup.as_deref().or_else(of_member).filter(|_| p.is_alive()) {
        // the whole path is too long for a row; the hover of the member's column shows it
        let last = path.rsplit('/').next().unwrap_or_default();
        rows.push((Term::Cgroup, format!("…/{last}")));
    }
    rows.push((Term::Started, format!("{} · {}", cx.clock(p.born.t), precision_words(p.born.precision))));
    if let Some(reparent) = p.reparents.last() {
        rows.push((Term::AdoptedBy, format!("{} at {}", name_of(reparent.to), cx.clock(reparent.at.t))));
    }
    // the card below tells the rest
    if let Some(exit) = p.exit.filter(|_| !p.is_gone()) {
        rows.push((Term::ZombieFor, duration::format_exact(cx.now.since(exit.at.t))));
    }
    rows
}

/// How exact a time is.
fn precision_words(precision: crate::model::Precision) -> &'static str {
    match precision {
        crate::model::Precision::Exact => "exact",
        crate::model::Precision::Prompt => "within µs",
        crate::model::Precision::ByThen => "or earlier",
    }
}

fn in_pod(p: &Process) -> String {
    match (&p.member, p.pid_in_pod()) {
        (None, _) => "not part of a pod".into(),
        (Some(_), None) => "not known".into(),
        (Some(_), Some(pid)) => pid.to_string(),
    }
}

fn state_words(p: &Process) -> String {
    if let Some(threads) = p.threads_without_leader() {
        let live =
            if threads == 1 { "1 other thread lives".to_owned() } else { format!("{threads} other threads live") };
        return format!("Z main thread has exited, {live} on: it cannot be reaped until they end");
    }
    match p.state {
        State::Sleeping if p.signals.awaiting => "S sleeping in sigtimedwait".into(),
        State::Gone => "reaped, no longer in the process table".into(),
        state => format!("{} {}", state.letter(), pod_map::state_word(state)),
    }
}

/// The signals for which the process has no default action: `HUP TERM · by signalfd: CHLD · ignores PIPE`.
fn handles(p: &Process) -> String {
    let list = |f: &dyn Fn(Signal) -> bool| {
        let named = (1..=31).map(Signal).filter(|s| f(*s)).map(|s| s.to_string().replace("SIG", ""));
        named.collect::<Vec<_>>().join(" ")
    };
    let masks = p.signals;
    let waits = match masks.awaited {
        None if masks.awaiting => "signals in sigtimedwait that could not be read".to_owned(),
        _ => list(&|s| masks.awaits(s) == Some(true)),
    };
    let parts = [
        ("", list(&|s| masks.catches(s))),
        ("waits for ", waits),
        ("by signalfd: ", list(&|s| masks.reads(s))),
        ("ignores ", list(&|s| masks.ignores(s))),
        ("blocks ", list(&|s| masks.blocks(s) && !masks.reads(s))),
    ];
    let named: Vec<String> =
        parts.iter().filter(|(_, list)| !list.is_empty()).map(|(how, list)| format!("{how}{list}")).collect();
    if named.is_empty() { "none: default action for all signals".into() } else { named.join(" · ") }
}

/// The process that adopts the orphans of its pid namespace.
fn orphan_adopter(cx: &Cx<'_>, p: &Process) -> String {
    if let Some(init) = prediction::adopter(cx.world, p) {
        return format!("{} (1)", names::member_name(init));
    }
    let Some(ns) = p.namespaces.get(NsKind::Pid).filter(|_| names::is_ns_init(p)) else {
        return "not known".into();
    };
    let alone = cx.world.ns_members(ns).all(|q| q.id == p.id);
    if alone && names::is_pause(p) { "no other process in its pid namespace".into() } else { "this process".into() }
}

fn namespace_ui(ui: &mut Ui, cx: &mut Cx<'_>, ns: NsId, inside: &Processes) {
    let world = cx.world;
    let about = "A view of a part of the machine, which the processes in it share.";
    let chip = Chip { word: "namespace".to_owned(), color: cx.tokens.ns(ns.kind), about };
    facts::title_ui(ui, cx, ns.kind.name(), &[chip]);
    let known = world.namespaces.get(&ns);
    let id_or = |id: Option<NsId>| id.map_or("not visible".into(), |id| id.to_string());
    let mut rows = vec![(Term::Link, ns.to_string()), (Term::Isolates, isolates(ns.kind).into())];
    rows.push((Term::OwnedBy, id_or(known.and_then(|n| n.owner))));
    if matches!(ns.kind, NsKind::Pid | NsKind::User) {
        rows.push((Term::ChildOf, id_or(known.and_then(|n| n.parent))));
    }
    if let Some(uid) = known.and_then(|n| n.owner_uid) {
        rows.push((Term::CreatedByUid, uid.to_string()));
    }
    facts_ui(ui, cx, &rows);
    ui.add_space(10.0);
    if widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, "What is inside", None).clicked() {
        cx.act(Action::Do(Command::Show("inside".into())));
    }
    ui.add_space(12.0);
    let count = match world.scope {
        Scope::Lab => text::count(inside.count, "pod process", "pod processes"),
        Scope::Host => text::count(inside.count, "process", "processes"),
    };
    widgets::section(ui, cx.tokens, &count);
    processes::rows_ui(ui, cx, inside);
}
