//! Scripts: what a user would click, one step a line.
//!
//! ```text
//! # a comment
//! wait ready                                   # all pods, or: wait ready nginx-busybox
//! kill nginx-busybox/nginx:worker[0] TERM      # a member's first process, or one in it by name
//! wait gone nginx-busybox/nginx:worker[0]      # the one that was killed
//! wait restarted nginx within 30s              # since the last kill, delete or replace
//! expect shared net pause nginx                # the pod's name may be left out where it is clear
//! exec nginx-busybox/busybox -- wget -qO- localhost
//! expect output hello pod
//! snapshot after.json
//! ```
//!
//! # Steps
//!
//! | step | does |
//! |---|---|
//! | `wait CONDITION [within 30s]` | goes on when it holds; 10 s at most unless it says so |
//! | `expect CONDITION [within 3s]` | the same with 1 s: the picture follows the kernel by an instant |
//! | `kill POD/MEMBER[:NAME[INDEX]] SIGNAL` | sends a signal from the host to a member's first process, or to one in it whose name contains NAME, the oldest first |
//! | `exec [--timeout 5s] POD/CONTAINER -- PROGRAM ARGUMENT…` | runs a program of the host in it, for 30 s at most unless it says so; must end with 0 unless `expect exit` follows |
//! | `logs POD/MEMBER` | what the member has written |
//! | `fetch URL`, `fetch POD:PORT/PATH` | gets a page over HTTP, from the host's network; with a pod by the host port that leads to its PORT; `expect output` sees the status line and the page |
//! | `sandbox POD` | makes a pod of this name with pause alone |
//! | `join POD/CONTAINER [image IMAGE] [net,ipc,uts,pid] [-- COMMAND…]` | a container joins it, with these namespaces in common with pause; `pid:CONTAINER` is that container's, `none` is none, nothing is what the pod's containers share |
//! | `debug POD/CONTAINER [image IMAGE] [target CONTAINER] [-- COMMAND…]` | an ephemeral container joins it, as by `kubectl debug` |
//! | `replace POD/CONTAINER -- COMMAND ARGUMENT…` | gives one container another command: it alone is started anew |
//! | `leave POD/CONTAINER` | takes it out of its pod |
//! | `delete POD` | stops it as the kubelet does |
//! | `unshare POD/CONTAINER KIND,KIND…` | tells a container that obeys (`podscope/hand`) to make namespaces of its own |
//! | `join POD/CONTAINER KIND,KIND… MEMBER` | tells it to go into those of another member |
//! | `fork POD/CONTAINER` | tells it to start a child, which stays until it gets TERM |
//! | `snapshot FILE`, `sleep 500ms` | |
//! | `screenshot FILE`, `select POD/MEMBER`, `show VIEW` | in the window; nothing in the terminal |
//!
//! `sandbox`, `join`, `debug`, `replace` and `leave` wait until the World shows what they have done, and say what the
//! step is elsewhere (docker, `unshare` and `nsenter`, the kubelet) and what differs in the eight links; `expect output`
//! sees that.
//!
//! A member is `pause` or a container by its name. A container that is itself named `pause` is `POD/container/pause`.
//! A bare `node` is the lab's node; a signal to it, as to anything but a member of a pod, is asked for in the window and
//! refused in the terminal.
//!
//! # Conditions
//!
//! Of processes. A name means the process it meant when it was last killed by that name, or else before the last
//! kill, delete or replace, or else when it was first asked about; for those marked *now*, the one that bears it now.
//!
//! | condition | holds when |
//! |---|---|
//! | `gone POD/MEMBER` | it was there, and has been reaped |
//! | `ended POD/MEMBER signal KILL` or `code 0` | it ended so |
//! | `reaped POD/MEMBER by MEMBER` | this member waited for it; or the `node` |
//! | `alive POD/MEMBER` | *now* |
//! | `process POD/MEMBER T` | the kernel shows this state: `R`, `S`, `T` (stopped), `Z`, … *now* |
//! | `count POD/MEMBER:NAME >=2` | so many of this name live; `2`, `>=2`, `<2` |
//! | `parent POD/MEMBER:NAME MEMBER` | its parent is of this member, or is the `node`; *now* |
//! | `orphan POD/MEMBER:NAME reaped by pause` | one of this name was adopted by this member, ended, and was waited for by it |
//! | `zombies 0 [POD]` | so many zombies there are |
//! | `memory POD/MEMBER <200kB` | so much of it is resident; *now* |
//! | `cpu POD/MEMBER >=50%` | the member uses so much of one core, in the last second or so; *now* |
//! | `pid POD/MEMBER in-pod 7` | its pid there; *now* |
//! | `shared KIND MEMBER MEMBER`, `private …` | both are, or are not, in the same namespace of this kind; also `node` and `host` |
//!
//! Of pods:
//!
//! | condition | holds when |
//! |---|---|
//! | `ready [POD]` | every container of it, or of every pod that was asked for, runs or has done its work, and is seen |
//! | `phase POD Running`, `status POD CrashLoopBackOff` | as `kubectl` shows it; the status is the phase or a word that says more |
//! | `state POD/CONTAINER Running` | the word for its state, or why it is not running |
//! | `restarted POD/CONTAINER` | it was started again since the last kill, delete or replace (before the first, since `ready`), and runs |
//! | `restarts POD/CONTAINER >=2` | it was started again so often |
//! | `sandbox 1 [POD]` | that sandbox, or a later one, stands |
//! | `ip POD kept` or `new` | compared with the same time |
//! | `event POD REASON [TEXT]` | there was one of this reason, with this in its message |
//! | `events POD REASON >=2` | there were so many of this reason |
//! | `removed POD` | it is gone, and was there before |
//!
//! `expect fails TEXT` after a step: it failed, and said this; without it, the script ends there.
//!
//! Of what was said: `output TEXT` and `exit CODE` of the last `exec` (`output` of `logs` and `fetch` as well);
//! `log POD/MEMBER TEXT` and `fetch URL TEXT` (or `fetch POD:PORT/PATH TEXT`) look anew until they find it; `took >=2s` (or `<2s`) is the time from the
//! last kill, delete or replace to the end of the last wait.

mod condition;
mod engine;
mod parse;
mod requested;
mod resolve;
mod step;

pub use condition::pod_ready;
pub use engine::{Engine, Progress};
pub use parse::{ScriptError, duration, parse};
pub use requested::Requested;
pub use step::{Bound, Condition, Ending, MemberRef, Page, Relation, Script, Step, StepKind};
