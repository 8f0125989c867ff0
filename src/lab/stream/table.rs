//! A table of values that epoll identifies by a number.

/// Identifies an entry while it exists: a key left over in a batch of events never refers to a later entry in the same
/// slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    slot: u32,
    generation: u32,
}

impl Key {
    /// Encodes the key together with a number of the caller, below 8.
    pub fn token(self, which: u8) -> u64 {
        (u64::from(self.generation) << 32) | (u64::from(self.slot) << 3) | u64::from(which & 7)
    }

    pub fn of_token(token: u64) -> (Self, u8) {
        (Self { slot: (token as u32) >> 3, generation: (token >> 32) as u32 }, (token & 7) as u8)
    }
}

#[derive(Debug)]
pub struct Table<T> {
    slots: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Table<T> {
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn insert(&mut self, value: T) -> Key {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            self.slots.len() as u32 - 1
        });
        let entry = &mut self.slots[slot as usize];
        entry.0 = entry.0.wrapping_add(1);
        let key = Key { slot, generation: entry.0 };
        entry.1 = Some(value);
        key
    }

    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let (generation, entry) = self.slots.get_mut(key.slot as usize)?;
        if *generation == key.generation { entry.as_mut() } else { None }
    }

    pub fn remove(&mut self, key: Key) -> Option<T> {
        let (generation, entry) = self.slots.get_mut(key.slot as usize)?;
        let gone = if *generation == key.generation { entry.take() } else { None };
        if gone.is_some() {
            self.free.push(key.slot);
        }
        gone
    }

    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.slots.iter().enumerate().filter_map(|(slot, (generation, entry))| {
            Some((Key { slot: slot as u32, generation: *generation }, entry.as_ref()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Table};

    #[test]
    fn an_old_key_never_refers_to_a_later_entry() {
        let mut table = Table::default();
        let a = table.insert('a');
        assert_eq!(Key::of_token(a.token(5)), (a, 5));
        assert_eq!(table.remove(a), Some('a'));
        let b = table.insert('b');
        assert_ne!(a, b);
        assert_eq!(table.get_mut(a), None);
        assert_eq!(table.remove(a), None);
        assert_eq!(table.get_mut(b), Some(&mut 'b'));
        assert_eq!((table.len(), table.iter().count()), (1, 1));
    }
}
