//! Right answers with wrong rows.

use crate::server::{Response, whole};
use flate2::Compression;
use flate2::read::{GzEncoder, ZlibEncoder};
use http::header::{CONTENT_ENCODING, HeaderValue};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::io::Read;

const JSON: &str = "application/json";

/// Without the tags and accessories of artifacts, and with counts of 0 in repositories and projects.
pub(super) async fn thin(response: Response) -> Response {
    const COUNTS: [&str; 2] = ["artifact_count", "repo_count"];
    const PARTS: [&str; 2] = ["tags", "accessories"];
    changed(response, |rows| {
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            for (key, value) in row.iter_mut() {
                match key.as_str() {
                    key if COUNTS.contains(&key) => *value = json!(0),
                    key if PARTS.contains(&key) => *value = Value::Null,
                    _ => {}
                }
            }
        }
    })
    .await
}

/// The same in this encoding.
pub(super) async fn encoded(response: Response, encoding: &'static str) -> Response {
    let (mut head, body) = response.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut encoded = Vec::new();
    let read = match encoding {
        "gzip" => GzEncoder::new(&body[..], Compression::fast()).read_to_end(&mut encoded),
        "deflate" => ZlibEncoder::new(&body[..], Compression::fast()).read_to_end(&mut encoded),
        // Others are only named.
        _ => (&body[..]).read_to_end(&mut encoded),
    };
    if read.is_ok() {
        head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Response::from_parts(head, whole(JSON, encoded).into_body())
}

/// Without rows, and without a sign that there are any.
pub(super) fn no_rows(response: Response) -> Response {
    let mut response = with_body(response, &json!([]));
    response.headers_mut().remove("link");
    response.headers_mut().insert("x-total-count", 0.into());
    response
}

/// Without so many rows of its end.
pub(super) async fn short(response: Response, count: usize) -> Response {
    changed(response, |rows| rows.truncate(rows.len().saturating_sub(count))).await
}

/// With the last row of the page before in place of its first, or with its own first row in place of its second.
pub(super) async fn repeated(response: Response, before: Option<Response>) -> Response {
    let before = match before {
        Some(before) => rows_of(before).await.1.and_then(|mut rows| rows.pop()),
        None => None,
    };
    changed(response, |rows| match (before, rows.first().cloned()) {
        (Some(before), Some(_)) => rows[0] = before,
        (None, Some(first)) if rows.len() > 1 => rows[1] = first,
        (None, Some(first)) => rows.push(first),
        (_, None) => {}
    })
    .await
}

/// `null` in place of the list.
pub(super) fn null(response: Response) -> Response {
    with_body(response, &Value::Null)
}

/// The path and query of the page before, if there is one.
pub(super) fn page_before(target: &str) -> Option<String> {
    let (path, query) = target.split_once('?')?;
    let number = |pair: &str| pair.strip_prefix("page=").and_then(|number| number.parse::<usize>().ok());
    let page = query.split('&').find_map(number).filter(|page| *page > 1)?;
    let pairs = query.split('&').map(|pair| match number(pair) {
        Some(_) => format!("page={}", page - 1),
        None => pair.to_owned(),
    });
    Some(format!("{path}?{}", pairs.collect::<Vec<_>>().join("&")))
}

async fn changed(response: Response, change: impl FnOnce(&mut Vec<Value>)) -> Response {
    let (response, rows) = rows_of(response).await;
    let Some(mut rows) = rows else { return response };
    change(&mut rows);
    with_body(response, &Value::Array(rows))
}

/// An answer, and its rows if it is a list.
async fn rows_of(response: Response) -> (Response, Option<Vec<Value>>) {
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let rows = serde_json::from_slice(&bytes).ok();
    (Response::from_parts(head, whole(JSON, bytes).into_body()), rows)
}

fn with_body(response: Response, body: &Value) -> Response {
    let (head, _) = response.into_parts();
    Response::from_parts(head, whole(JSON, body.to_string()).into_body())
}
