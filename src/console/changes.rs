//! What rules changed in a request: where, what stood there, what stands there now, and which rule did it.

use maud::{Markup, html};
use serde_json::Value;

use super::show;

/// A table of changes; they are as [`crate::policy::patch::Change`] is written.
pub(super) fn table(caption: &str, changes: &[Value]) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label=(caption) {
            table {
                caption.unseen { (caption) }
                thead { tr {
                    th scope="col" { "Field" } th scope="col" { "Before" } th scope="col" { "After" } th scope="col" { "Rule" }
                } }
                tbody {
                    @for change in changes {
                        tr {
                            th scope="row" { code { (show::at(change, "/path")) } }
                            td { @match change.get("before").filter(|before| !before.is_null()) {
                                Some(before) => { del { code { (before) } } }
                                None => { span.sub { "nothing" } }
                            } }
                            td { ins { code { (show_json(change.get("after"))) } } }
                            td { code { (show::at(change, "/rule")) } " " span.sub { (show::at(change, "/op")) } }
                        }
                    }
                }
            }
        }
    }
}

fn show_json(value: Option<&Value>) -> String {
    value.map(Value::to_string).unwrap_or_default()
}
