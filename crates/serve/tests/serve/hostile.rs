//! What may come from outside: too much, too deep, too slow, or gone again.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use umbel::Model;
use umbel::model::Piece;
use umbel_serve::engine::run_model;

use super::world::{Running, World, connect, status};

const GOOD: &str = r#"{"texts": "a fine film"}"#;

#[test]
fn bodies_that_are_too_much_are_refused_and_the_server_goes_on() {
    let running = Running::start(&[]);
    let long = json!({"texts": "a".repeat(10 << 20)}).to_string();
    assert_eq!(running.predict(&long), 413, "10 MB of one text");
    let characters = json!({"texts": "a".repeat(1 << 20)}).to_string();
    assert_eq!(running.predict(&characters), 413, "1 MB of one text");
    let many = format!("{{\"texts\": [{}\"a\"]}}", "\"a\",".repeat(1_000_000));
    assert_eq!(running.predict(&many), 413, "a million texts of one character");
    assert_eq!(running.predict(&"[".repeat(100_000)), 400, "nested brackets");
    let deep = format!("{{\"texts\": \"a\", \"x\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(running.predict(&deep), 400, "nested brackets in a key that nobody knows");
    assert_eq!(running.predict("{\"texts\": \"\\ud800\"}"), 400, "half a character");
    assert_eq!(running.predict(GOOD), 200);
}

#[test]
fn what_is_compressed_is_measured_as_it_is_read() {
    let running = Running::start(&[]);
    let gzip = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let head = "POST /v1/predict HTTP/1.1\r\ncontent-encoding: gzip";
    assert_eq!(status(&running.ask(head, &gzip(GOOD))), 200);
    let bomb = gzip(&json!({"texts": "a".repeat(200 << 20)}).to_string());
    assert!(bomb.len() < 1 << 20);
    assert_eq!(status(&running.ask(head, &bomb)), 413);
    assert_eq!(status(&running.ask(head, GOOD.as_bytes())), 400, "not compressed at all");
    let unknown = "POST /v1/predict HTTP/1.1\r\ncontent-encoding: br";
    assert_eq!(status(&running.ask(unknown, GOOD.as_bytes())), 415);
    assert_eq!(running.predict(GOOD), 200);
}

#[test]
fn three_megabytes_in_chunks_of_six_bytes_are_read_in_time() {
    let running = Running::start(&["limits.characters=4000000"]);
    let body = json!({"texts": vec!["a fine film "; 200_000].concat(), "tasks": ["topic"]}).to_string();
    let mut message = b"POST /v1/predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
        content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        .to_vec();
    for chunk in body.as_bytes().chunks(6) {
        message.extend(format!("{:x}\r\n", chunk.len()).bytes().chain(chunk.iter().copied()).chain(*b"\r\n"));
    }
    message.extend(b"0\r\n\r\n");
    let mut stream = running.connect();
    let mut answer = String::new();
    stream.write_all(&message).unwrap();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), 200, "{answer}");
}

#[test]
fn who_sends_slowly_is_cut_off() {
    let running = Running::start(&["limits.header_ms=300", "limits.body_ms=300"]);
    // Nothing at all, half a head, and a head with half a body.
    let head = "POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let begun = Instant::now();
    for start in ["", head, &format!("{head}content-length: 100\r\n\r\n{{")] {
        let mut stream = running.connect();
        stream.write_all(start.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!([0, 408].contains(&status(&answer)), "{answer}");
    }
    assert!(begun.elapsed() < Duration::from_secs(30));
    let idle: Vec<_> = (0..100).map(|_| running.connect()).collect();
    assert_eq!(running.predict(GOOD), 200);
    drop(idle);
}

#[test]
fn who_takes_no_answers_is_cut_off() {
    let running = Running::start(&["limits.write_ms=300"]);
    let page = running.ask("GET /openapi.json HTTP/1.1", b"").len();
    // So many answers as no socket buffers.
    let n_asked = (64 << 20) / page;
    let mut stream = running.connect();
    let mut other = stream.try_clone().unwrap();
    let asking = std::thread::spawn(move || {
        (0..n_asked).try_for_each(|_| other.write_all(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n"))
    });
    std::thread::sleep(Duration::from_secs(2));
    let mut taken = Vec::new();
    let _ = stream.read_to_end(&mut taken); // It ends, or ends with a reset.
    assert!(taken.len() < n_asked * page / 2, "{} of {} bytes were sent", taken.len(), n_asked * page);
    let _ = asking.join().unwrap(); // It was cut off, too.
    assert_eq!(running.predict(GOOD), 200);
}

#[test]
fn a_thousand_clients_that_hang_up_leave_nothing_behind() {
    let running = Running::start(&[]);
    let message = format!(
        "POST /v1/predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{GOOD}",
        GOOD.len()
    );
    for i in 0..1000 {
        let mut stream = running.connect();
        let end = if i % 2 == 0 { message.len() } else { message.len() - 5 };
        stream.write_all(&message.as_bytes()[..end]).unwrap();
    }
    assert_eq!(running.predict(GOOD), 200);
    let free = || running.world.app.requests.available_permits();
    let begun = Instant::now();
    while free() < running.world.app.settings.queue.requests && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(free(), running.world.app.settings.queue.requests);
    assert_eq!(running.world.app.engine.is_full(), None);
}

#[test]
fn more_than_there_is_room_for_is_shed_and_the_rest_is_right() {
    // A pass that takes a while, so that there is not room for all 24 at once.
    let slow = Arc::new(|model: &Model, pieces: &[Piece<'_>]| {
        std::thread::sleep(Duration::from_millis(20));
        run_model(model, pieces)
    });
    let running = Running::of(World::with_pass(&["queue.tokens=40", "batch.tokens=16"], slow));
    let expected = running.world.predicted("a fine film", &["topic"]);
    let address = running.address;
    let client = move || {
        let mut found = Vec::new();
        for _ in 0..10 {
            let body = br#"{"texts": "a fine film", "tasks": ["topic"]}"#;
            found.push(super::world::ask(address, "POST /v1/predict HTTP/1.1", body));
        }
        found
    };
    let clients: Vec<_> = (0..24).map(|_| std::thread::spawn(client)).collect();
    let answers: Vec<String> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    for answer in &answers {
        let body: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        match status(answer) {
            200 => assert_eq!(body["results"][0]["answers"], expected),
            429 => assert!(answer.contains("retry-after: "), "{answer}"),
            other => panic!("{other}: {answer}"),
        }
    }
    for expected in [200, 429] {
        assert!(answers.iter().any(|answer| status(answer) == expected), "no answer is {expected}");
    }
    assert_eq!(running.predict(GOOD), 200);
}

#[test]
fn nonsense_instead_of_a_request_ends_the_connection_only() {
    let running = Running::start(&[]);
    for nonsense in
        [&b"\0\0\0\0\r\n\r\n"[..], b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[b'A'; 200_000]]
    {
        let mut stream = connect(running.address);
        let _ = stream.write_all(nonsense); // The server may close before it has read all.
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!([0, 400, 431].contains(&status(&String::from_utf8_lossy(&answer))));
    }
    assert_eq!(running.predict(GOOD), 200);
}
