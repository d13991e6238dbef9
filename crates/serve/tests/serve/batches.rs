//! Batches: how they are put together, what is dropped, and what a panic in one does.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::json;
use tower::ServiceExt;
use umbel::Model;
use umbel::model::{Piece, Raw};
use umbel_serve::engine::{Pass, run_model};

use super::world::{World, post, read, request};

/// Passes that wait until they are let go, and say of what size they were.
#[derive(Default)]
struct Held {
    is_open: Mutex<bool>,
    opened: Condvar,
    sizes: Mutex<Vec<usize>>,
    begun: AtomicUsize,
}

impl Held {
    fn pass(self: &Arc<Self>) -> Pass {
        let held = Arc::clone(self);
        Arc::new(move |model: &Model, pieces: &[Piece<'_>]| {
            held.begun.fetch_add(1, SeqCst);
            held.sizes.lock().unwrap().push(pieces.len());
            let mut is_open = held.is_open.lock().unwrap();
            while !*is_open {
                is_open = held.opened.wait(is_open).unwrap();
            }
            drop(is_open);
            run_model(model, pieces)
        })
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    /// Waits until so many passes have begun.
    async fn begun(&self, n: usize) {
        until(|| self.begun.load(SeqCst) >= n).await;
    }
}

async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to be so");
}

/// The value of a counter or gauge without labels.
fn metric(world: &World, name: &str) -> f64 {
    let text = world.app.metrics.text(world.app.models.all());
    let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or("x 0");
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

fn spawn(world: &World, body: serde_json::Value) -> tokio::task::JoinHandle<(u16, serde_json::Value)> {
    let router = world.router();
    tokio::spawn(async move { post(&router, "/v1/predict", &body).await })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_shares_a_pass_and_a_long_request_takes_turns_with_short_ones() {
    let held = Arc::new(Held::default());
    let world = World::with_pass(&["batch.tokens=12"], held.pass());
    let first = spawn(&world, json!({"texts": "a"}));
    held.begun(1).await;
    let long = spawn(&world, json!({"texts": vec!["a"; 10]}));
    until(|| metric(&world, "umbel_tokenize_duration_seconds_count") >= 2.0).await;
    let short = spawn(&world, json!({"texts": "b"}));
    until(|| metric(&world, "umbel_tokenize_duration_seconds_count") >= 3.0).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    held.open();
    for answer in [first, long, short] {
        assert_eq!(answer.await.unwrap().0, 200);
    }
    // Three tokens a text, so four texts a pass; the short one comes after the first four of the long one.
    assert_eq!(*held.sizes.lock().unwrap(), [1, 4, 4, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once_and_says_for_how_long() {
    let held = Arc::new(Held::default());
    let world = World::with_pass(&["queue.tokens=10"], held.pass());
    // More tokens than half of the room count for half of it.
    let first = spawn(&world, json!({"texts": vec!["a"; 5]}));
    held.begun(1).await;
    let second = spawn(&world, json!({"texts": vec!["a"; 5]}));
    until(|| metric(&world, "umbel_queue_tokens") >= 10.0).await;
    let body = json!({"texts": "b"}).to_string();
    let response = world.router().oneshot(request("POST", "/v1/predict", body)).await.unwrap();
    let seconds: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=30).contains(&seconds));
    let (status, body) = read(response).await;
    assert_eq!((status, &body["error"]["code"]), (429, &json!("overloaded")));
    held.open();
    for answer in [first, second] {
        assert_eq!(answer.await.unwrap().0, 200);
    }
    assert_eq!(metric(&world, "umbel_queue_tokens"), 0.0);
    assert_eq!(post(&world.router(), "/v1/predict", &json!({"texts": "b"})).await.0, 200);
    assert_eq!(metric(&world, "umbel_shed_requests_total"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_hung_up_or_waited_too_long_is_not_computed() {
    let held = Arc::new(Held::default());
    let world = World::with_pass(&["limits.request_ms=300"], held.pass());
    let first = spawn(&world, json!({"texts": "a"}));
    held.begun(1).await;
    let gone = spawn(&world, json!({"texts": ["b", "c"]}));
    let late = spawn(&world, json!({"texts": ["d", "e", "f"]}));
    until(|| metric(&world, "umbel_tokenize_duration_seconds_count") >= 3.0).await;
    gone.abort();
    tokio::time::sleep(Duration::from_millis(400)).await;
    held.open();
    assert_eq!(first.await.unwrap().0, 200);
    let (status, body) = late.await.unwrap();
    assert_eq!((status, &body["error"]["code"]), (503, &json!("unavailable")));
    assert_eq!(post(&world.router(), "/v1/predict", &json!({"texts": "g"})).await.0, 200);
    assert_eq!(*held.sizes.lock().unwrap(), [1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_batch_fails_its_culprit_alone() {
    let held = Arc::new(Held::default());
    let inner = held.pass();
    // A text of seven tokens is one that breaks the model.
    let pass: Pass = Arc::new(move |model: &Model, pieces: &[Piece<'_>]| -> Vec<Raw> {
        let raw = inner(model, pieces);
        assert!(pieces.iter().all(|piece| piece.tokens.len() != 7), "a text of seven tokens");
        raw
    });
    let world = World::with_pass(&[], pass);
    let first = spawn(&world, json!({"texts": "a"}));
    held.begun(1).await;
    let good: Vec<_> = (0..6).map(|_| spawn(&world, json!({"texts": "a b"}))).collect();
    let bad = spawn(&world, json!({"texts": ["a", "a b a b a"]}));
    until(|| metric(&world, "umbel_tokenize_duration_seconds_count") >= 8.0).await;
    held.open();
    assert_eq!(first.await.unwrap().0, 200);
    for answer in good {
        let (status, body) = answer.await.unwrap();
        assert_eq!(
            (status, &body["results"][0]["answers"]),
            (200, &world.predicted("a b", &super::world::TASKS))
        );
    }
    let (status, body) = bad.await.unwrap();
    assert_eq!((status, &body["error"]["code"]), (500, &json!("failed")));
    assert_eq!(post(&world.router(), "/v1/predict", &json!({"texts": "a"})).await.0, 200);
    assert!(metric(&world, "umbel_panics_total") >= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_on_texts_characters_and_tokens_are_kept() {
    let world = World::new(&["limits.texts=3", "limits.characters=10", "limits.tokens=8"]);
    let check = async |body: serde_json::Value, expected: &str| {
        let (status, answer) = post(&world.router(), "/v1/predict", &body).await;
        assert_eq!(status, 413, "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(expected), "{answer}");
    };
    check(json!({"texts": ["a", "b", "c", "d"]}), "4 texts; expected at most 3").await;
    check(json!({"texts": ["a", "ääääääääääää"]}), "text 1 has more than 10 characters").await;
    check(json!({"texts": ["a", "b", "c"]}), "9 tokens; expected at most 8").await;
    let world = World::new(&["limits.characters=10"]);
    assert_eq!(post(&world.router(), "/v1/predict", &json!({"texts": "ääääääääää"})).await.0, 200);
    let (status, answer) = post(&world.router(), "/v1/predict", &json!({"texts": []})).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("empty")));
}
