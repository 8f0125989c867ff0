//! Observer and lab behind `podscope run`, and what happened so far.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};

use crate::cli::output::{Failure, note};
use crate::command::{Command, Outcome, SignalRule, signal_rule};
use crate::control::{Answers, Server};
use crate::export::{Selection, render, write_file};
use crate::fetch;
use crate::lab::{self, ExecOutput, Lab, Options as LabOptions, PodSpec};
use crate::model::{Delta, Member, MonoNs, Phase, PodUid, ProcId, Signal, World};
use crate::observe::{Input, Observer, Options, Scope, now, signal};
use crate::script::pod_ready;
use crate::steps::{Pending, Step};
use crate::sys::thread;

/// Batches that may wait while the terminal is slow; the observer waits beyond that.
const BATCHES: usize = 4_096;

pub enum News {
    Deltas(Vec<Delta>),
    Answer(Outcome),
    /// A manifest has changed.
    Changed(PathBuf),
    /// A command in another terminal asks for what is known.
    Asked(Answers),
    /// It is later than asked for.
    Time,
    /// The user has had enough.
    Stop,
    /// There will be no more news.
    Lost,
}

pub struct Session {
    // dropped in this order: first nobody is heard any more; then the node and its pods go, while the observer still
    // sees them
    _control: Option<Server>,
    asks: Receiver<Answers>,
    lab: Arc<Lab>,
    observer: Observer,
    deltas: Receiver<Vec<Delta>>,
    answers: (Sender<Outcome>, Receiver<Outcome>),
    stop: Receiver<()>,
    world: World,
    /// Pods that were asked for, and whether they ever stood.
    pods: Vec<Asked>,
    stood: BTreeSet<PodUid>,
    /// A step of building a pod that is not to be seen yet.
    building: Option<Pending>,
}

struct Asked {
    uid: PodUid,
    /// As it is now: a container may have got another command.
    spec: PodSpec,
    /// The word of the command line that it comes from.
    from: PathBuf,
}

impl Session {
    pub fn start(stop: Receiver<()>, options: LabOptions) -> Result<Self, Failure> {
        let (sink, deltas) = bounded(BATCHES);
        let sink = Box::new(move |batch| drop(sink.send(batch)));
        let observer = Observer::start(Scope::Lab, Options::from_env(), sink).map_err(Failure::failed)?;
        let exe = Path::new("/proc/self/exe");
        let lab = Lab::start_with(exe, options, observer.input()).map_err(|e| Failure::lab(&e))?;
        let (world, pods, stood) = (World::default(), Vec::new(), BTreeSet::new());
        let (ask, asks) = unbounded();
        let control = Server::start(false, Arc::new(move |answers| drop(ask.send(answers))));
        let control = control.inspect_err(|e| note(format_args!("podscope: {e}"))).ok();
        let (lab, answers) = (Arc::new(lab), bounded(16));
        let building = None;
        Ok(Self { _control: control, asks, lab, observer, deltas, answers, stop, world, pods, stood, building })
    }

    pub fn run(&mut self, spec: PodSpec, from: &Path) -> Result<(), Failure> {
        let name = spec.name.clone();
        self.run_spec(spec, from).map(drop).map_err(|e| Failure::Failed(format!("pod {name}: {e}")))
    }

    fn run_spec(&mut self, spec: PodSpec, from: &Path) -> Result<PodUid, lab::Error> {
        let uid = self.lab.run(spec.clone())?;
        self.pods.push(Asked { uid: uid.clone(), spec, from: from.to_owned() });
        Ok(uid)
    }

    /// What a pod of this name was last asked to be, if it is still there.
    pub fn running(&self, name: &str) -> Option<(PodUid, PodSpec)> {
        let asked = self.pods.iter().rfind(|p| p.spec.name == name)?;
        self.world.pod(&asked.uid).map(|_| (asked.uid.clone(), asked.spec.clone()))
    }

    /// Names of the pods from there that are still there.
    pub fn names_from(&self, from: &Path) -> Vec<String> {
        let there = |p: &&Asked| p.from == from && self.world.pod(&p.uid).is_some();
        self.pods.iter().filter(there).map(|p| p.spec.name.clone()).collect()
    }

