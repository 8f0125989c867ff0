//! The inspector's description of a pod and its containers: state, restarts and the reasons for waiting.

use eframe::egui::{self, Align2, CornerRadius, Margin, Role, Sense, Ui, vec2};

use super::end_card::{self, EndModel};
use super::facts::{self, Chip, facts_ui};
use super::processes::{self, Processes};
use crate::command::Command;
use crate::model::end_chain::explain_container_end;
use crate::model::{Container, Member, MonoNs, Pod, PodReason, Usage, World};
use crate::ui::Action;
use crate::ui::icons::Icon;
use crate::ui::text::HoverText as _;
use crate::ui::{Cx, build, pod_map, text, tokens, usage, widgets, words};
use crate::wording::terms::Term;

fn not_known() -> String {
    "not known".to_owned()
}

fn sandbox(pod: &Pod) -> String {
    match &pod.sandbox {
        None => "none".to_owned(),
        Some(sandbox) => sandbox.number().map_or_else(not_known, |n| format!("#{n}")),
    }
}

/// What is found by looking at all processes of a pod.
#[derive(Clone, Debug)]
pub struct PodModel {
    usage: Vec<(Member, Usage)>,
    processes: Processes,
    /// When and how the previous pause ended.
    last_sandbox: Option<(MonoNs, String)>,
    /// Why the last run of each container ended, in the order of the containers.
    ends: Vec<Option<EndModel>>,
}

impl PodModel {
    pub fn of(world: &World, pod: &Pod) -> Self {
        let end = |c| explain_container_end(world, pod, c).map(|chain| EndModel::of(world, &chain));
        Self {
            usage: usage::of_pod(world, pod),
            processes: Processes::of(world.pod_processes(&pod.uid)),
            last_sandbox: words::last_sandbox(world, pod),
            ends: pod.containers.iter().map(end).collect(),
        }
    }
}

pub fn pod_ui(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod, model: &PodModel) {
    let about = "The status of the pod, in the words of kubectl get pod.";
    let status = Chip { word: pod.status().into_owned(), color: pod_map::status_color(cx, pod), about };
    facts::title_ui(ui, cx, &pod.name, &[status]);
    if let Some((title, why)) = words::status_reason(pod) {
        ui.label(text::rich(title).font(tokens::semibold(12.5)));
        ui.add(egui::Label::new(text::rich(why).color(cx.tokens.muted)).wrap().selectable(true));
        ui.add_space(8.0);
    }
    if !pod.is_of_lab() {
        let network = if pod.host_network { "the host's" } else { "its own" };
        let rows = [
            (Term::Engine, pod.runtime.name().to_owned()),
            (Term::Network, network.to_owned()),
            (Term::PidNamespace, pid_namespace(pod).to_owned()),
            (Term::FirstSeen, cx.clock(pod.created.t)),
            (Term::EngineId, pod.uid.0.clone()),
        ];
        facts_ui(ui, cx, &rows);
        return parts_ui(ui, cx, pod, model);
    }
    let mut rows = vec![
        (Term::Phase, pod.phase.name().to_owned()),
        (Term::Ip, pod.ip.map_or("none".into(), |ip| ip.to_string())),
        (Term::Sandbox, sandbox(pod)),
    ];
    if let Some(file) = words::own_pause(pod) {
        rows.push((Term::OwnPause, words::own_pause_description(file)));
    }
    if let Some((at, how)) = &model.last_sandbox {
        rows.push((Term::LastSandbox, format!("{} {how}", cx.clock(*at))));
    }
    rows.extend([
        (Term::Restarts, pod.restarts().map_or_else(not_known, |n| n.to_string())),
        (Term::PidNamespace, pid_namespace(pod).to_owned()),
    ]);
    if pod.host_network {
        rows.push((Term::Network, "the node's".into()));
    }
    for (host, inside) in &pod.host_ports {
        rows.push((Term::Published, format!("127.0.0.1:{host} → {inside}")));
    }
    rows.extend([
        (Term::Volumes, if pod.volumes.is_empty() { "none".into() } else { pod.volumes.join(", ") }),
        (Term::Created, cx.clock(pod.created.t)),
        (Term::Uid, pod.uid.to_string()),
    ]);
    facts_ui(ui, cx, &rows);
    parts_ui(ui, cx, pod, model);
    // only a live node can delete it
    if cx.live && pod.reason != Some(PodReason::NodeLost) {
        ui.add_space(12.0);
        let style = widgets::ButtonStyle::Outline(cx.tokens.bad);
        let delete = widgets::button(ui, cx.tokens, style, Some(Icon::Trash), "Delete pod", None);
        if delete.hover_text("Send TERM to its containers, KILL after the grace period, then end pause").clicked() {
            cx.act(Action::Do(Command::Delete(pod.uid.clone())));
        }
    }
}

