//! Where the command line writes: data on standard output, what is said about it on standard error, and colours only where a
//! person looks at them.
//!
//! Texts are written with their colours; [`anstream`] takes them out where the stream is no terminal, where `NO_COLOR` is
//! set, or where `--color never` says so. A reader that has gone (`zengate ... | head`) is nobody's mistake; a disk that is full is.

use std::io::{ErrorKind, Write as _};
use std::sync::Mutex;

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;

/// What standard output did not take, of the first write that failed.
static LOST: Mutex<Option<String>> = Mutex::new(None);

/// Good news.
pub(in crate::cli) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Bad news.
pub(in crate::cli) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What wants a look.
pub(in crate::cli) const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// Headings.
pub(in crate::cli) const HEAD: Style = Style::new().bold();

/// Decides for the whole process where colours are shown.
pub(in crate::cli) fn colours(choice: ColorChoice) {
    let choice = match choice {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// A text in a colour.
pub(in crate::cli) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Text of somebody else's on one line, without anything that a terminal would obey.
pub(in crate::cli) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

/// Says something to a person, on standard error.
pub(in crate::cli) fn say(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Says why a command could not do what it was asked.
pub(in crate::cli) fn say_error(text: &str) {
    say(&format!("{} {text}", paint(BAD, "error:")));
}

/// Hands out what a command was asked for, on standard output.
pub(in crate::cli) fn say_out(text: &str) {
    let mut out = anstream::stdout();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != ErrorKind::BrokenPipe
        && let Ok(mut lost) = LOST.lock()
    {
        lost.get_or_insert_with(|| error.to_string());
    }
}

/// What standard output did not take, if anything.
pub(in crate::cli) fn lost() -> Option<String> {
    LOST.lock().ok()?.take()
}
