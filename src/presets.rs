//! The bundled experiments: a manifest each, and a script that checks it.

pub mod guide;
pub mod search;
pub mod stages;

use crate::lab::spec::{Pods, parse_with_program};
use crate::lab::{ManifestFiles, PodSpec, SpecError, parse_with_files};
use crate::script::{Script, ScriptError, StepKind, parse};

/// A pod to start from the menu, or by `podscope run NAME`.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The number of the experiment, from 1.
    pub number: u8,
    pub name: &'static str,
    /// What the experiment shows, in one line.
    pub about: &'static str,
    /// The manifest; `None` if the script builds the pod.
    pub yaml: Option<&'static str>,
    /// Files that the manifest names: name and text of each.
    pub files: &'static [(&'static str, &'static str)],
    /// The script that `--check` plays.
    pub steps: &'static str,
}

impl Preset {
    /// The pods of its manifest, each with warnings. A host port that is taken is replaced by another, since the number
    /// does not matter in a preset.
    ///
    /// # Errors
    /// The source of a pause cannot be compiled on this machine.
    pub fn pods(&self) -> Result<Pods, SpecError> {
        self.yaml.map_or_else(|| Ok(Pods::new()), |yaml| self.pods_of(yaml))
    }

    /// As [`Self::pods`], of a changed manifest.
    ///
    /// # Errors
    /// The manifest is wrong, or the source of a pause cannot be compiled on this machine.
    pub fn pods_of(&self, yaml: &str) -> Result<Pods, SpecError> {
        let mut pods = parse_with_files(&self.file_name(), yaml, ManifestFiles::Bundled(self.files))?;
        for (spec, _) in &mut pods {
            spec.ports_may_move = true;
        }
        Ok(pods)
    }

    pub fn file_name(&self) -> String {
        format!("{}.yaml", self.name)
    }

    /// Its pods for a picture, or for their names: no pause is compiled. Where the script builds the pod, the pod with
    /// all containers that ever join it.
    pub fn drawn_pods(&self) -> Vec<PodSpec> {
        let Some(yaml) = self.yaml else {
            return self.script().map_or_else(|_| Vec::new(), |script| built_pods(&script));
        };
        let pods = parse_with_program(&self.file_name(), yaml, &|_| Ok(Vec::new()));
        pods.map_or_else(|_| Vec::new(), |pods| pods.into_iter().map(|(spec, _)| spec).collect())
    }

    /// The first lines of its manifest or script: what it teaches.
    pub fn lesson(&self) -> String {
        let lines = self.yaml.unwrap_or(self.steps).lines().map_while(|line| line.strip_prefix('#'));
        lines.map(str::trim).collect::<Vec<_>>().join(" ")
    }

    /// Its script, parsed.
    ///
    /// # Errors
    /// Never: a test parses the scripts of all presets.
    pub fn script(&self) -> Result<Script, ScriptError> {
        parse(&format!("{}.script", self.name), self.steps)
    }
}

/// The pods that a script builds, with all containers that it adds.
fn built_pods(script: &Script) -> Vec<PodSpec> {
    let mut pods: Vec<PodSpec> = Vec::new();
    for step in &script.steps {
        match &step.kind {
            StepKind::Sandbox { name } => pods.extend(PodSpec::sandbox(name).ok()),
            StepKind::Add { pod, container, ephemeral } => {
                let of = pods.iter_mut().find(|spec| pod.as_ref().is_none_or(|name| *name == spec.name));
                if let Some(spec) = of {
                    let list = if *ephemeral { &mut spec.ephemeral_containers } else { &mut spec.containers };
                    list.push((**container).clone());
                }
            }
            _ => {}
        }
    }
    pods
}

macro_rules! preset {
    ($number:literal, $name:literal, $about:literal, script) => {
        Preset {
            number: $number,
            name: $name,
            about: $about,
            yaml: None,
            files: &[],
            steps: include_str!(concat!("../assets/pods/", $name, ".script")),
        }
    };
    ($number:literal, $name:literal, $about:literal $(, $file:literal)*) => {
        Preset {
            number: $number,
            name: $name,
            about: $about,
            yaml: Some(include_str!(concat!("../assets/pods/", $name, ".yaml"))),
            files: &[$(($file, include_str!(concat!("../assets/pods/", $file)))),*],
            steps: include_str!(concat!("../assets/pods/", $name, ".script")),
        }
    };
}

