//! What Harbor holds, and its answers as long as nothing goes wrong.

use super::artifacts::{Artifact, Artifacts};
use super::version::{PASSWORD, USER, Version};
use crate::server::{Response, whole};
use base64::Engine;
use http::{HeaderValue, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Where the API is.
const API: &str = "/api/v2.0";
/// More rows a page are refused.
const MAX_PAGE_SIZE: usize = 100;

/// Projects, repositories and artifacts, and who may see them.
pub(super) struct Contents {
    version: Version,
    repositories: BTreeMap<String, Artifacts>,
    private: BTreeSet<String>,
}

/// Rows of a list from an offset on, and how many rows the whole list has.
type Rows<'a> = (usize, Box<dyn Fn(usize, usize) -> Vec<Value> + 'a>);

impl Contents {
    pub(super) fn new(version: Version) -> Self {
        Self { version, repositories: BTreeMap::new(), private: BTreeSet::new() }
    }

    pub(super) fn add(&mut self, name: &str, artifacts: Artifacts) {
        self.repositories.insert(name.to_owned(), artifacts);
    }

    pub(super) fn hide(&mut self, project: &str) {
        self.private.insert(project.to_owned());
    }

    /// The artifacts of a repository, to change them.
    pub(super) fn artifacts(&mut self, repository: &str) -> Option<&mut Artifacts> {
        self.repositories.get_mut(repository)
    }

    /// The answer to a GET of this path and query.
    pub(super) fn answer(&self, target: &str, login: Option<&str>) -> Response {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let not_found = || error(404, "NOT_FOUND", &format!("path {path} was not found"));
        // Each segment is decoded once before it is looked at; a slash that appears then makes another path.
        let segments: Option<Vec<String>> = path.strip_prefix(API).and_then(|path| {
            path.strip_prefix('/')?
                .split('/')
                .map(|segment| Some(decoded(segment)).filter(|segment| !segment.contains('/')))
                .collect()
        });
        let Some(segments) = segments else { return not_found() };
        let logged_in = login == Some(&expected_login());
        let sees = |project: &str| logged_in || !self.private.contains(project);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if let ["projects", project, ..] = segments[..]
            && let Some(refusal) = self.refusal(project, sees(project))
        {
            return refusal;
        }
        let rows = match segments[..] {
            ["systeminfo"] => return json_response(&self.system_info(logged_in)),
            ["health"] => return json_response(&json!({"status": "healthy", "components": []})),
            ["projects"] => self.projects(sees),
            ["repositories"] => self.repositories(move |name| sees(project_of(name))),
            ["projects", project, "repositories"] => self.repositories(move |name| project_of(name) == project),
            ["projects", project, "repositories", repository, "artifacts"] => {
                self.artifacts_of(&format!("{project}/{}", decoded(repository)), query)
            }
            ["projects", project, "artifacts"] if self.version == Version::V2_12 => {
                if !logged_in {
                    return error(401, "UNAUTHORIZED", "unauthorized");
                }
                self.artifacts_in(project, query)
            }
            _ => return not_found(),
        };
        page(path, query, rows)
    }

    /// Why a project's lists are not shown.
    fn refusal(&self, project: &str, visible: bool) -> Option<Response> {
        if !visible {
            return Some(error(401, "UNAUTHORIZED", "unauthorized"));
        }
        let exists = self.repositories.keys().any(|name| project_of(name) == project);
        (!exists).then(|| error(404, "NOT_FOUND", &format!("project {project} not found")))
    }

    fn system_info(&self, logged_in: bool) -> Value {
        let version = match self.version {
            Version::V2_8 => "v2.8.4-4e2d2dd4",
            Version::V2_12 => "v2.12.0-9da38ae0",
        };
        let mut info = json!({"auth_mode": "db_auth", "self_registration": false});
        if logged_in {
            info["harbor_version"] = json!(version);
        }
        info
    }

