//! Plays scripts over a World that the test changes itself.

use podscope::command::{Caution, Command, Outcome, PictureKind, SignalRule, signal_rule};
use podscope::lab::NamespaceStep;
use podscope::model::{
    ContainerState, Delta, EventKind, EventReason, MonoNs, NotRunning, NsKind, Parent, Phase, PodEvent, PodMessage,
    PodReason, Signal, State, WaitStatus, WaitingReason, World,
};
use podscope::script::{Player, Progress, parse};
use podscope::steps::Step;

use crate::fixture::{self, BUSYBOX, NGINX, PAUSE, WORKER, at, container, pod, pod_delta, proc, world};

const SECOND: u64 = 1_000_000_000;

struct Play {
    player: Player,
    world: World,
    now: u64,
}

impl Play {
    fn new(script: &str) -> Self {
        Self { player: Player::new(parse("t.script", script).unwrap()), world: world(), now: SECOND }
    }

    fn advance(&mut self) -> Progress {
        self.player.advance(&self.world, MonoNs(self.now))
    }

    fn command(&mut self) -> Command {
        match self.advance() {
            Progress::Do(command) => command,
            other => panic!("{other:?}"),
        }
    }

    fn pending(&mut self) {
        let progress = self.advance();
        assert!(matches!(progress, Progress::Pending { .. }), "{progress:?}");
    }

    fn why(&mut self) -> (usize, String) {
        match self.advance() {
            Progress::Failed { line, why } => (line, why),
            other => panic!("{other:?}"),
        }
    }

    /// Lets a minute pass and returns why the script has failed.
    fn why_later(&mut self) -> String {
        self.pending();
        self.now += 60 * SECOND;
        self.why().1
    }

    fn end(&mut self, pid: u32) {
        let (id, by) = (proc(pid), Parent::Process(proc(fixture::NODE)));
        self.world.apply(&Delta::Exited { id, status: Some(WaitStatus::killed(9)), at: at(5_000) });
        self.world.apply(&Delta::Reaped { id, by, at: at(6_000) });
    }
}

#[test]
fn wait_ready_ends_at_once_for_a_ready_pod() {
    let mut play = Play::new("wait ready\nwait ready nginx-busybox\nexpect phase nginx-busybox Running");
    assert_eq!(play.advance(), Progress::Done);
}

#[test]
fn a_wait_ends_when_its_condition_holds_and_fails_after_its_limit() {
    let mut play = Play::new("wait zombies 1");
    play.pending();
    play.now += 9 * SECOND;
    play.pending();
    play.world.apply(&Delta::Exited { id: proc(WORKER), status: None, at: at(5_000) });
    assert_eq!(play.advance(), Progress::Done);

    let mut play = Play::new("sleep 1\n\nwait zombies 1 within 2s");
    play.pending();
    play.now += SECOND;
    play.pending();
    play.now += 2 * SECOND;
    let failure = (3, "`wait zombies 1 within 2s` did not hold within 2 s: there are 0 zombies".to_owned());
    assert_eq!(play.why(), failure);
    assert_eq!(play.why(), failure);
}

#[test]
fn after_a_kill_gone_means_the_process_that_was_killed() {
    let mut play = Play::new("kill nginx-busybox/nginx:worker[0] TERM\nwait gone nginx-busybox/nginx:worker[0]");
    assert_eq!(play.command(), Command::Signal { target: proc(WORKER), signal: Signal::TERM });
    play.pending();
    play.player.completed(Outcome::Done);
    play.pending();
    // a new worker gets the same name, and is not waited for
    play.world.apply(&fixture::facts(110, NGINX, "nginx", &["nginx: worker process"], 12));
    play.end(WORKER);
    assert_eq!(play.advance(), Progress::Done);
}

#[test]
fn a_refused_command_fails_the_script_at_its_line() {
    let mut play = Play::new("\nkill nginx/x KILL");
    assert_eq!(play.why(), (2, "there is no pod nginx; there is nginx-busybox".to_owned()));
    let mut play = Play::new("kill pause KILL");
    assert_eq!(play.command(), Command::Signal { target: proc(PAUSE), signal: Signal::KILL });
    play.player.completed(Outcome::Failed("process 100 is already gone".into()));
    assert_eq!(play.why(), (1, "process 100 is already gone".to_owned()));
}

