//! A real browser: Debian's chromium, driven over WebDriver by its own driver. Everything is typed; there is no mouse.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::{connect, read_answer};
use super::eventually;

pub const TAB: &str = "\u{e004}";
pub const ENTER: &str = "\u{e007}";

/// A running browser. Dropping it ends it.
pub struct Chrome {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: TempDir,
}

impl Chrome {
    pub fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver (Debian package chromium-driver)");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok()
        });
        // It says more later, and must find somebody who listens.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let address = SocketAddr::from(([127, 0, 0, 1], port.expect("a port")));
        let profile = TempDir::new().unwrap();
        let data = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--lang=en",
            &data,
        ];
        let options = json!({ "binary": "/usr/bin/chromium", "args": arguments });
        let wanted = json!({
            "browserName": "chrome", "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let mut chrome = Self { driver, address, session: String::new(), _profile: profile };
        let begun = chrome.ask("POST", "/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        chrome.session = begun["sessionId"].as_str().expect("a session").to_owned();
        chrome
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        let mut connection = connect(self.address);
        connection.set_read_timeout(Some(std::time::Duration::from_secs(120))).unwrap();
        connection.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let answer = read_answer(&mut connection).expect("the driver answers");
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()["value"].clone()
    }

    fn order(&self, command: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}/{command}", self.session), body)
    }

    pub fn go(&self, url: &str) {
        self.order("url", &json!({ "url": url }));
    }

    pub fn run(&self, script: &str) -> Value {
        self.order("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// A script that calls `arguments[0]` with its result.
    pub fn wait_for(&self, script: &str) -> Value {
        self.order("execute/async", &json!({ "script": script, "args": [] }))
    }

    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.order("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// Types on the keyboard.
    pub fn keys(&self, text: &str) {
        let keys = text.chars().flat_map(|key| {
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
        });
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": keys.collect::<Vec<_>>() });
        self.order("actions", &json!({ "actions": [keyboard] }));
    }

    /// Goes on by the tabulator until what has the focus satisfies a condition in script about `it`.
    pub fn tab_to(&self, condition: &str) {
        for _ in 0..120 {
            self.keys(TAB);
            if self.run(&format!("const it = document.activeElement; return Boolean({condition});")) == true {
                return;
            }
        }
        panic!("the keyboard does not lead to {condition} on {}", self.run("return document.body.innerText"));
    }

    /// Waits until an expression of the page is true.
    pub fn until(&self, expression: &str) {
        eventually(expression, || {
            let script = format!("return document.readyState === 'complete' && Boolean({expression});");
            (self.run(&script) == true).then_some(())
        });
    }

    /// What was logged in the console of the page, and which addresses were asked, since it was asked last.
    pub fn log(&self, kind: &str) -> Vec<Value> {
        self.order("se/log", &json!({ "type": kind })).as_array().cloned().unwrap_or_default()
    }

    pub fn scheme(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    pub fn size(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    pub fn picture(&self) -> Vec<u8> {
        let shot = self.devtools("Page.captureScreenshot", &json!({ "format": "png" }));
        BASE64.decode(shot["data"].as_str().unwrap().as_bytes()).unwrap()
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.ask("DELETE", &format!("/session/{}", self.session), &json!({}));
        }
        let _ = Command::new("pkill").args(["-KILL", "-P", &self.driver.id().to_string()]).status();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
