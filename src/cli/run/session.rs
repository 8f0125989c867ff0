//! The observer and the lab of `podscope run`, and the World as known so far.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};

use crate::cli::output::{Failure, note};
use crate::command::{Command, Outcome, SignalRule, signal_rule};
use crate::control::{Server, StateSender};
use crate::export::{Selection, render, write_file};
use crate::fetch;
use crate::lab::{self, ExecOutput, Lab, Options as LabOptions, PodSpec};
use crate::model::{Delta, Member, MonoNs, Phase, PodUid, ProcId, Signal, World};
use crate::observe::{Input, Observer, Options, Scope, now, signal};
use crate::script::pod_ready;
use crate::steps::{Pending, Step};
use crate::sys::thread;

/// How many batches of deltas may wait while the terminal is slow. With more the observer blocks.
const BATCHES: usize = 4_096;

/// What [`Session::next`] waits for.
pub enum SessionEvent {
    Deltas(Vec<Delta>),
    /// The outcome of a command that ran in the background.
    Answer(Outcome),
    ManifestChanged(PathBuf),
    /// A command in another terminal asks for the World and the lab.
    StateRequest(StateSender),
    /// The deadline has passed.
    Time,
    /// The user has sent a signal to stop.
    Stop,
    /// The observer has ended, so there are no more events.
    ObserverLost,
}

pub struct Session {
    // dropped in this order: first the server stops, then the node and its pods end while the observer still sees them
    _control: Option<Server>,
    state_requests: Receiver<StateSender>,
    lab: Arc<Lab>,
    observer: Observer,
    deltas: Receiver<Vec<Delta>>,
    answers: (Sender<Outcome>, Receiver<Outcome>),
    stop: Receiver<()>,
    world: World,
    pods: Vec<RequestedPod>,
    /// Pods that have been ready at least once.
    came_up: BTreeSet<PodUid>,
    /// A step of building a pod whose effect the World does not show yet.
    building: Option<Pending>,
}

