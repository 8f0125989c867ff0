//! Finds presets by what they show.

use std::sync::OnceLock;

use super::{ALL, Preset};
use crate::model::State;
use crate::script::{Bound, Condition, Relation, StepKind};

/// Words for the search, by preset. A test compares it with the presets.
const KEYWORDS: &str = include_str!("../../assets/presets/keywords.txt");

/// What the search looks at, in lower case.
struct Entry {
    preset: &'static Preset,
    name: String,
    about: String,
    /// Keywords, and what the script checks.
    more: String,
}

fn entries() -> &'static [Entry] {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    ENTRIES.get_or_init(|| {
        let entry = |preset: &'static Preset| Entry {
            preset,
            name: preset.name.to_owned(),
            about: preset.about.to_lowercase(),
            more: format!("{} {}", keywords(preset.name), shows(preset).join(" ")).to_lowercase(),
        };
        ALL.iter().map(entry).collect()
    })
}

fn keywords(name: &str) -> &'static str {
    let lines = KEYWORDS.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(':')).find(|(of, _)| *of == name).map_or("", |(_, words)| words.trim())
}

/// The presets that have every word of the search, those first that have it in their names, then those that say it in
/// their description. A number finds the preset of this number.
pub fn matching(search: &str) -> Vec<&'static Preset> {
    let search = search.to_lowercase();
    let words: Vec<&str> = search.split_whitespace().collect();
    let rank =
        |entry: &Entry| words.iter().map(|word| rank_of(entry, word)).try_fold(0_u8, |worst, r| Some(worst.max(r?)));
    let mut found: Vec<(u8, &Entry)> = entries().iter().filter_map(|entry| Some((rank(entry)?, entry))).collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, entry)| entry.preset).collect()
}

/// How well a preset matches a word; less is better.
fn rank_of(entry: &Entry, word: &str) -> Option<u8> {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        let is_word =
            || [&entry.about, &entry.more].iter().any(|text| text.split_whitespace().any(|other| other == word));
        let is_number = entry.preset.number.to_string() == word;
        return if is_number { Some(0) } else { is_word().then_some(2) };
    }
    // `zombies` finds what says `zombie`
    let one = word.strip_suffix('s').filter(|one| one.len() > 3).unwrap_or(word);
    [&entry.name, &entry.about, &entry.more].iter().position(|text| text.contains(one)).map(|rank| rank as u8)
}

/// What one sees in a preset, in the order in which its script checks it. It follows from the script.
pub fn shows(preset: &Preset) -> Vec<&'static str> {
    let Ok(script) = preset.script() else { return Vec::new() };
    let mut found = Vec::new();
    for step in &script.steps {
        let words = match &step.kind {
            StepKind::Wait { until: condition, .. } | StepKind::Expect { that: condition, .. } => shown_by(condition),
            StepKind::Kill { .. } => Some("signals"),
            StepKind::Unshare { .. } | StepKind::Join { .. } => Some("unshare and setns"),
            StepKind::Add { .. } | StepKind::Sandbox { .. } => Some("build"),
            _ => None,
        };
        found.extend(words.filter(|words| !found.contains(words)));
    }
    found
}

fn shown_by(condition: &Condition) -> Option<&'static str> {
    let none = |bound: &Bound| bound.relation == Relation::Exactly && bound.than == 0;
    Some(match condition {
        Condition::Zombies { count: 1.., .. } | Condition::State { state: State::Zombie, .. } => "zombies",
        Condition::State { state: State::Stopped, .. } => "stopped process",
        Condition::Orphan { .. } => "orphans",
        Condition::Reaped { .. } => "reaping",
        Condition::Parent { .. } => "parents",
        Condition::Restarted(_) => "restart",
        Condition::Restarts { bound, .. } if !none(bound) => "restart",
        Condition::Sandbox { attempt: 1.., .. } => "new sandbox",
        Condition::Word { word, .. } | Condition::Status { word, .. } if word == "CrashLoopBackOff" => {
            "CrashLoopBackOff"
        }
        Condition::Word { word, .. } if word == "OOMKilled" => "OOMKilled",
        Condition::Shared { .. } | Condition::Private { .. } => "namespaces",
        Condition::Event { .. } | Condition::Events { .. } => "events",
        Condition::Log { .. } => "logs",
        Condition::Fetch { .. } => "host port",
        Condition::Ip { .. } => "address",
        Condition::Removed(_) => "deletion",
        Condition::Took(_) => "time",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{KEYWORDS, keywords, matching, shows};
    use crate::presets::{ALL, find};

    fn found(search: &str) -> Vec<&'static str> {
        matching(search).iter().map(|preset| preset.name).collect()
    }

    #[test]
    fn zombie_finds_all_presets_that_show_zombies() {
        for search in ["zombie", "zombies", "ZOMBIE"] {
            let found: BTreeSet<&str> = found(search).into_iter().collect();
            let expected = ["held-zombies", "no-reap", "orphans", "own-pause", "private-pid", "stopped-pause"];
            assert_eq!(found, expected.into(), "{search}");
        }
        assert_eq!(found("zombie")[0], "held-zombies", "it has the word in its name");
    }

    #[test]
    fn a_search_finds_by_number_name_description_keyword_or_check_in_any_case() {
        assert_eq!(found("GHOST")[0], "ghost-blog");
        assert_eq!(found("18"), ["by-hand"]);
        assert_eq!(found("10"), ["held-zombies", "no-reap"]);
        assert_eq!(found("workers HUP")[0], "reload");
        assert_eq!(found("vims hup"), [""; 0]);
        assert!(found("oom").contains(&"out-of-memory"));
        assert!(found("crashloopbackoff").contains(&"crash-loop"));
        assert_eq!(matching("").len(), ALL.len());
    }

    #[test]
    fn every_preset_has_keywords_and_every_line_is_of_a_preset() {
        let lines = KEYWORDS.lines().filter(|line| !line.starts_with('#'));
        let named: Vec<&str> = lines.map(|line| line.split_once(':').expect("NAME: words").0).collect();
        assert_eq!(named, ALL.map(|preset| preset.name), "in the order of the presets");
        assert!(ALL.iter().all(|preset| keywords(preset.name).split_whitespace().count() > 2));
    }

    #[test]
    fn what_a_preset_shows_follows_from_its_script() {
        let of = |name: &str| shows(find(name).expect("a preset"));
        assert!(of("stopped-pause").contains(&"zombies"));
        assert!(!of("reload").contains(&"zombies"), "it expects none");
        assert!(of("kill-pause-shared").contains(&"new sandbox"));
        assert!(of("build-a-pod").contains(&"build"));
    }
}
