//! A pod as a small picture: what holds its namespaces, its containers, which namespaces they share, and where zombies
//! will be. All of it follows from the pod's spec, so the picture of a manifest cannot differ from the manifest.

use crate::lab::spec::image_name;
use crate::lab::{ContainerSpec, JoinPid, PodSpec};
use crate::model::{NsKind, Program, SandboxKind};

/// The namespaces that the containers of a pod can share, in the order of the pod map.
pub const KINDS: [NsKind; 4] = [NsKind::Net, NsKind::Ipc, NsKind::Uts, NsKind::Pid];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodPicture {
    pub name: String,
    /// pause first, unless a container holds the namespaces; then the containers in the order of their start.
    pub columns: Vec<Column>,
    /// One for each of [`KINDS`].
    pub rails: Vec<Rail>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: ColumnKind,
    /// The zombies that will be children of this member.
    pub zombies: Option<Zombies>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    Pause(Pause),
    /// `holds_sandbox`: it takes pause's place.
    Container {
        role: Role,
        holds_sandbox: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    Reaps,
    ReapsLate,
    NeverReaps,
    /// It cannot be started.
    Missing,
    /// A program of the user. Whether it reaps is not known.
    Own,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Init,
    Sidecar,
    App,
}

/// How long zombies stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zombies {
    /// Until they are reaped a moment later.
    Passing,
    /// As long as their parent lives.
    Staying,
}

/// The namespaces of one kind, by column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rail {
    pub kind: NsKind,
    pub places: Vec<Place>,
}

/// The namespace of one column. Equal places are equal namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// That of the sandbox.
    Pod,
    /// That of the container in this column, counted from 0.
    Of(usize),
    /// The lab's node's (`hostNetwork`, `hostPID`, `hostIPC`).
    Node,
}

impl PodPicture {
    pub fn of(spec: &PodSpec) -> Self {
        let infra = match &spec.sandbox {
            SandboxKind::Infra(name) => Some(name.as_str()),
            _ => None,
        };
        let mut columns = Vec::new();
        if infra.is_none() {
            let kind = ColumnKind::Pause(pause(&spec.sandbox));
            columns.push(Column { name: "pause".to_owned(), kind, zombies: None });
        }
        let init = |c: &ContainerSpec| if c.sidecar { Role::Sidecar } else { Role::Init };
        let containers: Vec<(&ContainerSpec, Role)> = spec
            .init_containers
            .iter()
            .map(|c| (c, init(c)))
            .chain(spec.containers.iter().map(|c| (c, Role::App)))
            .collect();
        let first = columns.len();
        columns.extend(containers.iter().map(|(c, role)| {
            let kind = ColumnKind::Container { role: *role, holds_sandbox: infra == Some(&c.name) };
            Column { name: c.name.clone(), kind, zombies: None }
        }));
        let places = |kind: NsKind| -> Vec<Place> {
            let host = is_of_node(spec, kind);
            let of_pause = columns[..first].iter().map(|_| if host { Place::Node } else { Place::Pod });
            let place = |nth: usize, c: &ContainerSpec| match kind {
                _ if host => Place::Node,
                _ if infra == Some(&c.name) => Place::Pod,
                NsKind::Pid => pid_place(spec, c, nth, first),
                _ if shares(spec, c, kind) => Place::Pod,
                _ => Place::Of(nth),
            };
            of_pause.chain(containers.iter().enumerate().map(|(i, (c, _))| place(first + i, c))).collect()
        };
        let rails: Vec<Rail> = KINDS.iter().map(|kind| Rail { kind: *kind, places: places(*kind) }).collect();
        let of_pid = rails.iter().find(|rail| rail.kind == NsKind::Pid).map(|rail| rail.places.clone());
        for (i, (c, _)) in containers.iter().enumerate() {
            let pid = of_pid.as_ref().map_or(Place::Node, |places| places[first + i]);
            if let Some((at, zombies)) = zombies_of(c, first + i, pid, &columns) {
                columns[at].zombies = Some(zombies);
            }
        }
        Self { name: spec.name.clone(), columns, rails }
    }

