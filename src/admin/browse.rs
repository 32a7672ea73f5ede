//! The console's door: who a browser's visitor is, what they may do, and what is written down of it.
//!
//! Everything here is for `/console` alone. The other pages of the listener refuse browsers and read no cookie, so nothing
//! that a browser could be made to send reaches them.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;

use super::Admin;
use super::audit::{Ended, Entry};
use super::guard::{Asker, Guard, Refused};
use super::people::Caller;
use super::serve::Desk;
use crate::console::browser::{self, From};
use crate::console::form::Fields;
use crate::console::session::BrowserId;
use crate::console::{self, Order, Page, Reply, Visit, login};

/// The longest form, in bytes: a Terraform plan may be pasted.
const LONGEST_FORM: usize = 8 << 20;

/// Whether the console answers there. `/` is nobody's page, and a browser that is sent there means the console.
pub(super) fn is_here(request: &Request<Incoming>) -> bool {
    let path = request.uri().path();
    let browser = request.headers().get(ACCEPT).is_some_and(|accepted| {
        accepted
            .to_str()
            .is_ok_and(|accepted| accepted.split(',').any(|media| media.trim().starts_with("text/html")))
    });
    path == "/console" || path.starts_with("/console/") || path == "/" && browser
}

/// One request on its way through the door.
struct Arrival<'a> {
    desk: &'a Desk,
    asker: &'a Asker,
    browser: BrowserId,
    /// Whether it has to be told its cookie.
    fresh: bool,
    method: Method,
    path: String,
    target: String,
    query: Fields,
    number: u64,
}

impl Arrival<'_> {
    fn entry<'e>(&'e self, caller: Option<&'e Caller>) -> Entry<'e> {
        let (method, target) = (self.method.as_str(), self.target.as_str());
        Entry { asker: self.asker, caller, method, target, number: self.number }
    }

    fn tell(&self, response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
        let cookie = self.fresh.then(|| browser::cookie(&self.browser, self.desk.tls)).flatten();
        browser::with_cookie(response, cookie)
    }
}

impl Admin {
    pub(super) async fn browse(
        &self,
        desk: &Desk,
        asker: &Asker,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        if path == "/" {
            return browser::redirect("/console");
        }
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if let Some(file) = console::file(&path).filter(|_| reads) {
            return file;
        }
        let known = browser::known(request.headers());
        let fresh = known.is_none();
        let Some(browser) = known.or_else(BrowserId::new) else {
            return plain(Page::trouble(
                StatusCode::SERVICE_UNAVAILABLE,
                "No randomness",
                "The system gives none.",
            ));
        };
        let arrival = Arrival {
            desk,
            asker,
            browser,
            fresh,
            method: request.method().clone(),
            target: request.uri().path_and_query().map_or("", |target| target.as_str()).to_owned(),
            query: Fields::parse(request.uri().query().unwrap_or_default().as_bytes()),
            path,
            number: desk.audit.number(),
        };
        if browser::from(request.headers()) == From::Elsewhere {
            return self.turned_away(&arrival, None, StatusCode::FORBIDDEN, elsewhere(&arrival)).await;
        }
        // A page that looks for news by itself keeps no session alive.
        let used = arrival.query.text("after").is_empty();
        let token = self.console.sessions.token(&arrival.browser, used);
        let caller = match desk.guard.visitor(asker, request.headers(), token.as_deref()) {
            Ok(caller) => caller,
            Err(refused) => {
                let page = Page::trouble(refused.status, "Not from here", refused.why);
                return self.turned_away(&arrival, None, refused.status, page).await;
            }
        };
        let visit = caller.as_ref().map(|caller| self.visit(&arrival, caller, token.is_some()));
        match (caller, visit) {
            _ if !reads && arrival.method != Method::POST => {
                let page =
                    Page::trouble(StatusCode::METHOD_NOT_ALLOWED, "Not so", "Pages are read or sent forms.");
                self.turned_away(&arrival, None, StatusCode::METHOD_NOT_ALLOWED, page).await
            }
            (_, visit) if arrival.path == "/console/login" => {
                if reads {
                    self.ask_to_log_in(&arrival, visit)
                } else {
                    self.log_in(&arrival, request).await
                }
            }
            (None, _) | (_, None) if reads => arrival.tell(plain(login::way(&arrival.target))),
            (None, _) | (_, None) => {
                let why = "Your session has ended. Log in, and do it again: nothing was done.";
                let page = Page::trouble(StatusCode::UNAUTHORIZED, "Log in first", why);
                self.turned_away(&arrival, None, StatusCode::UNAUTHORIZED, page).await
            }
            (Some(caller), Some(visit)) if reads => {
                let answer = console::answer(Some(&visit), self.page_of(&visit).await);
                // Looking for news and finding none is no question that anybody asked.
                if answer.status() != StatusCode::NO_CONTENT {
                    self.answered(&arrival, &caller, None, answer.status()).await;
                }
                arrival.tell(answer)
            }
            (Some(caller), Some(visit)) => arrival.tell(self.form(&arrival, &caller, &visit, request).await),
        }
    }

