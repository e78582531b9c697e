//! A Harbor in memory: lists by path, and the faults and changes that a test puts there.

use crate::api::{Api, Reply};
use crate::error::{CancelReason, Error, ErrorKind};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a test does after a request, from the request's number and path.
pub(super) type Meanwhile = Box<dyn Fn(&FakeHarbor, usize, &str)>;

/// How a request fails.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    Status(u16),
    /// The listing gave up on Harbor.
    Unresponsive,
    /// The listing's 7 s are over.
    Deadline,
}

/// A Harbor in memory.
#[derive(Default)]
pub(super) struct FakeHarbor {
    /// `None` for a Harbor that refuses the login.
    version: Option<&'static str>,
    /// Whether it has lists of a project's artifacts.
    project_artifacts: bool,
    pub(super) lists: RefCell<BTreeMap<String, Vec<Value>>>,
    /// Paths that fail, each from a page on.
    pub(super) faults: BTreeMap<String, (Fault, u64)>,
    /// Leaves `X-Total-Count` and `Link` out.
    pub(super) without_total: bool,
    /// Names another server in `Link`.
    pub(super) foreign_link: bool,
    /// Runs after each request.
    pub(super) meanwhile: Option<Meanwhile>,
    /// The paths of all requests.
    pub(super) asked: RefCell<Vec<String>>,
    pub(super) anonymous: Cell<bool>,
}

impl FakeHarbor {
    /// A Harbor with these artifacts: `project/repository`, digest, seconds of the push time, tags.
    pub(super) fn with(
        version: Option<&'static str>,
        project_artifacts: bool,
        artifacts: &[(&str, &str, u64, &[&str])],
    ) -> Self {
        let fake = Self { version, project_artifacts, ..Self::default() };
        for (name, digest, seconds, tags) in artifacts {
            fake.push(name, digest, *seconds, tags);
        }
        fake
    }

    /// Adds an artifact to the top of its lists, and its project and repository where they are new.
    pub(super) fn push(&self, name: &str, digest: &str, seconds: u64, tags: &[&str]) {
        let (project, repository) = name.split_once('/').unwrap();
        let tags: Vec<Value> = tags.iter().map(|tag| json!({"name": tag})).collect();
        let artifact = json!({
            "digest": digest, "size": 5, "tags": tags, "repository_name": name,
            "push_time": format!("2025-01-01T{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60),
        });
        let mut lists = self.lists.borrow_mut();
        let mut add = |path: String, value: Value| {
            let list = lists.entry(path).or_default();
            if !list.iter().any(|item| item["name"] == value["name"] && !value["name"].is_null()) {
                list.insert(0, value);
            }
        };
        add("/projects".into(), json!({"name": project}));
        add(format!("/projects/{project}/repositories"), json!({"name": name, "artifact_count": 1}));
        let twice = repository.replace('/', "%252F");
        add(format!("/projects/{project}/repositories/{twice}/artifacts"), artifact.clone());
        if self.project_artifacts {
            add(format!("/projects/{project}/artifacts"), artifact);
        }
    }

    /// Requests whose path has this part.
    pub(super) fn count(&self, part: &str) -> usize {
        self.asked.borrow().iter().filter(|path| path.contains(part)).count()
    }
}

impl Api for FakeHarbor {
    async fn get(&self, path: String) -> Result<Reply, Error> {
        self.asked.borrow_mut().push(path.clone());
        let number = self.asked.borrow().len();
        let (bare, query) = path.split_once('?').unwrap_or((&path, ""));
        let parameter = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(&format!("{name}=")))
                .and_then(|value| value.parse().ok())
        };
        let (page, size) = (parameter("page").unwrap_or(1), parameter("page_size").unwrap_or(10));
        let status = |status| Error {
            url: self.url(&path),
            kind: ErrorKind::Status { status, excerpt: String::new(), retry_after: None },
        };
        let reply = |body: Value| Reply {
            content_type: "application/json".into(),
            body: body.to_string().into(),
            ..Reply::default()
        };
        if let Some((fault, from)) = self.faults.get(bare)
            && page >= *from
        {
            let kind = match fault {
                Fault::Status(code) => return Err(status(*code)),
                Fault::Unresponsive => ErrorKind::Cancelled(CancelReason::Unresponsive),
                Fault::Deadline => ErrorKind::Cancelled(CancelReason::DeadlineExceeded(Duration::from_secs(7))),
            };
            return Err(Error { url: self.url(&path), kind });
        }
        if bare == "/systeminfo" {
            let version = self.version.filter(|_| !self.anonymous.get());
            return Ok(reply(version.map_or_else(|| json!({}), |version| json!({"harbor_version": version}))));
        }
        let reply = {
            let lists = self.lists.borrow();
            let list = lists.get(bare).ok_or_else(|| status(404))?;
            let rows: Vec<Value> =
                list.iter().skip(((page - 1) * size) as usize).take(size as usize).cloned().collect();
            let next = page * size < list.len() as u64;
            let origin = if self.foreign_link { "https://evil.example" } else { "" };
            Reply {
                total: (!self.without_total).then_some(list.len() as u64),
                link: if next && !self.without_total {
                    format!("<{origin}/x?page={}>; rel=\"next\"", page + 1)
                } else {
                    String::new()
                },
                ..reply(Value::Array(rows))
            }
        };
        if let Some(meanwhile) = &self.meanwhile {
            meanwhile(self, number, bare);
        }
        Ok(reply)
    }

    fn url(&self, path: &str) -> String {
        format!("https://harbor.test/api/v2.0{path}")
    }

    fn go_anonymous(&self) {
        self.anonymous.set(true);
    }

    fn is_own(&self, url: &str) -> bool {
        url.starts_with('/') || url.starts_with("https://harbor.test/")
    }
}
