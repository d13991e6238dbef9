//! How much is on its way: what comes when too much is, is refused at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;

use super::Refused;
use crate::settings::QueueSettings;

/// Counts what is on its way.
pub(super) struct Gate {
    limits: QueueSettings,
    tokens: AtomicUsize,
    texts: AtomicUsize,
    bytes: AtomicUsize,
    // Tokens a second that the worker has lately computed.
    speed: AtomicU64,
    // Shows `tokens`.
    gauge: Gauge,
}

/// The permission to be on the way; given back when it is dropped.
pub(super) struct Ticket {
    gate: Arc<Gate>,
    // Those that are counted.
    tokens: AtomicUsize,
    texts: usize,
    bytes: usize,
}

/// A client is never asked to wait for longer.
const LONGEST_WAIT: f64 = 30.0;

impl Gate {
    /// `gauge` will show how many tokens are on the way.
    pub(super) fn new(limits: QueueSettings, gauge: Gauge) -> Self {
        let (tokens, texts, bytes, speed) = Default::default();
        Self { limits, tokens, texts, bytes, speed, gauge }
    }

    /// How much has to be computed before there is room, if there is none now.
    pub(super) fn is_full(&self) -> Option<Duration> {
        let tokens = self.tokens.load(Relaxed);
        let is_full = tokens >= self.limits.tokens
            || self.texts.load(Relaxed) >= self.limits.texts
            || self.bytes.load(Relaxed) >= self.limits.bytes;
        let seconds = tokens as f64 / (self.speed.load(Relaxed).max(1) as f64);
        is_full.then(|| Duration::from_secs_f64(seconds.ceil().clamp(1.0, LONGEST_WAIT)))
    }

    /// Lets texts in if there is room before them.
    pub(super) fn enter(self: &Arc<Self>, texts: usize, bytes: usize) -> Result<Ticket, Refused> {
        if let Some(wait) = self.is_full() {
            return Err(Refused::Overloaded(wait));
        }
        self.texts.fetch_add(texts, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        Ok(Ticket { gate: Arc::clone(self), tokens: AtomicUsize::new(0), texts, bytes })
    }

    /// Takes note of what the worker has computed.
    pub(super) fn computed(&self, tokens: usize, took: Duration) {
        let now = tokens as f64 / took.as_secs_f64().max(1e-6);
        let before = self.speed.load(Relaxed) as f64;
        let speed = if before == 0.0 { now } else { 0.9 * before + 0.1 * now };
        self.speed.store(speed as u64, Relaxed);
    }

    fn show(&self) {
        self.gauge.set(self.tokens.load(Relaxed) as i64);
    }
}

impl Ticket {
    /// Counts the tokens of the texts, once they are known, if there is room before them.
    ///
    /// No request counts for more than half of the room, so that others get in beside the largest.
    pub(super) fn add_tokens(&self, tokens: usize) -> Result<(), Refused> {
        if self.gate.tokens.load(Relaxed) >= self.gate.limits.tokens {
            let wait = self.gate.is_full().unwrap_or(Duration::from_secs(1));
            return Err(Refused::Overloaded(wait));
        }
        let counted = tokens.min(self.gate.limits.tokens.div_ceil(2));
        self.gate.tokens.fetch_add(counted, Relaxed);
        self.tokens.fetch_add(counted, Relaxed);
        self.gate.show();
        Ok(())
    }

    /// Counts no more tokens than are left to compute.
    pub(super) fn are_left(&self, tokens: usize) {
        let before = self.tokens.fetch_min(tokens, Relaxed);
        self.gate.tokens.fetch_sub(before.saturating_sub(tokens), Relaxed);
        self.gate.show();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.gate.tokens.fetch_sub(*self.tokens.get_mut(), Relaxed);
        self.gate.texts.fetch_sub(self.texts, Relaxed);
        self.gate.bytes.fetch_sub(self.bytes, Relaxed);
        self.gate.show();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_more_is_let_in_while_there_is_room_and_tickets_are_given_back() {
        let limits = QueueSettings { tokens: 10, texts: 3, bytes: 100, requests: 1 };
        let gauge = Gauge::default();
        let gate = Arc::new(Gate::new(limits, gauge.clone()));
        let first = gate.enter(2, 10).unwrap();
        let second = gate.enter(2, 10).unwrap();
        assert!(matches!(gate.enter(1, 1), Err(Refused::Overloaded(_))));
        drop(first);
        let third = gate.enter(1, 1).unwrap();
        second.add_tokens(8).unwrap();
        third.add_tokens(8).unwrap();
        gate.computed(5, Duration::from_secs(1));
        assert_eq!(gauge.get(), 10, "half of the room each");
        assert_eq!(second.add_tokens(1), Err(Refused::Overloaded(Duration::from_secs(2))));
        drop((second, third));
        assert_eq!((gate.is_full(), gauge.get()), (None, 0));
    }

    #[test]
    fn tokens_are_given_back_as_they_are_computed() {
        let limits = QueueSettings { tokens: 10, texts: 3, bytes: 100, requests: 1 };
        let gauge = Gauge::default();
        let gate = Arc::new(Gate::new(limits, gauge.clone()));
        let ticket = gate.enter(1, 1).unwrap();
        ticket.add_tokens(100).unwrap();
        for (left, counted) in [(90, 5), (4, 4), (0, 0)] {
            ticket.are_left(left);
            assert_eq!(gauge.get(), counted);
        }
        drop(ticket);
        assert_eq!(gauge.get(), 0);
    }
}
