//! The login: one field for a token of the admin listener.

use http::StatusCode;
use maud::html;

use super::{Page, Reply};

/// The way to the login, and from there to what was wanted.
pub(crate) fn way(wanted: &str) -> Reply {
    Reply::Redirect(super::form::link("/console/login", [("to", wanted)]))
}

/// Where to go after the login: one of our own pages, whatever the address says.
pub(crate) fn target(wanted: &str) -> &str {
    let ours = wanted == "/console" || wanted.starts_with("/console/") || wanted.starts_with("/console?");
    let plain = wanted.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if ours && plain && !wanted.starts_with("/console/log") { wanted } else { "/console" }
}

/// The form. `word` is what it repeats, `why` what was wrong with the last try.
pub(crate) fn page(word: &str, wanted: &str, status: StatusCode, why: Option<&str>) -> Reply {
    let body = html! {
        div.login {
            h1 { "Log in" }
            @if let Some(why) = why { p.alert role="alert" #wrong { (why) } }
            form method="post" action="/console/login" {
                input type="hidden" name="word" value=(word);
                input type="hidden" name="to" value=(target(wanted));
                // For password managers, which keep a token by this name.
                input type="text" name="name" value="zengate" autocomplete="username" hidden;
                div.field {
                    label for="token" { "Token" }
                    input #token name="token" type="password" autocomplete="current-password" required autofocus spellcheck="false"
                        aria-describedby="hint" aria-invalid=[why.map(|_| "true")];
                    p.sub #hint { "A token of " code { "admin.users" } " or " code { "admin.tokens" } ", as the gateway's configuration names it." }
                }
                button.strong type="submit" { "Log in" }
            }
        }
    };
    Reply::Page(Page { status, title: "Log in".to_owned(), place: None, body })
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn the_login_leads_to_our_own_pages_only() {
        for ours in ["/console", "/console/decisions?team=a", "/console?x=1", "/console/instances/a%2Fb"] {
            assert_eq!(target(ours), ours);
        }
        for other in [
            "",
            "/",
            "//evil.example",
            "https://evil.example",
            "/console.evil.example",
            "/consolex",
            "/console/\\evil.example",
            "/console/\r\nSet-Cookie: a=b",
            "/console/login?to=x",
            "/console/logout",
            "/policy/material",
        ] {
            assert_eq!(target(other), "/console", "{other}");
        }
    }
}