    fn visit(&self, arrival: &Arrival<'_>, caller: &Caller, has_session: bool) -> Visit {
        Visit {
            who: caller.name(),
            role: caller.role(),
            word: self.console.sessions.word(&arrival.browser),
            can_leave: has_session,
            path: arrival.path.clone(),
            query: arrival.query.clone(),
            now: arrival.desk.audit.now(),
        }
    }

    /// A form of somebody who is known.
    async fn form(
        &self,
        arrival: &Arrival<'_>,
        caller: &Caller,
        visit: &Visit,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        let form = match self.read(arrival, request).await {
            Ok(form) => form,
            Err((status, page)) => return self.turned_away(arrival, Some(caller), status, page).await,
        };
        if arrival.path == "/console/logout" {
            self.console.sessions.end(&arrival.browser);
            self.answered(arrival, caller, None, StatusCode::SEE_OTHER).await;
            let answer = browser::redirect("/console/login");
            return browser::with_cookie(answer, browser::forget(arrival.desk.tls));
        }
        if arrival.path == "/console/playground" {
            let answer = console::answer(Some(visit), self.play(visit, &form).await);
            self.answered(arrival, caller, None, answer.status()).await;
            return answer;
        }
        if let Err(refused) = Guard::permit(caller, &Method::POST) {
            let page = Page::trouble(refused.status, "This needs the role operator", refused.why);
            return self.turned_away(arrival, Some(caller), refused.status, page).await;
        }
        let Some(order) = Order::read(&arrival.path, &form) else {
            let page = Page::trouble(
                StatusCode::NOT_FOUND,
                "There is no such order",
                "The form may be of an older version.",
            );
            return self.turned_away(arrival, Some(caller), StatusCode::NOT_FOUND, page).await;
        };
        let described = order.describe();
        let asked = Ended { about: Some(described), ..Ended::default() };
        if let Err(why) = arrival.desk.audit.write("asked", &arrival.entry(Some(caller)), asked).await {
            return console::answer(
                Some(visit),
                Page::trouble(StatusCode::SERVICE_UNAVAILABLE, "Not done", &why),
            );
        }
        let (reply, about) = self.obey(visit, order).await;
        let answer = console::answer(Some(visit), reply);
        self.answered(arrival, caller, Some(about), answer.status()).await;
        answer
    }

    fn ask_to_log_in(&self, arrival: &Arrival<'_>, visit: Option<Visit>) -> Response<Full<Bytes>> {
        let wanted = arrival.query.text("to");
        if visit.is_some() {
            return browser::redirect(login::target(wanted));
        }
        let word = self.console.sessions.word(&arrival.browser);
        arrival.tell(plain(login::page(&word, wanted, StatusCode::OK, None)))
    }

