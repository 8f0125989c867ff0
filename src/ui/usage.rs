//! The CPU, memory and tasks that members use, and the source of the figures.

use eframe::egui::{Align2, FontId, Rect, Response, Role, Sense, Ui, pos2, vec2};

use super::text::HoverText as _;
use super::{Cx, text, tokens, widgets};
use crate::model::{Capability, Cpu, Member, Origin, Pod, Usage, World};
use crate::wording::coverage;
use crate::wording::terms::Term;

/// Distances of the columns' right edges from that of the table.
const CPU_X: f32 = 150.0;
const MEMORY_X: f32 = 62.0;

/// What each member of a pod uses, pause first. Members without a living process are left out.
pub fn of_pod(world: &World, pod: &Pod) -> Vec<(Member, Usage)> {
    let members = std::iter::once(Member::pause(&pod.uid))
        .chain(pod.containers.iter().map(|c| Member::container(&pod.uid, &c.name)));
    members.filter_map(|member| world.usage(&member).map(|usage| (member, usage))).collect()
}

/// The line in the header of a member's column.
pub fn line_ui(ui: &Ui, cx: &Cx<'_>, member: &Member, usage: &Usage, band: Rect) {
    let busy = usage.cpu.value.permille >= 10;
    let ink = if busy { cx.tokens.text } else { cx.tokens.muted };
    let words = short_usage(usage);
    text::put(ui, band.left_center(), Align2::LEFT_CENTER, &words, tokens::sans(11.0), ink, band.width());
    let response = ui.interact(band, ui.scope_id().with(("usage", member)), Sense::hover());
    response.widget_info(|| text::labeled(Role::Label, true, format!("{} uses {words}", member.name())));
    response.hover_lines(full_usage(cx.world, member, usage));
}

/// A table with one line per member of a pod.
pub fn table_ui(ui: &mut Ui, cx: &Cx<'_>, rows: &[(Member, Usage)]) {
    if rows.is_empty() {
        return;
    }
    let tokens = cx.tokens;
    widgets::section(ui, tokens, Term::Usage.name()).hover_text(Term::Usage.meaning());
    let head = row(ui, ["", "CPU", "memory", "tasks"], &tokens::sans(11.0), tokens.faint, tokens.faint);
    head.hover_text("CPU: share of one core in the last second. Tasks: threads of all its processes.");
    for (member, usage) in rows {
        let cells = [
            member.name().to_owned(),
            text::percent(usage.cpu.value.permille),
            text::bytes(usage.memory_bytes.value),
            text::thousands(usage.tasks.value),
        ];
        let response = row(ui, cells.each_ref().map(String::as_str), &tokens::mono(11.5), tokens.text, tokens.muted);
        let words = short_usage(usage);
        response.widget_info(|| text::labeled(Role::Label, true, format!("{} uses {words}", member.name())));
        response.hover_lines(full_usage(cx.world, member, usage));
    }
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 19.0), Sense::hover());
    let words = counted_by(rows.iter().map(|(_, usage)| usage));
    text::put(ui, rect.left_center(), Align2::LEFT_CENTER, &words, tokens::sans(11.5), tokens.muted, rect.width());
    response.widget_info(|| text::labeled(Role::Label, true, words.clone()));
    response.hover_lines(cgroup_words(cx.world));
}

/// One row: the name on the left, the figures in columns on the right.
fn row(
    ui: &mut Ui,
    cells: [&str; 4],
    font: &FontId,
    name: eframe::egui::Color32,
    ink: eframe::egui::Color32,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
    let y = rect.center().y;
    let [member, cpu, memory, tasks] = cells;
    let room = rect.width() - CPU_X - 60.0;
    text::put(ui, rect.left_center(), Align2::LEFT_CENTER, member, font.clone(), name, room);
    for (text, x) in [(cpu, CPU_X), (memory, MEMORY_X), (tasks, 0.0)] {
        text::put(ui, pos2(rect.right() - x, y), Align2::RIGHT_CENTER, text, font.clone(), ink, 80.0);
    }
    response
}

