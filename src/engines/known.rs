//! What the engines have told so far.

use std::collections::{BTreeMap, HashMap};

use super::values::{ListedContainer, Note, Report, Socket};

/// The last answer of each engine.
///
/// If an engine stops answering, what it told before stays: an id has one name for ever. But its states may be old then.
#[derive(Clone, Debug, Default)]
pub struct Known {
    answers: BTreeMap<Socket, Answer>,
    /// By container id: the socket and the place in its answer.
    by_id: HashMap<String, (Socket, usize)>,
}

#[derive(Clone, Debug, Default)]
struct Answer {
    containers: Vec<ListedContainer>,
    /// Why the last question was not answered.
    note: Option<Note>,
}

impl Known {
    pub fn apply(&mut self, report: Report) {
        let answer = self.answers.entry(report.socket).or_default();
        match report.answer {
            Ok(containers) => *answer = Answer { containers, note: None },
            Err(note) => answer.note = Some(note),
        }
        self.by_id.clear();
        // two sockets may lead to the same engine; the first one that answers wins
        let mut answers: Vec<_> = self.answers.iter().collect();
        answers.sort_by_key(|(_, answer)| answer.note.is_some());
        for (socket, answer) in answers {
            for (at, container) in answer.containers.iter().enumerate() {
                self.by_id.entry(container.id.clone()).or_insert_with(|| (socket.clone(), at));
            }
        }
    }

    pub fn container(&self, id: &str) -> Option<&ListedContainer> {
        let (socket, at) = self.by_id.get(id)?;
        self.answers.get(socket)?.containers.get(*at)
    }

    /// The containers of engines that answered the last question.
    pub fn current(&self) -> impl Iterator<Item = &ListedContainer> {
        let current = self.answers.iter().filter(|(_, answer)| answer.note.is_none());
        current.flat_map(move |(socket, answer)| {
            let is_first = move |(at, c): &(usize, &ListedContainer)| {
                self.by_id.get(&c.id).is_some_and(|(other, place)| other == socket && place == at)
            };
            answer.containers.iter().enumerate().filter(is_first).map(|(_, container)| container)
        })
    }

    /// The engines that did not answer the last question, and why.
    pub fn notes(&self) -> impl Iterator<Item = (&Socket, &Note)> {
        self.answers.iter().filter_map(|(socket, answer)| Some((socket, answer.note.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::values::{ContainerStatus, Protocol};
    use crate::model::Runtime;

    fn listed(id: &str) -> ListedContainer {
        ListedContainer {
            runtime: Runtime::Docker,
            id: id.to_owned(),
            name: Some(format!("name of {id}")),
            image: None,
            status: ContainerStatus::Running,
            is_sandbox: false,
            pod: None,
            joins: None,
        }
    }

    #[test]
    fn names_outlive_their_engine_but_are_not_current_then() {
        let socket = |path: &str| Socket { protocol: Protocol::Docker, path: path.into() };
        let mut known = Known::default();
        known.apply(Report { socket: socket("/a"), answer: Ok(vec![listed("1"), listed("2")]) });
        known.apply(Report { socket: socket("/b"), answer: Ok(vec![listed("2"), listed("3")]) });
        let current = |known: &Known| known.current().map(|c| c.id.clone()).collect::<Vec<_>>();
        assert_eq!(current(&known), ["1", "2", "3"], "each once");
        known.apply(Report { socket: socket("/a"), answer: Err(Note::TimedOut) });
        assert_eq!(current(&known), ["2", "3"]);
        assert_eq!(known.container("1").and_then(|c| c.name.as_deref()), Some("name of 1"));
        assert_eq!(known.notes().collect::<Vec<_>>(), [(&socket("/a"), &Note::TimedOut)]);
        known.apply(Report { socket: socket("/a"), answer: Ok(vec![listed("1")]) });
        assert_eq!(current(&known), ["1", "2", "3"]);
        assert_eq!(known.notes().count(), 0);
    }
}
