//! All pods as cards in groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::activity::{self, Activity};
use crate::model::{Container, ContainerState, MonoNs, Phase, Pod, PodReason, PodUid, Runtime, World};
use crate::ui::words::{self, Severity};

/// How long a pod stays with those that need attention after one of its containers has failed, so that a pod in a crash
/// loop does not change its group at every restart.
const FAILED_NS: u64 = 60_000_000_000;

/// By what the cards are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    #[default]
    State,
    Engine,
}

/// The groups in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Something is wrong, or a container has failed lately.
    Attention,
    /// It runs, starts or is being deleted.
    Running,
    Ended,
    Engine(Runtime),
}

impl Group {
    pub const fn title(self) -> &'static str {
        match self {
            Self::Attention => "Needs attention",
            Self::Running => "Running",
            Self::Ended => "Ended",
            Self::Engine(Runtime::Lab) => "Lab",
            Self::Engine(engine) => engine.name(),
        }
    }
}

/// Which cards to show, and in which groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Words that the name, a container, the engine or the IP must contain. Upper and lower case are the same.
    pub search: String,
    pub grouping: Grouping,
}

#[derive(Clone, Debug)]
pub struct Card {
    pub pod: Arc<Pod>,
    /// The processes that are not reaped, with the zombies.
    pub processes: usize,
    pub zombies: usize,
    pub activity: Activity,
    /// It was removed while the pointer was over the cards, and keeps its place until the pointer leaves.
    pub is_removed: bool,
}

/// Where each pod was shown.
type Places = BTreeMap<PodUid, (Group, Arc<Pod>)>;

#[derive(Clone, Debug, Default)]
pub struct Cards {
    /// The groups that have a card, in order. In each the lab's pods are first, and the oldest first.
    pub groups: Vec<(Group, Vec<Card>)>,
    /// How many pods there are of each engine, whatever is searched for.
    pub engines: BTreeMap<Runtime, usize>,
    grouping: Grouping,
    places: Arc<Places>,
    /// A card is in another place than it would be without the pointer.
    is_held: bool,
    /// When a pod counts as failed no longer.
    changes_at: Option<MonoNs>,
}

impl Cards {
    /// `held`: the cards that the pointer is over. Their pods keep their groups, and removed ones their places.
    pub fn of(world: &World, query: &Query, now: MonoNs, held: Option<&Held>) -> Self {
        let held = held.filter(|held| held.grouping == query.grouping);
        let before = held.map(|held| held.places.as_ref());
        let mut activity = activity::of_pods(world);
        let mut cards = Self { grouping: query.grouping, ..Self::default() };
        let mut places = Places::new();
        for pod in world.pods_in_order() {
            let own = cards.group(pod, now);
            let group = before.and_then(|before| before.get(&pod.uid)).map_or(own, |(group, _)| *group);
            cards.is_held |= group != own;
            places.insert(pod.uid.clone(), (group, Arc::clone(pod)));
            *cards.engines.entry(pod.runtime).or_default() += 1;
        }
        let mut shown: Vec<(Group, Arc<Pod>, bool)> =
            places.values().map(|(group, pod)| (*group, Arc::clone(pod), false)).collect();
        for (uid, (group, pod)) in before.into_iter().flatten() {
            if !places.contains_key(uid) {
                shown.push((*group, Arc::clone(pod), true));
                cards.is_held = true;
            }
        }
        let place = |pod: &Pod| (!pod.is_of_lab(), pod.created.t);
        let key = |(group, pod, _): &(Group, Arc<Pod>, bool)| (*group, place(pod), pod.name.clone(), pod.uid.clone());
        shown.sort_by_cached_key(key);
        let words: Vec<String> = query.search.to_lowercase().split_whitespace().map(str::to_owned).collect();
        for (group, pod, is_removed) in shown {
            if is_removed {
                places.insert(pod.uid.clone(), (group, Arc::clone(&pod)));
            }
            if !matches(&pod, &words) {
                continue;
            }
            if cards.groups.last().is_none_or(|(last, _)| *last != group) {
                cards.groups.push((group, Vec::new()));
            }
            let (mut processes, mut zombies) = (0, 0);
            for p in world.pod_processes(&pod.uid) {
                processes += 1;
                zombies += usize::from(p.is_zombie());
            }
            let activity = activity.remove(&pod.uid).unwrap_or_default();
            if let Some((_, of_group)) = cards.groups.last_mut() {
                of_group.push(Card { pod, processes, zombies, activity, is_removed });
            }
        }
        cards.places = Arc::new(places);
        cards
    }

    /// Whether the cards are still right. `is_over`: the pointer is over them.
    pub fn are_valid(&self, now: MonoNs, is_over: bool) -> bool {
        (is_over || !self.is_held) && self.changes_at.is_none_or(|t| now < t)
    }

    /// The places of the cards, for [`Cards::of`].
    pub fn held(&self) -> Held {
        Held { grouping: self.grouping, places: Arc::clone(&self.places) }
    }

    fn group(&mut self, pod: &Pod, now: MonoNs) -> Group {
        if self.grouping == Grouping::Engine {
            return Group::Engine(pod.runtime);
        }
        if matches!(pod.phase, Phase::Succeeded | Phase::Failed) {
            return Group::Ended;
        }
        if words::pod_severity(pod) == Severity::Bad {
            return Group::Attention;
        }
        // its containers are ended on purpose
        if pod.reason == Some(PodReason::Terminating) {
            return Group::Running;
        }
        let until = pod.containers.iter().filter_map(failed).map(|t| t.plus(FAILED_NS)).filter(|until| now < *until);
        match until.max() {
            Some(until) => {
                self.changes_at = self.changes_at.into_iter().chain([until]).min();
                Group::Attention
            }
            None => Group::Running,
        }
    }
}

/// Cards that are to stay where they are.
#[derive(Clone, Debug)]
pub struct Held {
    grouping: Grouping,
    places: Arc<Places>,
}

/// When the container has failed last, if the run before this one or this one has.
fn failed(container: &Container) -> Option<MonoNs> {
    let ends = [Some(&container.state), container.last_state.as_ref()].into_iter().flatten();
    let failed = ends.filter_map(|state| match state {
        ContainerState::Terminated { status, at, .. } if !status.success() => Some(at.t),
        _ => None,
    });
    failed.max()
}

fn matches(pod: &Pod, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let mut hay = format!("{} {}", pod.name, pod.runtime.name());
    for container in &pod.containers {
        hay.push(' ');
        hay.push_str(&container.name);
    }
    hay.extend(pod.ip.map(|ip| format!(" {ip}")));
    let hay = hay.to_lowercase();
    words.iter().all(|word| hay.contains(word.as_str()))
}