/// In the order of the experiments.
pub const ALL: [Preset; 35] = [
    preset!(1, "nginx-busybox", "Two containers share net, ipc, uts and pid: one sees the other's processes and pages"),
    preset!(
        2,
        "ghost-blog",
        "nginx proxies to ghost over the pod's localhost, and port 8880 of the host leads to nginx"
    ),
    preset!(3, "same-network", "Members have one address and one MAC; two pods both listen on port 80"),
    preset!(4, "namespaces-side-by-side", "/proc/PID/ns of two members: which links are equal and which differ"),
    preset!(5, "private-pid", "Each container is PID 1 of its own pid namespace; pause neither sees nor reaps them"),
    preset!(
        6,
        "what-sharing-exposes",
        "In a shared pid namespace a container can read its neighbours' arguments, environment and files"
    ),
    preset!(7, "reload", "HUP to nginx's master: its workers are replaced, the master and the pod stay"),
    preset!(8, "stop-continue", "STOP, CONT, KILL to a child: its states S, T, S, and what wait(2) tells its parent"),
    preset!(9, "orphans", "Processes whose parent dies are adopted by pause, end, and are reaped at once"),
    preset!(
        10,
        "held-zombies",
        "A parent that is alive never waits: its zombies stay until it dies and pause reaps them"
    ),
    preset!(10, "no-reap", "The same with a pause that never reaps: they stay for the life of the pod"),
    preset!(11, "kill-a-member", "A killed container is restarted with a back-off; pod, address and namespaces stay"),
    preset!(12, "kill-pause-shared", "Kill the pause of a shared pid namespace: the kernel kills every member"),
    preset!(13, "kill-pause-private", "Kill a pause that shares no pid namespace: members live on in the same network"),
    preset!(14, "app-as-infra", "No pause: nginx holds the namespaces, and when it dies, busybox dies"),
    preset!(15, "pause-keeps-the-pod", "All apps have stopped; pause keeps the pod, its address and its namespaces"),
    preset!(16, "replace-one", "One container gets another command; the pod and the other container keep running"),
    preset!(17, "no-sandbox", "pause cannot be started: the pod waits, says why, and tries again"),
    preset!(18, "by-hand", "unshare and setns, one step at a time"),
    preset!(19, "crash-loop", "A wrong configuration ends nginx at once, again and again: CrashLoopBackOff"),
    preset!(20, "deaf", "An app as PID 1 that has no handler for TERM: its stop takes the whole grace period"),
    preset!(21, "out-of-memory", "A container asks for more memory than its limit: the kernel kills it, OOMKilled"),
    preset!(
        22,
        "neighbour-ends-the-pod",
        "TERM to PID 1 from a neighbour: pause exits with 0, and the kernel kills every member"
    ),
    preset!(23, "stopped-pause", "STOP to pause: orphans stay zombies until CONT; the rest of the pod works"),
    preset!(
        24,
        "app-as-infra-private",
        "nginx holds the namespaces, pid is not shared: it dies, and net and ipc live on"
    ),
    preset!(25, "must-be-pid-1", "A program that must be PID 1: it runs in its own pid namespace and not beside pause"),
    preset!(26, "parents", "Members have PPid 0, not 1; an orphan whose parent was inside goes to pause"),
    preset!(27, "port-taken", "Two members want port 80: the second gets \"Address already in use\" and backs off"),
    preset!(28, "term-and-pid-1", "TERM with and without a handler, as PID 1 and not: how long each stop takes"),
    preset!(
        29,
        "sandbox-and-pod",
        "The address lives as long as the sandbox; uid, name and volumes as long as the pod"
    ),
    preset!(
        30,
        "users-and-neighbours",
        "A neighbour of another user cannot read environment or files or send signals, but can read arguments"
    ),
    preset!(
        31,
        "own-pause",
        "Other programs as pause, compiled from source: one that reaps and one that only sleeps, compared with ours",
        "reaping-pause.c",
        "naive-pause.c"
    ),
    preset!(
        32,
        "fork-without-pid-1",
        "PID 1 of a pid namespace is dead: fork fails with \"Cannot allocate memory\" although memory is free"
    ),
    preset!(33, "finished-pod", "No container runs or will be restarted: pause is killed, the pod stays"),
    preset!(
        34,
        "build-a-pod",
        "A pod step by step: first only pause, then containers join, are replaced, debug it and are removed",
        script
    ),
];

pub fn find(name: &str) -> Option<&'static Preset> {
    ALL.iter().find(|p| p.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ALL, find};

    #[test]
    fn every_script_parses_and_every_file_is_bundled() {
        for preset in &ALL {
            let script = preset.script().unwrap_or_else(|e| panic!("{e}"));
            assert!(!script.steps.is_empty(), "{}", preset.name);
            let documented = preset.yaml.unwrap_or(preset.steps);
            assert!(documented.starts_with("# "), "{} does not say what it teaches", preset.name);
        }
        let bundled: BTreeSet<String> = ALL
            .iter()
            .flat_map(|p| {
                let files = p.files.iter().map(|(name, _)| (*name).to_owned());
                let yaml = p.yaml.map(|_| format!("{}.yaml", p.name));
                files.chain(yaml).chain([format!("{}.script", p.name)])
            })
            .collect();
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/pods")).expect("presets");
        let files: BTreeSet<String> =
            files.map(|f| f.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        assert_eq!(files, bundled);
    }

    #[test]
    fn the_page_of_experiments_lists_every_preset() {
        let page = include_str!("../docs/experiments.md");
        for p in &ALL {
            let row = format!("| {} | `{}` | {} |", p.number, p.name, p.about);
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn every_experiment_has_a_preset() {
        let numbers: BTreeSet<u8> = ALL.iter().map(|p| p.number).collect();
        assert_eq!(numbers, (1..=34).collect());
        assert!(ALL.is_sorted_by_key(|p| p.number));
        assert_eq!(find("deaf").map(|p| p.number), Some(20));
    }
}
