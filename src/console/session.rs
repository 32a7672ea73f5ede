//! Who a browser is: a cookie with a random number, and behind it, on this side, the token that was shown at the login.
//!
//! The number is known here by its SHA-256 only, and the token as well: whoever reads this process's memory can log in as
//! nobody. A session ends when it was not used for a while, after some hours at the latest, at the logout, and when its
//! token is taken out of the configuration. Nothing is kept for a browser that has not logged in, so strangers fill no
//! memory: the word that its forms must repeat is derived from its cookie.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use tokio::time::Instant;

/// How long a session rests before it ends: a walk to the coffee machine, not a night.
pub(crate) const IDLE: Duration = Duration::from_secs(30 * 60);
/// How long it lasts at most: a shift.
pub(crate) const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// Sessions at once; for one more, the one that rested longest ends.
const MOST: usize = 512;

/// The random number of one browser, in hex, as its cookie holds it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BrowserId(String);

impl BrowserId {
    /// A new one; none where the system has no randomness.
    pub(crate) fn new() -> Option<Self> {
        let mut bytes = [0_u8; 32];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Some(Self(hex::encode(bytes)))
    }

    /// What a cookie holds, if it is of this form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 64 && text.bytes().all(hex)).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn hashed(&self) -> Vec<u8> {
        digest(&SHA256, self.0.as_bytes()).as_ref().to_vec()
    }
}

struct Session {
    /// SHA-256 of the token.
    token: Vec<u8>,
    begun: Instant,
    used: Instant,
}

impl Session {
    fn is_over(&self) -> bool {
        self.used.elapsed() >= IDLE || self.begun.elapsed() >= LONGEST
    }
}

/// All sessions of one process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sessions {
    all: Arc<Mutex<HashMap<Vec<u8>, Session>>>,
    /// For the words of forms; another one in each process.
    key: Arc<hmac::Key>,
}

impl Sessions {
    /// None yet.
    pub(crate) fn new() -> Self {
        // Without randomness there is no key that anybody could guess, and no cookie either.
        let key = hmac::Key::generate(HMAC_SHA256, &SystemRandom::new())
            .unwrap_or_else(|_| hmac::Key::new(HMAC_SHA256, &[]));
        Self { all: Arc::default(), key: Arc::new(key) }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Session>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The holder of this token has logged in.
    pub(crate) fn begin(&self, browser: &BrowserId, token: &str) {
        let now = Instant::now();
        let token = digest(&SHA256, token.as_bytes()).as_ref().to_vec();
        let mut all = self.all();
        all.retain(|_, session| !session.is_over());
        let longest = all.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| id.clone());
        if let Some(longest) = longest.filter(|_| all.len() >= MOST) {
            all.remove(&longest);
        }
        all.insert(browser.hashed(), Session { token, begun: now, used: now });
    }

    /// The SHA-256 of the token that this browser showed; it counts as used now, unless it only looks for news.
    pub(crate) fn token(&self, browser: &BrowserId, used: bool) -> Option<Vec<u8>> {
        let (id, mut all) = (browser.hashed(), self.all());
        if all.get(&id)?.is_over() {
            all.remove(&id);
            return None;
        }
        let session = all.get_mut(&id)?;
        if used {
            session.used = Instant::now();
        }
        Some(session.token.clone())
    }

    /// It has logged out.
    pub(crate) fn end(&self, browser: &BrowserId) {
        self.all().remove(&browser.hashed());
    }

    /// The word that this browser's forms repeat; a page of somebody else cannot know it.
    pub(crate) fn word(&self, browser: &BrowserId) -> String {
        hex::encode(hmac::sign(&self.key, browser.0.as_bytes()))
    }

    /// Whether a form repeated it.
    pub(crate) fn is_word(&self, browser: &BrowserId, word: &str) -> bool {
        verify_slices_are_equal(self.word(browser).as_bytes(), word.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_by_rest_by_age_and_by_logout() {
        let sessions = Sessions::new();
        let begun = || {
            let browser = BrowserId::new().unwrap();
            sessions.begin(&browser, "a token");
            browser
        };
        let (rests, works, leaves, looks) = (begun(), begun(), begun(), begun());
        assert!(sessions.token(&rests, true).is_some());
        assert_eq!(sessions.token(&BrowserId::new().unwrap(), true), None);
        sessions.end(&leaves);
        assert_eq!(sessions.token(&leaves, true), None);
        let mut age = Duration::ZERO;
        while age + IDLE / 2 < LONGEST {
            tokio::time::advance(IDLE / 2).await;
            age += IDLE / 2;
            assert!(sessions.token(&works, true).is_some(), "{age:?}");
            assert_eq!(
                sessions.token(&looks, false).is_some(),
                age < IDLE,
                "a page that looks for news rests"
            );
        }
        assert_eq!(sessions.token(&rests, true), None);
        tokio::time::advance(IDLE / 2).await;
        assert_eq!(sessions.token(&works, true), None, "at its end, however busy");
    }

    #[tokio::test(start_paused = true)]
    async fn their_number_is_bounded_and_the_longest_resting_goes() {
        let sessions = Sessions::new();
        let first = BrowserId::new().unwrap();
        sessions.begin(&first, "a token");
        for _ in 0..MOST {
            tokio::time::advance(Duration::from_millis(1)).await;
            sessions.begin(&BrowserId::new().unwrap(), "a token");
        }
        assert_eq!(sessions.token(&first, true), None);
        assert!(sessions.all().len() <= MOST);
        let kept = format!("{:?}", sessions.all().keys().collect::<Vec<_>>());
        assert!(!kept.contains(first.as_str()));
    }

    #[test]
    fn the_word_of_a_form_belongs_to_one_browser_of_one_process() {
        let (sessions, browser) = (Sessions::new(), BrowserId::new().unwrap());
        let word = sessions.word(&browser);
        assert!(sessions.is_word(&browser, &word) && !word.contains(browser.as_str()));
        assert!(!sessions.is_word(&BrowserId::new().unwrap(), &word));
        assert!(!Sessions::new().is_word(&browser, &word) && !sessions.is_word(&browser, ""));
        for odd in ["", "0", &"g".repeat(64), &"A".repeat(64), &"0".repeat(65)] {
            assert!(BrowserId::parse(odd).is_none(), "{odd}");
        }
        assert!(BrowserId::parse(browser.as_str()).is_some_and(|same| same == browser));
    }
}
