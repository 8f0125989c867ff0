//! The pods that are marked in the list, to be deleted together.

use std::collections::BTreeSet;

use crate::model::PodUid;

/// How a pod of the list was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A click, or Enter.
    Alone,
    /// With Ctrl: marks it, or unmarks it.
    Toggle,
    /// With Shift: marks all from the last one to this one.
    Range,
}

#[derive(Clone, Debug, Default)]
pub struct Marks {
    marked: BTreeSet<PodUid>,
    /// The pod that a range begins with.
    anchor: Option<PodUid>,
}

impl Marks {
    /// A pod was chosen. `order` are the pods that can be marked, as they are listed; `selected` is the selected pod,
    /// which is marked with the first other one.
    pub fn choose(&mut self, order: &[PodUid], selected: Option<&PodUid>, pod: &PodUid, choice: Choice) {
        let anchor = self.anchor.as_ref().filter(|uid| order.contains(uid)).or(selected).cloned();
        match choice {
            _ if !order.contains(pod) => {}
            Choice::Alone => {
                self.marked.clear();
                self.anchor = Some(pod.clone());
            }
            Choice::Toggle => {
                if self.marked.is_empty() {
                    self.marked.extend(anchor.filter(|uid| uid != pod && order.contains(uid)));
                }
                if !self.marked.remove(pod) {
                    self.marked.insert(pod.clone());
                }
                self.anchor = Some(pod.clone());
            }
            Choice::Range => {
                let place = |uid: &PodUid| order.iter().position(|other| other == uid);
                let to = place(pod).unwrap_or(0);
                let from = anchor.as_ref().and_then(place).unwrap_or(to);
                self.marked = order[from.min(to)..=from.max(to)].iter().cloned().collect();
                self.anchor = anchor.or_else(|| Some(pod.clone()));
            }
        }
    }

    pub fn mark_all(&mut self, order: &[PodUid]) {
        self.marked = order.iter().cloned().collect();
    }

    pub fn clear(&mut self) {
        self.marked.clear();
    }

    pub fn contains(&self, pod: &PodUid) -> bool {
        self.marked.contains(pod)
    }

    /// The marked pods that are still there, in the order of the list.
    pub fn list(&self, order: &[PodUid]) -> Vec<PodUid> {
        order.iter().filter(|uid| self.marked.contains(uid)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, Marks};
    use crate::model::PodUid;

    fn uid(n: u32) -> PodUid {
        PodUid(n.to_string())
    }

    fn order() -> Vec<PodUid> {
        (0..6).map(uid).collect()
    }

    fn marked(marks: &Marks) -> String {
        marks.list(&order()).iter().map(|uid| uid.0.as_str()).collect()
    }

    #[test]
    fn ctrl_marks_one_more_and_shift_marks_all_between() {
        use Choice::{Alone, Range, Toggle};
        let table: [(&[(u32, Choice)], &str); 9] = [
            (&[(1, Alone)], ""),
            (&[(1, Alone), (3, Toggle)], "13"),
            (&[(1, Alone), (3, Toggle), (1, Toggle)], "3"),
            (&[(1, Alone), (4, Range)], "1234"),
            (&[(4, Alone), (2, Range)], "234"),
            (&[(4, Alone), (2, Range), (5, Range)], "45"),
            (&[(1, Toggle), (3, Range)], "123"),
            (&[(1, Alone), (4, Range), (0, Alone)], ""),
            (&[(2, Alone), (2, Toggle)], "2"),
        ];
        for (steps, expected) in table {
            let mut marks = Marks::default();
            for (pod, choice) in steps {
                marks.choose(&order(), None, &uid(*pod), *choice);
            }
            assert_eq!(marked(&marks), expected, "{steps:?}");
        }
    }

    #[test]
    fn the_selected_pod_is_marked_with_the_first_other_one() {
        let mut marks = Marks::default();
        marks.choose(&order(), Some(&uid(2)), &uid(4), Choice::Toggle);
        assert_eq!(marked(&marks), "24");
        let mut marks = Marks::default();
        marks.choose(&order(), Some(&uid(9)), &uid(4), Choice::Toggle);
        assert_eq!(marked(&marks), "4", "a pod that cannot be deleted is not marked");
    }

    #[test]
    fn pods_that_are_gone_are_not_listed() {
        let mut marks = Marks::default();
        marks.mark_all(&order());
        assert_eq!(marked(&marks), "012345");
        assert_eq!(marks.list(&[uid(3), uid(9)]), [uid(3)]);
        marks.choose(&order(), None, &uid(9), Choice::Toggle);
        assert_eq!(marked(&marks), "012345", "it is not in the list");
        marks.clear();
        assert_eq!(marked(&marks), "");
    }
}
