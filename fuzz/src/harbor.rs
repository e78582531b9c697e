//! A Harbor that repeats the responses of a script, and the properties of every listing of it.

use futures::executor::block_on;
use harbor_api::api::{Api, Reply};
use harbor_api::config::Config;
use harbor_api::error::{CancelReason, Error, ErrorKind};
use harbor_api::listing::{self, Sink};
use harbor_api::store::NoStore;
use image_model::listing::{HARBOR_IMAGES, HarborRow, Listing};
use image_model::types::{Failure, FailureCode, Repository};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;
use url::Url;

/// The URL of its API.
const BASE: &str = "https://harbor.test/api/v2.0";

/// More requests than any plan for so few responses needs. A listing that sends them would never end.
const ENDLESS: usize = 200_000;

/// The response to one request.
#[derive(Arbitrary, Clone, Debug)]
pub struct Answer {
    total: Option<u64>,
    link: String,
    content_type: Option<String>,
    body: Body,
}

/// A body, most often of the kind that Harbor sends; or a failure.
#[derive(Arbitrary, Clone, Debug)]
enum Body {
    Raw(Vec<u8>),
    Version(String),
    Names(Vec<(String, Option<i64>)>),
    Artifacts(Vec<Artifact>),
    Status(u16, Option<String>),
    Nothing(String),
    GivenUp,
}

#[derive(Arbitrary, Clone, Debug)]
struct Artifact {
    digest: String,
    size: Option<u64>,
    tags: Option<Vec<String>>,
    time: Option<String>,
    repository: Option<String>,
}

/// The responses of a Harbor, and the settings of a listing.
#[derive(Arbitrary, Clone, Debug)]
pub struct Script {
    answers: Vec<Answer>,
    project: Option<String>,
    page_size: u8,
    concurrency: u8,
}

impl Script {
    /// One page of each kind, with this `Link`.
    pub fn with_link(link: &str) -> Self {
        let answer = |body| Answer { total: None, link: link.to_owned(), content_type: None, body };
        let artifact = Artifact {
            digest: "sha256:1".to_owned(),
            size: None,
            tags: Some(vec!["t".to_owned()]),
            time: None,
            repository: Some("p/app".to_owned()),
        };
        Self {
            answers: vec![answer(Body::Version("v2.12.0".to_owned())), answer(Body::Artifacts(vec![artifact]))],
            project: Some("p".to_owned()),
            page_size: 1,
            concurrency: 1,
        }
    }
}

struct Fake {
    answers: Vec<Answer>,
    asked: Cell<usize>,
}

impl Api for Fake {
    async fn get<T: 'static>(&self, path: String, read: impl FnOnce(Reply) -> T + 'static) -> Result<T, Error> {
        self.reply(&path).map(read)
    }

    fn url(&self, path: &str) -> String {
        format!("{BASE}{path}")
    }

    fn go_anonymous(&self) {}

    fn is_own(&self, url: &str) -> bool {
        let base = Url::parse(BASE).expect("it is an address");
        base.join(url).is_ok_and(|url| url.origin() == base.origin())
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.asked.get() as u64)
    }

    async fn pause(&self, _: Duration) {}
}

impl Fake {
    fn reply(&self, path: &str) -> Result<Reply, Error> {
        assert_is_an_address(path);
        let number = self.asked.replace(self.asked.get() + 1);
        assert!(number < ENDLESS, "the listing never ends");
        let failed = |kind| Err(Error { url: self.url(path), kind });
        let Some(answer) = self.answers.get(number % self.answers.len().max(1)) else {
            return failed(ErrorKind::Cancelled(CancelReason::Unresponsive));
        };
        let body = match &answer.body {
            Body::Raw(bytes) => bytes.clone(),
            Body::Version(version) => json!({"harbor_version": version}).to_string().into(),
            Body::Names(names) => {
                let name = |(name, count): &(String, Option<i64>)| json!({"name": name, "artifact_count": count, "repo_count": count});
                Value::from_iter(names.iter().map(name)).to_string().into()
            }
            Body::Artifacts(artifacts) => Value::from_iter(artifacts.iter().map(Artifact::json)).to_string().into(),
            Body::Status(status, retry_after) => {
                let kind = ErrorKind::Status {
                    status: *status,
                    excerpt: String::new(),
                    absent: None,
                    retry_after: retry_after.clone(),
                };
                return failed(kind);
            }
            Body::Nothing(why) => return failed(ErrorKind::NoResponse(FailureCode::Unavailable, why.clone())),
            Body::GivenUp => return failed(ErrorKind::Cancelled(CancelReason::Unresponsive)),
        };
        Ok(Reply {
            total: answer.total,
            link: answer.link.clone(),
            content_type: answer.content_type.clone().unwrap_or_default(),
            body,
        })
    }
}

impl Artifact {
    fn json(&self) -> Value {
        let tags = self.tags.as_ref().map(|tags| tags.iter().map(|tag| json!({"name": tag})).collect::<Vec<_>>());
        json!({
            "digest": self.digest, "size": self.size, "tags": tags, "push_time": self.time,
            "repository_name": self.repository,
        })
    }
}

/// Whatever names Harbor gives its projects: each requested path, as it stands, is a URL below the API.
fn assert_is_an_address(path: &str) {
    assert!(path.bytes().all(|byte| byte.is_ascii_graphic()), "{path:?} has no character that needs escapes");
    let url = Url::parse(&format!("{BASE}{path}")).expect("it is an address");
    assert_eq!(url.as_str(), format!("{BASE}{path}"), "it is what is sent");
}

#[derive(Default)]
struct Collected {
    repositories: Vec<Repository>,
    failures: Vec<Failure>,
}

impl Sink for Collected {
    async fn rows(&mut self, rows: Vec<Repository>) -> bool {
        let some = |repository: &Repository| !repository.artifacts.is_empty();
        assert!(!rows.is_empty() && rows.iter().all(some), "a listing passes on no empty list");
        self.repositories.extend(rows);
        true
    }

    fn failed(&mut self, failure: Failure) {
        assert!(!failure.message.is_empty(), "a failure has a message");
        self.failures.push(failure);
    }
}

/// Lists this Harbor. The listing ends, requests valid URLs only, and clients can read its rows.
pub fn assert_listing(script: &Script) {
    let settings = HashMap::from([
        ("harbor-url", "https://harbor.test".to_owned()),
        ("harbor-auth", "host".to_owned()),
        ("harbor-project", script.project.clone().unwrap_or_default()),
        ("harbor-page-size", (u32::from(script.page_size) + 1).to_string()),
        ("harbor-max-concurrency", (u32::from(script.concurrency) + 1).to_string()),
    ]);
    let config = Config::read(&settings).expect("the settings are right");
    let fake = Fake { answers: script.answers.clone(), asked: Cell::new(0) };
    let mut collected = Collected::default();
    block_on(listing::list(&fake, &NoStore, &config, listing::Request::TAGS_NOW, &mut collected));
    let mut listing = Listing::new(false);
    listing.open(HARBOR_IMAGES);
    let mut count = 0;
    for Repository { project, name: repository, artifacts } in &collected.repositories {
        for artifact in artifacts {
            count += artifact.tags.len();
            for tag in &artifact.tags {
                listing.row(&HarborRow { project, repository, artifact, tag });
            }
        }
    }
    listing.close();
    listing.end();
    let value: Value = serde_json::from_slice(&listing.take()).expect("it is JSON");
    crate::assert_clear(value[HARBOR_IMAGES].as_array().expect("it is a list"), count);
}
