//! The user's selection, and the actions that the user can request.

use std::path::PathBuf;

use crate::command::Command;
use crate::layout::side_panels::SidePanel;
use crate::model::{Member, MonoNs, NsId, PodUid, ProcId, Scope, World};
use crate::steps::Template;
use crate::ui::guide::GuideAction;
use crate::ui::new_pod::Page;
use crate::ui::pod_map::MapAction;
use crate::ui::slow_motion::SlowMotionAction;
use crate::ui::timeline::TimelineAction;

/// What is selected. The inspector shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The pod that the map and the timeline show.
    pub pod: Option<PodUid>,
    pub process: Option<ProcId>,
    pub namespace: Option<NsId>,
}

impl Selection {
    pub fn process(world: &World, id: ProcId, previous: &Self) -> Self {
        let pod = world.process(id).and_then(|p| p.member.as_ref()).map(|m| m.pod.clone());
        Self { pod: pod.or_else(|| previous.pod.clone()), process: Some(id), namespace: None }
    }

    /// The pod stays selected if it has a process in the namespace, or if no pod has.
    pub fn namespace(world: &World, ns: NsId, previous: &Self) -> Self {
        let pods: Vec<&PodUid> =
            world.ns_members_of_pods(ns).into_iter().filter_map(|p| Some(&p.member.as_ref()?.pod)).collect();
        let stays = previous.pod.as_ref().is_some_and(|pod| pods.contains(&pod));
        let pod = if stays { None } else { pods.first().copied().cloned() };
        Self { pod: pod.or_else(|| previous.pod.clone()), process: None, namespace: Some(ns) }
    }
}

/// A change of the size of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextScaleStep {
    Larger,
    Smaller,
    /// Back to 100 %.
    Usual,
}

/// An action that the user requests in a view. The window carries it out after the frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A command, as in a script. A signal to anything but a member of a lab pod is sent only after a confirmation that
    /// names it.
    Do(Command),
    SelectPod(PodUid),
    SelectProcess(ProcId),
    SelectNamespace(NsId),
    /// Observe the lab only, or the whole machine.
    Observe(Scope),
    /// Show this past moment; `None` returns to live.
    Seek(Option<MonoNs>),
    /// Move the playhead by this many ns, back if negative: from live into the past, and to live at the present.
    Step(i64),
    /// Open the dialog for a new pod.
    NewPod(Page),
    /// Show the text of this file in the dialog for a new pod.
    ReadManifest(PathBuf),
    /// Ask with the desktop's file dialog for a manifest, and show its text in the dialog for a new pod.
    BrowseManifest,
    /// The steps of a preset.
    Guide(GuideAction),
    /// Ask whether to delete these pods.
    AskDelete(Vec<PodUid>),
    /// Open a page in the browser.
    OpenPage(String),
    /// Ask where to write a snapshot of what is shown.
    AskExport,
    /// Write a snapshot, or the manifest of `pod`, as chosen in the export dialog. `replace`: replace an existing file.
    Export {
        path: PathBuf,
        pod: Option<PodUid>,
        redact: bool,
        replace: bool,
    },
    /// Ask for the name of a new sandbox.
    AskSandbox,
    /// Ask which container joins this pod, and how.
    AskJoin {
        pod: PodUid,
        template: Template,
    },
    /// Ask where to write a pod as a manifest.
    AskManifest(PodUid),
    CancelDialog,
    /// Fold or unfold a panel; where there is no room for it, open or close it as a drawer.
    TogglePanel(SidePanel),
    ChangeTextScale(TextScaleStep),
    /// Show what the terms of the inspector mean.
    ShowTerms,
    /// Answer the question in the open dialog with yes.
    Confirm,
    ToggleTheme,
    /// Open the command palette.
    OpenPalette,
    /// Show the keyboard shortcuts.
    ShowKeys,
    SlowMotion(SlowMotionAction),
    Timeline(TimelineAction),
    /// Change how the pod map is looked at.
    Map(MapAction),
    /// Let places glide on the views, or not.
    ToggleMotion,
    /// Answer the question of a bar.
    AnswerBar {
        id: u64,
        yes: bool,
    },
    /// Open a terminal in a container for this program. Without one, attach to the container's own.
    OpenTerminal {
        member: Member,
        argv: Option<Vec<String>>,
    },
    /// Close the terminal; its program gets SIGHUP.
    CloseTerminal,
}
