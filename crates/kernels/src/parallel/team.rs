//! Threads that stand ready: work is shared among them within a fraction of a microsecond.
//!
//! A thread pool puts idle threads to sleep, and waking one costs tens of microseconds, which is what a whole
//! layer of a short text takes. The helpers of a team watch a counter instead. They are tasks of the rayon
//! pool, so that there are never more threads than the pool has; a helper that comes late, or never because
//! the pool is busy, is not waited for.

use std::{
    any::Any,
    cell::UnsafeCell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

/// A thread and its helpers.
pub(super) struct Team {
    // Odd while there is work that helpers may join, `OVER` at the end.
    round: AtomicUsize,
    // Helpers that may be about to read `work`.
    inside: AtomicUsize,
    // The next piece that nobody has taken.
    next: AtomicUsize,
    // Invariant: written only by the owner, only while `round` is even and `inside` is 0.
    work: UnsafeCell<Work>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// Work in numbered pieces. The function lives at least until the round ends.
#[derive(Clone, Copy)]
struct Work {
    run: *const (dyn Fn(usize) + Sync),
    n: usize,
}

// SAFETY: `work` is written only while no helper reads it (its invariant), and the function it points to is Sync.
unsafe impl Sync for Team {}
// SAFETY: nothing in a team belongs to one thread; the function that `work` points to is Sync.
unsafe impl Send for Team {}

const OVER: usize = usize::MAX;
/// Looks at the counter before a helper offers its core to others.
const SPINS: usize = 1 << 12;

impl Team {
    /// A team whose helpers are called from the current pool.
    pub(super) fn call(n_helpers: usize) -> Arc<Self> {
        fn nothing(_: usize) {}
        let work = UnsafeCell::new(Work { run: &nothing, n: 0 });
        let (round, inside, next) = Default::default();
        let team = Arc::new(Self { round, inside, next, work, panic: Mutex::new(None) });
        for _ in 0..n_helpers {
            let team = team.clone();
            rayon::spawn(move || super::alone(|| team.help()));
        }
        team
    }

    /// Lets the helpers go.
    pub(super) fn dismiss(&self) {
        self.round.store(OVER, SeqCst);
    }

    /// Runs the pieces `0..n`, each once, and returns when all are done. Only the team's owner may call this,
    /// and not from within a piece.
    pub(super) fn run(&self, n: usize, work: &(dyn Fn(usize) + Sync)) {
        let round = self.round.load(SeqCst);
        assert!(round.is_multiple_of(2), "a team has one work at a time");
        self.next.store(0, SeqCst);
        // SAFETY: the trait object's lifetime is only forgotten. Helpers read it between entering and leaving,
        // and this function does not end before the round is closed and all have left.
        let run: *const (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(std::ptr::from_ref(work)) };
        // SAFETY: the round is even and the last `run` waited until nobody was inside (the invariant of `work`).
        unsafe { *self.work.get() = Work { run, n } };
        self.round.store(round + 1, SeqCst);
        let own = catch_unwind(AssertUnwindSafe(|| self.take_pieces(n, work)));
        if own.is_err() {
            self.next.store(n, SeqCst);
        }
        self.round.store(round + 2, SeqCst);
        // A helper that entered before the round closed is seen here; one that comes later sees that it closed.
        while self.inside.load(SeqCst) != 0 {
            std::hint::spin_loop();
        }
        let theirs = self.panic.lock().expect("nothing panics while it is held").take();
        if let Some(panic) = own.err().or(theirs) {
            resume_unwind(panic);
        }
    }

    fn take_pieces(&self, n: usize, work: &(dyn Fn(usize) + Sync)) {
        loop {
            let piece = self.next.fetch_add(1, SeqCst);
            if piece >= n {
                return;
            }
            work(piece);
        }
    }

    /// Takes part in each round until the team is dismissed.
    fn help(&self) {
        let (mut seen, mut spins) = (0, 0);
        loop {
            let round = self.round.load(SeqCst);
            if round == OVER {
                return;
            }
            if round == seen || round.is_multiple_of(2) {
                spins += 1;
                if spins < SPINS {
                    std::hint::spin_loop()
                } else {
                    std::thread::yield_now()
                }
                continue;
            }
            (seen, spins) = (round, 0);
            self.inside.fetch_add(1, SeqCst);
            if self.round.load(SeqCst) == round {
                // SAFETY: this helper is inside an open round, so the owner neither writes `work` nor lets go
                // of the function before this helper has left.
                let (work, n) = unsafe {
                    let work = *self.work.get();
                    (&*work.run, work.n)
                };
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.take_pieces(n, work))) {
                    self.next.store(n, SeqCst);
                    *self.panic.lock().expect("nothing panics while it is held") = Some(panic);
                }
            }
            self.inside.fetch_sub(1, SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_done_once_in_every_round() {
        let team = Team::call(3);
        for n in (0..200).chain([0, 1, 10_000]) {
            let counts: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
            team.run(n, &|piece| {
                counts[piece].fetch_add(1, SeqCst);
            });
            assert!(counts.iter().all(|count| count.load(SeqCst) == 1), "{n} pieces");
        }
        team.dismiss();
    }

    #[test]
    fn a_panic_of_a_piece_reaches_the_owner_and_the_team_goes_on() {
        let team = Team::call(2);
        for _ in 0..50 {
            let failed = catch_unwind(AssertUnwindSafe(|| {
                team.run(64, &|piece| assert!(piece != 17, "piece 17"));
            }));
            assert!(failed.is_err());
            let done = AtomicUsize::new(0);
            team.run(64, &|_| {
                done.fetch_add(1, SeqCst);
            });
            assert_eq!(done.load(SeqCst), 64);
        }
        team.dismiss();
    }
}
