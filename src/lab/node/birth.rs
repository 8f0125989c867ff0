//! The last steps of a process before it becomes a pod's program. All of this runs in the child.

use std::ffi::{CString, NulError};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, chdir, execve, execveat, getcwd, setgid, setgroups, setuid, write};
use serde::{Deserialize, Serialize};

use super::seccomp::Filter;
use super::streams::Stdio;
use crate::lab::spec::Security;
use crate::sys::{caps, fork, limits, signals};

/// Processes that a pod's programs may have, all of the lab's pods together (`RLIMIT_NPROC` counts
/// by user and user namespace).
pub const MAX_PROCESSES: u64 = 2048;

/// Where programs without a slash are looked for, unless the pod says otherwise.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why a program could not be started, in Kubernetes' words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub reason: String,
    pub message: String,
}

impl Failure {
    /// The container's surroundings could not be made.
    pub fn create(what: &str, errno: Errno) -> Self {
        let message = format!("{what}: {}", limits::reason(errno));
        Self { reason: "CreateContainerError".to_owned(), message }
    }

    /// Its program could not be started.
    fn run(program: &str, why: &str) -> Self {
        Self { reason: "RunContainerError".to_owned(), message: format!("exec: \"{program}\": {why}") }
    }
}

/// What to become.
pub enum Program<'a> {
    /// Our own executable, as the stand-in that `argv` names.
    Ourselves(&'a OwnedFd),
    /// What `argv` names, found in the container's root.
    Host,
}

/// Who a program runs as.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    pub user: u32,
    pub group: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

impl Identity {
    /// As a container's spec has it: what it does not say is root's, as in the image.
    pub fn of(security: &Security) -> Self {
        let (user, group) = (security.user.unwrap_or_default(), security.group.unwrap_or_default());
        Self { user, group, groups: security.groups.clone() }
    }

    /// Becomes that. Root does not: it is root, and of no other groups, since the lab began.
    fn take(&self) -> Result<(), Errno> {
        if self.group != 0 || !self.groups.is_empty() {
            let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
            setgroups(&groups)?;
            setgid(Gid::from_raw(self.group))?;
        }
        if self.user != 0 {
            // takes all capabilities away
            setuid(Uid::from_raw(self.user))?;
        }
        Ok(())
    }
}

pub struct Start<'a> {
    pub program: Program<'a>,
    pub argv: Vec<String>,
    pub env: Vec<(String, String)>,
    pub working_dir: Option<String>,
    pub stdio: Stdio,
    /// What it may have of root's powers in the lab.
    pub keep: Vec<(u32, &'static str)>,
    pub identity: Identity,
    /// The system calls it may make.
    pub filter: &'a Filter,
    /// Where it is counted.
    pub cgroup: Option<BorrowedFd<'a>>,
    /// By which it and all that it starts are known.
    pub mark: Option<u64>,
}

/// The environment: what every container has, and over it what its spec says.
pub fn environment(hostname: &str, own: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut env = vec![
        ("PATH".to_owned(), PATH.to_owned()),
        ("HOSTNAME".to_owned(), hostname.to_owned()),
        ("HOME".to_owned(), "/root".to_owned()),
    ];
    for (name, value) in own {
        match env.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => env.push((name, value)),
        }
    }
    env
}

/// For a process of ours that executes nothing and needs no capability.
pub fn confine_in_place(filter: &Filter) -> Result<(), Errno> {
    prctl::set_no_new_privs()?;
    be_no_more_than(&[])?;
    signals::reset()?;
    filter.apply()
}

/// Takes from this process what a container must not have, for good. Only the standard streams and `kept` stay open: a
/// working directory or a program of `/proc/self/fd/N` must not lead to what the node has open.
pub fn confine(keep: &[(u32, &str)], filter: &Filter, kept: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    // a set-user-ID program gives nothing any more
    prctl::set_no_new_privs()?;
    // and a program started as root gets these capabilities at most
    caps::bound(keep)?;
    let (_, hard) = nix::sys::resource::getrlimit(Resource::RLIMIT_NPROC)?;
    let bound = MAX_PROCESSES.min(hard);
    setrlimit(Resource::RLIMIT_NPROC, bound, bound)?;
    // what the app's shell or the node has ignored, blocked or masked is no concern of the pod's
    signals::reset()?;
    umask(Mode::from_bits_truncate(0o022));
    fork::close_all_but(kept)?;
    filter.apply()
}

