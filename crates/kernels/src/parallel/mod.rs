//! How work is shared among threads. What is cut, and where, depends on lengths alone.

mod team;

use std::{
    cell::RefCell,
    ops::Range,
    sync::{Arc, Mutex},
};

use rayon::prelude::*;

use team::Team;

/// Values of a chunk. A shorter slice does not pay for the way to another thread.
pub(crate) const CHUNK: usize = 1 << 14;

/// Whom the kernels that this thread calls share their work with.
#[derive(Clone, Default)]
enum Mode {
    /// The rayon pool, whose threads may have to wake up first.
    #[default]
    Pool,
    /// Nobody.
    Alone,
    /// Threads that stand ready.
    Team(Arc<Team>),
}

thread_local! {
    static MODE: RefCell<Mode> = const { RefCell::new(Mode::Pool) };
}

/// Runs `work`, whose kernels stay on this thread: for whoever shares out larger pieces himself.
pub fn alone<T>(work: impl FnOnce() -> T) -> T {
    within(Mode::Alone, work)
}

/// Runs `work`, for whose kernels the other threads of the pool stand ready: for many short steps one after
/// the other. The threads are busy all the time, so this is for work that has the machine to itself.
pub fn together<T>(work: impl FnOnce() -> T) -> T {
    let n_helpers = rayon::current_num_threads() - 1;
    if n_helpers == 0 || !MODE.with_borrow(|mode| matches!(mode, Mode::Pool)) {
        return work();
    }
    struct Dismiss(Arc<Team>);
    impl Drop for Dismiss {
        fn drop(&mut self) {
            self.0.dismiss();
        }
    }
    let team = Dismiss(Team::call(n_helpers));
    within(Mode::Team(team.0.clone()), work)
}

/// Runs `work` in a mode, and restores the old one even if it panics.
fn within<T>(mode: Mode, work: impl FnOnce() -> T) -> T {
    struct Restore(Mode);
    impl Drop for Restore {
        fn drop(&mut self) {
            MODE.set(std::mem::take(&mut self.0));
        }
    }
    let _restore = Restore(MODE.replace(mode));
    work()
}

/// How many threads share the work of this one.
pub(crate) fn threads() -> usize {
    if MODE.with_borrow(|mode| matches!(mode, Mode::Alone)) { 1 } else { rayon::current_num_threads() }
}

/// Runs the pieces `0..n` of some work; a single one stays on this thread.
pub(crate) fn run(n: usize, work: impl Fn(usize) + Sync) {
    if n <= 1 {
        return (0..n).for_each(work);
    }
    match MODE.with_borrow(Mode::clone) {
        Mode::Alone => (0..n).for_each(work),
        Mode::Pool => (0..n).into_par_iter().with_max_len(1).for_each(|piece| alone(|| work(piece))),
        Mode::Team(team) => alone(|| team.run(n, &work)),
    }
}

/// Runs `work` on each task; a single one stays on this thread.
pub(crate) fn for_each<T: Send>(tasks: Vec<T>, work: impl Fn(T) + Sync) {
    if tasks.len() == 1 || threads() == 1 {
        return tasks.into_iter().for_each(work);
    }
    let tasks: Vec<Mutex<Option<T>>> = tasks.into_iter().map(|task| Mutex::new(Some(task))).collect();
    run(tasks.len(), |idx| {
        let task = tasks[idx].lock().expect("nothing panics while it is held").take();
        work(task.expect("each task is taken once"));
    });
}

/// Runs `work` on each chunk, with the range that it has in the slice.
pub(crate) fn chunks(x: &mut [f32], work: impl Fn(Range<usize>, &mut [f32]) + Sync) {
    if x.len() <= CHUNK {
        return work(0..x.len(), x);
    }
    let chunks: Vec<(usize, &mut [f32])> = x.chunks_mut(CHUNK).enumerate().collect();
    for_each(chunks, |(i, x)| work(i * CHUNK..i * CHUNK + x.len(), x));
}

/// How many rows make a chunk.
pub(crate) fn rows_per_chunk(cols: usize) -> usize {
    (CHUNK / cols.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_mode_does_all_the_work() {
        let sum = || {
            let sum = AtomicUsize::new(0);
            for_each((0..1000).collect(), |x: usize| {
                sum.fetch_add(x, Ordering::Relaxed);
            });
            sum.into_inner()
        };
        assert_eq!([sum(), alone(sum), together(sum), together(|| alone(sum))], [499_500; 4]);
    }

    #[test]
    fn a_mode_ends_with_its_work() {
        let panics = std::panic::catch_unwind(|| alone(|| panic!("on purpose")));
        assert!(panics.is_err());
        assert_eq!(threads(), rayon::current_num_threads());
    }
}
