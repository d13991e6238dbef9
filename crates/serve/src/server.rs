//! A server from its settings to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use umbel::error::{Error, Result};

use crate::App;
use crate::engine::worker_pass;
use crate::http::listener::{Listener, until_end};
use crate::http::tls::Certificate;
use crate::routes;
use crate::settings::Settings;

/// A server whose sockets are open.
pub struct Server {
    app: App,
    public: TcpListener,
    admin: Option<TcpListener>,
    certificate: Option<Arc<Certificate>>,
}

/// How long the pass that is under way at the end may take.
const LAST_PASS: Duration = Duration::from_secs(2);

/// How often the files of the certificate are looked at.
const LOOK_AT_CERTIFICATE: Duration = Duration::from_secs(10);

/// Opens models and sockets, calls `ready`, answers, and returns after SIGTERM or SIGINT when all that had begun is
/// answered or the time for that is over. SIGHUP loads all models anew.
///
/// # Errors
/// If the settings cannot be, a model cannot be opened, or a socket cannot be.
pub fn run(settings: Settings, ready: impl FnOnce(&Server)) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Settings(format!("threads cannot be started: {error}")))?;
    let done = runtime.block_on(async {
        // Whoever is told to end while models are opened has nothing to finish.
        let mut signals = Signals::new()?;
        let starting = tokio::task::spawn_blocking(|| App::start(settings, worker_pass()));
        let app = tokio::select! {
            () = signals.end() => return Ok(()),
            app = starting => app.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))?,
        };
        let server = Server::bind(app).await?;
        ready(&server);
        server.serve(signals).await;
        Ok(())
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

/// What the system tells a server.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let on = |kind| {
            signal(kind).map_err(|error| Error::Settings(format!("signals cannot be caught: {error}")))
        };
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hang_up: on(SignalKind::hangup())?,
        })
    }

    /// Returns when the process is told to end.
    async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

impl Server {
    /// Opens the sockets.
    ///
    /// # Errors
    /// If an address cannot be had, or the certificate cannot be read.
    pub async fn bind(app: App) -> Result<Self> {
        let certificate = Certificate::open(&app.settings.tls)?.map(Arc::new);
        let public = bind("listen", &app.settings.listen).await?;
        let admin = match &app.settings.admin_listen[..] {
            "" => None,
            address => Some(bind("admin_listen", address).await?),
        };
        Ok(Self { app, public, admin, certificate })
    }

    /// Where requests are answered.
    ///
    /// # Errors
    /// If the socket has no address.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.public.local_addr()
    }

    /// Where metrics and administration are answered, if they are.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().and_then(|socket| socket.local_addr().ok())
    }

    /// Whether connections are encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.certificate.is_some()
    }

    /// What the routes share.
    pub fn app(&self) -> &App {
        &self.app
    }

    async fn serve(self, mut signals: Signals) {
        let (stop, stopped) = watch::channel(false);
        let app = self.app.clone();
        let running = tokio::spawn(self.run(stopped));
        loop {
            tokio::select! {
                _ = signals.terminate.recv() => break,
                _ = signals.interrupt.recv() => break,
                _ = signals.hang_up.recv() => drop(tokio::spawn(reload_all(app.clone()))),
            }
        }
        app.begin_to_end();
        let delay = Duration::from_millis(app.settings.shutdown.delay_ms);
        tracing::info!(delay_ms = app.settings.shutdown.delay_ms, "told to end; not ready any more");
        tokio::time::sleep(delay).await;
        let _ = stop.send(true); // Whoever does not listen has ended.
        let _ = running.await; // A panic of it is in the log.
        tracing::info!("ended");
    }

    /// Answers until `end` says so, and returns when what had begun is answered or the time for that is over.
    pub async fn run(self, end: watch::Receiver<bool>) {
        let Self { app, public, admin, certificate } = self;
        let patience = Duration::from_millis(app.settings.shutdown.timeout_ms);
        let limits = app.settings.limits.clone();
        let renewing = certificate.clone().map(|certificate| {
            let end = end.clone();
            tokio::spawn(until_end(end, renew(certificate)))
        });
        // Metrics and probes are there to the very end.
        let (end_admin, admin_ends) = watch::channel(false);
        let admin = admin.map(|socket| {
            let router = routes::admin(app.clone());
            let listener = Listener { socket, router, certificate: None, limits: limits.clone() };
            tokio::spawn(listener.run(admin_ends, Duration::from_secs(1)))
        });
        let router = routes::public(app.clone());
        Listener { socket: public, router, certificate, limits }.run(end, patience).await;
        app.begin_to_end();
        // What is left in the queue belongs to connections that were cut: nobody waits for it any more.
        let ending = tokio::task::spawn_blocking(move || app.engine.end());
        if tokio::time::timeout(LAST_PASS, ending).await.is_err() {
            tracing::warn!("a pass was under way to the end");
        }
        let _ = end_admin.send(true); // There may be no such listener.
        if let Some(admin) = admin {
            let _ = admin.await; // A panic of it is in the log.
        }
        if let Some(renewing) = renewing {
            renewing.abort();
        }
    }
}

async fn bind(key: &str, address: &str) -> Result<TcpListener> {
    let wrong = |error| Error::Settings(format!("`{key}`: cannot listen at `{address}`: {error}"));
    TcpListener::bind(address).await.map_err(wrong)
}

async fn renew(certificate: Arc<Certificate>) {
    loop {
        tokio::time::sleep(LOOK_AT_CERTIFICATE).await;
        let certificate = Arc::clone(&certificate);
        let _ = tokio::task::spawn_blocking(move || certificate.renew()).await; // It does not panic.
    }
}

async fn reload_all(app: App) {
    let reload = move || {
        let names: Vec<String> = app.models.all().map(|served| served.name.clone()).collect();
        names.iter().for_each(|name| {
            let _ = app.reload(name, None); // It is in the log.
        });
    };
    let _ = tokio::task::spawn_blocking(reload).await; // It does not panic.
}