#[test]
fn restarted_counts_from_before_the_kill() {
    let mut play = Play::new("kill nginx KILL\nwait restarted nginx\nexpect ip nginx-busybox kept");
    play.command();
    // the container has restarted before the script checks
    play.world.apply(&pod_delta(pod(vec![container("nginx", NGINX, 1), container("busybox", BUSYBOX, 0)])));
    play.player.completed(Outcome::Done);
    assert_eq!(play.advance(), Progress::Done);

    let mut play = Play::new("wait restarted nginx");
    play.world.apply(&pod_delta(pod(vec![container("nginx", NGINX, 3)])));
    play.pending();
    play.world.apply(&pod_delta(pod(vec![container("nginx", NGINX, 4)])));
    assert_eq!(play.advance(), Progress::Done);
}

#[test]
fn a_new_sandbox_has_the_next_attempt_and_a_new_address() {
    let mut play = Play::new("kill pause KILL\nwait gone pause\nwait sandbox 1\nexpect ip nginx-busybox new");
    play.command();
    play.player.completed(Outcome::Done);
    play.pending();
    play.end(PAUSE);
    play.pending();
    let mut next = pod(vec![container("nginx", NGINX, 1)]);
    next.ip = Some([10, 88, 0, 3].into());
    let sandbox = next.sandbox.as_mut().unwrap();
    (sandbox.attempt, sandbox.process) = (Some(1), Some(proc(BUSYBOX)));
    play.world.apply(&pod_delta(next));
    assert_eq!(play.advance(), Progress::Done);
}

#[test]
fn namespaces_and_pids_can_be_expected() {
    let good = "expect pid nginx-busybox/nginx in-pod 7\nexpect pid pause in-pod 1\nexpect shared net pause nginx
        expect shared pid nginx-busybox/pause busybox\nexpect private mnt nginx busybox\nexpect alive nginx:worker[0]";
    assert_eq!(Play::new(good).advance(), Progress::Done);
    let mut play = Play::new("expect shared mnt nginx busybox");
    play.pending();
    play.now += SECOND;
    let (line, why) = play.why();
    assert_eq!(line, 1);
    assert!(why.ends_with("nginx is in mnt:[101000], busybox in mnt:[103000]"), "{why}");
}

#[test]
fn output_and_exit_code_of_an_exec_can_be_expected() {
    let script = "exec nginx-busybox/busybox -- wget -qO- localhost\nexpect output hello pod\nexpect exit 0";
    let mut play = Play::new(script);
    let Command::Exec { member, argv, limit } = play.command() else { panic!() };
    assert_eq!(limit, std::time::Duration::from_secs(30));
    assert_eq!((member.name(), argv.len()), ("busybox", 3));
    play.player.completed(Outcome::Exec { code: 0, output: "hello pod\n".into() });
    assert_eq!(play.advance(), Progress::Done);

    let mut play = Play::new(script);
    play.command();
    play.player.completed(Outcome::Exec { code: 0, output: "nobody home".into() });
    assert!(play.why().1.contains("the output was \"nobody home\""));

    let mut play = Play::new(script);
    play.command();
    play.player.completed(Outcome::Exec { code: 8, output: "refused\n".into() });
    assert_eq!(play.why(), (1, "the program ended with 8: refused".to_owned()));

    let mut play = Play::new("exec busybox -- false\nexpect exit 1");
    play.command();
    play.player.completed(Outcome::Exec { code: 1, output: String::new() });
    assert_eq!(play.advance(), Progress::Done);
}

#[test]
fn a_command_without_an_outcome_fails_the_script_after_a_minute() {
    let mut play = Play::new("screenshot a.png");
    assert_eq!(play.command(), Command::Picture { path: "a.png".into(), kind: PictureKind::Screenshot });
    play.now += 61 * SECOND;
    assert!(play.why().1.contains("did not end within 60 s"));
}

