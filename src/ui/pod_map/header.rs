//! The head of the map: what the pod is, and how it is.

use eframe::egui::{self, Color32, CornerRadius, Margin, Sense, Stroke, Ui, vec2};

use super::resting::Resting;
use super::{Model, status_color};
use crate::model::{Pod, Runtime, Sandbox};
use crate::ui::icons::Icon;
use crate::ui::text::HoverText as _;
use crate::ui::{Action, Cx, text, tokens, widgets, words};

/// Name, status, address, ports and other facts; below them the reason of the status, or how the last sandbox ended.
pub fn header_ui(ui: &mut Ui, cx: &mut Cx<'_>, pod: &Pod, model: &Model) {
    let tokens = cx.tokens;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 12.0;
        // a long name leaves room for the facts beside it
        let name = text::middle(ui, &pod.name, tokens::bold(17.0), tokens.text, ui.available_width() * 0.42);
        ui.label(name).hover_text(format!("pod {} · uid {}", pod.name, pod.uid));
        let chip = widgets::chip(ui, tokens, &pod.status(), status_color(cx, pod));
        if let Some((title, why)) = words::status_reason(pod) {
            chip.hover_lines(format!("{}\n{}", text::escaped(&title), text::escaped(&why)));
        }
        if let Some(ip) = pod.ip {
            ui.label(text::rich(ip.to_string()).font(tokens::mono(13.0)).color(tokens.ns(crate::model::NsKind::Net)))
                .hover_text(if pod.host_network {
                    "The node's own address: the pod uses the node's network."
                } else {
                    "The pod's IP: it belongs to the net namespace, which pause holds."
                });
        }
        for (host, inside) in &pod.host_ports {
            host_port_ui(ui, cx, *host, *inside);
        }
        let mut facts = Vec::new();
        facts.extend(pod.sandbox.as_ref().and_then(Sandbox::number).map(|n| format!("sandbox #{n}")));
        facts.extend(pod.restarts().map(|n| text::count(n as usize, "restart", "restarts")));
        if !pod.containers.is_empty() {
            facts.push(match pod.runtime {
                Runtime::Lab => format!("shareProcessNamespace: {}", pod.share_pid),
                engine if pod.share_pid => format!("{} · pid namespace shared", engine.name()),
                engine => format!("{} · pid namespaces of their own", engine.name()),
            });
        }
        let facts = text::rich(facts.join(" · ")).font(tokens::sans(12.5)).color(tokens.muted);
        ui.add(egui::Label::new(facts).truncate());
    });
    if let Some(resting) = &model.resting {
        resting_ui(ui, cx, pod, resting);
    } else if let Some((title, why)) = words::status_reason(pod) {
        let color = status_color(cx, pod);
        box_ui(ui, cx, Icon::Warning, color, &title, &why);
    } else if let Some((at, words)) = &model.last_sandbox {
        let words = format!("{} {words}", cx.clock(*at));
        let line = text::rich(&words).font(tokens::sans(12.0)).color(tokens.muted);
        ui.add(egui::Label::new(line).truncate()).hover_text(words);
    }
}

/// pause holds the pod while no container runs: that is what it is for, and no failure.
fn resting_ui(ui: &mut Ui, cx: &Cx<'_>, pod: &Pod, resting: &Resting) {
    let why = words::status_reason(pod).map(|(title, why)| format!(" {title} · {why}")).unwrap_or_default();
    let why = format!("{}{why}", resting.details(pod));
    box_ui(ui, cx, Icon::Pause, cx.tokens.accent, &resting.title(), &why);
}

/// A box that is easy to see.
fn box_ui(ui: &mut Ui, cx: &Cx<'_>, icon: Icon, color: Color32, title: &str, why: &str) {
    let tokens = cx.tokens;
    ui.add_space(6.0);
    egui::Frame::new()
        .fill(tokens.tint(color).gamma_multiply(0.6))
        .stroke(Stroke::new(1.0, color))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::symmetric(12, 8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal(|ui| {
                let (at, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
                icon.paint(ui, at, color);
                ui.label(text::rich(title).font(tokens::semibold(12.5)).color(tokens.text));
            });
            ui.add(egui::Label::new(text::rich(why).font(tokens::sans(12.5))).wrap().selectable(true));
        });
}

/// A port of the host that forwards to the pod: a click opens its URL, a right click copies it.
fn host_port_ui(ui: &mut Ui, cx: &mut Cx<'_>, host: u16, inside: u16) {
    let words = format!("127.0.0.1:{host} → {inside}");
    let response = widgets::link_chip(ui, cx.tokens, &words, cx.tokens.ns(crate::model::NsKind::Net));
    let url = format!("http://127.0.0.1:{host}/");
    if response.clicked() {
        cx.act(Action::OpenPage(url.clone()));
    }
    if response.secondary_clicked() {
        ui.ctx().copy_text(url.clone());
    }
    response.hover_lines(format!(
        "Port {host} of this machine forwards to port {inside} of the pod's network.\nClick to open {url}, right-click \
         to copy it."
    ));
}
