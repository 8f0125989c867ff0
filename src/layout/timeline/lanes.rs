//! The lanes of the timeline: one per process, and when each part of its life begins and ends.

use crate::model::{MonoNs, PodUid, ProcId, Process, World};

/// The life of one process: from birth to exit it runs, from exit to reap it is a zombie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    pub id: ProcId,
    pub born: MonoNs,
    /// When the running part ends, if it has.
    pub exit: Option<MonoNs>,
    /// When the zombie part ends, if it has.
    pub reap: Option<MonoNs>,
}

impl Lane {
    fn of(p: &Process) -> Self {
        Self { id: p.id, born: p.born.t, exit: p.exit.map(|e| e.at.t), reap: p.reap.map(|r| r.at.t) }
    }

    /// From birth to exit, or to `newest` while it lives, also when the view shows a past moment.
    pub fn life(&self, newest: MonoNs) -> (MonoNs, MonoNs) {
        (self.born, self.exit.unwrap_or(newest.max(self.born)))
    }

    /// From exit to reap, or to `newest` while it is a zombie.
    pub fn zombie(&self, newest: MonoNs) -> Option<(MonoNs, MonoNs)> {
        let exit = self.exit?;
        Some((exit, self.reap.unwrap_or(newest.max(exit))))
    }

    /// Whether any part of it lies between `from` and `to`.
    fn touches(&self, from: MonoNs, to: MonoNs) -> bool {
        self.born <= to && self.reap.is_none_or(|t| t >= from)
    }
}

/// The lanes of a span of time, and which other spans of the same World have the same lanes: most of those that the view
/// passes through while it follows the newest moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// pause first, then by member and birth.
    pub all: Vec<Lane>,
    /// The latest reap before the span, and the first reap of a lane.
    reaps: (Option<MonoNs>, Option<MonoNs>),
    /// The latest birth of a lane, and the first birth after the span.
    births: (Option<MonoNs>, Option<MonoNs>),
}

impl Lanes {
    /// The lanes of a pod, or of the whole lab, that touch the span from `from` to `to`.
    pub fn of(world: &World, pod: Option<&PodUid>, from: MonoNs, to: MonoNs) -> Self {
        let processes = match pod {
            Some(uid) => world.remembered_of_pod(uid).collect(),
            None => world.remembered_of_pods(),
        };
        let mut found: Vec<(&Process, Lane)> = Vec::new();
        let (mut reaps, mut births) = ((None, None), (None, None));
        for p in processes {
            let lane = Lane::of(p);
            if lane.touches(from, to) {
                reaps.1 = earlier(reaps.1, lane.reap);
                births.0 = births.0.max(Some(lane.born));
                found.push((p, lane));
            } else if lane.born > to {
                births.1 = earlier(births.1, Some(lane.born));
            } else {
                reaps.0 = reaps.0.max(lane.reap);
            }
        }
        Self { all: in_order(world, found), reaps, births }
    }

    /// Whether the span from `from` to `to` has the same lanes.
    pub fn are_of(&self, from: MonoNs, to: MonoNs) -> bool {
        let (reaps, births) = (self.reaps, self.births);
        reaps.0.is_none_or(|t| t < from)
            && reaps.1.is_none_or(|t| t >= from)
            && births.0.is_none_or(|t| t <= to)
            && births.1.is_none_or(|t| t > to)
    }
}

/// The earlier of two times, of which either may be missing.
fn earlier(a: Option<MonoNs>, b: Option<MonoNs>) -> Option<MonoNs> {
    a.into_iter().chain(b).min()
}

fn in_order(world: &World, mut found: Vec<(&Process, Lane)>) -> Vec<Lane> {
    let order = |p: &Process| {
        let member = p.member.as_ref();
        let nth = member.and_then(|m| {
            let pod = world.pod(&m.pod)?;
            pod.containers.iter().position(|c| Some(&c.name) == m.container.as_ref())
        });
        (member.map(|m| m.pod.clone()), nth, p.born.t, p.id)
    };
    found.sort_by_cached_key(|(p, _)| order(p));
    found.into_iter().map(|(_, lane)| lane).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Delta, Member, Parent, Stamp};

    const S: u64 = 1_000_000_000;

    fn at(seconds: u64) -> MonoNs {
        MonoNs(seconds * S)
    }

    #[test]
    fn bars_of_living_processes_end_now() {
        let lane = |exit, reap| Lane { id: ProcId { pid: 1, start: 1 }, born: at(1), exit, reap };
        let (living, zombie, gone) = (lane(None, None), lane(Some(at(2)), None), lane(Some(at(2)), Some(at(3))));
        assert_eq!((living.life(at(9)), living.zombie(at(9))), ((at(1), at(9)), None));
        assert_eq!((zombie.life(at(9)), zombie.zombie(at(9))), ((at(1), at(2)), Some((at(2), at(9)))));
        assert_eq!((gone.life(at(9)), gone.zombie(at(9))), ((at(1), at(2)), Some((at(2), at(3)))));
    }

    /// Twenty processes of one pod: number `n` lives from `n` to `n` + 3 seconds, the last two live on.
    fn world() -> World {
        let mut world = World::default();
        for n in 0..20 {
            let id = ProcId { pid: 100 + n, start: 0 };
            let stamp = |s| Stamp::connector(at(u64::from(n) + s));
            world.apply(&Delta::Born { id, parent: Parent::Outside, at: stamp(0) });
            world.apply(&Delta::Joined { id, member: Member::pause(&PodUid("u".into())), at: stamp(0) });
            if n < 18 {
                world.apply(&Delta::Reaped { id, by: Parent::Outside, at: stamp(3) });
            }
        }
        world
    }

    #[test]
    fn lanes_stay_until_another_one_begins_or_ends_in_the_span() {
        let world = world();
        let quarter = |n: u64| MonoNs(n * S / 4);
        for made_from in (0..100).step_by(3) {
            for span in [1, 9, 40] {
                let lanes = Lanes::of(&world, None, quarter(made_from), quarter(made_from + span));
                for (from, to) in (0..100).flat_map(|from| [1, 8, 9, 10, 40].map(|span| (from, from + span))) {
                    let other = Lanes::of(&world, None, quarter(from), quarter(to));
                    let is_same = lanes.all == other.all;
                    assert_eq!(lanes.are_of(quarter(from), quarter(to)), is_same, "{made_from} {span}: {from} {to}");
                }
            }
        }
    }
}
