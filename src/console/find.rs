//! The one field of every page: an id of a decision, of a key or of an instance, or a team, and on to its page.

use http::StatusCode;

use super::{Page, Reply, Visit, show};
use crate::admin::Admin;
use crate::record::parse_decision_id;

pub(crate) fn page(admin: &Admin, visit: &Visit) -> Reply {
    let Some(id) = visit.query.word("id") else {
        return Page::trouble(
            StatusCode::BAD_REQUEST,
            "Nothing to find",
            "Give the id of a decision, of an instance or of a key, or the name of a team.",
        );
    };
    let keys = admin.keys.all();
    Reply::Redirect(if parse_decision_id(&id).is_some() {
        show::decision_link(&id)
    } else if keys.iter().any(|key| key.id == id) {
        show::key_link(&id)
    } else if keys.iter().any(|key| key.team == id) {
        show::team_link(&id)
    } else {
        show::instance_link(&id)
    })
}
