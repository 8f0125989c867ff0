//! The battery: what a pod's init must do, tried on real processes and checked against /proc and
//! the wait statuses the test reads itself. Where a case applies to them, Debian's `catatonit` and
//! `tini` go through it too, so that the test is proven on a peer; where they are known to differ,
//! the difference is what is expected.
//!
//! Root or ordinary user: as PID 1 the init lives in a new pid namespace, which an ordinary user
//! gets through a user namespace. Nothing outlives its test, not even one that fails.

mod arguments;
mod inherited;
mod reaping;
mod report;
mod signals;
mod sleeping;
mod support;

/// The table: a case, and the inits it is tried on, each a test of its own.
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
    reaping::storm_of_1000_orphans_leaves_none: PauseInit Catatonit Tini;
    reaping::one_signal_for_many_children: PauseInit Catatonit Tini;
    reaping::stopped_init_collects_zombies_until_continued: PauseInit Catatonit Tini;
    reaping::children_dead_before_exec_are_reaped: PauseInit Catatonit Tini;
    reaping::subreaper_reaps: PauseInit Catatonit Tini;
    reaping::no_reap_leaves_zombies: PauseInit;
    reaping::delay_shows_each_zombie: PauseInit;
    reaping::delay_does_not_delay_term: PauseInit;

    signals::term_ends: PauseInit Catatonit Tini;
    signals::int_ends: PauseInit Catatonit Tini;
    signals::term_during_a_storm_ends: PauseInit;
    signals::hup_usr1_quit_do_nothing: PauseInit;
    signals::kill_and_stop_from_inside_do_nothing: PauseInit Catatonit Tini;
    signals::kill_from_outside_ends_all: PauseInit Catatonit Tini;

    sleeping::stop_and_cont_of_a_child: PauseInit Catatonit Tini;
    sleeping::sleep_is_sleep: PauseInit Catatonit Tini;
    sleeping::memory_is_tiny: PauseInit;

    inherited::term_pending_at_exec: PauseInit;
    inherited::term_right_after_spawn: PauseInit;
    inherited::signals_blocked_by_the_parent: PauseInit;
    inherited::signals_ignored_by_the_parent: PauseInit;
    inherited::chld_ignored_by_the_parent: PauseInit Catatonit Tini;
    inherited::descriptors_are_closed: PauseInit Catatonit Tini;
    inherited::descriptors_are_closed_without_close_range: PauseInit;
    inherited::directory_and_umask_are_reset: PauseInit;
    inherited::standard_streams_may_be_closed: PauseInit Catatonit Tini;
    inherited::stderr_may_be_full: PauseInit;
    inherited::stderr_may_have_no_reader: PauseInit;
    inherited::not_first_warns_and_goes_on: PauseInit Catatonit Tini;

    arguments::version: PauseInit;
    arguments::version_without_stdout: PauseInit;
    arguments::others_are_ignored: PauseInit;
    arguments::wrong_values_exit_64: PauseInit;
    arguments::refused_system_calls_have_their_exit_code: PauseInit;
    arguments::size_and_shape: PauseInit;

    report::records_tell_what_was_reaped: PauseInit;
    report::full_pipe_counts_what_it_drops: PauseInit;
    report::reader_may_go_away: PauseInit;
    report::arguments_are_not_shown: PauseInit;
}
