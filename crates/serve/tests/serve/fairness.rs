//! What one client does must not keep the others out.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use umbel::Model;
use umbel::model::Piece;
use umbel_serve::engine::run_model;

use super::world::{Running, World, ask, post, status};

const GOOD: &str = r#"{"texts": "a fine film"}"#;

/// A request whose body does not come to its end.
fn unfinished(running: &Running, bytes: usize) -> TcpStream {
    let head = "POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n";
    let mut stream = running.connect();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![b' '; bytes]).unwrap();
    stream
}

#[test]
fn bodies_that_do_not_end_keep_nobody_out() {
    let running = Running::start(&["queue.requests=2"]);
    let held: Vec<_> = (0..8).map(|_| unfinished(&running, 10)).collect();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(running.predict(GOOD), 200);
    drop(held);
}

#[test]
fn bodies_have_room_for_so_many_bytes_in_all() {
    let running = Running::start(&["queue.bytes=100000"]);
    let held = unfinished(&running, 90_000);
    std::thread::sleep(Duration::from_millis(500));
    let mut more = unfinished(&running, 20_000);
    let mut answer = String::new();
    let _ = more.read_to_string(&mut answer); // The rest of the body was not read.
    assert_eq!(status(&answer), 429, "{answer}");
    drop(held);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(running.predict(GOOD), 200);
}

#[test]
fn small_requests_get_in_beside_a_large_one() {
    let slow = Arc::new(|model: &Model, pieces: &[Piece<'_>]| {
        std::thread::sleep(Duration::from_millis(20));
        run_model(model, pieces)
    });
    let running = Running::of(World::with_pass(&["queue.tokens=64", "batch.tokens=16"], slow));
    let address = running.address;
    let large = json!({"texts": vec!["a fine film of a hotel"; 200]}).to_string();
    let asking = std::thread::spawn(move || {
        let answer = ask(address, "POST /v1/predict HTTP/1.1", large.as_bytes());
        (status(&answer), Instant::now())
    });
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(running.predict(GOOD), 200);
    let small_was_done = Instant::now();
    let (status, large_was_done) = asking.join().unwrap();
    assert_eq!(status, 200);
    assert!(small_was_done < large_was_done);
}

#[tokio::test]
async fn tokens_for_people_are_limited_too() {
    let router = World::new(&["limits.tokens=150"]).router();
    let tokenize = |words: usize| json!({"inputs": "film ".repeat(words)});
    assert_eq!(post(&router, "/tokenize", &tokenize(10)).await.0, 200);
    assert_eq!(post(&router, "/tokenize", &tokenize(200)).await.0, 413);
    let tagged = json!({"texts": "film ".repeat(200), "tasks": ["parts"]});
    let (status, answer) = post(&router, "/v1/predict", &tagged).await;
    assert_eq!(status, 413, "it has an output a word, those that were cut off included");
    assert!(
        answer["error"]["message"].as_str().unwrap().contains("200 words; expected at most 150"),
        "{answer}"
    );
}

#[test]
fn the_socket_is_closed_while_the_last_connections_end() {
    let running = Running::start(&["shutdown.timeout_ms=1500"]);
    let held = unfinished(&running, 10);
    std::thread::sleep(Duration::from_millis(200));
    let begun = Instant::now();
    running.end.send(true).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(TcpStream::connect(running.address).is_err());
    running.runtime.block_on(running.done).unwrap();
    assert!(begun.elapsed() < Duration::from_millis(1500 + 4000), "{:?}", begun.elapsed());
    drop(held);
}
