//! A Harbor 2.12 in memory, with its pages as text.

use crate::id;
use harbor_api::api::{Api, Reply};
use harbor_api::error::{Error, ErrorKind};
use std::collections::HashMap;

const REPOSITORIES: usize = 10;
const ARTIFACTS: usize = 100;
const PAGE_SIZE: usize = 100;

/// An artifact as Harbor 2.12 writes it, with placeholders for the values that differ.
const ARTIFACT: &str = include_str!("artifact.json");

/// Answers requests from memory.
pub struct Registry {
    replies: HashMap<String, Reply>,
}

impl Registry {
    /// A registry of this many projects, each with ten repositories of a hundred artifacts with one tag.
    pub fn new(projects: usize) -> Self {
        let mut replies = HashMap::new();
        let names: Vec<String> = (0..projects).map(|number| format!("project{number:03}")).collect();
        let text = |names: &[String]| names.iter().map(|name| format!(r#"{{"name":"{name}"}}"#)).collect::<Vec<_>>();
        add(&mut replies, "/projects", "&with_detail=false", text(&names));
        for (number, name) in names.iter().enumerate() {
            let artifacts = (0..REPOSITORIES * ARTIFACTS).map(|artifact| {
                let all = number * REPOSITORIES * ARTIFACTS + artifact;
                artifact_text(name, artifact % REPOSITORIES, artifact, &id(all))
            });
            add(&mut replies, &format!("/projects/{name}/artifacts"), "&with_tag=true&q=tags%3D*", artifacts.collect());
        }
        let info = Reply { body: br#"{"harbor_version":"v2.12.0-9da38ae0"}"#.to_vec(), ..Reply::default() };
        replies.insert("/systeminfo".to_owned(), info);
        Self { replies }
    }

    /// The number of rows of a listing of this many projects.
    pub fn rows(projects: usize) -> usize {
        projects * REPOSITORIES * ARTIFACTS
    }
}

fn add(replies: &mut HashMap<String, Reply>, path: &str, query: &str, items: Vec<String>) {
    for (index, page) in items.chunks(PAGE_SIZE).enumerate() {
        let path = format!("{path}?page={}&page_size={PAGE_SIZE}{query}", index + 1);
        let body = format!("[{}]", page.join(",")).into_bytes();
        let content_type = "application/json".to_owned();
        replies.insert(path, Reply { total: Some(items.len() as u64), link: String::new(), content_type, body });
    }
}

fn artifact_text(project: &str, repository: usize, number: usize, digest: &str) -> String {
    let (hour, minute, second) = (number / 3600 % 24, number / 60 % 60, number % 60);
    let time = format!("2025-01-01T{hour:02}:{minute:02}:{second:02}.123Z");
    let (repository, number, size) =
        (repository.to_string(), number.to_string(), (20_000_000 + 104_729 * number).to_string());
    let values = [
        ("$PROJECT", project),
        ("$REPOSITORY", &repository),
        ("$DIGEST", digest),
        ("$TIME", &time),
        ("$NUMBER", &number),
        ("$SIZE", &size),
    ];
    let text = ARTIFACT.trim_end().to_owned();
    values.into_iter().fold(text, |text, (place, value)| text.replace(place, value))
}

impl Api for Registry {
    async fn get(&self, path: String) -> Result<Reply, Error> {
        self.replies
            .get(&path)
            .cloned()
            .ok_or_else(|| Error { url: self.url(&path), kind: ErrorKind::NoResponse("nothing there".to_owned()) })
    }

    fn url(&self, path: &str) -> String {
        format!("memory:{path}")
    }

    fn go_anonymous(&self) {}

    fn is_own(&self, _: &str) -> bool {
        true
    }
}
