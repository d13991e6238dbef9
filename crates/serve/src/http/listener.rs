//! Sockets: connections are taken, given to the router, and brought to an end.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
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

/// Streams of a connection that go on at a time; HTTP/2 only.
const STREAMS: u32 = 256;
/// Bytes of the head of a request.
const HEAD_BYTES: usize = 64 << 10;
/// When connections cannot be taken, as when too many files are open, the next try waits for so long.
const PAUSE: Duration = Duration::from_millis(50);

impl Listener {
    /// Answers until `end` says so, takes no more connections then, and returns when those that are open have had their
    /// answers or `patience` is over.
    pub(crate) async fn run(self, mut end: watch::Receiver<bool>, patience: Duration) {
        let graceful = Arc::new(GracefulShutdown::new());
        let permits = Arc::new(Semaphore::new(self.limits.connections));
        let this = Arc::new(self);
        loop {
            let taken = tokio::select! {
                taken = this.take(&permits) => taken,
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
            let (this, watcher) = (Arc::clone(&this), graceful.watcher());
            tokio::spawn(async move {
                let _permit = permit;
                if let Err(error) = this.serve(stream, watcher).await {
                    tracing::debug!(error, "a connection ended early");
                }
            });
        }
        let Some(graceful) = Arc::into_inner(graceful) else { return };
        drop(this);
        if tokio::time::timeout(patience, graceful.shutdown()).await.is_err() {
            tracing::warn!("some connections were open to the end; they are cut");
        }
    }

    async fn take(
        &self,
        permits: &Arc<Semaphore>,
    ) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
        let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, _) = self.socket.accept().await?;
        let _ = stream.set_nodelay(true); // A client that has gone already is met later.
        Ok((stream, permit))
    }

    async fn serve(
        &self,
        stream: TcpStream,
        watcher: hyper_util::server::graceful::Watcher,
    ) -> Result<(), String> {
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
        watcher: hyper_util::server::graceful::Watcher,
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
        watcher: hyper_util::server::graceful::Watcher,
    ) -> Result<(), String> {
        let time = Duration::from_millis(self.limits.header_ms);
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD_BYTES as u32)
            .keep_alive_interval(time)
            .keep_alive_timeout(time);
        let service = TowerToHyperService::new(self.router.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        watcher.watch(connection).await.map_err(|error| error.to_string())
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
