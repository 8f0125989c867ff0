//! Scripts: the actions of a user, one step per line.
//!
//! ```text
//! # a comment
//! wait ready                                   # all pods, or: wait ready nginx-busybox
//! kill nginx-busybox/nginx:worker[0] TERM      # a member's first process, or one of its processes by name
//! wait gone nginx-busybox/nginx:worker[0]      # the one that was killed
//! kill nginx KILL
//! wait restarted nginx within 30s              # since the last kill, delete, replace or leave
//! expect shared net pause nginx                # the pod's name may be left out if only one pod has the member
//! exec nginx-busybox/busybox -- wget -qO- localhost
//! expect output hello pod
//! snapshot after.json
//! ```
//!
//! # Steps
//!
//! | step | does |
//! |---|---|
//! | `wait CONDITION [within 30s]` | continues when the condition holds; fails after 10 s, or after `within` |
//! | `expect CONDITION [within 3s]` | the same with 1 s, since the World is updated shortly after the kernel |
//! | `kill POD/MEMBER[:NAME[INDEX]] SIGNAL` | sends a signal from the host to a member's first process, or to one of its processes whose name contains NAME, the oldest first |
//! | `exec [--timeout 5s] POD/CONTAINER -- PROGRAM ARGUMENT…` | runs a program of the host in the container, for at most 30 s or the timeout; must exit with 0 unless `expect exit` follows |
//! | `logs POD/MEMBER` | reads what the member has written |
//! | `fetch URL`, `fetch POD:PORT/PATH` | gets a page over HTTP from the host's network; for a pod, through the host port that leads to its PORT; `expect output` sees the status line and the page |
//! | `sandbox POD` | creates a pod of this name that has only pause |
//! | `join POD/CONTAINER [image IMAGE] [net,ipc,uts,pid] [-- COMMAND…]` | adds a container that shares these namespaces with pause; `pid:CONTAINER` shares the pid namespace of that container, `none` shares none; without a list it shares what the pod's containers share |
//! | `debug POD/CONTAINER [image IMAGE] [target CONTAINER] [-- COMMAND…]` | adds an ephemeral container, as `kubectl debug` does |
//! | `replace POD/CONTAINER -- COMMAND ARGUMENT…` | gives one container another command; only this container is restarted |
//! | `leave POD/CONTAINER` | removes the container from its pod |
//! | `delete POD` | stops the pod as the kubelet does |
//! | `unshare POD/CONTAINER KIND,KIND…` | tells a `podscope/hand` container to make new namespaces for itself |
//! | `join POD/CONTAINER KIND,KIND… MEMBER` | tells it to enter the namespaces of another member |
//! | `fork POD/CONTAINER` | tells it to start a child, which runs until it gets TERM |
//! | `snapshot FILE`, `sleep 500ms` | |
//! | `screenshot FILE`, `select POD/MEMBER`, `show VIEW` | in the window; no effect in the terminal |
//!
//! `sandbox`, `join`, `debug`, `replace` and `leave` wait until the World shows their effect. Their output is the same
//! step in docker, in `unshare` and `nsenter`, and in a kubelet, and what has changed in the eight namespace links;
//! `expect output` sees it.
//!
//! A member is `pause` or the name of a container. A container that is itself named `pause` is `POD/container/pause`.
//! A bare `node` is the lab's node. A signal to it, or to any other process that is not a member of a pod, needs a
//! confirmation in the window and is refused in the terminal.
//!
//! # Conditions
//!
//! Of processes. A name means the process that it named when a step last killed it by that name; else before the last
//! kill, delete or replace; else when a condition first used it. For conditions marked *now*, it means the process that
//! has the name now.
//!
//! | condition | holds when |
//! |---|---|
//! | `gone POD/MEMBER` | it existed and has been reaped |
//! | `ended POD/MEMBER signal KILL` or `code 0` | it ended in this way |
//! | `reaped POD/MEMBER by MEMBER` | this member, or the `node`, reaped it |
//! | `alive POD/MEMBER` | *now* |
//! | `process POD/MEMBER T` | the kernel shows this state: `R`, `S`, `T` (stopped), `Z`, … *now* |
//! | `count POD/MEMBER:NAME >=2` | this many processes of this name are alive; `2`, `>=2`, `<2` |
//! | `parent POD/MEMBER:NAME MEMBER` | its parent belongs to this member, or is the `node`; *now* |
//! | `orphan POD/MEMBER:NAME reaped by pause` | a process of this name was adopted by this member, ended, and was reaped by it |
//! | `zombies 0 [POD]` | there are this many zombies |
//! | `memory POD/MEMBER <200kB` | its resident memory is within the bound; *now* |
//! | `cpu POD/MEMBER >=50%` | the member has used this share of one core in about the last second; *now* |
//! | `pid POD/MEMBER in-pod 7` | this is its pid inside the pod; *now* |
//! | `shared KIND MEMBER MEMBER`, `private …` | both are, or are not, in the same namespace of this kind; also `node` and `host` |
//!
//! Of pods:
//!
//! | condition | holds when |
//! |---|---|
//! | `ready [POD]` | every container of the pod, or of all requested pods, runs or has succeeded, and its process has been seen |
//! | `phase POD Running`, `status POD CrashLoopBackOff` | as `kubectl` shows it; the status is the phase or a more precise word |
//! | `state POD/CONTAINER Running` | its state, or the reason why it is not running |
//! | `restarted POD/CONTAINER` | it has restarted since the last kill, delete or replace (before the first one: since `ready`), and runs |
//! | `restarts POD/CONTAINER >=2` | it has restarted this many times |
//! | `sandbox 1 [POD]` | the sandbox of this attempt, or a later one, runs |
//! | `ip POD kept` or `new` | the address is or is not the one of before the last kill, delete or replace |
//! | `event POD REASON [TEXT]` | the pod has had an event of this reason whose message contains TEXT |
//! | `events POD REASON >=2` | the pod has had this many events of this reason |
//! | `removed POD` | the pod existed and is removed |
//!
//! `expect fails TEXT` after a step: the step failed with this text. Without it a failed step ends the script.
//!
//! Of output: `output TEXT` and `exit CODE` check the last `exec` (`output` also the last `logs` or `fetch`).
//! `log POD/MEMBER TEXT` and `fetch URL TEXT` (or `fetch POD:PORT/PATH TEXT`) read again until they find the text.
//! `took >=2s` (or `<2s`) is the time from the last kill, delete or replace to the end of the last wait.

mod condition;
mod for_pods;
mod parse;
mod player;
mod requested;
mod resolve;
mod step;
mod words;

pub use condition::pod_ready;
pub use for_pods::ScriptPod;
pub use parse::{ScriptError, duration, parse};
pub use player::{Player, Progress};
pub use requested::Requested;
pub use step::{Bound, Condition, Ending, MemberRef, Page, Relation, Script, Step, StepKind};
