//! Forms and queries: what a browser sends, and the links that repeat it. One value for each name; the first counts.

use std::collections::BTreeMap;

use form_urlencoded::{Serializer, parse};
use maud::{Markup, html};

/// The longest value of a filter, in characters: nobody types more.
const LONGEST_FILTER: usize = 256;

/// Names and values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads `name=value&...`.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut fields = BTreeMap::new();
        for (name, value) in parse(bytes) {
            fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
        Self(fields)
    }

    /// The value as it was sent; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The value without space around it; none where nothing is left.
    pub(crate) fn word(&self, name: &str) -> Option<String> {
        let word: String = self.text(name).trim().chars().take(LONGEST_FILTER).collect();
        (!word.is_empty()).then_some(word)
    }

    /// A line to type a filter into, with what it is now.
    pub(super) fn text_box(&self, name: &str, label: &str, hint: &str) -> Markup {
        html! {
            div.field {
                label for={ "f-" (name) } { (label) }
                input id={ "f-" (name) } name=(name) value=(self.text(name)) placeholder=(hint) autocomplete="off" spellcheck="false";
            }
        }
    }

    /// A list to choose a filter from: values and what stands for them.
    pub(super) fn choice_box(&self, name: &str, label: &str, all: &[(&str, &str)]) -> Markup {
        html! {
            div.field {
                label for={ "f-" (name) } { (label) }
                select id={ "f-" (name) } name=(name) {
                    @for (value, words) in all {
                        option value=(value) selected[self.text(name) == *value] { (words) }
                    }
                }
            }
        }
    }
}

/// A path of ours with a query: values are escaped, those that are empty left out.
pub(crate) fn link<'a>(path: &str, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut written = Serializer::new(String::new());
    for (name, value) in query.into_iter().filter(|(_, value)| !value.is_empty()) {
        written.append_pair(name, value);
    }
    let query = written.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_say_what_forms_said() {
        let fields = Fields::parse(b"team=a%26b%3D%22&text=+%3Cb%3E+&empty=&team=other");
        assert_eq!((fields.text("team"), fields.word("text").as_deref()), ("a&b=\"", Some("<b>")));
        assert_eq!((fields.word("empty"), fields.word("none")), (None, None));
        let link = link("/console/x", [("team", fields.text("team")), ("empty", "")]);
        assert_eq!(link, "/console/x?team=a%26b%3D%22");
        assert_eq!(Fields::parse(link.split_once('?').unwrap().1.as_bytes()).text("team"), "a&b=\"");
        assert!(
            Fields::parse(&b"text=".iter().copied().chain([b'x'; 999]).collect::<Vec<_>>())
                .word("text")
                .unwrap()
                .len()
                <= 256
        );
    }
}