    /// Gives these containers of a pod the programs they have in `spec`.
    pub fn replace(&mut self, uid: &PodUid, spec: PodSpec, containers: Vec<String>) -> Result<(), String> {
        self.lab.replace(uid, spec.clone(), containers).map_err(|e| e.to_string())?;
        if let Some(asked) = self.pods.iter_mut().find(|p| p.uid == *uid) {
            asked.spec = spec;
        }
        Ok(())
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    /// Waits for whatever comes first.
    pub fn next(&self, until: MonoNs, changed: &Receiver<PathBuf>) -> News {
        let left = Duration::from_nanos(until.since(now())).min(Duration::from_hours(1));
        select! {
            recv(self.deltas) -> batch => batch.map_or(News::Lost, News::Deltas),
            recv(self.answers.1) -> outcome => outcome.map_or(News::Lost, News::Answer),
            recv(self.asks) -> answers => answers.map_or(News::Lost, News::Asked),
            recv(changed) -> path => path.map_or(News::Time, News::Changed),
            recv(self.stop) -> _ => News::Stop,
            default(left) => News::Time,
        }
    }

    pub fn apply(&mut self, batch: &[Delta]) {
        for delta in batch {
            self.world.apply(delta);
        }
        for Asked { uid, .. } in &self.pods {
            if self.world.pod(uid).is_some_and(|pod| pod_ready(&self.world, pod).is_ok()) {
                self.stood.insert(uid.clone());
            }
        }
    }

    /// Tells a command in another terminal what is known.
    pub fn tell(&self, answers: &Answers) {
        // it may have gone
        let _ = answers.send((self.world.clone(), Some(Arc::clone(&self.lab))));
    }

    pub fn node_ended(&self) -> Option<&str> {
        self.world.node.as_ref()?.ended.as_ref().map(|(reason, _)| reason.as_str())
    }

    /// Whether every pod has done what it had to, or is gone.
    pub fn all_ended(&self) -> bool {
        self.pods.iter().all(|Asked { uid, .. }| match self.world.pod(uid) {
            Some(pod) => matches!(pod.phase, Phase::Succeeded | Phase::Failed),
            None => self.stood.contains(uid),
        })
    }

    /// Whether all pods came up.
    pub fn verdict(&self) -> Result<(), Failure> {
        let fallen = self.pods.iter().find(|p| !self.stood.contains(&p.uid));
        let Some(Asked { uid, spec: PodSpec { name, .. }, .. }) = fallen else { return Ok(()) };
        let why = match self.world.pod(uid) {
            Some(pod) => pod_ready(&self.world, pod).err().unwrap_or_default(),
            None => "it is gone".into(),
        };
        Err(Failure::Failed(format!("pod {name} did not come up: {why}")))
    }

    /// What the ui's buttons do, too. `None`: the answer comes as [`News::Answer`].
    pub fn carry_out(&mut self, command: Command) -> Option<Outcome> {
        let done: Result<(), String> = match command {
            Command::Signal { target, signal } => self.signal(target, signal),
            Command::Exec { member, argv, limit } => return self.exec(member, argv, limit),
            Command::Logs(member) => {
                return self.errand(move |lab| match lab.logs(&member) {
                    Ok(bytes) => Outcome::Output(String::from_utf8_lossy(&bytes).into_owned()),
                    Err(e) => Outcome::Failed(e.to_string()),
                });
            }
            Command::Fetch(url) => return self.errand(move |_| fetch::outcome(&url)),
            Command::Build(step) => match self.build(&step) {
                // how it went comes when it is to be seen
                Ok(()) => return None,
                Err(why) => Err(why),
            },
            Command::Hand { member, step } => self.lab.hand(&member, step).map_err(|e| e.to_string()),
            Command::Delete(uid) => self.lab.delete(&uid).map_err(|e| e.to_string()),
            Command::Export { path, format, redact } => {
                let selection = Selection { redact, ..Selection::default() };
                let text = render(&self.world, format, &selection);
                write_file(&path, text.as_bytes()).map_err(|e| e.to_string())
            }
            Command::Screenshot(path) => {
                skip(&path);
                Ok(())
            }
            Command::Select(_) | Command::Show(_) => Ok(()),
            Command::Create(_) | Command::StartNode => Err("a script cannot do this".into()),
        };
        Some(done.map_or_else(Outcome::Failed, |()| Outcome::Done))
    }

    fn signal(&self, target: ProcId, signal: Signal) -> Result<(), String> {
        match signal_rule(&self.world, target) {
            SignalRule::Allowed => {}
            SignalRule::Ask { name } => {
                return Err(format!("{name} (pid {target}) is not a member of a lab pod; use kill(1) for others"));
            }
            SignalRule::Refused(why) => return Err(why),
        }
        let (delta, sent) = signal::send_recorded(&self.world, target, signal);
        self.observer.input().send(Input::Delta(delta));
        sent.map_err(|e| format!("{signal} to process {target}: {e}"))
    }

    /// A step of building a pod; [`Session::built`] tells what it has changed.
    fn build(&mut self, step: &Step) -> Result<(), String> {
        let spec = match (step, step.pod()) {
            (Step::Sandbox { name }, _) => PodSpec::sandbox(name)?,
            (_, Some(pod)) => self.lab.spec(pod).map_err(|e| e.to_string())?,
            (_, None) => return Err("of no pod".to_owned()),
        };
        // before it is done: what it changes is found by comparing with that
        let began = |pod: PodUid, world: &World| Pending::new(pod, step.clone(), &spec, world, now());
        let before = step.pod().map(|pod| began(pod.clone(), &self.world));
        self.building = Some(match (step, before) {
            (Step::Sandbox { .. }, _) => {
                let pod = self.run_spec(spec.clone(), Path::new("")).map_err(|e| e.to_string())?;
                began(pod, &self.world)
            }
            (Step::Join { pod, container, ephemeral: false }, Some(before)) => {
                self.lab.add_container(pod, (**container).clone()).map_err(|e| e.to_string())?;
                before
            }
            (Step::Join { pod, container, ephemeral: true }, Some(before)) => {
                self.lab.add_ephemeral(pod, (**container).clone()).map_err(|e| e.to_string())?;
                before
            }
            (Step::Replace { member, argv }, Some(before)) => {
                self.replace_command(member, argv)?;
                before
            }
            (Step::Leave { member }, Some(before)) => {
                self.lab.remove_container(member, None).map_err(|e| e.to_string())?;
                before
            }
            (_, None) => return Err("of no pod".to_owned()),
        });
        Ok(())
    }

    /// What the step that is being waited for has come to.
    pub fn built(&mut self) -> Option<Outcome> {
        let report = self.building.as_ref()?.look(&self.world, now())?;
        self.building = None;
        Some(report.map_or_else(Outcome::Failed, |report| Outcome::Output(report.text())))
    }

    /// By when to ask for that again.
    pub fn built_by(&self) -> Option<MonoNs> {
        self.building.as_ref().map(Pending::give_up)
    }

    fn replace_command(&mut self, member: &Member, argv: &[String]) -> Result<(), String> {
        self.lab.replace_command(member, argv).map_err(|e| e.to_string())?;
        // a manifest that is followed is compared with what is asked for
        let asked = self.pods.iter_mut().find(|p| p.uid == member.pod);
        if let (Some(asked), Some(name)) = (asked, &member.container)
            && let Ok(spec) = asked.spec.with_command(name, argv)
        {
            asked.spec = spec;
        }
        Ok(())
    }

    fn exec(&self, member: Member, argv: Vec<String>, limit: Duration) -> Option<Outcome> {
        self.errand(move |lab| match lab.exec(&member, &argv, limit) {
            Ok(output) => ran(&argv, limit, &output),
            Err(e) => Outcome::Failed(format!("{}: {e}", argv.join(" "))),
        })
    }

    /// Something that takes its time, on a thread of its own; why it could not be begun.
    fn errand(&self, run: impl FnOnce(&Lab) -> Outcome + Send + 'static) -> Option<Outcome> {
        let (lab, answers) = (Arc::clone(&self.lab), self.answers.0.clone());
        let run = move || {
            let outcome = run(&lab);
            // whoever has the answer may end the run, and with its last owner the lab ends in order
            drop(lab);
            // nobody waits for it once the run is over
            drop(answers.send(outcome));
        };
        thread::spawn("errand", run).err().map(|e| Outcome::Failed(e.to_string()))
    }

    /// Tells the script which pods it may wait for.
    pub fn requested(&self) -> impl Iterator<Item = (PodUid, String)> + '_ {
        self.pods.iter().map(|p| (p.uid.clone(), p.spec.name.clone()))
    }
}

fn ran(argv: &[String], limit: Duration, output: &ExecOutput) -> Outcome {
    if output.timed_out {
        let limit = limit.as_secs_f64();
        return Outcome::Failed(format!("{}: not done after {limit} s, and killed", argv.join(" ")));
    }
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat();
    Outcome::Exec { code: output.status.code(), output: text }
}

fn skip(path: &Path) {
    note(format_args!("podscope: {}: no screenshot, since there is no window here", path.display()));
}
