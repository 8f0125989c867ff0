//! What keeps the selected namespace alive.

use eframe::egui::{self, Align2, CornerRadius, Role, Sense, Ui, vec2};

use crate::command::Command;
use crate::model::{Capability, Holder, MonoNs, Namespace, NsId, NsKind, ProcId, World, names};
use crate::ui::inspector::namespaces::holders;
use crate::ui::text::HoverText as _;
use crate::ui::{Action, Cx, text, tokens, widgets};
use crate::wording::duration;

/// How many holders are listed.
const MAX_ROWS: usize = 100;

/// What is found by looking at all processes and namespaces.
#[derive(Clone, Debug)]
pub struct Held {
    ns: NsId,
    /// The processes in it, in words.
    processes: String,
    /// How many namespaces are directly below it, each with a process or held by something else; only of a user or pid
    /// namespace.
    nested: Option<usize>,
    /// How many of these it owns; only of a user namespace.
    owned: Option<usize>,
    /// What else holds it: a path each, and the process whose it is. `None` if that was not searched for.
    others: Option<Vec<(&'static str, String, Option<ProcId>)>>,
    /// When the machine was searched last.
    searched: Option<MonoNs>,
}

impl Held {
    pub fn of(world: &World, ns: NsId) -> Self {
        // those that still exist, as far as is known
        let is_held = |of: &&Namespace| {
            of.holders.as_ref().is_some_and(|all| !all.is_empty()) || world.ns_members(of.id).next().is_some()
        };
        let known = || world.namespaces.values().filter(is_held);
        let has_parents = matches!(ns.kind, NsKind::User | NsKind::Pid);
        // a user namespace owns those below it too
        let nested = has_parents.then(|| known().filter(|of| of.parent == Some(ns)).count());
        let owned = (ns.kind == NsKind::User).then(|| known().filter(|of| of.owner == Some(ns)).count());
        let processes = if world.is_host_ns(ns) {
            format!("{} seen", text::count(world.ns_members(ns).count(), "process", "processes"))
        } else {
            holders(world, ns)
        };
        let listed = |h: &Holder| (kind(h), path(world, h), h.process());
        let others = world.namespaces.get(&ns).and_then(|known| known.holders.as_ref());
        let others = others.map(|all| all.iter().map(listed).collect());
        let searched = world.searched.map(|at| at.t);
        Self { ns, processes, nested, owned, others, searched }
    }
}

const fn kind(holder: &Holder) -> &'static str {
    match holder {
        Holder::Thread { .. } => "Thread",
        Holder::ForChildren { .. } => "For children",
        Holder::File { .. } => "Open file",
        Holder::Socket { .. } => "Socket",
        Holder::Mount { .. } => "Bind mount",
    }
}

fn path(world: &World, holder: &Holder) -> String {
    match holder.process().and_then(|id| world.process(id)) {
        Some(p) => format!("{holder} of {}", names::member_name(p)),
        None => holder.to_string(),
    }
}

/// `held`: that of the selected namespace.
pub fn holders_ui(ui: &mut Ui, cx: &mut Cx<'_>, held: Option<&Held>) {
    let Some(held) = held else {
        widgets::section(ui, cx.tokens, "Held by");
        ui.label(text::rich("Click a cell to see what keeps that namespace alive.").color(cx.tokens.muted));
        return;
    };
    ui.horizontal(|ui| {
        widgets::section(ui, cx.tokens, "Held by");
        let link = held.ns.to_string();
        ui.label(text::rich(link).font(tokens::mono(11.5)).color(cx.tokens.ns(held.ns.kind)));
    });
    row_ui(ui, cx, "Processes", &held.processes, None);
    if let Some(n) = held.nested {
        row_ui(ui, cx, "Nested", &text::count(n, "namespace below it", "namespaces below it"), None);
    }
    if let Some(n) = held.owned {
        row_ui(ui, cx, "Owns", &text::count(n, "namespace", "namespaces"), None);
    }
    let Some(others) = &held.others else {
        row_ui(ui, cx, "Others", "not searched for", None);
        let hint = "A thread, an open file, a socket or a bind mount can hold a namespace too. To find them, all \
                    processes of the machine are looked at.";
        ui.add(egui::Label::new(text::rich(hint).font(tokens::sans(11.5)).color(cx.tokens.muted)).wrap());
        return search_ui(ui, cx, held, "Search the machine");
    };
    if others.is_empty() {
        row_ui(ui, cx, "Others", "none found", None);
    }
    for (kind, path, process) in others.iter().take(MAX_ROWS) {
        row_ui(ui, cx, kind, path, *process);
    }
    if others.len() > MAX_ROWS {
        row_ui(ui, cx, "Others", &format!("{} more", others.len() - MAX_ROWS), None);
    }
    if cx.world.visibility.get(&Capability::Holders).is_none_or(|coverage| !coverage.is_full()) {
        row_ui(ui, cx, "Coverage", "not everything could be searched", None);
    }
    if let Some(searched) = held.searched {
        let age = duration::format_like_kubectl(cx.now.since(searched));
        row_ui(ui, cx, "Searched", &format!("{age} ago"), None);
    }
    search_ui(ui, cx, held, "Search again");
}

fn search_ui(ui: &mut Ui, cx: &mut Cx<'_>, held: &Held, words: &str) {
    if cx.live && widgets::button(ui, cx.tokens, widgets::ButtonStyle::Plain, None, words, None).clicked() {
        cx.act(Action::Do(Command::FindHolders(held.ns)));
    }
}

/// A name and a value. A click selects the process, if there is one.
fn row_ui(ui: &mut Ui, cx: &mut Cx<'_>, name: &str, value: &str, process: Option<ProcId>) {
    let sense = if process.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 19.0), sense);
    if process.is_some() && response.hovered() {
        ui.painter().rect_filled(rect, CornerRadius::same(4), cx.tokens.inset);
    }
    let left = rect.left_center();
    text::put(ui, left, Align2::LEFT_CENTER, name, tokens::sans(12.0), cx.tokens.muted, 84.0);
    let at = left + vec2(90.0, 0.0);
    let room = rect.width() - 94.0;
    text::put(ui, at, Align2::LEFT_CENTER, value, tokens::sans(12.0), cx.tokens.text, room);
    let role = if process.is_some() { Role::Button } else { Role::Label };
    response.widget_info(|| text::labeled(role, true, format!("{name} {value}")));
    if let Some(id) = process.filter(|_| response.clicked()) {
        cx.act(Action::SelectProcess(id));
    }
    response.hover_text(value);
}