#[test]
fn a_pending_pod_is_not_ready() {
    let mut play = Play::new("wait ready within 1s");
    let mut waiting = pod(vec![container("nginx", NGINX, 0)]);
    waiting.phase = Phase::Pending;
    waiting.containers[0].state =
        ContainerState::waiting(WaitingReason::CreateContainerError, Some("no such program: nope".into()));
    play.world.apply(&pod_delta(waiting));
    play.pending();
    play.now += SECOND;
    assert!(play.why().1.ends_with("nginx-busybox/nginx is CreateContainerError: no such program: nope"));
}

#[test]
fn a_bare_member_name_must_be_unique() {
    let mut play = Play::new("kill nginx KILL");
    let mut other = pod(vec![container("nginx", NGINX, 0)]);
    other.uid = podscope::model::PodUid("uid-2".into());
    other.name = "other".into();
    play.world.apply(&pod_delta(other));
    assert_eq!(play.why().1, "more than one pod has a member nginx; say POD/nginx");
}

#[test]
fn after_a_kill_names_mean_the_processes_of_before() {
    let mut play = Play::new("kill pause KILL\nwait gone busybox\nexpect ended busybox signal 9\nexpect alive busybox");
    play.command();
    // busybox has a new process before the script checks
    play.end(BUSYBOX);
    play.world.apply(&fixture::facts(200, fixture::NODE, "busybox", &["client"], 9));
    play.world.apply(&pod_delta(pod(vec![container("nginx", NGINX, 0), container("busybox", 200, 1)])));
    play.player.completed(Outcome::Done);
    assert_eq!(play.advance(), Progress::Done);

    let mut play = Play::new("kill busybox KILL\nwait gone busybox\nexpect ended busybox code 0");
    play.command();
    play.player.completed(Outcome::Done);
    play.end(BUSYBOX);
    play.pending();
    play.now += SECOND;
    assert!(play.why().1.ends_with("busybox (pid 103) ended: killed by SIGKILL (137)"));
}

#[test]
fn parents_adopters_and_reapers_can_be_waited_for() {
    let script =
        "wait parent busybox:sleep pause\nwait process busybox:sleep Z\nwait orphan busybox:sleep reaped by pause";
    let mut play = Play::new(script);
    play.world.apply(&fixture::facts(120, BUSYBOX, "sleep", &["sleep", "1"], 12));
    play.pending();
    let (id, pause, busybox) = (proc(120), Parent::Process(proc(PAUSE)), Parent::Process(proc(BUSYBOX)));
    play.world.apply(&Delta::Reparented { id, from: busybox, to: pause, at: at(5_000) });
    play.pending();
    play.world.apply(&Delta::Exited { id, status: Some(WaitStatus(0)), at: at(6_000) });
    play.pending();
    play.world.apply(&Delta::Reaped { id, by: pause, at: at(7_000) });
    assert_eq!(play.advance(), Progress::Done);

    // in this script the node reaps the worker, and pause does not
    let mut play =
        Play::new("kill nginx:worker KILL\nwait reaped nginx:worker by node\nexpect reaped nginx:worker by pause");
    play.world.apply(&Delta::NodeStarted { id: proc(fixture::NODE), at: at(1) });
    play.command();
    play.player.completed(Outcome::Done);
    play.pending();
    play.end(WORKER);
    play.pending();
    play.now += SECOND;
    assert!(play.why().1.ends_with("nginx:worker[0] (pid 102) was reaped by the node (pid 50)"));

    let mut play = Play::new("expect orphan nginx:worker reaped by pause");
    play.pending();
    play.now += SECOND;
    assert!(play.why().1.ends_with("none of 1 nginx:worker[0] was adopted by pause"));
}

#[test]
fn states_counts_and_memory_can_be_expected() {
    let good =
        "expect process pause S\nexpect count nginx:worker 1\nexpect count nginx:worker >=1\nexpect memory pause <5kB";
    assert_eq!(Play::new(good).advance(), Progress::Done);
    let mut play = Play::new("wait process nginx T\nexpect count nginx:worker 2");
    play.pending();
    play.world.apply(&Delta::State { id: proc(NGINX), state: State::Stopped, at: at(5_000) });
    play.pending();
    play.now += SECOND;
    assert_eq!(play.why(), (2, "`expect count nginx:worker 2` does not hold: there are 1".to_owned()));
}

