//! The tags of a create: `{"tags": [{"key": ..., "value": ...}]}`, never a bare array.

use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;

/// The tags of a request; keys are unique and at most `longest` characters, values too.
pub(super) fn read(fields: Fields<'_>, longest: usize) -> Result<Vec<(String, String)>, Problem> {
    let Some(association) = fields.object("tags")? else { return Ok(Vec::new()) };
    list(association, "tags", longest)
}

/// A plain list of tags.
pub(super) fn list<'a>(
    fields: Fields<'a>,
    name: &'a str,
    longest: usize,
) -> Result<Vec<(String, String)>, Problem> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for tag in fields.objects(name)? {
        let key = tag.required("key")?;
        let value = tag.text("value")?.unwrap_or_default();
        if key.chars().count() > longest || value.chars().count() > longest {
            return Err(Problem::invalid(
                "INVALID_PARAMETER_EXCEED_LENGTH",
                format!("Tag keys and values have at most {longest} characters."),
            ));
        }
        if tags.iter().any(|(known, _)| known == key) {
            return Err(Problem::value("tags", &format!("names the key {key} twice")));
        }
        tags.push((key.to_owned(), value.to_owned()));
    }
    Ok(tags)
}

/// Tags a filter takes.
const FILTER: usize = 20;

/// The filters `tagKeys` and `tags` of a listing.
pub(super) struct Filter<'a> {
    keys: Vec<&'a str>,
    tags: Vec<(String, String)>,
}

impl<'a> Filter<'a> {
    pub(super) fn read(fields: Fields<'a>) -> Result<Self, Problem> {
        Ok(Self { keys: fields.texts_up_to("tagKeys", FILTER)?, tags: list(fields, "tags", 128)? })
    }

    /// Whether something with these tags passes.
    pub(super) fn passes(&self, own: &[(String, String)]) -> bool {
        self.keys.iter().all(|key| own.iter().any(|(known, _)| known == key))
            && self.tags.iter().all(|tag| own.contains(tag))
    }
}
