//! A table in Markdown as GitHub and GitLab show it, for comments on merge requests and summaries of CI jobs.

use std::fmt::Write as _;

use super::{Item, Word, sentence};
use crate::policy::verdict::Effect;

/// One row for each thing judged; below it what rules would add.
pub(in super::super) fn markdown(items: &[Item]) -> String {
    let mut text = String::from("| verdict | what | why |\n|---|---|---|\n");
    for item in items {
        let mut why: Vec<String> = item.reasons();
        why.extend(item.findings.iter().filter_map(|finding| match finding.effect {
            Effect::Refused => None,
            Effect::Warned => Some(format!("warning: {}", sentence(finding))),
            Effect::Shadowed => Some(format!("in shadow: {}", sentence(finding))),
            Effect::Exempted => Some(format!("exempted: {}", sentence(finding))),
        }));
        let why: Vec<String> = why.iter().map(|reason| escaped(reason)).collect();
        let word = item.word.as_str();
        let word = if item.word == Word::Allowed { word.to_owned() } else { format!("**{word}**") };
        let what = format!("{} ({})", escaped(&item.title()), escaped(&item.file));
        let _ = writeln!(text, "| {word} | {what} | {} |", why.join("<br>"));
    }
    let mut added = items.iter().flat_map(|item| {
        item.changes.iter().map(|change| {
            let (path, value) = (escaped(&change.path.to_string()), escaped(&change.after.to_text()));
            format!("- {}: {path} = {value} ({})", escaped(&item.title()), escaped(&change.rule))
        })
    });
    if let Some(first) = added.next() {
        let _ = writeln!(text, "\nRules would add:\n\n{first}");
        added.for_each(|line| {
            let _ = writeln!(text, "{line}");
        });
    }
    text
}

/// Text as itself: no mark-up, no HTML, no new line, no mention of a person.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '@' => safe.push_str("&#64;"),
            '\n' => safe.push_str("<br>"),
            letter if letter.is_control() => safe.push('?'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '$' => {
                safe.push('\\');
                safe.push(letter);
            }
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_in_a_text_is_mark_up() {
        assert_eq!(
            super::escaped("a|b <img> @team *x* `y`\nz"),
            "a\\|b &lt;img&gt; &#64;team \\*x\\* \\`y\\`<br>z"
        );
    }
}