#[test]
fn states_events_and_restarts_of_pods_can_be_expected() {
    let script = "wait state nginx CrashLoopBackOff\nexpect status nginx-busybox CrashLoopBackOff
        expect restarts nginx >=2\nwait event nginx-busybox BackOff restarting failed\nexpect events nginx-busybox BackOff 1";
    let mut play = Play::new(script);
    play.pending();
    let mut looping = pod(vec![container("nginx", NGINX, 2), container("busybox", BUSYBOX, 0)]);
    let reason = WaitingReason::CrashLoopBackOff;
    looping.containers[0].state = ContainerState::waiting(reason.clone(), None);
    looping.reason = Some(PodReason::App(NotRunning::Waiting(reason)));
    play.world.apply(&pod_delta(looping));
    play.pending();
    let message = "Back-off restarting failed container nginx".to_owned();
    let (kind, reason) = (EventKind::Warning, EventReason::BackOff);
    play.world.apply(&Delta::Event { event: PodEvent { pod: fixture::uid(), kind, reason, message, at: at(5_000) } });
    assert_eq!(play.advance(), Progress::Done);
}

#[test]
fn a_log_or_page_is_read_again_until_it_has_the_text() {
    let mut play = Play::new("wait log nginx listening within 1s\nexpect output on port 80");
    let Command::Logs(member) = play.command() else { panic!() };
    assert_eq!(member.name(), "nginx");
    assert!(play.player.is_polling());
    play.player.completed(Outcome::Output("starting".into()));
    play.pending();
    play.now += SECOND / 2;
    assert!(matches!(play.command(), Command::Logs(_)));
    play.player.completed(Outcome::Output("listening on port 80".into()));
    assert_eq!(play.advance(), Progress::Done);

    let mut play = Play::new("wait fetch http://localhost:8880/ hello within 1s");
    assert!(matches!(play.command(), Command::Fetch(_)));
    play.player.completed(Outcome::Failed("Connection refused".into()));
    play.pending();
    play.now += SECOND;
    assert!(matches!(play.command(), Command::Fetch(_)));
    play.player.completed(Outcome::Failed("Connection refused".into()));
    assert!(play.why().1.ends_with("did not hold within 1 s: Connection refused"));
}

/// The host port may differ from the manifest's; the pod's own port does not.
#[test]
fn a_page_of_a_pod_is_fetched_from_its_current_host_port() {
    let mut play = Play::new("fetch nginx-busybox:80/a\nwait fetch nginx-busybox:81 x within 1s");
    let mut published = pod(vec![container("nginx", NGINX, 0), container("busybox", BUSYBOX, 0)]);
    published.host_ports = vec![(8881, 80)];
    play.world.apply(&pod_delta(published));
    let Command::Fetch(url) = play.command() else { panic!() };
    assert_eq!((url.host.as_str(), url.port, url.path.as_str()), ("127.0.0.1", 8881, "/a"));
    play.player.completed(Outcome::Output("HTTP/1.1 200 OK".into()));
    play.pending();
    play.now += SECOND;
    assert!(play.why().1.contains("no host port leads to port 81 of pod nginx-busybox"));
}

#[test]
fn a_step_may_be_expected_to_fail() {
    let mut play = Play::new("fork nginx-busybox/nginx\nexpect fails no memory\nfork nginx-busybox/nginx");
    let Command::ChangeNamespaces { member, step } = play.command() else { panic!() };
    assert_eq!((member.name(), step), ("nginx", NamespaceStep::Fork));
    play.player.completed(Outcome::Failed("fork: no memory".into()));
    assert!(matches!(play.command(), Command::ChangeNamespaces { .. }));
    play.player.completed(Outcome::Failed("fork: no memory".into()));
    assert_eq!(play.why(), (3, "fork: no memory".to_owned()), "this failure is not expected");
    for (outcome, why) in [
        (Outcome::Done, "the step before did not fail"),
        (Outcome::Failed("fork: no room".into()), "it failed with \"fork: no room\""),
    ] {
        let mut play = Play::new("fork nginx-busybox/nginx\nexpect fails no memory");
        play.command();
        play.player.completed(outcome);
        assert_eq!(play.why(), (2, format!("`expect fails no memory` does not hold: {why}")));
    }
}

