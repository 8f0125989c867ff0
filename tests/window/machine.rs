//! The scope of the whole machine: its processes are listed, and get signals only after questions.

use std::process::{Child, Command, Stdio};

use nix::unistd::geteuid;

use crate::desktop::Desktop;
use crate::kernel::wait_for;

/// A process that is not of the lab. It ends with this test.
fn sleeper() -> Child {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "sleep", "98765"]).stdin(Stdio::null());
    command.spawn().expect("util-linux is installed")
}

fn row_of(process: &Child) -> String {
    format!("sleep 98765, pid {}", process.id())
}

fn is_running(process: &mut Child) -> bool {
    process.try_wait().expect("our child").is_none()
}

#[test]
fn processes_of_the_machine_get_signals_only_after_questions() {
    let mut all = [sleeper(), sleeper(), sleeper()];
    all.sort_by_key(Child::id);
    let mut desktop = Desktop::start();
    desktop.open(&[]);
    desktop.click("Process tree");
    desktop.click("This machine");
    desktop.retype("Filter processes", "sleep 98765");
    for process in &all {
        desktop.wait_shown(&row_of(process));
    }

    // one: the question names it
    desktop.click(&row_of(&all[0]));
    desktop.key("k");
    desktop.wait_shown("Send SIGKILL to sleep?");
    desktop.key("Escape");
    wait_for("no question", || (!desktop.shows("Send SIGKILL to sleep?")).then_some(()));
    assert!(all.iter_mut().all(is_running));

    // two that are tagged: one question lists both, and a second one is asked about root's
    desktop.click(&row_of(&all[0]));
    desktop.key("space");
    desktop.wait_shown("1 tagged");
    desktop.key("space");
    desktop.wait_shown("2 tagged");
    desktop.key("t");
    desktop.wait_shown("Send SIGTERM to 2 processes?");
    desktop.wait_shown(&format!("sleep · pid {}", all[1].id()));
    desktop.click("Send SIGTERM");
    if geteuid().is_root() {
        desktop.wait_shown("Send SIGTERM to 2 processes anyway?");
        assert!(all.iter_mut().all(is_running));
        desktop.click("Send SIGTERM anyway");
    }
    let [first, second, third] = &mut all;
    wait_for("their ends", || (!is_running(first) && !is_running(second)).then_some(()));
    assert!(is_running(third), "it was not tagged");

    // back in the scope of the lab it is not known any more
    desktop.wait_shown(&row_of(third));
    desktop.click("Lab");
    wait_for("only the lab", || (!desktop.shows(&row_of(third))).then_some(()));
    third.kill().and_then(|()| third.wait().map(drop)).expect("our child");
}
