//! Disjoint sets of containers.

/// Each container with those of its pod.
pub struct Groups {
    parent: Vec<usize>,
    /// The engine's own key of the pod, at the root of each set.
    key: Vec<Option<String>>,
}

impl Groups {
    /// Each container alone, with the key of its pod if its engine has one.
    pub fn new(key: Vec<Option<String>>) -> Self {
        Self { parent: (0..key.len()).collect(), key }
    }

    pub fn of(&mut self, i: usize) -> usize {
        let mut root = i;
        while self.parent[root] != root {
            root = self.parent[root];
        }
        let mut at = i;
        while self.parent[at] != root {
            at = std::mem::replace(&mut self.parent[at], root);
        }
        root
    }

    /// Joins two sets that the engine has named alike.
    pub fn join_surely(&mut self, a: usize, b: usize) {
        let (a, b) = (self.of(a), self.of(b));
        if a != b {
            self.parent[b] = a;
            self.key[a] = self.key[a].take().or_else(|| self.key[b].take());
        }
    }

    /// Joins two sets that share something, unless the engine says that they are two pods.
    pub fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.of(a), self.of(b));
        let are_two = self.key[a].is_some() && self.key[b].is_some() && self.key[a] != self.key[b];
        if !are_two {
            self.join_surely(a, b);
        }
    }
}
