//! The battery: tests what a pod's init must do, on real processes. The tests check /proc and the wait statuses that
//! they read themselves. Where a case applies to Debian's `catatonit` and `tini` (the peers), it runs on them too,
//! which checks the test itself. Where the peers are known to differ, the test expects the difference.
//!
//! The tests run as root or as an ordinary user: the init is PID 1 of a new pid namespace, which an ordinary user gets
//! by a user namespace. No process outlives its test, even if it fails.

mod arguments;
mod inherited;
mod reaping;
mod report;
mod signals;
mod sleeping;
mod support;

/// A table of cases and the inits that they run on. Each pair is a test.
macro_rules! battery {
    ($($room:ident::$case:ident: $($init:ident)+;)+) => {
        $(mod $case {
            use crate::support::Init;
            $(#[test]
            #[expect(non_snake_case, reason = "the test is named after the init")]
            fn $init() {
                crate::$room::$case(Init::$init);
            })+
        })+
    };
}

battery! {
    reaping::orphan_is_adopted_and_reaped: PauseInit Catatonit Tini;
    reaping::all_of_1000_orphans_are_reaped: PauseInit Catatonit Tini;
    reaping::one_signal_is_enough_for_many_children: PauseInit Catatonit Tini;
    reaping::stopped_init_collects_zombies_until_continued: PauseInit Catatonit Tini;
    reaping::children_dead_before_exec_are_reaped: PauseInit Catatonit Tini;
    reaping::subreaper_reaps: PauseInit Catatonit Tini;
    reaping::no_reap_leaves_zombies: PauseInit;
    reaping::the_delay_lets_each_zombie_be_seen: PauseInit;
    reaping::delay_does_not_delay_term: PauseInit;

    signals::term_ends: PauseInit Catatonit Tini;
    signals::int_ends: PauseInit Catatonit Tini;
    signals::term_during_a_storm_ends: PauseInit;
    signals::hup_usr1_quit_do_nothing: PauseInit;
    signals::kill_and_stop_from_inside_do_nothing: PauseInit Catatonit Tini;
    signals::kill_from_outside_ends_all: PauseInit Catatonit Tini;

    sleeping::stop_and_cont_of_a_child_do_not_wake_pause: PauseInit Catatonit Tini;
    sleeping::an_idle_init_is_not_woken: PauseInit Catatonit Tini;
    sleeping::memory_is_at_most_32_kb: PauseInit;

    inherited::a_term_pending_at_exec_ends_it: PauseInit;
    inherited::an_early_term_ends_it: PauseInit;
    inherited::signals_blocked_by_the_parent_are_unblocked: PauseInit;
    inherited::signals_ignored_by_the_parent_are_reset: PauseInit;
    inherited::only_pause_resets_an_ignored_chld: PauseInit Catatonit Tini;
    inherited::descriptors_are_closed: PauseInit Catatonit Tini;
    inherited::descriptors_are_closed_without_close_range: PauseInit;
    inherited::directory_and_umask_are_reset: PauseInit;
    inherited::standard_streams_may_be_closed: PauseInit Catatonit Tini;
    inherited::stderr_may_be_full: PauseInit;
    inherited::stderr_may_have_no_reader: PauseInit;
    inherited::it_warns_if_it_is_not_pid_1: PauseInit Catatonit Tini;

    arguments::version_is_printed: PauseInit;
    arguments::version_without_stdout_exits_0: PauseInit;
    arguments::other_arguments_are_ignored: PauseInit;
    arguments::wrong_values_exit_64: PauseInit;
    arguments::refused_system_calls_have_their_exit_code: PauseInit;
    arguments::the_file_is_small_and_static: PauseInit;

    report::records_show_what_was_reaped: PauseInit;
    report::full_pipe_counts_what_it_drops: PauseInit;
    report::the_reader_may_close_the_pipe: PauseInit;
    report::arguments_are_not_shown: PauseInit;
}