#[test]
fn a_fetched_page_is_output_without_an_exit_code() {
    let mut play = Play::new("fetch http://localhost/\nexpect output 200 OK\nexpect exit 0");
    play.command();
    assert!(!play.player.is_polling());
    play.player.completed(Outcome::Output("HTTP/1.1 200 OK\n\nhello".into()));
    assert_eq!(play.why(), (3, "`expect exit 0` does not hold: nothing was run by exec before".to_owned()));
}

#[test]
fn took_is_the_time_of_a_removal() {
    let mut play = Play::new("delete nginx-busybox\nwait removed nginx-busybox\nexpect took >=2s\nexpect took <2500ms");
    assert_eq!(play.command(), Command::Delete(fixture::uid()));
    play.player.completed(Outcome::Done);
    play.pending();
    play.now += 2 * SECOND;
    play.world.apply(&Delta::PodRemoved { uid: fixture::uid(), at: at(9_000) });
    assert_eq!(play.advance(), Progress::Done);
    assert_eq!(
        Play::new("expect removed other").why_later(),
        "`expect removed other` does not hold: there was no pod other"
    );
}

#[test]
fn replace_unshare_and_join_give_their_commands() {
    let mut play =
        Play::new("replace busybox -- sleep 9\nwait restarted busybox\nunshare busybox net\njoin busybox net pause");
    let Command::Build(Step::Replace { member, argv }) = play.command() else { panic!() };
    assert_eq!((member.name(), argv), ("busybox", vec!["sleep".to_owned(), "9".to_owned()]));
    play.player.completed(Outcome::Done);
    play.pending();
    play.world.apply(&pod_delta(pod(vec![container("nginx", NGINX, 0), container("busybox", BUSYBOX, 1)])));
    let Command::ChangeNamespaces { member, step } = play.command() else { panic!() };
    assert_eq!((member.name(), step), ("busybox", NamespaceStep::Unshare(vec![NsKind::Net])));
    play.player.completed(Outcome::Done);
    let Command::ChangeNamespaces { step: NamespaceStep::Join { kinds, target }, .. } = play.command() else {
        panic!()
    };
    assert_eq!((kinds, target.name()), (vec![NsKind::Net], "pause"));
    play.player.completed(Outcome::Failed("not there yet".into()));
    assert_eq!(play.why(), (4, "not there yet".to_owned()));
}

#[test]
fn steps_that_build_a_pod_give_commands_and_output() {
    let mut play = Play::new(
        "join nginx-busybox/new image busybox net -- sleep 1d\nexpect output net shared with pause\nleave busybox\nexpect \
         took <1s\nsandbox nginx-busybox",
    );
    let Command::Build(Step::Join { pod, container, ephemeral: false }) = play.command() else { panic!() };
    assert_eq!((pod, container.name.as_str()), (fixture::uid(), "new"));
    play.player.completed(Outcome::Output("new is there: net shared with pause".into()));
    let Command::Build(Step::Leave { member }) = play.command() else { panic!() };
    assert_eq!(member.name(), "busybox");
    play.player.completed(Outcome::Output(String::new()));
    assert_eq!(play.why(), (5, "pods \"nginx-busybox\" already exists".to_owned()));
    let mut play = Play::new("sandbox other\njoin other/c image nginx");
    assert_eq!(play.command(), Command::Build(Step::Sandbox { name: "other".into() }));
    play.player.completed(Outcome::Done);
    assert_eq!(play.why().1, "there is no pod other; there is nginx-busybox");
}

