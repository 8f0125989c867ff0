//! Matches pause's records with processes. pause knows a child only by the pid inside the pod.

use std::collections::BTreeMap;

use super::{GRACE_NS, Kernel, MAX_RECORDS, PATIENCE_NS, Reconciler};
use crate::model::{Delta, MonoNs, Parent, ProcId, Source, Stamp, WaitStatus};

/// One reap as pause reported it.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    pub pause: ProcId,
    pub pid: u32,
    pub status: WaitStatus,
    pub at: MonoNs,
    /// All events before it have come, so a match with a predicted pid is reliable.
    pub has_all_events: bool,
}

impl Reconciler {
    pub(super) fn add_record(&mut self, record: Record) {
        if self.records.len() < MAX_RECORDS {
            self.records.push(record);
        } else {
            self.refused_records += 1;
            self.record_is_missing();
        }
    }

    /// A record is missing, and it is not known of which pause: that a process has no record no longer tells who
    /// reaped it.
    pub(super) fn record_is_missing(&mut self) {
        self.unsure.clear();
    }

    /// Finds the processes that pause's records mean. A record waits for events that happened before it in the kernel
    /// but arrive here after it.
    pub(super) fn match_records(&mut self, kernel: &mut impl Kernel) {
        if self.records.is_empty() {
            return;
        }
        let now = kernel.now();
        let mut unmatched = std::mem::take(&mut self.refused_records);
        let mut until: BTreeMap<ProcId, MonoNs> = BTreeMap::new();
        for mut record in std::mem::take(&mut self.records) {
            record.has_all_events |= now >= record.at.plus(GRACE_NS);
            if let Some(id) = self.find_process(&record) {
                self.apply_record(kernel, &record, id);
                let latest = until.entry(record.pause).or_default();
                *latest = record.at.max(*latest);
            } else if now < record.at.plus(PATIENCE_NS) {
                self.records.push(record);
            } else {
                unmatched += 1;
                self.keep_reapers_unknown(record.pause);
            }
        }
        for (pause, at) in until {
            if self.records.iter().all(|r| r.pause != pause) {
                self.attribute_to_parents(pause, at);
            }
        }
        if unmatched > 0 {
            let at = Stamp::by_then(now, Source::Pause);
            self.out.push(Delta::Lost { source: Source::Pause, count: Some(unmatched), at });
        }
    }

    fn find_process(&self, record: &Record) -> Option<ProcId> {
        let pid_namespace = self.pid_namespaces.get(&record.pause)?;
        let read = pid_namespace.process_with(record.pid);
        if let Some(id) = read
            && (self.matches_record(id, record) || self.entries.get(&id).is_some_and(|e| e.exit.is_none()))
        {
            // certain, as soon as its exit is reported
            return self.matches_record(id, record).then_some(id);
        }
        // a predicted pid must also have the same status
        pid_namespace.candidates(record.pid).find(|id| record.has_all_events && self.matches_record(*id, record))
    }

    fn matches_record(&self, id: ProcId, record: &Record) -> bool {
        let Some(entry) = self.entries.get(&id).filter(|e| e.init == Some(record.pause)) else { return false };
        let exact = entry.exact_pid_inside && entry.pid_inside == Some(record.pid);
        let by_pause = match entry.reaped.or(entry.gone.and_then(|g| g.by)) {
            // pause reports each reap once
            Some(_) if entry.gone.is_some_and(|g| g.at.source == Source::Pause) => false,
            Some(by) => by == Parent::Unknown || by == Parent::Process(record.pause),
            None => true,
        };
        let could = match entry.parent {
            Parent::Process(p) if p == record.pause => true,
            // the parent died, and pause adopted its children
            Parent::Process(p) => self.entries.get(&p).is_none_or(|e| e.exit.is_some()) || exact,
            Parent::Outside | Parent::Unknown => true,
        };
        match entry.exit {
            Some((at, status)) => {
                by_pause
                    && could
                    && (exact || status == Some(record.status))
                    // the kernel reports the exit shortly after the parent may reap
                    && at.t <= record.at.plus(PATIENCE_NS)
            }
            // its exit is still to be reported
            None => exact && by_pause && !self.connector,
        }
    }

    fn apply_record(&mut self, kernel: &mut impl Kernel, record: &Record, id: ProcId) {
        let at = Stamp::prompt(record.at, Source::Pause);
        self.ended(kernel, id, Some(record.status), at, None);
        self.reparented(id, Parent::Process(record.pause), Stamp::by_then(record.at, Source::Pause));
        if let Some(entry) = self.entries.get_mut(&id) {
            if let (Some(inner), Some(pid_namespace)) = (entry.pid_inside, self.pid_namespaces.get_mut(&record.pause)) {
                pid_namespace.remove_predicted(inner, id);
            }
            entry.pid_inside = Some(record.pid);
        }
        if self.entries.get(&id).is_some_and(super::Entry::is_unreaped) {
            self.vanished(id, at, Some(Parent::Process(record.pause)));
        } else {
            self.reap_refined(id, Parent::Process(record.pause), at);
        }
    }

    /// A record of this pause is missing. It may have been of any process whose reaper is unsure, so their reapers stay
    /// unknown.
    fn keep_reapers_unknown(&mut self, pause: ProcId) {
        let init = |id: &ProcId| self.entries.get(id).and_then(|e| e.init);
        self.unsure = self.unsure.iter().copied().filter(|id| init(id) != Some(pause)).collect();
    }

    pub(super) fn pause_dropped(&mut self, pause: ProcId, count: u32, at: MonoNs) {
        self.keep_reapers_unknown(pause);
        let at = Stamp::prompt(at, Source::Pause);
        self.out.push(Delta::Lost { source: Source::Pause, count: Some(u64::from(count)), at });
    }
}
