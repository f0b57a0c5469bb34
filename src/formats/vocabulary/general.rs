//! Words that every OpenTelemetry span may carry: who asked, for which feature, what went wrong.

use crate::formats::scan::Fields;
use crate::formats::vocabulary::Vocabulary;
use crate::model::span::{Part, SpanKind};

/// User, session, feature and service.
pub struct General;

impl Vocabulary for General {
    fn name(&self) -> &'static str {
        "general"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &[
            "user", "enduser.", "session", "feature", "app.", "service.", "http.", "url.", "metadata",
        ]
    }

    fn read(&self, fields: &mut Fields<'_>, part: &mut Part) {
        let mut set = |field: &mut Option<String>, keys: &[&str]| {
            if field.is_none() {
                *field = fields.text(keys);
            }
        };
        set(&mut part.user, &["user.id", "enduser.id", "user_id"]);
        set(&mut part.session, &["session.id", "session_id"]);
        set(&mut part.feature, &["feature", "app.feature"]);
        set(&mut part.service, &["service.name"]);
        if part.kind == SpanKind::Other
            && part.parent_id.is_none()
            && fields.any(&["http.route", "http.request.method", "http.method", "url.path"])
        {
            part.kind = SpanKind::Request;
        }
    }
}
