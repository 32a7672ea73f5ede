//! Which actions a key may call: `"<service> <Action>"`, with `*` at the end of either part.

/// A set of patterns; a key without any may call everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionPatterns(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    service: Part,
    action: Part,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Exactly(String),
    StartsWith(String),
}

impl Default for ActionPatterns {
    /// Everything.
    fn default() -> Self {
        let any = || Part::StartsWith(String::new());
        Self(vec![Pattern { service: any(), action: any() }])
    }
}

impl ActionPatterns {
    /// A set of no pattern, which permits nothing until some are added.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a pattern; false if the text is none.
    pub(super) fn add(&mut self, text: &str) -> bool {
        let pattern = Pattern::parse(text);
        let understood = pattern.is_some();
        self.0.extend(pattern);
        understood
    }

    /// The patterns as they are written.
    pub fn texts(&self) -> Vec<String> {
        let text = |pattern: &Pattern| format!("{} {}", pattern.service.text(), pattern.action.text());
        self.0.iter().map(text).collect()
    }

    /// Whether one of the patterns matches the exact spelling.
    pub fn permit(&self, service: &str, action: &str) -> bool {
        self.0.iter().any(|pattern| pattern.service.matches(service) && pattern.action.matches(action))
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let (service, action) = text.split_once(' ')?;
        Some(Self { service: Part::parse(service)?, action: Part::parse(action)? })
    }
}

impl Part {
    fn parse(text: &str) -> Option<Self> {
        let (start, open) = text.strip_suffix('*').map_or((text, false), |start| (start, true));
        let plain = start.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match (plain, open, start.is_empty()) {
            (true, true, _) => Some(Self::StartsWith(start.to_owned())),
            (true, false, false) => Some(Self::Exactly(start.to_owned())),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Exactly(whole) => whole.clone(),
            Self::StartsWith(start) => format!("{start}*"),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exactly(whole) => text == whole,
            Self::StartsWith(start) => text.starts_with(start.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> ActionPatterns {
        let mut patterns = ActionPatterns::none();
        for text in texts {
            assert!(patterns.add(text), "{text}");
        }
        patterns
    }

    #[test]
    fn match_to_the_letter_with_a_star_at_the_end() {
        let some = patterns(&["vm *", "zec Describe*"]);
        assert!(some.permit("vm", "CreateInstances") && some.permit("zec", "DescribeInstances"));
        assert!(!some.permit("zec", "CreateInstances") && !some.permit("bmc", "DescribeInstances"));
        assert!(!some.permit("vm2", "CreateInstances") && !some.permit("VM", "CreateInstances"));
        let one = patterns(&["vm CreateInstances"]);
        assert!(one.permit("vm", "CreateInstances"));
        assert!(!one.permit("vm", "createInstances") && !one.permit("vm", "CreateInstancesX"));
        assert_eq!(some.texts(), ["vm *", "zec Describe*"]);
    }

    #[test]
    fn default_is_everything_and_none_is_nothing() {
        assert!(ActionPatterns::default().permit("vm", "CreateInstances"));
        assert!(!ActionPatterns::none().permit("vm", "CreateInstances"));
    }

    #[test]
    fn refuse_what_is_no_pattern() {
        for text in ["", "*", "vm", "vm  X", "vm X Y", "v*m X", "vm *X", " X", "vm ", "vm Create-Instances"] {
            assert!(!ActionPatterns::none().add(text), "{text:?}");
        }
    }
}
