//! A browser as far as headers go: it keeps its cookie, says where it comes from, and sends forms with the word of the page.

use std::net::SocketAddr;

use super::{Answer, Call};

/// What a page of the console says about itself and what a person sees of it.
pub struct Browser {
    address: SocketAddr,
    pub cookie: Option<String>,
}

impl Browser {
    pub fn at(address: SocketAddr) -> Self {
        Self { address, cookie: None }
    }

    /// One that has logged in.
    pub fn logged_in(address: SocketAddr, token: &str) -> Self {
        let mut browser = Self::at(address);
        let word = word(&browser.get("/console/login"));
        let answer = browser.post("/console/login", &[("word", &word), ("token", token)]);
        assert_eq!(answer.status, 303, "{}", text(&answer));
        browser
    }

    /// A request of this browser, before it is sent.
    pub fn call(&self, method: &str, path: &str) -> Call {
        let mut call = Call::new("", "").unsigned().target(path).body("");
        call.headers.clear();
        call.method = method.to_owned();
        match &self.cookie {
            Some(cookie) => call.header("Cookie", &format!("other=1; {cookie}")),
            None => call,
        }
    }

    pub fn send(&mut self, call: &Call) -> Answer {
        let answer = call.clone().header("Connection", "close").send(self.address);
        for set in answer.headers("set-cookie") {
            let pair = set.split(';').next().unwrap().to_owned();
            self.cookie = (!pair.ends_with('=')).then_some(pair);
        }
        answer
    }

    pub fn get(&mut self, path: &str) -> Answer {
        let site = if self.cookie.is_some() { "same-origin" } else { "none" };
        let call = self.call("GET", path).header("Sec-Fetch-Site", site).header("Accept", "text/html,*/*");
        self.send(&call)
    }

    /// A form, sent as it stands.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let mut call = self.call("POST", path).header("Sec-Fetch-Site", "same-origin").body(body.finish());
        call.content_type = "application/x-www-form-urlencoded".to_owned();
        let call = call.header("Origin", &format!("http://{}", self.address));
        self.send(&call)
    }

    /// The form of a page, with its word.
    pub fn submit(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let word = word(&self.get(page));
        let fields = [&[("word", word.as_str())], fields].concat();
        self.post(path, &fields)
    }
}

/// The body as text.
pub fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// The word that the forms of a page repeat.
pub fn word(page: &Answer) -> String {
    hidden(page, "word").unwrap_or_else(|| panic!("no form: {}", text(page)))
}

/// What a hidden field of a page holds.
pub fn hidden(page: &Answer, name: &str) -> Option<String> {
    let text = text(page);
    let (_, rest) = text.split_once(&format!("type=\"hidden\" name=\"{name}\" value=\""))?;
    rest.split('"').next().map(str::to_owned)
}