    /// The picture in words, for a screen reader.
    pub fn description(&self) -> String {
        let mut parts = vec![self.members(), self.sharing()];
        parts.extend(self.columns.iter().filter_map(|column| {
            let name = &column.name;
            Some(match (&column.kind, column.zombies) {
                (_, Some(Zombies::Staying)) => format!("{name} has zombies that stay"),
                (_, Some(Zombies::Passing)) => format!("{name} has zombies for a moment"),
                (ColumnKind::Pause(Pause::NeverReaps), None) => "pause never reaps".to_owned(),
                (ColumnKind::Pause(Pause::ReapsLate), None) => "pause reaps late".to_owned(),
                (ColumnKind::Pause(Pause::Missing), None) => "pause cannot be started".to_owned(),
                (ColumnKind::Pause(Pause::Own), None) => "pause is a program of the user".to_owned(),
                (ColumnKind::Container { holds_sandbox: true, .. }, None) => format!("{name} holds the namespaces"),
                _ => return None,
            })
        }));
        parts.retain(|part| !part.is_empty());
        format!("Pod {}: {}", self.name, parts.join("; "))
    }

    fn members(&self) -> String {
        let name = |column: &Column| match column.kind {
            ColumnKind::Container { role: Role::Init, .. } => format!("{} (init)", column.name),
            ColumnKind::Container { role: Role::Sidecar, .. } => format!("{} (sidecar)", column.name),
            _ => column.name.clone(),
        };
        self.columns.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// Which kinds all members share, and which only some or none.
    fn sharing(&self) -> String {
        let kinds = |is_wanted: &dyn Fn(&Rail) -> bool| {
            let names = self.rails.iter().filter(|rail| is_wanted(rail)).map(|rail| rail.kind.name());
            names.collect::<Vec<_>>().join(", ")
        };
        let all = |rail: &Rail, place: Place| rail.places.iter().all(|other| *other == place);
        let is_node = |rail: &Rail| all(rail, Place::Node);
        let is_shared = |rail: &Rail| all(rail, Place::Pod);
        let is_private = |rail: &Rail| {
            let places = &rail.places;
            places.iter().enumerate().all(|(i, place)| !places[..i].contains(place)) && !is_shared(rail)
        };
        let is_mixed = |rail: &Rail| !is_node(rail) && !is_shared(rail) && !is_private(rail);
        let mut parts = Vec::new();
        for (names, words) in [
            (kinds(&is_shared), "shared"),
            (kinds(&is_mixed), "shared by some"),
            (kinds(&|rail: &Rail| is_private(rail) && !is_node(rail)), "not shared"),
            (kinds(&is_node), "the node's"),
        ] {
            if !names.is_empty() {
                parts.push(format!("{names} {words}"));
            }
        }
        parts.join(", ")
    }
}

const fn pause(sandbox: &SandboxKind) -> Pause {
    match sandbox {
        SandboxKind::Pause | SandboxKind::Infra(_) => Pause::Reaps,
        SandboxKind::PauseDelay(_) => Pause::ReapsLate,
        SandboxKind::PauseNoReap => Pause::NeverReaps,
        SandboxKind::Missing => Pause::Missing,
        SandboxKind::Own(_) => Pause::Own,
    }
}

const fn is_of_node(spec: &PodSpec, kind: NsKind) -> bool {
    match kind {
        NsKind::Net => spec.host.net,
        NsKind::Ipc => spec.host.ipc,
        NsKind::Pid => spec.host.pid,
        _ => false,
    }
}

fn shares(spec: &PodSpec, container: &ContainerSpec, kind: NsKind) -> bool {
    let join = spec.join_of(container);
    match kind {
        NsKind::Net => join.net,
        NsKind::Ipc => join.ipc,
        NsKind::Uts => join.uts,
        NsKind::Pid => join.pid == JoinPid::Pod,
        _ => false,
    }
}

/// `first`: the column of the first container.
fn pid_place(spec: &PodSpec, container: &ContainerSpec, nth: usize, first: usize) -> Place {
    use crate::lab::spec::PidNamespace;
    match spec.pid_namespace(&container.name) {
        PidNamespace::Node => Place::Node,
        PidNamespace::Pod => Place::Pod,
        PidNamespace::Own => Place::Of(nth),
        PidNamespace::Of(target) => {
            let all = spec.init_containers.iter().chain(&spec.containers);
            all.enumerate().find(|(_, c)| c.name == target).map_or(Place::Of(nth), |(i, _)| Place::Of(first + i))
        }
    }
}

/// The column whose children are the zombies that a container makes, and how long they stay. `None` if it makes none,
/// or if it is not known: what other programs do is not in the manifest.
fn zombies_of(container: &ContainerSpec, nth: usize, pid: Place, columns: &[Column]) -> Option<(usize, Zombies)> {
    let is_maker = container.program() == Some(Program::StandIn("zombies".to_owned()));
    if !is_maker || image_name(&container.image) != "zombies" {
        return None;
    }
    let mode = container.args.iter().rposition(|arg| arg == "--mode").and_then(|at| container.args.get(at + 1));
    if mode.is_some_and(|mode| mode == "held") {
        return Some((nth, Zombies::Staying));
    }
    // orphans: the init of their pid namespace gets them
    match pid {
        // the maker itself, which does not wait for orphans
        Place::Of(own) if own == nth => Some((nth, Zombies::Staying)),
        Place::Pod => match columns.first().map(|first| &first.kind) {
            Some(ColumnKind::Pause(Pause::Reaps | Pause::ReapsLate)) => Some((0, Zombies::Passing)),
            Some(ColumnKind::Pause(Pause::NeverReaps)) => Some((0, Zombies::Staying)),
            Some(ColumnKind::Pause(Pause::Missing | Pause::Own)) | None => None,
            Some(ColumnKind::Container { .. }) => {
                let holder = ColumnKind::Container { role: Role::App, holds_sandbox: true };
                (columns[nth].kind == holder).then_some((nth, Zombies::Staying))
            }
        },
        Place::Of(_) | Place::Node => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{ColumnKind, Pause, Place, PodPicture, Role, Zombies};
    use crate::lab::parse;
    use crate::model::NsKind;

    fn picture(metadata: &str, spec: &str, containers: &str) -> PodPicture {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n{metadata}spec:\n{spec}  containers:\n{containers}"
        );
        PodPicture::of(&parse("p.yaml", &text).unwrap_or_else(|e| panic!("{e}\n{text}")).remove(0).0)
    }

    const TWO: &str = "  - {name: a, image: nginx}\n  - {name: b, image: busybox, command: [sleep, 1h]}\n";

    fn places(picture: &PodPicture, kind: NsKind) -> Vec<Place> {
        picture.rails.iter().find(|rail| rail.kind == kind).expect("a rail").places.clone()
    }

    #[test]
    fn a_pod_shares_net_ipc_and_uts_and_pid_on_request() {
        let default = picture("", "", TWO);
        assert_eq!(places(&default, NsKind::Net), [Place::Pod; 3]);
        assert_eq!(places(&default, NsKind::Pid), [Place::Pod, Place::Of(1), Place::Of(2)]);
        assert_eq!(default.description(), "Pod p: pause, a, b; net, ipc, uts shared, pid not shared");
        let shared = picture("", "  shareProcessNamespace: true\n", TWO);
        assert_eq!(places(&shared, NsKind::Pid), [Place::Pod; 3]);
        assert_eq!(shared.description(), "Pod p: pause, a, b; net, ipc, uts, pid shared");
        let host = picture("", "  hostNetwork: true\n", TWO);
        assert_eq!(places(&host, NsKind::Net), [Place::Node; 3]);
        assert!(host.description().ends_with("net the node's"), "{}", host.description());
    }

    #[test]
    fn an_infra_container_has_pauses_place() {
        let infra = picture("  annotations: {podscope.dev/infra: a}\n", "", TWO);
        let names: Vec<&str> = infra.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(infra.columns[0].kind, ColumnKind::Container { role: Role::App, holds_sandbox: true });
        assert_eq!(places(&infra, NsKind::Pid), [Place::Pod, Place::Of(1)]);
        assert!(infra.description().ends_with("a holds the namespaces"), "{}", infra.description());
    }

    #[test]
    fn one_container_may_share_less_or_the_pid_namespace_of_another() {
        let annotations = "  annotations: {share.podscope.dev/a: net, share.podscope.dev/b: 'net,pid:a'}\n";
        let joined = picture(annotations, "", TWO);
        assert_eq!(places(&joined, NsKind::Ipc), [Place::Pod, Place::Of(1), Place::Of(2)]);
        assert_eq!(places(&joined, NsKind::Pid), [Place::Pod, Place::Of(1), Place::Of(1)]);
        assert_eq!(joined.description(), "Pod p: pause, a, b; net shared, pid shared by some, ipc, uts not shared");
    }

    #[test]
    fn zombies_are_where_the_manifest_makes_them() {
        let maker = |args: &str| format!("  - {{name: z, image: podscope/zombies, args: [{args}]}}\n");
        let share = "  shareProcessNamespace: true\n";
        let pause = |word: &str| format!("  annotations: {{podscope.dev/pause: {word}}}\n");
        let infra = "  annotations: {podscope.dev/infra: z}\n".to_owned();
        for (metadata, spec, args, expected) in [
            (String::new(), share, "--mode, held", vec![None, Some(Zombies::Staying)]),
            (String::new(), share, "--mode, orphan", vec![Some(Zombies::Passing), None]),
            (String::new(), share, "", vec![Some(Zombies::Passing), None]),
            (pause("delay=300ms"), share, "", vec![Some(Zombies::Passing), None]),
            (pause("no-reap"), share, "", vec![Some(Zombies::Staying), None]),
            // the maker is PID 1 of its own pid namespace
            (String::new(), "", "", vec![None, Some(Zombies::Staying)]),
            (infra, share, "", vec![Some(Zombies::Staying)]),
        ] {
            let picture = picture(&metadata, spec, &maker(args));
            let zombies: Vec<Option<Zombies>> = picture.columns.iter().map(|column| column.zombies).collect();
            assert_eq!(zombies, expected, "{metadata}{spec}{args}");
        }
        let other = "  - {name: z, image: podscope/zombies, command: [sleep, 1h]}\n";
        assert!(picture("", share, other).columns.iter().all(|column| column.zombies.is_none()), "another program");
    }

    #[test]
    fn every_preset_has_a_picture_of_each_of_its_pods() {
        for preset in &crate::presets::ALL {
            for spec in preset.drawn_pods() {
                let picture = PodPicture::of(&spec);
                assert_eq!(picture.rails.len(), super::KINDS.len());
                assert!(picture.rails.iter().all(|rail| rail.places.len() == picture.columns.len()));
                assert!(picture.columns.len() > spec.containers.len() - 1, "{}", preset.name);
            }
        }
        let of = |name: &str| {
            let preset = crate::presets::find(name).expect("a preset");
            PodPicture::of(&preset.drawn_pods().remove(0))
        };
        assert_eq!(of("no-reap").columns[0].kind, ColumnKind::Pause(Pause::NeverReaps));
        assert_eq!(of("no-sandbox").columns[0].kind, ColumnKind::Pause(Pause::Missing));
        assert_eq!(of("orphans").columns[0].zombies, Some(Zombies::Passing));
        assert_eq!(
            of("port-taken").columns[1].kind,
            ColumnKind::Container { role: Role::Sidecar, holds_sandbox: false }
        );
        assert!(of("build-a-pod").columns.len() > 2, "its script builds it");
    }
}
