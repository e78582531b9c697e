//! A double of Harbor: the API v2.0 as Harbor 2.8 and 2.12 answer it, on a free port.

use anyhow::Result;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Which Harbor the double is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Without `/projects/{project}/artifacts`.
    V2_8,
    /// With it.
    V2_12,
}

/// The double, for the user `robot$ci` with the password `s3cret`.
#[derive(Clone)]
pub struct Harbor {
    /// Its address.
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    version: Version,
    /// Artifacts by repository, newest first.
    repositories: BTreeMap<String, Vec<Value>>,
    /// A part of a path, and the status that it is answered with.
    failing: Option<(&'static str, u16)>,
    asked: Mutex<Vec<String>>,
}

impl Harbor {
    /// Starts a double with `count` artifacts of one tag in each of these repositories.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start(
        version: Version,
        repositories: &[&str],
        count: usize,
        failing: Option<(&'static str, u16)>,
    ) -> Result<Self> {
        let artifacts = |name: &str| {
            (0..count)
                .rev()
                .map(|n| {
                    json!({
                        "digest": format!("sha256:{n:064x}"),
                        "size": 1_500_000,
                        "tags": [{"name": format!("v{n}")}],
                        "push_time": format!("2025-01-01T{:02}:{:02}:{:02}.000Z", n / 3600, n / 60 % 60, n % 60),
                        "repository_name": name,
                    })
                })
                .collect()
        };
        let repositories = repositories.iter().map(|name| ((*name).to_owned(), artifacts(name))).collect();
        let inner = Arc::new(Inner { version, repositories, failing, asked: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, inner })
    }

    /// How many requests had this in their path.
    pub fn count(&self, part: &str) -> usize {
        self.inner.asked.lock().map_or(0, |asked| asked.iter().filter(|path| path.contains(part)).count())
    }
}

async fn answer(State(harbor): State<Arc<Inner>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if let Ok(mut asked) = harbor.asked.lock() {
        asked.push(path.clone());
    }
    if let Some((part, status)) = harbor.failing
        && path.contains(part)
    {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
        return (status, json!({"errors": [{"code": "FAULT", "message": "as the test asked"}]}).to_string())
            .into_response();
    }
    let logged_in = is_logged_in(request.headers());
    let Some(path) = path.strip_prefix("/api/v2.0") else { return StatusCode::NOT_FOUND.into_response() };
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let rows: Vec<Value> = match parts[..] {
        ["systeminfo"] => {
            let version = match harbor.version {
                Version::V2_8 => "v2.8.4-1",
                Version::V2_12 => "v2.12.0-1",
            };
            return json(if logged_in { json!({"harbor_version": version}) } else { json!({}) });
        }
        ["projects"] => {
            let mut names: Vec<&str> =
                harbor.repositories.keys().filter_map(|name| Some(name.split_once('/')?.0)).collect();
            names.dedup();
            names.iter().map(|name| json!({"name": name})).collect()
        }
        ["projects", project, "repositories"] => in_project(&harbor, project)
            .map(|(name, artifacts)| json!({"name": name, "artifact_count": artifacts.len()}))
            .collect(),
        ["projects", project, "repositories", repository, "artifacts"] => {
            // Encoded twice; Harbor decodes once by itself and once for the slashes.
            let name = format!("{project}/{}", repository.replace("%252F", "/"));
            harbor.repositories.get(&name).cloned().unwrap_or_default()
        }
        ["projects", project, "artifacts"] if harbor.version == Version::V2_12 => {
            if !logged_in {
                return StatusCode::UNAUTHORIZED.into_response();
            }
            in_project(&harbor, project).flat_map(|(_, artifacts)| artifacts.clone()).collect()
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    paged(request.uri().query().unwrap_or_default(), path, &rows)
}

fn in_project<'a>(harbor: &'a Inner, project: &'a str) -> impl Iterator<Item = (&'a String, &'a Vec<Value>)> {
    harbor.repositories.iter().filter(move |(name, _)| name.split_once('/').is_some_and(|(start, _)| start == project))
}

fn is_logged_in(headers: &HeaderMap) -> bool {
    let expected = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("robot$ci:s3cret"));
    headers.get("authorization").is_some_and(|value| value.as_bytes() == expected.as_bytes())
}

fn paged(query: &str, path: &str, rows: &[Value]) -> Response {
    let number = |name: &str, default: usize| {
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    };
    let (page, size) = (number("page", 1), number("page_size", 10));
    if size > 100 {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    let items: Vec<&Value> = rows.iter().skip((page - 1) * size).take(size).collect();
    let mut response = json(json!(items));
    response.headers_mut().insert("x-total-count", rows.len().into());
    if page * size < rows.len()
        && let Ok(link) = format!("</api/v2.0{path}?page={}&page_size={size}>; rel=\"next\"", page + 1).parse()
    {
        response.headers_mut().insert("link", link);
    }
    response
}

fn json(value: Value) -> Response {
    ([("content-type", "application/json")], value.to_string()).into_response()
}
