//! A Harbor 2.12 in memory, with its pages as text.

use crate::id;
use harbor_api::api::Reply;
use harbor_api::error::{Error, ErrorKind};
use harbor_api::in_memory::{self, InMemory};
use image_model::types::FailureCode;
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
        let project = |name: &String| format!(r#"{{"name":"{name}","repo_count":{REPOSITORIES}}}"#);
        add(&mut replies, "/projects", "", names.iter().map(project).collect());
        let mut repositories = Vec::new();
        for (number, name) in names.iter().enumerate() {
            for repository in 0..REPOSITORIES {
                let full_name = format!("{name}/service{repository}");
                repositories.push(format!(r#"{{"name":"{full_name}","artifact_count":{ARTIFACTS}}}"#));
                let artifacts = (0..ARTIFACTS).map(|artifact| {
                    let artifact = artifact * REPOSITORIES + repository;
                    artifact_text(name, repository, artifact, &id(number * REPOSITORIES * ARTIFACTS + artifact))
                });
                let path = format!("/projects/{name}/repositories/service{repository}/artifacts");
                add(&mut replies, &path, "&with_tag=true", artifacts.collect());
            }
        }
        add(&mut replies, "/repositories", "", repositories.clone());
        if let [name] = &names[..] {
            add(&mut replies, &format!("/projects/{name}/repositories"), "", repositories);
        }
        let info = br#"{"harbor_version":"v2.12.0-9da38ae0","registry_url":"harbor.example.com"}"#;
        let info = Reply { body: info.to_vec(), ..Reply::default() };
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

impl InMemory for Registry {
    fn reply(&self, path: &str) -> Result<Reply, Error> {
        let nothing = || Error {
            url: in_memory::url(path),
            kind: ErrorKind::NoResponse(FailureCode::Other, "nothing there".to_owned()),
        };
        self.replies.get(path).cloned().ok_or_else(nothing)
    }
}
