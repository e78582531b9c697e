//! An answer of Harbor's, and its forms.

use super::cost::RequestKind;
use super::query::{Query, Refusal};
use crate::server::{Response, whole};
use http::StatusCode;
use http::header::{HeaderValue, LINK, SET_COOKIE};
use serde_json::{Value, json};

/// An answer, before it is sent.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    total: Option<usize>,
    link: Option<String>,
    /// What it costs depends on this.
    pub(super) kind: RequestKind,
    pub(super) rows: usize,
}

impl Answer {
    /// A single object.
    pub(super) fn one(kind: RequestKind, body: Value) -> Self {
        Self { status: 200, body, total: None, link: None, kind, rows: 1 }
    }

    /// The page of a list of so many rows that a query asked for.
    pub(super) fn page(kind: RequestKind, path: &str, query: &Query, total: usize, rows: Vec<Value>) -> Self {
        let (link, count) = (query.links(path, total), rows.len());
        Self { status: 200, body: Value::Array(rows), total: Some(total), link, kind, rows: count }
    }

    pub(super) fn refusal(kind: RequestKind, (status, code, message): Refusal) -> Self {
        Self { status, body: error_body(code, &message), total: None, link: None, kind, rows: 0 }
    }

    /// As it is sent.
    pub(super) fn response(&self) -> Response {
        let mut response = match self.status {
            200 => whole("application/json", self.body.to_string()),
            status => return error(status, &self.body),
        };
        let headers = response.headers_mut();
        headers.extend(self.total.map(|total| (http::HeaderName::from_static("x-total-count"), total.into())));
        let link = self.link.as_ref().and_then(|link| HeaderValue::from_str(link).ok());
        headers.extend(link.map(|link| (LINK, link)));
        // Seen on a real Harbor 2.16, not recorded. Who sends it back needs a CSRF token for writing.
        headers.insert(SET_COOKIE, HeaderValue::from_static("sid=6d1bd8b6a2f5c0de; Path=/; HttpOnly"));
        response
    }
}

/// An error in Harbor's form.
pub(super) fn error_response(status: u16, code: &str, message: &str) -> Response {
    error(status, &error_body(code, message))
}

fn error_body(code: &str, message: &str) -> Value {
    json!({"errors": [{"code": code, "message": message}]})
}

fn error(status: u16, body: &Value) -> Response {
    let mut response = whole("application/json; charset=utf-8", body.to_string());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    response
}
