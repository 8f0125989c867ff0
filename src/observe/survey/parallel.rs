//! Work on many items in several threads.

use std::num::NonZero;
use std::sync::Mutex;
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
    let wanted = threads(items.len(), chunk);
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

/// How many threads are of use for so many items, if each takes `chunk` of them at once.
pub fn threads(items: usize, chunk: usize) -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(MOST).min(items.div_ceil(chunk))
}

/// Does both at the same time, `first` in a thread of its own if one can be made.
pub fn both<A: Send, B>(first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B) -> (A, B) {
    // without a thread it must still be there
    let first = Mutex::new(Some(first));
    let run = || {
        let first = first.lock().ok()?.take()?;
        Some(first())
    };
    thread::scope(|scope| {
        let other = thread::Builder::new().spawn_scoped(scope, run).ok();
        let second = second();
        let by_other = other.and_then(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        let Some(first) = by_other.or_else(run) else { unreachable!("one of the two runs it") };
        (first, second)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_done() {
        assert_eq!(both(|| 1, || 2), (1, 2));
    }

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
