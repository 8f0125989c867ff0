//! Divides the script of a preset into stages for people: a change with what is checked after it, and where to watch it.

use std::ops::Range;

use crate::script::{Condition, Script, Step, StepKind};

/// Where the effect of a stage is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watch {
    PodMap,
    Zombies,
    Namespaces,
    Events,
    Logs,
    Timeline,
    Build,
}

impl Watch {
    pub const ALL: [Self; 7] =
        [Self::PodMap, Self::Zombies, Self::Namespaces, Self::Events, Self::Logs, Self::Timeline, Self::Build];

    /// The title of the view.
    pub const fn title(self) -> &'static str {
        match self {
            Self::PodMap => "Pod map",
            Self::Zombies => "Zombies",
            Self::Namespaces => "Namespaces",
            Self::Events => "Events",
            Self::Logs => "Logs and exec",
            Self::Timeline => "Timeline",
            Self::Build => "Build",
        }
    }

    const fn of(kind: &StepKind) -> Option<Self> {
        Some(match kind {
            StepKind::Wait { until: condition, .. } | StepKind::Expect { that: condition, .. } => match condition {
                Condition::Zombies { count: 1.., .. } => Self::Zombies,
                Condition::Shared { .. } | Condition::Private { .. } => Self::Namespaces,
                Condition::Event { .. } | Condition::Events { .. } => Self::Events,
                Condition::Log { .. } | Condition::Output(_) => Self::Logs,
                Condition::Took(_) => Self::Timeline,
                Condition::Fetch { .. } | Condition::Exit(_) | Condition::Fails(_) => return None,
                _ => Self::PodMap,
            },
            StepKind::Kill { .. } | StepKind::Delete { .. } | StepKind::Fork(_) => Self::PodMap,
            StepKind::Exec { .. } | StepKind::Logs(_) => Self::Logs,
            StepKind::Unshare { .. } | StepKind::Join { .. } => Self::Namespaces,
            StepKind::Sandbox { .. } | StepKind::Add { .. } | StepKind::Leave(_) | StepKind::Replace { .. } => {
                Self::Build
            }
            StepKind::Fetch(_)
            | StepKind::Snapshot(_)
            | StepKind::Screenshot(_)
            | StepKind::Film(_)
            | StepKind::Select { .. }
            | StepKind::Show(_)
            | StepKind::Sleep(_) => return None,
        })
    }
}

/// Some steps of a script that belong together: a change, and what is checked after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// What it is about: the comment before it, or else its first step as a sentence.
    pub about: String,
    /// Steps of the script, counted from 0.
    pub steps: Range<usize>,
    /// Where its effect is seen, the most telling view first.
    pub watch: Vec<Watch>,
}

/// Divides a script into stages. `text` is its text, for the comments.
pub fn stages(text: &str, script: &Script) -> Vec<Stage> {
    let lines: Vec<&str> = text.lines().collect();
    // the first lines say what the whole script is about
    let mut read = lines.iter().take_while(|line| line.starts_with('#')).count();
    let mut stages: Vec<Stage> = Vec::new();
    for (nth, step) in script.steps.iter().enumerate() {
        let before = lines.get(read..step.line.saturating_sub(1)).unwrap_or_default();
        let comment: Vec<&str> = before.iter().filter_map(|line| line.strip_prefix('#').map(str::trim)).collect();
        read = read.max(step.line);
        let begins_change = is_change(&step.kind) && !has_only_changes(stages.last(), script);
        if stages.is_empty() || !comment.is_empty() || begins_change {
            let about = if comment.is_empty() { step.kind.sentence() } else { sentence(&comment.join(" ")) };
            stages.push(Stage { about, steps: nth..nth, watch: Vec::new() });
        }
        if let Some(stage) = stages.last_mut() {
            stage.steps.end = nth + 1;
        }
    }
    for stage in &mut stages {
        stage.watch = watch(&script.steps[stage.steps.clone()]);
    }
    stages
}

/// Whether all steps of a stage so far are changes: several kills in a row are one stage.
fn has_only_changes(stage: Option<&Stage>, script: &Script) -> bool {
    stage.is_some_and(|stage| script.steps[stage.steps.clone()].iter().all(|step| is_change(&step.kind)))
}

/// Whether a step changes the pods for all to see. A program that is run may too, but mostly it looks at something.
const fn is_change(kind: &StepKind) -> bool {
    matches!(
        kind,
        StepKind::Kill { .. }
            | StepKind::Delete { .. }
            | StepKind::Replace { .. }
            | StepKind::Sandbox { .. }
            | StepKind::Add { .. }
            | StepKind::Leave(_)
            | StepKind::Unshare { .. }
            | StepKind::Join { .. }
            | StepKind::Fork(_)
    )
}

/// With a capital letter, unless it begins with a name.
fn sentence(text: &str) -> String {
    let first = text.split([' ', ',']).next().unwrap_or_default();
    // names such as nginx, pause and docker stay as they are
    let is_name =
        ["nginx", "pause", "busybox", "ghost", "docker", "client", "httpd", "fork(2)", "tools"].contains(&first);
    let mut chars = text.chars();
    match chars.next() {
        Some(c) if !is_name => c.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// The views of some steps. Those that most steps change come last: the pod map shows something of everything.
fn watch(steps: &[Step]) -> Vec<Watch> {
    let mut found: Vec<Watch> = Vec::new();
    for view in steps.iter().filter_map(|step| Watch::of(&step.kind)) {
        if !found.contains(&view) {
            found.push(view);
        }
    }
    found.sort_by_key(|view| *view == Watch::PodMap);
    found
}