#[test]
fn ready_waits_for_every_requested_pod() {
    let mut play = Play::new("wait ready within 5s\nexpect phase other Running");
    let other = podscope::model::PodUid("uid-2".into());
    play.player.requested.add_pod(fixture::uid(), "nginx-busybox".into());
    play.player.requested.add_pod(other.clone(), "other".into());
    // the World has one pod so far, and it is ready
    play.pending();
    let mut second = pod(vec![container("nginx", NGINX, 0)]);
    (second.uid, second.name) = (other.clone(), "other".into());
    second.phase = Phase::Pending;
    play.world.apply(&pod_delta(second.clone()));
    play.pending();
    second.phase = Phase::Running;
    play.world.apply(&pod_delta(second));
    assert_eq!(play.advance(), Progress::Done);

    // a pod that was seen and is removed is not waited for
    let mut play = Play::new("wait zombies 1 within 5s\nwait ready within 5s");
    play.player.requested.add_pod(fixture::uid(), "nginx-busybox".into());
    play.player.requested.add_pod(other.clone(), "other".into());
    let mut second = pod(Vec::new());
    (second.uid, second.name) = (other.clone(), "other".into());
    play.world.apply(&pod_delta(second));
    play.pending();
    play.world.apply(&Delta::PodRemoved { uid: other, at: at(900) });
    play.world.apply(&Delta::Exited { id: proc(WORKER), status: None, at: at(5_000) });
    assert_eq!(play.advance(), Progress::Done);

    let mut play = Play::new("wait ready within 5s");
    play.player.requested.expect_manifest();
    assert!(play.why_later().ends_with("not all pods have been started yet"));
    let mut play = Play::new("wait ready within 5s");
    play.player.requested.expect_manifest();
    play.player.requested.manifest_done(Err("p.yaml:1:1: no".into()));
    assert!(play.why_later().ends_with("p.yaml:1:1: no"));
    let mut play = Play::new("wait ready within 5s");
    play.player.requested.add_pod(podscope::model::PodUid("uid-3".into()), "third".into());
    assert!(play.why_later().ends_with("pod third is not there yet"));
}

#[test]
fn a_process_that_never_existed_is_not_gone() {
    for (name, why) in [
        ("nginx:nobody", "nginx:nobody[0] is not there, and never existed"),
        ("nginx-busybox/nginx:nobody[1]", "nginx-busybox/nginx:nobody[1] is not there, and never existed"),
        ("4711", "there is no process 4711, and never existed"),
        ("nobody", "no pod has a member nobody"),
        ("nginx-busybox/nobody", "pod nginx-busybox has no member nobody; it has pause, nginx, busybox"),
    ] {
        let message = Play::new(&format!("expect gone {name}")).why_later();
        assert_eq!(message, format!("`expect gone {name}` does not hold: {why}"));
    }
    // a container that has not been started yet
    let mut play = Play::new("expect gone other");
    let mut waiting = container("other", 4_711, 0);
    waiting.process = None;
    play.world.apply(&pod_delta(pod(vec![waiting])));
    assert!(play.why_later().ends_with("other has no process, and never existed"));

    // processes that existed before the script checked, and are reaped
    let mut play = Play::new("expect gone nginx:worker\nexpect gone 102\nexpect gone busybox");
    for pid in [WORKER, BUSYBOX] {
        play.end(pid);
    }
    let mut stopped = pod(vec![container("nginx", NGINX, 0), container("busybox", BUSYBOX, 0)]);
    stopped.containers[1].process = None;
    play.world.apply(&pod_delta(stopped));
    assert_eq!(play.advance(), Progress::Done);
    // a zombie is not gone
    let mut play = Play::new("expect gone nginx:worker");
    play.world.apply(&Delta::Exited { id: proc(WORKER), status: None, at: at(5_000) });
    assert!(play.why_later().contains("does not hold"));
}

