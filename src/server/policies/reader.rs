//! Reads the source of the policies: files, or a server of bundles.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};

use crate::config::{Policy, Remote};
use crate::fetch::{Client, credentials, shown};
use crate::policy::source::{Packed, Place};
use crate::policy::{LoadError, Material, Problem, Source};

/// The largest bundle that is fetched, packed, in bytes.
const LONGEST: usize = 64 << 20;
/// For a whole answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// See the module.
pub(in crate::server) struct Reader {
    policy: Policy,
    remote: Option<Fetching>,
}

struct Fetching {
    remote: Remote,
    client: Client,
    /// What came last, and its tag.
    last: Option<(Bytes, Option<HeaderValue>)>,
}

impl Reader {
    /// Reads what the configuration names.
    ///
    /// # Errors
    /// Certificates that cannot be used.
    pub(super) fn new(policy: &Policy) -> Result<Self, String> {
        let fetching = |remote: &Remote| -> Result<Fetching, String> {
            let client = Client::of(remote, TIMEOUT, LONGEST)?;
            Ok(Fetching { remote: remote.clone(), client, last: None })
        };
        Ok(Self { policy: policy.clone(), remote: policy.remote.as_ref().map(fetching).transpose()? })
    }

    /// Whether policies may come later, so that none at the start is no mistake.
    pub(super) fn is_remote(&self) -> bool {
        self.remote.is_some()
    }

    /// Where from, for people.
    pub(super) fn name(&self) -> String {
        match (&self.remote, self.policy.source()) {
            (Some(fetching), _) => shown(&fetching.remote.url),
            (None, Source::Directory(path)) => path.display().to_string(),
            (None, Source::Bundle(Packed { place: Place::File(path), .. })) => path.display().to_string(),
            (None, _) => "the stock policies".to_owned(),
        }
    }

    /// Everything that the source holds now.
    pub(super) async fn read(&mut self) -> Result<Material, LoadError> {
        let source = match &mut self.remote {
            None => self.policy.source(),
            Some(fetching) => {
                let name = shown(&fetching.remote.url);
                let bytes = fetching.fetch().await.map_err(|why| LoadError::from(Problem::of(&name, why)))?;
                let place = Place::Fetched(name, bytes);
                Source::Bundle(Packed { place, keys: self.policy.verify_keys.clone() })
            }
        };
        let overlays = self.policy.overlays();
        let gathered = tokio::task::spawn_blocking(move || source.gather(&overlays)).await;
        gathered.unwrap_or_else(|_| Err(Problem::of("the policies", "reading them panicked").into()))
    }
}

impl Fetching {
    /// The bundle; as it came last, where the server says that it is the same.
    async fn fetch(&mut self) -> Result<Bytes, String> {
        let mut headers = credentials(&self.remote)?;
        if let Some((_, Some(tag))) = &self.last {
            headers.insert(IF_NONE_MATCH, tag.clone());
        }
        let answer = self.client.exchange(Method::GET, &self.remote.url, headers, Bytes::new()).await?;
        match (answer.status, &self.last) {
            (StatusCode::OK, _) => {
                self.last = Some((answer.body.clone(), answer.headers.get(ETAG).cloned()));
                Ok(answer.body)
            }
            (StatusCode::NOT_MODIFIED, Some((bytes, _))) => Ok(bytes.clone()),
            (status, _) => Err(format!("the server answers {status}")),
        }
    }
}

/// Between nine and eleven tenths, so that replicas do not ask a server all at once.
pub(super) fn jittered(interval: Duration) -> Duration {
    let tenth = interval / 10;
    let spread = u32::from(uuid::Uuid::new_v4().as_bytes().first().copied().unwrap_or_default());
    interval.saturating_sub(tenth).saturating_add(tenth.saturating_mul(spread.saturating_mul(2)) / 255)
}