/// A pod that the lab was asked to run.
struct RequestedPod {
    uid: PodUid,
    /// The current one: a container may have got another command.
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
        let (world, pods, came_up) = (World::default(), Vec::new(), BTreeSet::new());
        let (request, state_requests) = unbounded();
        let control = Server::start(false, Arc::new(move |answers| drop(request.send(answers))));
        let control = control.inspect_err(|e| note(format_args!("podscope: {e}"))).ok();
        let (lab, answers) = (Arc::new(lab), bounded(16));
        let building = None;
        Ok(Self {
            _control: control,
            state_requests,
            lab,
            observer,
            deltas,
            answers,
            stop,
            world,
            pods,
            came_up,
            building,
        })
    }

    pub fn run(&mut self, spec: PodSpec, from: &Path) -> Result<(), Failure> {
        let name = spec.name.clone();
        self.run_spec(spec, from).map(drop).map_err(|e| Failure::Failed(format!("pod {name}: {e}")))
    }

    fn run_spec(&mut self, spec: PodSpec, from: &Path) -> Result<PodUid, lab::Error> {
        let uid = self.lab.run(spec.clone())?;
        self.pods.push(RequestedPod { uid: uid.clone(), spec, from: from.to_owned() });
        Ok(uid)
    }

    /// The uid and the current spec of the pod of this name, if it still exists.
    pub fn running(&self, name: &str) -> Option<(PodUid, PodSpec)> {
        let pod = self.pods.iter().rfind(|p| p.spec.name == name)?;
        self.world.pod(&pod.uid).map(|_| (pod.uid.clone(), pod.spec.clone()))
    }

    /// Names of the pods of this file that still exist.
    pub fn names_from(&self, from: &Path) -> Vec<String> {
        let exists = |p: &&RequestedPod| p.from == from && self.world.pod(&p.uid).is_some();
        self.pods.iter().filter(exists).map(|p| p.spec.name.clone()).collect()
    }

    /// Replaces these containers of a pod by those of `spec`.
    pub fn replace(&mut self, uid: &PodUid, spec: PodSpec, containers: Vec<String>) -> Result<(), String> {
        self.lab.replace(uid, spec.clone(), containers).map_err(|e| e.to_string())?;
        if let Some(pod) = self.pods.iter_mut().find(|p| p.uid == *uid) {
            pod.spec = spec;
        }
        Ok(())
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    /// Waits for the next event, at most until `until`.
    pub fn next(&self, until: MonoNs, changed: &Receiver<PathBuf>) -> SessionEvent {
        let left = Duration::from_nanos(until.since(now())).min(Duration::from_hours(1));
        select! {
            recv(self.deltas) -> batch => batch.map_or(SessionEvent::ObserverLost, SessionEvent::Deltas),
            recv(self.answers.1) -> outcome => outcome.map_or(SessionEvent::ObserverLost, SessionEvent::Answer),
            recv(self.state_requests) -> answers => answers.map_or(SessionEvent::ObserverLost, SessionEvent::StateRequest),
            recv(changed) -> path => path.map_or(SessionEvent::Time, SessionEvent::ManifestChanged),
            recv(self.stop) -> _ => SessionEvent::Stop,
            default(left) => SessionEvent::Time,
        }
    }

    pub fn apply(&mut self, batch: &[Delta]) {
        for delta in batch {
            self.world.apply(delta);
        }
        for RequestedPod { uid, .. } in &self.pods {
            if self.world.pod(uid).is_some_and(|pod| pod_ready(&self.world, pod).is_ok()) {
                self.came_up.insert(uid.clone());
            }
        }
    }

    /// Sends the World and the lab to a command in another terminal.
    pub fn answer(&self, answers: &StateSender) {
        // the command may have ended
        let _ = answers.send((self.world.clone(), Some(Arc::clone(&self.lab))));
    }

    pub fn node_ended(&self) -> Option<&str> {
        self.world.node.as_ref()?.ended.as_ref().map(|(reason, _)| reason.as_str())
    }

    /// Whether every pod has finished or is removed.
    pub fn all_ended(&self) -> bool {
        self.pods.iter().all(|RequestedPod { uid, .. }| match self.world.pod(uid) {
            Some(pod) => matches!(pod.phase, Phase::Succeeded | Phase::Failed),
            None => self.came_up.contains(uid),
        })
    }

    /// # Errors
    /// A pod has never been ready.
    pub fn check_all_came_up(&self) -> Result<(), Failure> {
        let failed = self.pods.iter().find(|p| !self.came_up.contains(&p.uid));
        let Some(RequestedPod { uid, spec: PodSpec { name, .. }, .. }) = failed else { return Ok(()) };
        let why = match self.world.pod(uid) {
            Some(pod) => pod_ready(&self.world, pod).err().unwrap_or_default(),
            None => "it is gone".into(),
        };
        Err(Failure::Failed(format!("pod {name} did not come up: {why}")))
    }

    /// Executes a command, as the buttons of the window do. `None`: the outcome comes later, as
    /// [`SessionEvent::Answer`] or by [`Session::build_outcome`].
    pub fn carry_out(&mut self, command: Command) -> Option<Outcome> {
        let done: Result<(), String> = match command {
            Command::Signal { target, signal } => self.signal(target, signal),
            Command::Exec { member, argv, limit } => return self.exec(member, argv, limit),
            Command::Logs(member) => {
                return self.run_in_background(move |lab| match lab.logs(&member) {
                    Ok(bytes) => Outcome::Output(String::from_utf8_lossy(&bytes).into_owned()),
                    Err(e) => Outcome::Failed(e.to_string()),
                });
            }
            Command::Fetch(url) => return self.run_in_background(move |_| fetch::outcome(&url)),
            Command::Build(step) => match self.build(&step) {
                // the outcome comes when the World shows the effect
                Ok(()) => return None,
                Err(why) => Err(why),
            },
            Command::ChangeNamespaces { member, step } => {
                self.lab.change_namespaces(&member, step).map_err(|e| e.to_string())
            }
            Command::Delete(uid) => self.lab.delete(&uid).map_err(|e| e.to_string()),
            Command::Export { path, format, redact } => {
                let selection = Selection { redact, ..Selection::default() };
                let text = render(&self.world, format, &selection);
                write_file(&path, text.as_bytes()).map_err(|e| e.to_string())
            }
            Command::Screenshot(path) => {
                note_no_screenshot(&path);
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
            SignalRule::NeedsConfirmation { name } => {
                return Err(format!("{name} (pid {target}) is not a member of a lab pod; use kill(1) for others"));
            }
            SignalRule::Refused(why) => return Err(why),
        }
        let (delta, sent) = signal::send_recorded(&self.world, target, signal);
        self.observer.input().send(Input::Delta(delta));
        sent.map_err(|e| format!("{signal} to process {target}: {e}"))
    }

    /// Starts a step of building a pod. [`Session::build_outcome`] returns what it has changed.
    fn build(&mut self, step: &Step) -> Result<(), String> {
        let spec = match (step, step.pod()) {
            (Step::Sandbox { name }, _) => PodSpec::sandbox(name)?,
            (_, Some(pod)) => self.lab.spec(pod).map_err(|e| e.to_string())?,
            (_, None) => return Err("the step names no pod".to_owned()),
        };
        // taken before the step: its changes are found by comparing with this
        let pending = |pod: PodUid, world: &World| Pending::new(pod, step.clone(), &spec, world, now());
        let before = step.pod().map(|pod| pending(pod.clone(), &self.world));
        self.building = Some(match (step, before) {
            (Step::Sandbox { .. }, _) => {
                let pod = self.run_spec(spec.clone(), Path::new("")).map_err(|e| e.to_string())?;
                pending(pod, &self.world)
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
            (_, None) => return Err("the step names no pod".to_owned()),
        });
        Ok(())
    }

    /// The outcome of the step of [`Session::build`]; `None` while the World does not show its effect.
    pub fn build_outcome(&mut self) -> Option<Outcome> {
        let report = self.building.as_ref()?.poll(&self.world, now())?;
        self.building = None;
        Some(report.map_or_else(Outcome::Failed, |report| Outcome::Output(report.text())))
    }

    /// When to ask for the outcome at the latest.
    pub fn build_deadline(&self) -> Option<MonoNs> {
        self.building.as_ref().map(Pending::deadline)
    }

    fn replace_command(&mut self, member: &Member, argv: &[String]) -> Result<(), String> {
        self.lab.replace_command(member, argv).map_err(|e| e.to_string())?;
        // `--watch` compares a changed manifest with this spec
        let pod = self.pods.iter_mut().find(|p| p.uid == member.pod);
        if let (Some(pod), Some(name)) = (pod, &member.container)
            && let Ok(spec) = pod.spec.with_command(name, argv)
        {
            pod.spec = spec;
        }
        Ok(())
    }

    fn exec(&self, member: Member, argv: Vec<String>, limit: Duration) -> Option<Outcome> {
        self.run_in_background(move |lab| match lab.exec(&member, &argv, limit) {
            Ok(output) => exec_outcome(&argv, limit, &output),
            Err(e) => Outcome::Failed(format!("{}: {e}", argv.join(" "))),
        })
    }

    /// Runs something slow on its own thread. Returns an outcome only if the thread could not be started.
    fn run_in_background(&self, run: impl FnOnce(&Lab) -> Outcome + Send + 'static) -> Option<Outcome> {
        let (lab, answers) = (Arc::clone(&self.lab), self.answers.0.clone());
        let run = move || {
            let outcome = run(&lab);
            // the receiver of the outcome may end the run, which must then own the lab alone to stop it in order
            drop(lab);
            // nobody receives it once the run is over
            drop(answers.send(outcome));
        };
        thread::spawn("background", run).err().map(|e| Outcome::Failed(e.to_string()))
    }

    /// Uid and name of the pods that a script may wait for.
    pub fn requested_pods(&self) -> impl Iterator<Item = (PodUid, String)> + '_ {
        self.pods.iter().map(|p| (p.uid.clone(), p.spec.name.clone()))
    }
}

fn exec_outcome(argv: &[String], limit: Duration, output: &ExecOutput) -> Outcome {
    if output.timed_out {
        let limit = limit.as_secs_f64();
        return Outcome::Failed(format!("{}: not done after {limit} s, and killed", argv.join(" ")));
    }
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat();
    Outcome::Exec { code: output.status.code(), output: text }
}

fn note_no_screenshot(path: &Path) {
    note(format_args!("podscope: {}: no screenshot, since there is no window here", path.display()));
}
