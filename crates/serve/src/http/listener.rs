//! Sockets: connections are taken, given to the router, and brought to an end.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::{http1, http2};
use hyper::service::Service as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use super::tls::Certificate;
use crate::settings::LimitSettings;

/// A socket and what answers there.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) router: Router,
    pub(crate) certificate: Option<Arc<Certificate>>,
    pub(crate) limits: LimitSettings,
}

/// What answers on a connection.
struct Service {
    router: Router,
    certificate: Option<Arc<Certificate>>,
    limits: LimitSettings,
}

/// Streams of a connection that go on at a time; HTTP/2 only.
const STREAMS: u32 = 256;
/// Bytes of the head of a request.
const HEAD_BYTES: usize = 64 << 10;
/// When connections cannot be taken, as when too many files are open, the next try waits for so long.
const PAUSE: Duration = Duration::from_millis(50);

impl Listener {
    /// Answers until `end` says so, closes the socket then, and returns when the connections that are open have had
    /// their answers, or after `patience`, when they are cut.
    pub(crate) async fn run(self, mut end: watch::Receiver<bool>, patience: Duration) {
        let Self { socket, router, certificate, limits } = self;
        let permits = Arc::new(Semaphore::new(limits.connections));
        let service = Arc::new(Service { router, certificate, limits });
        let graceful = GracefulShutdown::new();
        let mut open = JoinSet::new();
        loop {
            while open.try_join_next().is_some() {} // Those that have ended.
            let taken = tokio::select! {
                taken = take(&socket, &permits) => taken,
                _ = end.wait_for(|end| *end) => break,
            };
            let (stream, permit) = match taken {
                Ok(taken) => taken,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be taken");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let (service, watcher) = (Arc::clone(&service), graceful.watcher());
            open.spawn(async move {
                let _permit = permit;
                if let Err(error) = service.answer(stream, watcher).await {
                    tracing::debug!(error, "a connection ended early");
                }
            });
        }
        drop(socket);
        if tokio::time::timeout(patience, graceful.shutdown()).await.is_err() {
            tracing::warn!("some connections were open to the end; they are cut");
        }
        open.shutdown().await;
    }
}

async fn take(
    socket: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = socket.accept().await?;
    let _ = stream.set_nodelay(true); // A client that has gone already is met later.
    Ok((stream, permit))
}

impl Service {
    async fn answer(&self, stream: TcpStream, watcher: Watcher) -> Result<(), String> {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(Duration::from_millis(self.limits.write_ms)));
        let stream = Box::pin(stream);
        let Some(certificate) = &self.certificate else {
            return self.http1(stream, watcher).await;
        };
        let time = Duration::from_millis(self.limits.header_ms);
        let accepted = tokio::time::timeout(time, certificate.acceptor().accept(stream)).await;
        let stream =
            accepted.map_err(|_| "the handshake was too slow")?.map_err(|error| error.to_string())?;
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => self.http2(stream, watcher).await,
            _ => self.http1(stream, watcher).await,
        }
    }

    async fn http1(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
        watcher: Watcher,
    ) -> Result<(), String> {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(self.limits.header_ms))
            .max_buf_size(HEAD_BYTES);
        let service = TowerToHyperService::new(self.router.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        watcher.watch(connection).await.map_err(|error| error.to_string())
    }

    async fn http2(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        watcher: Watcher,
    ) -> Result<(), String> {
        let time = Duration::from_millis(self.limits.header_ms);
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD_BYTES as u32)
            .keep_alive_interval(time)
            .keep_alive_timeout(time);
        let activity = Arc::new(Activity::default());
        let (router, seen) = (TowerToHyperService::new(self.router.clone()), Arc::clone(&activity));
        let service = hyper::service::service_fn(move |request| {
            let busy = Busy::new(&seen);
            let answer = router.call(request);
            async move {
                let answer = answer.await;
                drop(busy);
                answer
            }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        // The socket says nothing of a client that answers pings and asks nothing, or takes nothing of its answers.
        let patience = Duration::from_millis(self.limits.header_ms.saturating_add(self.limits.write_ms));
        tokio::select! {
            ended = watcher.watch(connection) => ended.map_err(|error| error.to_string()),
            () = activity.idle_for(patience) => Err("nothing was asked for too long".to_string()),
        }
    }
}

/// What goes on in a connection.
#[derive(Default)]
struct Activity {
    // Requests whose answers are not made yet, and when one of them last ended.
    now: Mutex<(usize, Option<Instant>)>,
}

impl Activity {
    fn now(&self) -> MutexGuard<'_, (usize, Option<Instant>)> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when nothing has been asked for so long.
    async fn idle_for(&self, time: Duration) {
        let begun = Instant::now();
        loop {
            let (n_busy, last) = *self.now();
            let idle = if n_busy > 0 { Duration::ZERO } else { last.unwrap_or(begun).elapsed() };
            if idle >= time {
                return;
            }
            tokio::time::sleep(time - idle).await;
        }
    }
}

/// One request of a connection; it is over when this is dropped.
struct Busy(Arc<Activity>);

impl Busy {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.now().0 += 1;
        Self(Arc::clone(activity))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut now = self.0.now();
        *now = (now.0 - 1, Some(Instant::now()));
    }
}

/// Runs a future until it is done or `end` says so.
pub(crate) async fn until_end<T>(mut end: watch::Receiver<bool>, work: impl Future<Output = T>) -> Option<T> {
    let work = pin!(work);
    tokio::select! {
        done = work => Some(done),
        _ = end.wait_for(|end| *end) => None,
    }
}