/// `2.5 % CPU · 5.1 MB · 3 tasks`
fn short_usage(usage: &Usage) -> String {
    let tasks = text::count(usage.tasks.value as usize, "task", "tasks");
    format!("{} CPU · {} · {tasks}", text::percent(usage.cpu.value.permille), text::bytes(usage.memory_bytes.value))
}

/// `3.2 % · 1.28 s total`
pub fn cpu(cpu: Cpu) -> String {
    format!("{} · {} total", text::percent(cpu.permille), text::seconds(cpu.time_ns))
}

/// The source of the figures: `counted by cgroups`, `added up from /proc`, or which came from where.
fn counted_by<'a>(usages: impl Iterator<Item = &'a Usage>) -> String {
    let mut by_cgroup = [true; 3];
    for usage in usages {
        let origins = [usage.cpu.origin, usage.memory_bytes.origin, usage.tasks.origin];
        for (all, origin) in by_cgroup.iter_mut().zip(origins) {
            *all &= origin == Origin::Cgroup;
        }
    }
    let named = |wanted: bool| {
        let names = ["CPU", "memory", "tasks"].into_iter().zip(by_cgroup).filter(|(_, by)| *by == wanted);
        names.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
    };
    match (named(true), named(false)) {
        (_, proc) if proc.is_empty() => "counted by cgroups".into(),
        (cgroup, _) if cgroup.is_empty() => "added up from /proc".into(),
        (cgroup, proc) => format!("{cgroup} by cgroup; {proc} from /proc"),
    }
}

/// Why cgroups are missing, or what they do.
fn cgroup_words(world: &World) -> String {
    let cgroups = Capability::Cgroups;
    match world.visibility.get(&cgroups).and_then(|coverage| coverage::reason(cgroups, coverage)) {
        Some(reason) => format!("cgroups: {reason}"),
        None => "Each container has its own cgroup, in which the kernel counts.".into(),
    }
}

fn full_usage(world: &World, member: &Member, usage: &Usage) -> String {
    let by = |origin: Origin| match origin {
        Origin::Cgroup => "by its cgroup",
        Origin::Proc => "added up from /proc",
    };
    let memory = match usage.memory_bytes.origin {
        Origin::Cgroup => "working set",
        Origin::Proc => "resident; shared memory counts for each process",
    };
    let mut lines = vec![
        format!("CPU {}, {}", cpu(usage.cpu.value), by(usage.cpu.origin)),
        format!("Memory {} {memory}, {}", text::bytes(usage.memory_bytes.value), by(usage.memory_bytes.origin)),
        format!("Tasks {}, {}", usage.tasks.value, by(usage.tasks.origin)),
    ];
    lines.extend(world.cgroups.get(member).map(|cgroup| format!("cgroup {}", text::escaped(&cgroup.path))));
    if usage.origin() != Some(Origin::Cgroup) {
        lines.push(cgroup_words(world));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Figure;

    fn usage(cpu: Origin, memory: Origin) -> Usage {
        Usage {
            cpu: Figure { value: Cpu { time_ns: 1_280_000_000, permille: 25 }, origin: cpu },
            memory_bytes: Figure { value: 5 << 20, origin: memory },
            tasks: Figure { value: 1, origin: memory },
        }
    }

    #[test]
    fn the_source_of_the_figures_is_named() {
        let (cgroup, proc) = (usage(Origin::Cgroup, Origin::Cgroup), usage(Origin::Proc, Origin::Proc));
        let mixed = usage(Origin::Cgroup, Origin::Proc);
        assert_eq!(counted_by([&cgroup].into_iter()), "counted by cgroups");
        assert_eq!(counted_by([&proc].into_iter()), "added up from /proc");
        assert_eq!(counted_by([&cgroup, &mixed].into_iter()), "CPU by cgroup; memory, tasks from /proc");
        assert_eq!(short_usage(&mixed), "2.5 % CPU · 5.0 MB · 1 task");
        let full = full_usage(&World::default(), &Member::pause(&crate::model::PodUid("u".into())), &mixed);
        assert!(full.starts_with("CPU 2.5 % · 1.28 s total, by its cgroup\nMemory 5.0 MB resident"), "{full}");
    }
}