    async fn log_in(&self, arrival: &Arrival<'_>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let form = match self.read(arrival, request).await {
            Ok(form) => form,
            Err((status, page)) => return self.turned_away(arrival, None, status, page).await,
        };
        let token = form.text("token").trim();
        match arrival.desk.guard.login(arrival.asker, token) {
            Ok(caller) => {
                // Another number than before the login: one that somebody else knew is worth nothing.
                let Some(browser) = BrowserId::new() else {
                    return plain(Page::trouble(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "No randomness",
                        "The system gives none.",
                    ));
                };
                self.console.sessions.end(&arrival.browser);
                self.console.sessions.begin(&browser, token);
                self.answered(arrival, &caller, None, StatusCode::SEE_OTHER).await;
                let answer = browser::redirect(login::target(form.text("to")));
                browser::with_cookie(answer, browser::cookie(&browser, arrival.desk.tls))
            }
            Err(Refused { status, why }) => {
                let word = self.console.sessions.word(&arrival.browser);
                let page = login::page(&word, form.text("to"), status, Some(why));
                self.turned_away(arrival, None, status, page).await
            }
        }
    }

    /// The fields of a form that one of our pages has sent.
    async fn read(
        &self,
        arrival: &Arrival<'_>,
        request: Request<Incoming>,
    ) -> Result<Fields, (StatusCode, Reply)> {
        let failed = |status, title: &str, why: &str| Err((status, Page::trouble(status, title, why)));
        let media = request.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        if !media.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            return failed(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "No form",
                "Only forms of these pages are read.",
            );
        }
        let Ok(body) = Limited::new(request.into_body(), LONGEST_FORM).collect().await else {
            let why = "The form is longer than 8 MiB, or broke off.";
            return failed(StatusCode::PAYLOAD_TOO_LARGE, "Too long", why);
        };
        let form = Fields::parse(&body.to_bytes());
        if !self.console.sessions.is_word(&arrival.browser, form.text("word")) {
            let why = "The form is of an earlier session or of another site, so nothing was done. Open the page again.";
            return failed(StatusCode::FORBIDDEN, "This form is too old", why);
        }
        Ok(form)
    }

    async fn answered(
        &self,
        arrival: &Arrival<'_>,
        caller: &Caller,
        about: Option<serde_json::Value>,
        status: StatusCode,
    ) {
        let ended = Ended { about, ..Ended::with(status) };
        let _ = arrival.desk.audit.write("answered", &arrival.entry(Some(caller)), ended).await;
    }

    async fn turned_away(
        &self,
        arrival: &Arrival<'_>,
        caller: Option<&Caller>,
        status: StatusCode,
        page: Reply,
    ) -> Response<Full<Bytes>> {
        self.metrics.connections().admin_refused(status);
        // Who is not listened to fills no disk.
        if status != StatusCode::TOO_MANY_REQUESTS {
            let _ = arrival.desk.audit.write("refused", &arrival.entry(caller), Ended::with(status)).await;
        }
        arrival.tell(plain(page))
    }
}

/// A page without navigation: nobody is known to be there.
fn plain(page: Reply) -> Response<Full<Bytes>> {
    console::answer(None, page)
}

/// A link on somebody else's page leads here, or their page sent a form. Nothing is shown or done; a person can go on by hand.
fn elsewhere(arrival: &Arrival<'_>) -> Reply {
    let body = maud::html! {
        h1 { "You come from another site" }
        p.lead { "Nothing was shown or done: a page of somebody else could have sent you here." }
        @if arrival.method == Method::GET {
            p { "If you followed a link of your own: " a href=(login::target(&arrival.target)) { "go on to the page" } }
        }
    };
    Reply::Page(Page {
        status: StatusCode::FORBIDDEN,
        title: "From another site".to_owned(),
        place: None,
        body,
    })
}
