//! What a pod's process is started with, and its last steps before exec. Those steps run in the child.

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
use crate::model::WaitingReason;
use crate::sys::{caps, fork, limits, signals};

/// How many processes the programs of all the lab's pods together may have (`RLIMIT_NPROC` counts
/// by user and user namespace).
pub const MAX_PROCESSES: u64 = 2048;

/// The default `PATH`: where programs without a slash are searched, unless the pod sets another.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why a program could not be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub reason: WaitingReason,
    pub message: String,
}

impl Failure {
    /// The container's environment (namespaces, root, mounts) could not be created.
    pub fn create(what: &str, errno: Errno) -> Self {
        let message = format!("{what}: {}", limits::reason(errno));
        Self { reason: WaitingReason::CreateContainerError, message }
    }

    /// Its program could not be started.
    fn run(program: &str, why: &str) -> Self {
        Self { reason: WaitingReason::RunContainerError, message: format!("exec: \"{program}\": {why}") }
    }
}

/// Which program to execute.
pub enum Program<'a> {
    /// Our own executable, as the stand-in named by `argv`.
    StandIn(&'a OwnedFd),
    /// The program named by `argv`, found in the container's root.
    InRoot,
}

/// The user and groups that a program runs as.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    pub user: u32,
    pub group: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

impl Identity {
    /// As the container's spec says. What it leaves open is root's, as in an image.
    pub fn of(security: &Security) -> Self {
        let (user, group) = (security.user.unwrap_or_default(), security.group.unwrap_or_default());
        Self { user, group, groups: security.groups.clone() }
    }

    /// Changes this process's user and groups. For root nothing changes: the process is root, without other groups.
    fn apply(&self) -> Result<(), Errno> {
        if self.group != 0 || !self.groups.is_empty() {
            let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
            setgroups(&groups)?;
            setgid(Gid::from_raw(self.group))?;
        }
        if self.user != 0 {
            // this removes all capabilities
            setuid(Uid::from_raw(self.user))?;
        }
        Ok(())
    }
}

/// What a process is started with.
pub struct ProcessSpec<'a> {
    pub program: Program<'a>,
    pub argv: Vec<String>,
    pub env: Vec<(String, String)>,
    pub working_dir: Option<String>,
    pub stdio: Stdio,
    /// The capabilities that it may have in the lab's user namespace.
    pub capabilities: Vec<(u32, &'static str)>,
    pub identity: Identity,
    /// The system calls it may make.
    pub filter: &'a Filter,
    /// The cgroup that it starts in.
    pub cgroup: Option<BorrowedFd<'a>>,
    /// The mark that identifies it and its descendants ([`super::leftovers::mark`]).
    pub mark: Option<u64>,
}

/// The environment: the variables that every container has, overridden by those of its spec.
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

/// Confines a process of our own that executes no program and needs no capability.
pub fn confine_in_place(filter: &Filter) -> Result<(), Errno> {
    prctl::set_no_new_privs()?;
    restrict_to_capabilities(&[])?;
    signals::reset()?;
    filter.apply()
}

/// Permanently removes from this process what a container must not have. Only the standard streams and `kept` stay
/// open: a working directory or program given as `/proc/self/fd/N` must not lead to a descriptor of the node.
pub fn confine(keep: &[(u32, &str)], filter: &Filter, kept: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    // set-user-ID programs no longer give privileges
    prctl::set_no_new_privs()?;
    // a program started as root gets at most these capabilities
    caps::bound(keep)?;
    let (_, hard) = nix::sys::resource::getrlimit(Resource::RLIMIT_NPROC)?;
    let bound = MAX_PROCESSES.min(hard);
    setrlimit(Resource::RLIMIT_NPROC, bound, bound)?;
    // the pod must not inherit ignored or blocked signals, or the umask, from the app's shell or the node
    signals::reset()?;
    umask(Mode::from_bits_truncate(0o022));
    fork::close_all_but(kept)?;
    filter.apply()
}

/// Reduces this process to the capabilities of its program, since the pod chose the paths that it looks up next. Until
/// now its greater capabilities kept the pod's programs from inspecting it. From here on it has the same ones, so it
/// makes itself undumpable instead. Executing the program reverts that.
pub fn restrict_to_capabilities(keep: &[(u32, &str)]) -> Result<(), Errno> {
    prctl::set_dumpable(false)?;
    caps::limit_to(keep)
}

/// Does the same and changes to the user of the spec. Users other than root get no capabilities.
pub fn become_user(identity: &Identity, keep: &[(u32, &str)]) -> Result<(), Failure> {
    let confine = |e| Failure::create("confine the container", e);
    prctl::set_dumpable(false).map_err(confine)?;
    identity.apply().map_err(|e| match e {
        // the ids are not mapped in this user namespace
        Errno::EINVAL | Errno::EPERM => Failure {
            reason: WaitingReason::CreateContainerError,
            message: format!(
                "user {}, group {} or a supplementary group is not mapped in this lab; `podscope doctor` says what gives \
                 it more user ids",
                identity.user, identity.group
            ),
        },
        e => Failure::create("change the container's user", e),
    })?;
    // a new user may have made it dumpable again (`fs.suid_dumpable`, proc_sys_fs(5))
    restrict_to_capabilities(if identity.user == 0 { keep } else { &[] }).map_err(confine)
}

/// Executes the program. Returns only if that fails, with the reason.
pub fn become_program(spec: &ProcessSpec<'_>) -> Failure {
    let program = spec.argv.first().map_or("", String::as_str);
    if let Some(dir) = &spec.working_dir
        && let Err(e) = chdir(dir.as_str())
    {
        return Failure::create(&format!("working directory \"{dir}\""), e);
    }
    // a directory outside of the container's root has no absolute path (getcwd(3))
    if !getcwd().is_ok_and(|dir| dir.is_absolute()) {
        let dir = spec.working_dir.as_deref().unwrap_or_default();
        return Failure::create(
            &format!("working directory \"{dir}\" is outside of the container's root"),
            Errno::EXDEV,
        );
    }
    let (Ok(argv), Ok(env)) = (c_strings(spec.argv.iter().cloned()), c_strings(pairs(&spec.env))) else {
        return Failure::run(program, "an argument or variable holds a NUL byte");
    };
    match spec.program {
        Program::StandIn(exe) => {
            let Err(e) = execveat(exe, c"", &argv, &env, AtFlags::AT_EMPTY_PATH);
            Failure::run(program, e.desc())
        }
        Program::InRoot => find_and_execute(program, &argv, &env, &spec.env),
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

/// Sends the failure to the node. A write of less than `PIPE_BUF` bytes is atomic (pipe(7)).
pub fn report_failure(pipe: &OwnedFd, failure: &Failure) {
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