/// From here on this process may do what its program may, and no more: what it looks up next, the pod has chosen. Until
/// then its capabilities keep the pod's programs from looking into it; now that it has the same as they have, it says so
/// itself. Executing the program takes that back.
pub fn be_no_more_than(keep: &[(u32, &str)]) -> Result<(), Errno> {
    prctl::set_dumpable(false)?;
    caps::limit_to(keep)
}

/// The same as the user that the spec asks for. Another than root has none of root's powers.
pub fn become_user(identity: &Identity, keep: &[(u32, &str)]) -> Result<(), Failure> {
    let confine = |e| Failure::create("confine the container", e);
    prctl::set_dumpable(false).map_err(confine)?;
    identity.take().map_err(|e| match e {
        // in this user namespace they are nobody's
        Errno::EINVAL | Errno::EPERM => Failure {
            reason: "CreateContainerError".to_owned(),
            message: format!(
                "user {}, group {} or a supplementary group is not mapped in this lab; `podscope doctor` says what gives \
                 it more user ids",
                identity.user, identity.group
            ),
        },
        e => Failure::create("change the container's user", e),
    })?;
    // a new user may have made it dumpable again (`fs.suid_dumpable`, proc_sys_fs(5))
    be_no_more_than(if identity.user == 0 { keep } else { &[] }).map_err(confine)
}

/// Becomes the program. Returns only to say why it could not.
pub fn become_program(start: &Start<'_>) -> Failure {
    let program = start.argv.first().map_or("", String::as_str);
    if let Some(dir) = &start.working_dir
        && let Err(e) = chdir(dir.as_str())
    {
        return Failure::create(&format!("working directory \"{dir}\""), e);
    }
    // outside of the container's root it has no path (getcwd(3))
    if !getcwd().is_ok_and(|dir| dir.is_absolute()) {
        let dir = start.working_dir.as_deref().unwrap_or_default();
        return Failure::create(
            &format!("working directory \"{dir}\" is outside of the container's root"),
            Errno::EXDEV,
        );
    }
    let (Ok(argv), Ok(env)) = (c_strings(start.argv.iter().cloned()), c_strings(pairs(&start.env))) else {
        return Failure::run(program, "an argument or variable holds a NUL byte");
    };
    match start.program {
        Program::Ourselves(exe) => {
            let Err(e) = execveat(exe, c"", &argv, &env, AtFlags::AT_EMPTY_PATH);
            Failure::run(program, e.desc())
        }
        Program::Host => find_and_execute(program, &argv, &env, &start.env),
    }
}

fn find_and_execute(program: &str, argv: &[CString], env: &[CString], vars: &[(String, String)]) -> Failure {
    let try_one = |path: &str| -> Errno {
        let Ok(path) = CString::new(path) else { return Errno::EINVAL };
        let Err(e) = execve(&path, argv, env);
        e
    };
    if program.contains('/') {
        let e = try_one(program);
        return Failure::run(program, &explain(program, e));
    }
    let path = vars.iter().rev().find(|(name, _)| name == "PATH").map_or(PATH, |(_, value)| value);
    let mut worst = None;
    for dir in path.split(':').filter(|d| !d.is_empty()) {
        let candidate = format!("{dir}/{program}");
        match try_one(&candidate) {
            Errno::ENOENT if !Path::new(&candidate).exists() => {}
            Errno::ENOTDIR => {}
            e => worst = worst.or(Some(explain(&candidate, e))),
        }
    }
    Failure::run(program, worst.as_deref().unwrap_or("executable file not found in $PATH"))
}

fn explain(path: &str, e: Errno) -> String {
    match e {
        Errno::ENOENT if Path::new(path).exists() => format!("{path}: its interpreter was not found"),
        Errno::ENOENT => format!("stat {path}: no such file or directory"),
        Errno::EACCES => format!("{path}: permission denied"),
        Errno::ENOEXEC => format!("{path}: exec format error"),
        e => format!("{path}: {}", e.desc()),
    }
}

/// Tells the node. A write of less than `PIPE_BUF` is one piece (pipe(7)).
pub fn tell(pipe: &OwnedFd, failure: &Failure) {
    let mut short = failure.clone();
    short.message = short.message.chars().take(800).collect();
    if let Ok(text) = serde_json::to_vec(&short) {
        let _ = write(pipe, &text);
    }
}

fn pairs(env: &[(String, String)]) -> impl Iterator<Item = String> {
    env.iter().map(|(name, value)| format!("{name}={value}"))
}

fn c_strings(words: impl Iterator<Item = String>) -> Result<Vec<CString>, NulError> {
    words.map(CString::new).collect()
}
