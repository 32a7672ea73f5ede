//! The one field of every page: an id of a decision or of an instance, and on to its page.

use http::StatusCode;

use super::{Page, Reply, Visit, show};
use crate::record::parse_decision_id;

pub(crate) fn page(visit: &Visit) -> Reply {
    let Some(id) = visit.query.word("id") else {
        return Page::trouble(
            StatusCode::BAD_REQUEST,
            "Nothing to find",
            "Give the id of a decision or of an instance.",
        );
    };
    Reply::Redirect(if parse_decision_id(&id).is_some() {
        show::decision_link(&id)
    } else {
        show::instance_link(&id)
    })
}
