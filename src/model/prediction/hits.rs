//! What a signal does to each process, for a picture of the prediction.

use std::collections::{BTreeMap, BTreeSet};

use super::{Consequence, Effect, Prediction, ZombieFate};
use crate::model::{NsId, ProcId};

/// What happens to one process, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hit {
    /// It ends.
    Ends,
    Stops,
    /// It stops unless its process group is orphaned.
    MayStop,
    Continues,
    /// It gets the signal, and decides or may decide what to do.
    Receives,
    /// The signal stays pending.
    Waits,
    /// The signal does nothing.
    Nothing,
    /// It is a zombie that is reaped because its parent ends.
    Reaped,
    /// Its parent ends, so it gets another one.
    Adopted,
}

/// All processes that a signal has an effect on, and the namespaces that no process is in afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    pub processes: BTreeMap<ProcId, Hit>,
    pub released: BTreeSet<NsId>,
}

impl Hits {
    pub fn of(prediction: &Prediction) -> Self {
        let on_target = match prediction.effect {
            Effect::Ends(_) => Hit::Ends,
            Effect::Stops => Hit::Stops,
            Effect::MayStop => Hit::MayStop,
            Effect::Continues => Hit::Continues,
            Effect::Handled | Effect::Readable | Effect::Awaited => Hit::Receives,
            Effect::Pending => Hit::Waits,
            Effect::Nothing => Hit::Nothing,
        };
        let mut processes = BTreeMap::new();
        for consequence in &prediction.consequences {
            let (children, hit) = match consequence {
                Consequence::Orphans { processes, .. } => (processes, Hit::Adopted),
                Consequence::ZombieChildren { processes, fate } => (processes, on_zombie(*fate)),
                _ => continue,
            };
            processes.extend(children.iter().map(|id| (*id, hit)));
        }
        processes.extend(prediction.also_end.iter().map(|id| (*id, Hit::Ends)));
        processes.insert(prediction.target, on_target);
        Self { processes, released: prediction.released.clone() }
    }

    pub fn on(&self, id: ProcId) -> Option<Hit> {
        self.processes.get(&id).copied()
    }

    /// The worst that happens to one of these, and to how many of them.
    pub fn among<'a>(&self, ids: impl IntoIterator<Item = &'a ProcId>) -> Option<(Hit, usize)> {
        let hits: Vec<Hit> = ids.into_iter().filter_map(|id| self.on(*id)).collect();
        let worst = hits.iter().copied().min()?;
        Some((worst, hits.into_iter().filter(|hit| *hit == worst).count()))
    }
}

/// What happens to a zombie whose parent ends.
const fn on_zombie(fate: ZombieFate) -> Hit {
    match fate {
        ZombieFate::ReapedWithNamespace | ZombieFate::Reaped(_) | ZombieFate::ReapedByKernel(_) => Hit::Reaped,
        ZombieFate::NeverReaped(_) | ZombieFate::Adopted(_) | ZombieFate::Unknown => Hit::Adopted,
    }
}
