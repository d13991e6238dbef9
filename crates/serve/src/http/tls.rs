//! The certificate, read anew when its files change.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use umbel::error::{Error, Result};

use crate::settings::TlsSettings;

/// A certificate and its key, as they are now.
pub(crate) struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    now: RwLock<(Arc<ServerConfig>, Option<SystemTime>)>,
}

impl Certificate {
    /// Reads what the settings name; `None` if they name nothing.
    pub(crate) fn open(settings: &TlsSettings) -> Result<Option<Self>> {
        let (Some(chain), Some(key)) = (settings.certificate.clone(), settings.key.clone()) else {
            return Ok(None);
        };
        let config = Arc::new(read(&chain, &key)?);
        let now = RwLock::new((config, changed(&chain, &key)));
        Ok(Some(Self { chain, key, now }))
    }

    /// What takes the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&now.0))
    }

    /// Reads the files again if they have changed; if they cannot be used, the old ones stay in use.
    pub(crate) fn renew(&self) {
        let since = changed(&self.chain, &self.key);
        if since == self.now.read().unwrap_or_else(PoisonError::into_inner).1 {
            return;
        }
        let config = read(&self.chain, &self.key);
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        now.1 = since;
        match config {
            Ok(config) => {
                now.0 = Arc::new(config);
                tracing::info!("the certificate was read anew");
            }
            Err(error) => tracing::error!(%error, "the new certificate cannot be used; the old one stays"),
        }
    }
}

/// When the newer of both files was written.
fn changed(chain: &PathBuf, key: &PathBuf) -> Option<SystemTime> {
    [chain, key].iter().filter_map(|path| path.metadata().ok()?.modified().ok()).max()
}

fn read(chain: &PathBuf, key: &PathBuf) -> Result<ServerConfig> {
    let wrong = |path: &PathBuf, problem: String| Error::Settings(format!("{}: {problem}", path.display()));
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|error| wrong(chain, format!("expected certificates as PEM: {error}")))?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| wrong(key, format!("expected a private key as PEM: {error}")))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(chain, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certificates, private);
    let mut config = config.map_err(|error| wrong(chain, error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
