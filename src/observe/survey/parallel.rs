//! Work on many items in several threads.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The kernel's locks of `/proc` gain nothing from more threads.
const MOST: usize = 16;

/// Applies `work` to every item and returns the results, in any order. Each thread has its own `state` and takes the
/// next `chunk` of items when it is done with one.
pub fn map<T: Sync, S, R: Send>(
    items: &[T],
    chunk: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let wanted = thread::available_parallelism().map_or(1, NonZero::get).min(MOST).min(items.len().div_ceil(chunk));
    let next = AtomicUsize::new(0);
    let run = || {
        let mut state = state();
        let mut results = Vec::with_capacity(items.len() / wanted.max(1));
        loop {
            let from = next.fetch_add(chunk, Ordering::Relaxed);
            let Some(rest) = items.get(from..) else { break };
            results.extend(rest.iter().take(chunk).map(|item| work(&mut state, item)));
        }
        results
    };
    thread::scope(|scope| {
        // where no more threads are allowed, fewer do the work
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, run).ok();
        let others: Vec<_> = (1..wanted).map_while(spawn).collect();
        let mut all = run();
        for other in others {
            match other.join() {
                Ok(results) => all.extend(results),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        for len in [0, 1, 31, 32, 33, 1000] {
            let items: Vec<usize> = (0..len).collect();
            let mut results = map(
                &items,
                32,
                || 0,
                |count, item| {
                    *count += 1;
                    *item
                },
            );
            results.sort_unstable();
            assert_eq!(results, items);
        }
    }
}
