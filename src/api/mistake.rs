//! What can be wrong with the fields of a request, in the vendor's codes.
use crate::json::Pointer;
use serde::Serialize;
/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Where.
    #[serde(serialize_with = "as_text")]
    pub pointer: Pointer,
    /// The vendor's code.
    pub code: MistakeCode,
    /// What.
    pub message: String,
    /// What to do.
    pub remedy: String,
}
fn as_text<S: serde::Serializer>(pointer: &Pointer, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(pointer)
}
/// Codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum MistakeCode {
    /// type
    Type,
}
impl MistakeCode {
    /// The code.
    pub fn as_str(self) -> &'static str {
        "INVALID_PARAMETER_TYPE"
    }
}
