//! View models: what a view needs from the World, computed once and kept until something that it depends on changes.
//!
//! A frame may come for many reasons: the pointer moves, the clock shows the next second, a pill fades. So a view that
//! looks at many processes, events or pods keeps what it has found in a [`Memo`]. The key holds everything that the
//! value depends on: the [version](super::WorldVersion) of the World, and the view's own inputs, such as the selection
//! or a filter. Ages and positions on screen do not belong in the value, since they change with every frame.
//!
//! What a view computes for what is on screen only, such as the texts of a visible row, needs no memo.

#[cfg(test)]
thread_local! {
    /// How many values were computed in this thread.
    static COMPUTED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// The number of values that all memos of this thread have computed since the last call.
#[cfg(test)]
pub fn take_computed() -> u32 {
    COMPUTED.take()
}

/// A value, and the key that it was computed for.
#[derive(Clone, Debug)]
pub struct Memo<K, V> {
    kept: Option<(K, V)>,
}

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self { kept: None }
    }
}

impl<K, V> Memo<K, V> {
    /// The value that was computed last, whatever its key was.
    pub fn last(&self) -> Option<&V> {
        self.kept.as_ref().map(|(_, value)| value)
    }
}

impl<K: PartialEq, V> Memo<K, V> {
    /// The value for this key. It is computed only if the last one was for another key.
    pub fn get(&mut self, key: K, compute: impl FnOnce() -> V) -> &V {
        self.get_while(key, |_| true, compute)
    }

    /// As [`Self::get`], for a value that is valid only for some time: it is also computed if the last one
    /// `is_valid` no longer.
    pub fn get_while(&mut self, key: K, is_valid: impl FnOnce(&V) -> bool, compute: impl FnOnce() -> V) -> &V {
        if !matches!(&self.kept, Some((known, value)) if *known == key && is_valid(value)) {
            self.kept = None;
        }
        let computed = || {
            #[cfg(test)]
            COMPUTED.set(COMPUTED.get() + 1);
            (key, compute())
        };
        &self.kept.get_or_insert_with(computed).1
    }
}

#[cfg(test)]
mod tests {
    use super::Memo;
    use crate::model::MonoNs;
    use crate::ui::WorldVersion;

    #[test]
    fn a_value_is_computed_only_when_its_key_changes() {
        let (live, past) = (WorldVersion::Live, |t| WorldVersion::Past(MonoNs(t), None));
        let table = [
            ((live(1), "web"), true),
            ((live(1), "web"), false),
            ((live(1), "blog"), true),
            ((live(2), "blog"), true),
            ((past(2), "blog"), true),
            ((past(2), "blog"), false),
            ((past(3), "blog"), true),
            // only the last value is kept
            ((live(2), "blog"), true),
        ];
        let mut memo = Memo::default();
        for (nth, (key, is_computed)) in table.into_iter().enumerate() {
            let mut calls = 0;
            let value = memo.get(key, || {
                calls += 1;
                key
            });
            assert_eq!((*value, calls), (key, u32::from(is_computed)), "{nth}");
        }
    }

    #[test]
    fn a_value_that_is_no_longer_valid_is_computed_again() {
        let mut memo = Memo::default();
        let mut calls = 0;
        for now in 0..30 {
            // valid for ten
            let until = memo.get_while(
                (),
                |until| now < *until,
                || {
                    calls += 1;
                    now + 10
                },
            );
            assert!(now < *until, "{now}");
        }
        assert_eq!(calls, 3);
    }
}
