//! Questions that wait for a pass: first come, first served, and no more than a batch's worth at a turn.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;
use umbel::model::{Questions, Raw};

use super::gate::Ticket;
use super::{Refused, Served};

/// Questions that wait for a pass.
pub(super) struct Queue {
    budget: usize,
    inner: Mutex<Inner>,
    came: Condvar,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<Waiting>,
    is_closed: bool,
}

/// Questions of one job, of which a part may have been computed.
pub(super) struct Waiting {
    pub(super) served: Arc<Served>,
    pub(super) questions: Arc<Questions>,
    pub(super) since: Instant,
    deadline: Instant,
    // What was computed so far, of as many texts.
    raw: Vec<Raw>,
    reply: oneshot::Sender<Result<Vec<Raw>, Refused>>,
    ticket: Ticket,
}

/// A job's part in a batch: which of its texts.
pub(super) struct Part {
    pub(super) waiting: Waiting,
    pub(super) texts: Range<usize>,
}

impl Waiting {
    pub(super) fn new(
        served: Arc<Served>,
        questions: Arc<Questions>,
        reply: oneshot::Sender<Result<Vec<Raw>, Refused>>,
        deadline: Instant,
        ticket: Ticket,
    ) -> Self {
        Self { served, questions, since: Instant::now(), deadline, raw: Vec::new(), reply, ticket }
    }

    /// True if it has not been in any pass.
    pub(super) fn is_new(&self) -> bool {
        self.raw.is_empty()
    }

    /// Answers that there is no answer.
    pub(super) fn refuse(self, why: Refused) {
        let _ = self.reply.send(Err(why)); // Who does not listen any more has hung up.
    }

    /// Drops what nobody waits for any more.
    fn still_wanted(self) -> Option<Self> {
        if self.reply.is_closed() {
            return None;
        }
        if Instant::now() >= self.deadline {
            self.refuse(Refused::Late);
            return None;
        }
        Some(self)
    }

    /// How many of its next texts fit into so many tokens; at least one if nothing else is in the batch.
    fn fitting(&self, room: usize, is_first: bool) -> Range<usize> {
        let start = self.raw.len();
        let mut used = 0;
        let fits = |text: &usize| {
            used += self.questions.n_read(*text);
            used <= room || (is_first && *text == start)
        };
        start..start + (start..self.questions.len()).take_while(fits).count()
    }
}

impl Part {
    /// Tokens of its texts.
    pub(super) fn n_tokens(&self) -> usize {
        self.texts.clone().map(|text| self.waiting.questions.n_read(text)).sum()
    }

    /// Takes what was computed, and answers if that is all; gives itself back if not.
    pub(super) fn computed(self, raw: Vec<Raw>) -> Option<Waiting> {
        let mut waiting = self.waiting;
        waiting.raw.extend(raw);
        if waiting.raw.len() < waiting.questions.len() {
            let left = waiting.raw.len()..waiting.questions.len();
            waiting.ticket.are_left(left.map(|text| waiting.questions.n_read(text)).sum());
            return Some(waiting);
        }
        drop(waiting.ticket);
        let _ = waiting.reply.send(Ok(waiting.raw)); // Who does not listen any more has hung up.
        None
    }
}

impl Queue {
    pub(super) fn new(budget: usize) -> Self {
        Self { budget, inner: Mutex::default(), came: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts questions at the end.
    pub(super) fn push(&self, waiting: Waiting) -> Result<(), Refused> {
        let mut inner = self.lock();
        if inner.is_closed {
            return Err(Refused::Ending);
        }
        inner.waiting.push_back(waiting);
        drop(inner);
        self.came.notify_one();
        Ok(())
    }

    /// Puts questions that are not done at the end again, so that a long request does not hold up the short ones.
    pub(super) fn push_rest(&self, unfinished: Vec<Waiting>) {
        self.lock().waiting.extend(unfinished);
    }

    /// The next batch: the first questions that wait, and what fits beside them of those behind that ask the same
    /// model, in the order in which they came. Waits until there is something; `None` when there never will be.
    pub(super) fn take(&self) -> Option<Vec<Part>> {
        let mut inner = self.lock();
        loop {
            let parts = self.gather(&mut inner);
            if !parts.is_empty() {
                return Some(parts);
            }
            if inner.is_closed {
                return None;
            }
            inner = self.came.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn gather(&self, inner: &mut Inner) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        let mut passed_over = VecDeque::new();
        let mut room = self.budget;
        while let Some(waiting) = inner.waiting.pop_front() {
            let Some(waiting) = waiting.still_wanted() else { continue };
            let is_alike =
                parts.first().is_none_or(|first| Arc::ptr_eq(&first.waiting.served, &waiting.served));
            if !is_alike {
                passed_over.push_back(waiting);
                continue;
            }
            let texts = waiting.fitting(room, parts.is_empty());
            let is_whole = texts.end == waiting.questions.len();
            if texts.is_empty() {
                passed_over.push_back(waiting);
                break;
            }
            let part = Part { waiting, texts };
            room = room.saturating_sub(part.n_tokens());
            parts.push(part);
            if !is_whole || room == 0 {
                break;
            }
        }
        passed_over.append(&mut inner.waiting);
        inner.waiting = passed_over;
        parts
    }

    /// Takes nothing new; what waits is still given out.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.came.notify_all();
    }
}
