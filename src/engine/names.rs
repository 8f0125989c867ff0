//! The names of pods that are being started, so that two pods of one preset get two names.

use std::collections::BTreeMap;

use crate::lab::spec::edit::{Setting, set};
use crate::model::{PodUid, World};
use crate::presets::Preset;
use crate::steps::Template;

/// Names of pods that the World does not show yet.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By the number of the request that starts them.
    starting: BTreeMap<u64, Vec<String>>,
    /// The lab has accepted these.
    unseen: BTreeMap<PodUid, String>,
}

impl Names {
    /// Chooses a free name for each pod of a preset, and keeps it for the request with this number. Returns the names in
    /// the order of the manifest.
    pub fn choose(&mut self, start: u64, preset: &Preset, world: &World) -> Vec<String> {
        let mut chosen: Vec<String> = Vec::new();
        for spec in preset.drawn_pods() {
            let name = Template::free_name(&spec.name, |name| {
                self.is_taken(name, world) || chosen.iter().any(|other| other == name)
            });
            chosen.push(name);
        }
        self.starting.insert(start, chosen.clone());
        chosen
    }

    fn is_taken(&self, name: &str, world: &World) -> bool {
        world.pod_named(name).is_some()
            || self.starting.values().flatten().chain(self.unseen.values()).any(|other| other == name)
    }

    /// The lab has accepted a pod.
    pub fn add(&mut self, pod: PodUid, name: String) {
        self.unseen.insert(pod, name);
    }

    /// All pods of a request were accepted or refused.
    pub fn started(&mut self, start: u64) {
        self.starting.remove(&start);
    }

    /// Forgets what the World shows: from now on it says which names are taken.
    pub fn forget_seen(&mut self, world: &World) {
        self.unseen.retain(|uid, _| world.pod(uid).is_none());
    }
}

/// The manifest of a preset with these names for its pods.
///
/// # Errors
/// A name cannot be changed, which a test excludes for all presets.
pub(super) fn renamed(preset: &Preset, names: &[String]) -> Result<String, String> {
    let mut text = preset.yaml.unwrap_or_default().to_owned();
    for (nth, (spec, name)) in preset.drawn_pods().iter().zip(names).enumerate() {
        if spec.name != *name {
            text = set(&text, nth, &Setting::Name(name.clone())).map_err(|e| e.to_string())?;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{Names, renamed};
    use crate::lab::parse;
    use crate::model::{PodUid, World};
    use crate::presets::find;

    #[test]
    fn a_second_pod_of_a_preset_gets_another_name() {
        let deaf = find("deaf").expect("a preset");
        let (mut names, world) = (Names::default(), World::default());
        assert_eq!(names.choose(1, deaf, &world), ["deaf", "polite"]);
        // the first two are not in the World yet
        assert_eq!(names.choose(2, deaf, &world), ["deaf-2", "polite-2"]);
        names.started(1);
        assert_eq!(names.choose(3, deaf, &world), ["deaf", "polite"], "those of the first request were refused");
        names.add(PodUid("1".to_owned()), "deaf".to_owned());
        names.started(2);
        names.started(3);
        assert_eq!(names.choose(4, deaf, &world), ["deaf-2", "polite"]);
    }

    #[test]
    fn only_the_name_of_a_renamed_preset_differs() {
        let deaf = find("deaf").expect("a preset");
        let text = renamed(deaf, &["deaf-2".to_owned(), "polite".to_owned()]).expect("renamed");
        let yaml = deaf.yaml.expect("a manifest");
        let changed: Vec<(&str, &str)> = text.lines().zip(yaml.lines()).filter(|(new, old)| new != old).collect();
        assert_eq!(changed, [("  name: deaf-2", "  name: deaf")]);
        let pods = parse("deaf.yaml", &text).expect("pods");
        assert_eq!(pods.iter().map(|(spec, _)| spec.hostname.as_str()).collect::<Vec<_>>(), ["deaf-2", "polite"]);
    }
}
