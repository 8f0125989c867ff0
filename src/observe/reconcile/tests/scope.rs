//! The scope changes while the observer runs.

use super::*;

/// Process 10 is watched. 1 is the init of the machine, 20 and its child 21 are others.
fn machine_with_others() -> Scenario {
    let mut scenario = Scenario::new();
    scenario.machine.add_process(1, 0, &[]);
    scenario.machine.add_process(20, 1, &[]);
    scenario.machine.add_process(21, 20, &[]);
    scenario
}

fn observe(scenario: &mut Scenario, scope: Scope) {
    scenario.input(Input::Observe(scope));
    scenario.finish();
    assert_eq!(scenario.world.scope, scope);
}

fn known(scenario: &Scenario) -> Vec<u32> {
    scenario.world.processes.keys().map(|id| id.pid).collect()
}

#[test]
fn the_whole_machine_is_known_while_it_is_observed_and_forgotten_afterwards() {
    let mut scenario = machine_with_others();
    assert_eq!(known(&scenario), [10]);
    observe(&mut scenario, Scope::Host);
    assert_eq!(known(&scenario), [1, 10, 20, 21]);
    assert_eq!(scenario.world.process(id(21)).map(|p| p.parent), Some(Parent::Process(id(20))));

    scenario.machine.add_process(11, 10, &[]);
    scenario.fork(1, 10, 11);
    scenario.machine.add_process(22, 20, &[]);
    scenario.fork(2, 20, 22);
    scenario.machine.make_zombie(22);
    scenario.exit(3, 22, 0, Some(20));
    scenario.hup(4, 22);
    scenario.finish();
    assert_eq!(scenario.reaper_of(22), Some(Parent::Process(id(20))));

    observe(&mut scenario, Scope::Lab);
    assert_eq!(known(&scenario), [10, 11], "also what has ended is forgotten");
    assert_eq!(scenario.world.present().count(), 2);
    scenario.machine.add_process(23, 20, &[]);
    scenario.fork(5, 20, 23);
    scenario.machine.add_process(12, 11, &[]);
    scenario.fork(6, 11, 12);
    scenario.finish();
    assert_eq!(known(&scenario), [10, 11, 12]);

    observe(&mut scenario, Scope::Host);
    assert_eq!(known(&scenario), [1, 10, 11, 12, 20, 21, 23]);
    scenario.assert_pids_are_unique();
}

#[test]
fn what_is_named_while_all_is_observed_stays_with_its_descendants() {
    let mut scenario = machine_with_others();
    observe(&mut scenario, Scope::Host);
    scenario.input(Input::Watch(id(20)));
    observe(&mut scenario, Scope::Lab);
    assert_eq!(known(&scenario), [10, 20, 21]);
    scenario.machine.add_process(22, 21, &[]);
    scenario.fork(1, 21, 22);
    scenario.finish();
    assert_eq!(known(&scenario), [10, 20, 21, 22]);
}

#[test]
fn an_adopter_that_becomes_known_has_adopted_at_the_time_of_the_adoption() {
    let mut scenario = machine_with_others();
    scenario.machine.add_process(11, 10, &[]);
    scenario.fork(1, 10, 11);
    scenario.finish();
    scenario.machine.make_zombie(10);
    scenario.machine.table.get_mut(&11).expect("it lives").stat.ppid = 1;
    scenario.exit(5, 10, 0, Some(1));
    scenario.finish();
    let parent = |scenario: &Scenario| scenario.world.process(id(11)).map(|p| p.parent);
    assert_eq!(parent(&scenario), Some(Parent::Outside));

    scenario.machine.now = 50;
    observe(&mut scenario, Scope::Host);
    assert_eq!(parent(&scenario), Some(Parent::Process(id(1))));
    let p = scenario.world.process(id(11)).expect("known");
    assert!(p.reparents.iter().all(|step| step.at == Stamp::connector(t(5))), "{:?}", p.reparents);
}

#[test]
fn the_same_scope_again_changes_nothing() {
    let mut scenario = machine_with_others();
    let before = scenario.log.len();
    observe(&mut scenario, Scope::Lab);
    assert_eq!(scenario.log.len(), before);
}
