//! Finds the first free row quickly, also among thousands: a storm of forks has a row for each process that still fades.

/// Until when each row is occupied, as a tree of minima: the root has the least value of all rows.
#[derive(Debug, Default)]
pub(super) struct FreeRows {
    /// The root is at 1, the children of `n` at `2n` and `2n + 1`, the rows in the second half.
    least: Vec<u64>,
    rows: usize,
}

impl FreeRows {
    /// How many rows there are.
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// The first row from `from` on that is occupied until `at` at the latest.
    pub fn first(&self, from: usize, at: u64) -> Option<usize> {
        self.first_below(1, 0, self.least.len() / 2, from, at)
    }

    /// The same among the rows of a node: `width` rows from `start` on.
    fn first_below(&self, node: usize, start: usize, width: usize, from: usize, at: u64) -> Option<usize> {
        if start + width <= from || start >= self.rows || self.least[node] > at {
            return None;
        }
        if width == 1 {
            return Some(start);
        }
        let half = width / 2;
        self.first_below(2 * node, start, half, from, at)
            .or_else(|| self.first_below(2 * node + 1, start + half, half, from, at))
    }

    /// Occupies a row until this time. Rows before it that are new are free.
    pub fn occupy(&mut self, row: usize, until: u64) {
        if row >= self.rows {
            self.grow(row + 1);
        }
        let mut node = self.least.len() / 2 + row;
        self.least[node] = until;
        while node > 1 {
            node /= 2;
            self.least[node] = self.least[2 * node].min(self.least[2 * node + 1]);
        }
    }

    fn grow(&mut self, rows: usize) {
        self.rows = rows;
        let width = self.least.len() / 2;
        if rows <= width {
            return;
        }
        let wider = rows.next_power_of_two();
        let mut least = vec![0; 2 * wider];
        least[wider..wider + width].copy_from_slice(&self.least[width..]);
        for node in (1..wider).rev() {
            least[node] = least[2 * node].min(least[2 * node + 1]);
        }
        self.least = least;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_free_row_is_that_of_a_search_from_the_start(
            steps in proptest::collection::vec((0..40_usize, 0..9_u64, 0..12_u64), 0..200),
        ) {
            let (mut free, mut plain) = (FreeRows::default(), Vec::<u64>::new());
            for (from, at, until) in steps {
                let at = if at == 8 { u64::MAX } else { at };
                let found = (from..plain.len()).find(|row| plain[*row] <= at);
                prop_assert_eq!(free.first(from, at), found);
                let row = found.unwrap_or_else(|| from.max(plain.len()));
                if plain.len() <= row {
                    plain.resize(row + 1, 0);
                }
                let until = if until == 11 { u64::MAX } else { until };
                plain[row] = until;
                free.occupy(row, until);
                prop_assert_eq!(free.len(), plain.len());
            }
        }
    }
}