    fn projects(&self, sees: impl Fn(&str) -> bool) -> Rows<'_> {
        let names = self.repositories.keys().map(|name| project_of(name));
        let names: BTreeSet<&str> = names.filter(|project| sees(project)).collect();
        let project = |name: &&str| {
            let public = !self.private.contains(*name);
            json!({"name": name, "metadata": {"public": public.to_string()}})
        };
        all_of(names.iter().map(project).collect())
    }

    fn repositories(&self, wanted: impl Fn(&str) -> bool) -> Rows<'_> {
        let repositories = self.repositories.iter().filter(|(name, _)| wanted(name));
        all_of(
            repositories
                .map(|(name, artifacts)| json!({"name": name, "artifact_count": artifacts.count(), "pull_count": 0}))
                .collect(),
        )
    }

    /// Those of one repository; none where there is no such repository.
    fn artifacts_of(&self, name: &str, query: &str) -> Rows<'_> {
        let artifacts = self.repositories.get(name).map_or(Artifacts::Numbered(0), |all| asked_for(all, query));
        let name = name.to_owned();
        let row = move |artifact: &Artifact| artifact.json(self.version, &name);
        (artifacts.count(), Box::new(move |skipped, count| artifacts.newest(skipped, count).iter().map(&row).collect()))
    }

    /// Those of all repositories of a project, newest first.
    fn artifacts_in(&self, project: &str, query: &str) -> Rows<'_> {
        let mut all: Vec<(Artifact, &str)> = self
            .repositories
            .iter()
            .filter(|(name, _)| project_of(name) == project)
            .flat_map(|(name, all)| {
                let artifacts = asked_for(all, query).newest(0, usize::MAX);
                artifacts.into_iter().map(move |artifact| (artifact, name.as_str()))
            })
            .collect();
        all.sort_by_key(|(artifact, _)| Reverse(artifact.pushed));
        let row = |(artifact, name): &(Artifact, &str)| artifact.json(self.version, name);
        (all.len(), Box::new(move |skipped, count| all.iter().skip(skipped).take(count).map(row).collect()))
    }
}

/// The project in the full name of a repository.
fn project_of(name: &str) -> &str {
    name.split_once('/').map_or(name, |(project, _)| project)
}

fn asked_for(artifacts: &Artifacts, query: &str) -> Artifacts {
    match parameter(query, "q").as_deref() {
        Some("tags=*") => artifacts.tagged(),
        _ => artifacts.clone(),
    }
}

fn expected_login() -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}")))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(decoded)
}

fn all_of<'a>(rows: Vec<Value>) -> Rows<'a> {
    (rows.len(), Box::new(move |skipped, count| rows.iter().skip(skipped).take(count).cloned().collect()))
}

/// The page of a list that the query names.
fn page(path: &str, query: &str, (total, rows): Rows<'_>) -> Response {
    let number = |name, default| parameter(query, name).and_then(|value| value.parse().ok()).unwrap_or(default);
    let (page, size): (usize, usize) = (number("page", 1), number("page_size", 10));
    if page == 0 || size > MAX_PAGE_SIZE {
        return error(422, "UNPROCESSABLE_ENTITY", "page_size in query should be less than or equal to 100");
    }
    let mut response = json_response(&json!(rows((page - 1) * size, size)));
    response.headers_mut().insert("x-total-count", total.into());
    // Host-relative, the rest of the query as it came but decoded, and without any prefix that a proxy adds.
    let rest: String = query
        .split('&')
        .filter(|pair| !pair.starts_with("page=") && !pair.starts_with("page_size=") && !pair.is_empty())
        .map(|pair| format!("&{}", decoded(pair)))
        .collect();
    let link = |page, relation| format!("<{path}?page={page}&page_size={size}{rest}>; rel=\"{relation}\"");
    let mut links = Vec::new();
    if page > 1 {
        links.push(link(page - 1, "prev"));
    }
    if page * size < total {
        links.push(link(page + 1, "next"));
    }
    if let (false, Ok(value)) = (links.is_empty(), HeaderValue::from_str(&links.join(" , "))) {
        response.headers_mut().insert("link", value);
    }
    response
}

pub(super) fn json_response(value: &Value) -> Response {
    whole("application/json; charset=utf-8", value.to_string())
}

/// An error in Harbor's form.
pub(super) fn error(status: u16, code: &str, message: &str) -> Response {
    let mut response = json_response(&json!({"errors": [{"code": code, "message": message}]}));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    response
}