#[test]
fn a_container_named_pause_is_reached_by_container_slash_pause() {
    let both = || pod_delta(pod(vec![container("pause", NGINX, 0), container("busybox", BUSYBOX, 0)]));
    let mut play = Play::new(
        "kill nginx-busybox/pause TERM\nkill nginx-busybox/container/pause TERM\nkill container/pause:worker TERM
        exec nginx-busybox/container/pause -- true\nexpect restarts nginx-busybox/container/pause 0
        expect restarts pause 0",
    );
    play.world.apply(&both());
    play.world.apply(&Delta::Joined {
        id: proc(WORKER),
        member: podscope::model::Member::container(&fixture::uid(), "pause"),
        at: at(300),
    });
    for target in [PAUSE, NGINX] {
        assert_eq!(play.command(), Command::Signal { target: proc(target), signal: Signal::TERM });
        play.player.completed(Outcome::Done);
    }
    // without a pod before it, `container` is read as the name of a pod
    assert!(play.why().1.starts_with("there is no pod container"));

    let mut play = Play::new(
        "exec nginx-busybox/container/pause -- true\nexpect restarts nginx-busybox/container/pause 0
        expect state nginx-busybox/container/pause Running\nexpect restarts pause 0",
    );
    play.world.apply(&both());
    let Command::Exec { member, .. } = play.command() else { panic!() };
    assert_eq!(member.container.as_deref(), Some("pause"));
    play.player.completed(Outcome::Exec { code: 0, output: String::new() });
    assert!(play.why_later().ends_with("pause is not a container; for pause use `sandbox`"));

    let mut play = Play::new("exec nginx-busybox/nobody -- true");
    play.world.apply(&both());
    assert!(play.why().1.ends_with("it has pause, container/pause, busybox"));
}

#[test]
fn an_exec_has_its_own_limit_and_the_node_a_minute_more() {
    let mut play = Play::new("exec --timeout 5m busybox -- sleep 299");
    let Command::Exec { limit, .. } = play.command() else { panic!() };
    assert_eq!(limit.as_secs(), 300);
    play.now += 359 * SECOND;
    play.pending();
    play.now += SECOND;
    assert!(play.why().1.ends_with("did not end within 360 s"));
}

#[test]
fn failures_of_a_pod_without_a_sandbox_say_why_it_has_none() {
    let message = "Failed to create pod sandbox: cannot publish host port 127.0.0.1:80: address already in use";
    for (line, at_start) in [
        ("wait ready within 1s", "pod nginx-busybox is Pending"),
        ("wait phase nginx-busybox Running within 1s", "pod nginx-busybox is Pending"),
        ("wait status nginx-busybox Running within 1s", "pod nginx-busybox is Pending"),
        ("wait sandbox 0 within 1s", "pod nginx-busybox has no sandbox"),
        ("wait alive nginx within 1s", "nginx has no process"),
    ] {
        let mut play = Play::new(line);
        let mut none = pod(vec![container("nginx", NGINX, 0)]);
        (none.phase, none.message, none.sandbox) = (Phase::Pending, Some(PodMessage::Runtime(message.into())), None);
        none.containers[0].state = ContainerState::waiting(WaitingReason::ContainerCreating, None);
        none.containers[0].process = None;
        play.world.apply(&pod_delta(none));
        let failure = play.why_later();
        assert!(failure.ends_with(&format!("{at_start}: {message}")), "{failure}");
    }
}

#[test]
fn a_bare_node_is_the_lab_node_unless_a_container_has_that_name() {
    let mut play = Play::new("kill node TERM");
    assert_eq!(play.why().1, "no pod has a member node");
    let mut play = Play::new("kill node TERM");
    play.world.apply(&Delta::NodeStarted { id: proc(fixture::NODE), at: at(1) });
    assert_eq!(play.command(), Command::Signal { target: proc(fixture::NODE), signal: Signal::TERM });
    let mut play = Play::new("kill node TERM");
    play.world.apply(&Delta::NodeStarted { id: proc(fixture::NODE), at: at(1) });
    play.world.apply(&pod_delta(pod(vec![container("node", NGINX, 0)])));
    assert_eq!(play.command(), Command::Signal { target: proc(NGINX), signal: Signal::TERM });
}

