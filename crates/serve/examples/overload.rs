//! Ten times more requests than a server can answer, and what becomes of them.
//!
//! `cargo run --release -p umbel-serve --example overload -- PORT [SECONDS] [TEXTS.jsonl] [PID]`, beside a server on
//! this machine. First it measures how many requests a second 32 clients get answered; then it sends ten times as many,
//! each at its time, whatever became of those before, on connections that are kept open; and then it looks how soon
//! one client is answered as before. PID is the server's, whose memory is looked at. Results are lines of JSON.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a program for people who read panics")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};

/// Requests a second, in units of what the server can answer.
const FACTOR: f64 = 10.0;
/// Connections of the overload.
const CONNECTIONS: usize = 1500;

struct Client {
    port: u16,
    messages: Arc<Vec<Vec<u8>>>,
    next: AtomicUsize,
}

/// What became of a request: its status, 0 if the connection broke, and how long it took.
type Found = (u16, Duration);

impl Client {
    /// Asks once, on the connection if there is one.
    async fn ask(&self, connection: &mut Option<TcpStream>) -> Found {
        let message = &self.messages[self.next.fetch_add(1, Relaxed) % self.messages.len()];
        let begun = Instant::now();
        let asked = async {
            let mut stream = match connection.take() {
                Some(stream) => stream,
                None => TcpStream::connect(("127.0.0.1", self.port)).await?,
            };
            stream.set_nodelay(true)?;
            stream.write_all(message).await?;
            let (status, stays) = read(&mut stream).await?;
            *connection = stays.then_some(stream);
            std::io::Result::Ok(status)
        };
        (asked.await.unwrap_or(0), begun.elapsed())
    }

    /// So many clients, each asking again when it is answered.
    async fn steady(self: &Arc<Self>, n_clients: usize, n: usize) -> (f64, Vec<Found>) {
        let (begun, left) = (Instant::now(), Arc::new(AtomicUsize::new(n)));
        let clients: Vec<_> = (0..n_clients)
            .map(|_| {
                let (client, left) = (Arc::clone(self), Arc::clone(&left));
                tokio::spawn(async move {
                    let (mut connection, mut found) = (None, Vec::new());
                    while left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
                        found.push(client.ask(&mut connection).await);
                    }
                    found
                })
            })
            .collect();
        let mut found = Vec::new();
        for client in clients {
            found.extend(client.await.unwrap());
        }
        (found.len() as f64 / begun.elapsed().as_secs_f64(), found)
    }

    /// So many requests a second for so long; those for which no connection is free are counted as not sent.
    async fn offered(self: &Arc<Self>, rate: f64, time: Duration) -> (usize, usize, Vec<Found>) {
        let (sender, orders) = mpsc::channel::<()>(64);
        let orders = Arc::new(Mutex::new(orders));
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (client, orders) = (Arc::clone(self), Arc::clone(&orders));
                tokio::spawn(async move {
                    let (mut connection, mut found) = (None, Vec::new());
                    loop {
                        let order = orders.lock().await.recv().await;
                        if order.is_none() {
                            return found;
                        }
                        found.push(client.ask(&mut connection).await);
                    }
                })
            })
            .collect();
        let (begun, mut sent, mut unsent) = (Instant::now(), 0usize, 0usize);
        while begun.elapsed() < time {
            let due = (begun.elapsed().as_secs_f64() * rate) as usize;
            for _ in sent + unsent..due {
                match sender.try_send(()) {
                    Ok(()) => sent += 1,
                    Err(_) => unsent += 1, // All connections are busy.
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(sender);
        let mut found = Vec::new();
        for client in clients {
            found.extend(client.await.unwrap());
        }
        (sent, unsent, found)
    }
}

/// Reads a response with a length; gives its status and whether the connection stays open.
async fn read(stream: &mut TcpStream) -> std::io::Result<(u16, bool)> {
    let mut bytes = Vec::with_capacity(16 << 10);
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
        while bytes.len() < end + 4 + length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        return Ok((status, !head.contains("connection: close")));
    }
}

fn messages(texts: Option<&String>) -> Vec<Vec<u8>> {
    let made =
        |i: usize| (0..4 + i % 17).map(move |j| ["film", "the", "was", "good", "hotel"][(i + j * j) % 5]);
    let texts: Vec<String> = match texts {
        Some(path) => {
            let text = std::fs::read_to_string(path).unwrap();
            let text_of = |line: &str| {
                serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_string()
            };
            text.lines().take(4096).map(text_of).collect()
        }
        None => (0..512).map(|i| made(i).collect::<Vec<_>>().join(" ")).collect(),
    };
    let message = |text: &String| {
        let body = json!({"inputs": text}).to_string();
        let head = "POST /embed HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    texts.iter().map(message).collect()
}

/// Milliseconds within which that part of the requests that were answered had their answers.
fn quantile(found: &[Found], part: f64) -> f64 {
    let mut times: Vec<Duration> =
        found.iter().filter(|(status, _)| *status == 200).map(|one| one.1).collect();
    times.sort_unstable();
    let place = ((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1));
    times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

/// MiB that a process has in memory.
fn memory(pid: Option<&String>) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid?)).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let port = args.first().and_then(|port| port.parse().ok()).expect("the port of a server on this machine");
    let seconds = args.get(1).map_or(60.0, |seconds| seconds.parse().unwrap());
    let (next, messages) = (AtomicUsize::new(0), Arc::new(messages(args.get(2).filter(|path| *path != "-"))));
    let client = Arc::new(Client { port, messages, next });

    client.steady(8, 256).await;
    let (capacity, found) = client.steady(32, 4096).await;
    let alone = client.steady(1, 64).await.1;
    let before = memory(args.get(3));
    println!(
        "{}",
        json!({"capacity": capacity, "p50_ms": quantile(&found, 0.5), "p99_ms": quantile(&found, 0.99),
        "p50_ms_of_one_client": quantile(&alone, 0.5)})
    );

    let begun = Instant::now();
    let (sent, unsent, found) = client.offered(FACTOR * capacity, Duration::from_secs_f64(seconds)).await;
    let took = begun.elapsed().as_secs_f64();
    let during = memory(args.get(3));
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    found.iter().for_each(|(status, _)| *statuses.entry(*status).or_default() += 1);
    let goodput = statuses.get(&200).copied().unwrap_or(0) as f64 / took;
    println!(
        "{}",
        json!({"sent": sent, "not_sent": unsent, "seconds": took, "statuses": statuses, "goodput": goodput,
        "of_capacity": goodput / capacity, "p50_ms": quantile(&found, 0.5), "p99_ms": quantile(&found, 0.99)})
    );

    let begun = Instant::now();
    let usual = 2.0 * quantile(&alone, 0.5);
    while quantile(&client.steady(1, 16).await.1, 0.5) > usual && begun.elapsed() < Duration::from_secs(60) {}
    println!(
        "{}",
        json!({"as_before_after_seconds": begun.elapsed().as_secs_f64(), "memory_mib":
        {"before": before, "during": during, "after": memory(args.get(3))}})
    );
}
