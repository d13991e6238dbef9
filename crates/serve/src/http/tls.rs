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

#[cfg(test)]
mod tests {
    use super::*;

    fn write(settings: &TlsSettings) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_string()]).unwrap();
        std::fs::write(settings.certificate.as_ref().unwrap(), made.cert.pem()).unwrap();
        std::fs::write(settings.key.as_ref().unwrap(), made.signing_key.serialize_pem()).unwrap();
    }

    #[test]
    fn a_new_certificate_is_taken_and_a_broken_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let [certificate, key] = ["cert.pem", "key.pem"].map(|name| Some(dir.path().join(name)));
        let settings = TlsSettings { certificate, key };
        write(&settings);
        let certificate = Certificate::open(&settings).unwrap().unwrap();
        let now = || Arc::clone(&certificate.now.read().unwrap().0);
        let set_time = |seconds: u64| {
            let file = std::fs::File::options().append(true).open(settings.key.as_ref().unwrap()).unwrap();
            file.set_modified(SystemTime::now() + std::time::Duration::from_secs(seconds)).unwrap();
        };
        let first = now();
        certificate.renew();
        assert!(Arc::ptr_eq(&first, &now()));
        write(&settings);
        set_time(60);
        certificate.renew();
        let second = now();
        assert!(!Arc::ptr_eq(&first, &second));
        std::fs::write(settings.key.as_ref().unwrap(), "nonsense").unwrap();
        set_time(120);
        certificate.renew();
        assert!(Arc::ptr_eq(&second, &now()));
        let error = Certificate::open(&settings).err().unwrap().to_string();
        assert!(error.contains("key.pem: expected a private key as PEM"), "{error}");
    }

    #[test]
    fn without_files_nothing_is_encrypted() {
        assert!(Certificate::open(&TlsSettings::default()).unwrap().is_none());
    }
}