#[test]
fn signals_are_allowed_confirmed_or_refused_by_target() {
    let mut world = world();
    assert_eq!(signal_rule(&world, proc(NGINX)), SignalRule::Allowed);
    assert_eq!(signal_rule(&world, proc(PAUSE)), SignalRule::Allowed);
    // unknown: a pid that is not in the World, and one that belongs to another process by now
    let other = podscope::model::ProcId { start: 1, ..proc(NGINX) };
    for (target, pid) in [(proc(4_711), "4711"), (other, "101")] {
        let SignalRule::Refused(why) = signal_rule(&world, target) else { panic!("{target} is unknown") };
        assert!(why.contains(pid) && why.ends_with("is not known; nothing was sent"), "{why}");
    }
    // a process without a pod
    world.apply(&fixture::facts(fixture::NODE, 1, "podscope-node", &["podscope"], 1));
    assert_eq!(
        signal_rule(&world, proc(fixture::NODE)),
        SignalRule::NeedsConfirmation { name: "podscope-node".into(), caution: None }
    );
    // a process of a pod of another runtime
    let mut foreign = pod(vec![container("nginx", NGINX, 0)]);
    foreign.runtime = podscope::model::Runtime::Docker;
    world.apply(&pod_delta(foreign));
    assert!(matches!(signal_rule(&world, proc(NGINX)), SignalRule::NeedsConfirmation { .. }));
    // gone: the pid may belong to another process by now
    let (id, by) = (proc(BUSYBOX), Parent::Process(proc(fixture::NODE)));
    world.apply(&Delta::Exited { id, status: Some(WaitStatus(0)), at: at(5_000) });
    world.apply(&Delta::Reaped { id, by, at: at(6_000) });
    assert!(matches!(signal_rule(&world, id), SignalRule::Refused(why) if why.ends_with("is gone; nothing was sent")));
}

#[test]
fn root_and_pid_1_outside_the_lab_need_a_second_confirmation() {
    let facts_of = |pid, uid| {
        let Delta::Facts { mut facts, at } = fixture::facts(pid, 1, "daemon", &["daemon"], pid) else { unreachable!() };
        facts.uid = uid;
        Delta::Facts { facts, at }
    };
    let mut world = World::default();
    let unread = Delta::Born { id: proc(703), parent: Parent::Outside, at: at(1) };
    for delta in [facts_of(1, 0), facts_of(701, 0), facts_of(702, 1_000), unread] {
        world.apply(&delta);
    }
    let caution = |pid| match signal_rule(&world, proc(pid)) {
        SignalRule::NeedsConfirmation { caution, .. } => caution,
        other => panic!("{pid}: {other:?}"),
    };
    let expected =
        [(1, Some(Caution::Init)), (701, Some(Caution::Root)), (702, None), (703, Some(Caution::UnknownUser))];
    for (pid, expected) in expected {
        assert_eq!(caution(pid), expected, "{pid}");
    }
}

#[test]
fn a_process_whose_main_thread_has_exited_is_in_state_z_and_alive() {
    let mut play = Play::new("wait process nginx:worker Z\nexpect alive nginx:worker\nexpect zombies 0");
    let facts = |state, threads| {
        let Delta::Facts { mut facts, at } = fixture::facts(WORKER, NGINX, "nginx", &[], 8) else { unreachable!() };
        (facts.state, facts.threads) = (state, threads);
        Delta::Facts { facts, at }
    };
    play.pending();
    play.world.apply(&facts(State::Zombie, 3));
    let p = play.world.process(proc(WORKER)).unwrap();
    assert_eq!((p.state.letter(), p.threads_without_leader(), p.is_alive()), ('Z', Some(2), true));
    assert!(matches!(play.advance(), Progress::Done), "it is in the state that the kernel shows");
}

#[test]
fn a_script_pauses_before_a_step_until_it_may_go_on() {
    let mut play = Play::new("expect phase nginx-busybox Running\nkill nginx KILL\nwait gone nginx");
    play.player.pause_before(Some(1));
    assert_eq!(play.advance(), Progress::Paused);
    assert!(play.player.is_paused());
    assert_eq!(play.player.started_steps().len(), 1, "the kill is not begun");
    assert_eq!(play.advance(), Progress::Paused, "time alone changes nothing");
    play.player.pause_before(Some(2));
    assert!(matches!(play.command(), Command::Signal { .. }));
    assert_eq!(play.player.started_steps().len(), 2);
    play.pending();
    play.player.completed(Outcome::Done);
    assert_eq!(play.advance(), Progress::Paused);
    play.player.pause_before(None);
    play.pending();
    assert_eq!(play.player.started_steps().len(), 3);
}

#[test]
fn a_script_that_is_over_is_not_paused() {
    let mut play = Play::new("expect phase nginx-busybox Running");
    play.player.pause_before(Some(1));
    assert_eq!(play.advance(), Progress::Done);
    assert!(!play.player.is_paused());
}