/// Its containers, what they use, and its processes.
fn parts_ui(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod, model: &PodModel) {
    ui.add_space(12.0);
    facts::section_ui(ui, cx, Term::Containers);
    for (c, end) in pod.containers.iter().zip(&model.ends) {
        container_ui(ui, cx, pod, c);
        if let Some(end) = end {
            end_ui(ui, cx, c, end);
        }
    }
    if pod.containers.is_empty() {
        let none = "None yet. pause holds the namespaces that containers can join.";
        ui.label(text::rich(none).color(cx.tokens.muted));
    }
    ui.add_space(6.0);
    build::buttons_ui(ui, cx, pod);
    ui.add_space(12.0);
    usage::table_ui(ui, cx, &model.usage);
    ui.add_space(12.0);
    widgets::section(ui, cx.tokens, &text::count(model.processes.count, "process", "processes"));
    processes::rows_ui(ui, cx, &model.processes);
}

fn pid_namespace(pod: &Pod) -> &'static str {
    match pod.share_pid {
        _ if pod.containers.is_empty() => "only pause is in it",
        true => "shared",
        false => "one per container",
    }
}

/// Why its last run ended: open while the container does not run.
fn end_ui(ui: &mut Ui, cx: &Cx<'_>, c: &Container, end: &EndModel) {
    let is_running = c.running_since().is_some();
    let title = if is_running { "Why its last run ended" } else { "Why it ended" };
    let font = text::rich(title).font(tokens::medium(11.5)).color(cx.tokens.muted);
    let header = egui::CollapsingHeader::new(font).id_salt(("end", &c.name, is_running)).default_open(!is_running);
    let header = header.show_unindented(ui, |ui| end_card::chain_ui(ui, cx, end)).header_response;
    header.widget_info(|| text::labeled(Role::Button, true, format!("{title}: {}", c.name)));
    ui.add_space(4.0);
}

/// Name and state in one line; below them the restarts and the back-off, and the message of a waiting container.
fn container_ui(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod, c: &Container) {
    let tokens = cx.tokens;
    let (word, severity) = words::state(c);
    let detail = words::detail(c, cx.now);
    // the button that takes the container out is beside it
    let room = ui.available_width() - 18.0 - 64.0;
    let detail = text::wrapped(ui, &detail, tokens::sans(11.5), tokens.muted, room, 4);
    let height = (detail.size().y + 22.0).max(36.0);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    if response.hovered() {
        ui.painter().rect_filled(rect.expand2(vec2(6.0, 0.0)), CornerRadius::same(4), tokens.inset);
    }
    let top = rect.left_top() + vec2(0.0, 9.0);
    let color = tokens.severity(severity);
    widgets::state_sign(ui, tokens, top + vec2(5.0, 0.0), severity);
    let right = egui::pos2(rect.right(), top.y);
    let at = text::put(ui, right, Align2::RIGHT_CENTER, &word, tokens::semibold(12.0), color, rect.width() * 0.6);
    let name = match words::kind(c.kind) {
        Some(kind) => format!("{} · {kind}", c.name),
        None => c.name.clone(),
    };
    let left = top + vec2(18.0, 0.0);
    let room = at.left() - left.x - 8.0;
    text::put(ui, left, Align2::LEFT_CENTER, &name, tokens::semibold(12.5), tokens.text, room);
    ui.painter().galley(left + vec2(0.0, 10.0), detail, tokens.muted);
    if response.has_focus() {
        widgets::focus_ring(ui, tokens, rect, 4);
    }
    response.widget_info(|| text::labeled(Role::Button, true, words::in_full(c).replace('\n', ", ")));
    if response.clicked()
        && let Some(id) = c.process
    {
        cx.act(Action::SelectProcess(id));
    }
    response.hover_lines(words::in_full(c));
    build::take_out_ui(ui, cx, pod, c, rect);
    if let Some(message) = words::waiting_message(c) {
        egui::Frame::new()
            .fill(tokens.inset)
            .corner_radius(CornerRadius::same(6))
            .inner_margin(Margin::symmetric(10, 6))
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                let message = text::rich(message).font(tokens::sans(11.5)).color(tokens.muted);
                ui.add(egui::Label::new(message).wrap().selectable(true));
            });
    }
}
