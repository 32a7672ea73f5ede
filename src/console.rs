//! The console: what the admin listener knows, as pages for people, with a form for each order.
//!
//! Pages are written here, on this side, and work without script; the one script only brings new decisions in. Who a
//! visitor is and what they may do has been settled by [`crate::admin`] before a page is asked for; a page shows a
//! button only to those whom it would obey. Everything that a caller of the gateway wrote goes through `maud`, which
//! escapes whatever is not markup of ours; there is no way around that here (`PreEscaped` is used for our own files alone).

pub(crate) mod browser;
mod changes;
mod decision;
mod decisions;
mod exemptions;
mod find;
mod findings;
pub(crate) mod form;
mod instance;
mod judging;
mod keys;
mod layout;
pub(crate) mod login;
mod order;
mod overview;
mod playground;
mod policy;
mod quota;
pub(crate) mod session;
mod show;
mod team;

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use maud::Markup;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::admin::Admin;
use crate::config::admin::Role;
use crate::gateway::{Parts, policy_of_team};
use crate::history::History;
use crate::keys::Key;
use crate::policy::input::PrincipalInput;
use form::Fields;
use layout::Place;
use session::Sessions;

pub use judging::{Question, SUBCOMMAND};
pub(crate) use order::Order;

/// Playgrounds that judge at once: each is a process with a rule set of its own.
const MOST_JUDGING: usize = 2;

/// What the pages are made from, besides what the admin listener shows anyway.
#[derive(Clone)]
pub struct Console {
    pub(crate) sessions: Sessions,
    history: History,
    /// Everybody whom the playground can judge as.
    principals: Arc<dyn Fn() -> Vec<PrincipalInput> + Send + Sync>,
    judging: Arc<Semaphore>,
    sent: keys::order::Sent,
    /// What the rules hold a team to, as the team itself is told.
    policy_of_team: Arc<dyn Fn(&str) -> Value + Send + Sync>,
}

/// One request of a person.
pub(crate) struct Visit {
    /// Their name, as far as it is known.
    pub(crate) who: String,
    pub(crate) role: Role,
    /// What forms repeat.
    pub(crate) word: String,
    /// Whether there is a session to end.
    pub(crate) can_leave: bool,
    pub(crate) path: String,
    pub(crate) query: Fields,
    pub(crate) now: Timestamp,
}

impl Visit {
    /// Whether orders of theirs are obeyed.
    pub(crate) fn may_order(&self) -> bool {
        self.role == Role::Operator
    }
}

/// What a visit ends in.
pub(crate) enum Reply {
    /// A page.
    Page(Page),
    /// Look there instead; one of our own paths.
    Redirect(String),
    /// There is nothing newer than what was seen.
    Unchanged,
}

/// A page without its frame.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) title: String,
    pub(crate) place: Option<Place>,
    pub(crate) body: Markup,
}

impl Page {
    fn show(title: impl Into<String>, place: Place, body: Markup) -> Reply {
        Reply::Page(Self { status: StatusCode::OK, title: title.into(), place: Some(place), body })
    }

    /// A page that says what went wrong.
    pub(crate) fn trouble(status: StatusCode, title: &str, why: &str) -> Reply {
        let body = maud::html! {
            h1 { (title) }
            p.lead { (why) }
            p { a href="/console" { "Back to the overview" } }
        };
        Reply::Page(Self { status, title: title.to_owned(), place: None, body })
    }
}

impl Console {
    /// Nobody has logged in yet.
    pub fn new(history: History, parts: &Parts) -> Self {
        let keys = Arc::clone(&parts.keys);
        let principals = Arc::new(move || {
            let principal = |key: &Key| PrincipalInput {
                key: key.id.clone(),
                team: key.team.clone(),
                labels: key.labels.clone(),
                account: key.account.clone(),
            };
            keys.current().iter().map(principal).collect()
        });
        let (judge, settings, clock) =
            (parts.judge.clone(), Arc::clone(&parts.settings), parts.clock.clone());
        let policy_of_team =
            Arc::new(move |team: &str| policy_of_team(&judge, &settings.load(), clock.timestamp(), team));
        Self {
            sessions: Sessions::new(),
            history,
            principals,
            judging: Arc::new(Semaphore::new(MOST_JUDGING)),
            sent: keys::order::Sent::default(),
            policy_of_team,
        }
    }
}

impl Admin {
    /// The page that is visited.
    pub(crate) async fn page_of(&self, visit: &Visit) -> Reply {
        let rest = visit.path.strip_prefix("/console").unwrap_or_default().trim_start_matches('/');
        let mut steps = rest.splitn(2, '/');
        match (steps.next().unwrap_or_default(), steps.next()) {
            ("", None) => overview::page(self, visit).await,
            ("decisions", None) => decisions::page(self, visit).await,
            ("decisions", Some(id)) => decision::page(self, visit, id).await,
            ("instances", Some(id)) => instance::page(self, visit, id).await,
            ("quota", None) => quota::page(self, visit),
            ("quota", Some("holders")) => quota::holders(self, visit),
            ("keys", None) => keys::page(self, visit),
            ("keys", Some("new")) => keys::paper::page(self, visit),
            ("keys", Some(id)) => keys::one::page(self, visit, id),
            ("teams", None) => team::list(self),
            ("teams", Some(name)) => team::page(self, visit, name).await,
            ("policy", None) => policy::page(self, visit),
            ("exemptions", None) => exemptions::page(self, visit),
            ("playground", None) => playground::page(self, visit, None),
            ("find", None) => find::page(self, visit),
            _ => Page::trouble(
                StatusCode::NOT_FOUND,
                "There is no such page",
                "The address may be mistyped or old.",
            ),
        }
    }

    /// Judges what was pasted; nothing comes of it.
    pub(crate) async fn play(&self, visit: &Visit, form: &Fields) -> Reply {
        playground::judged(self, visit, form).await
    }
}

/// The answer to a visit, framed.
pub(crate) fn answer(visit: Option<&Visit>, reply: Reply) -> Response<Full<Bytes>> {
    match reply {
        Reply::Redirect(to) => browser::redirect(&to),
        Reply::Unchanged => browser::answer(StatusCode::NO_CONTENT, "text/html; charset=utf-8", ""),
        Reply::Page(page) => {
            let status = page.status;
            let text = layout::framed(visit, page).into_string();
            browser::answer(status, "text/html; charset=utf-8", text)
        }
    }
}

/// The files of all pages: the style and the script. They say nothing about this gateway, so everybody may have them.
pub(crate) fn file(path: &str) -> Option<Response<Full<Bytes>>> {
    match path {
        "/console/style.css" => Some(browser::answer(StatusCode::OK, "text/css; charset=utf-8", STYLE)),
        "/console/script.js" => {
            Some(browser::answer(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT))
        }
        _ => None,
    }
}

const STYLE: &str = include_str!("console/style.css");
const SCRIPT: &str = include_str!("console/script.js");
