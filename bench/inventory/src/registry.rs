//! A Harbor 2.12 in memory: its pages as text, as Harbor writes them.

use crate::id;
use harbor_api::api::{Api, Error, Kind, Reply};
use std::collections::HashMap;

const REPOSITORIES: usize = 10;
const ARTIFACTS: usize = 100;
const PAGE: usize = 100;

/// Answers from memory.
pub struct Registry {
    replies: HashMap<String, Reply>,
}

impl Registry {
    /// So many projects of ten repositories of a hundred artifacts with one tag each.
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

    /// Rows that a listing of it has.
    pub fn rows(projects: usize) -> usize {
        projects * REPOSITORIES * ARTIFACTS
    }
}

fn add(replies: &mut HashMap<String, Reply>, path: &str, query: &str, items: Vec<String>) {
    for (index, page) in items.chunks(PAGE).enumerate() {
        let path = format!("{path}?page={}&page_size={PAGE}{query}", index + 1);
        let body = format!("[{}]", page.join(",")).into_bytes();
        let content_type = "application/json".to_owned();
        replies.insert(path, Reply { total: Some(items.len() as u64), link: String::new(), content_type, body });
    }
}

fn artifact_text(project: &str, repository: usize, number: usize, digest: &str) -> String {
    let (hour, minute, second) = (number / 3600 % 24, number / 60 % 60, number % 60);
    let time = format!("2025-01-01T{hour:02}:{minute:02}:{second:02}.123Z");
    format!(
        r#"{{"accessories":null,"addition_links":{{"build_history":{{"absolute":false,"href":"/api/v2.0/projects/{project}/repositories/service{repository}/artifacts/{digest}/additions/build_history"}}}},"artifact_type":"application/vnd.docker.container.image.v1+json","digest":"{digest}","extra_attrs":{{"architecture":"amd64","author":"","config":{{"Cmd":["/bin/service"],"Entrypoint":["/entrypoint.sh"],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","LANG=C.UTF-8"],"WorkingDir":"/srv"}},"created":"{time}","os":"linux"}},"icon":"sha256:0048162a053eef4d4ce3fe7518615bef084403614f8bca43b40ae2e762e11e06","id":{number},"labels":null,"manifest_media_type":"application/vnd.docker.distribution.manifest.v2+json","media_type":"application/vnd.docker.container.image.v1+json","project_id":2,"pull_time":"0001-01-01T00:00:00.000Z","push_time":"{time}","references":null,"repository_id":{repository},"repository_name":"{project}/service{repository}","size":{size},"tags":[{{"artifact_id":{number},"id":{number},"immutable":false,"name":"v1.{number}","pull_time":"0001-01-01T00:00:00.000Z","push_time":"{time}","repository_id":{repository}}}],"type":"IMAGE"}}"#,
        size = 20_000_000 + 104_729 * number,
    )
}

impl Api for Registry {
    async fn get(&self, path: String) -> Result<Reply, Error> {
        self.replies
            .get(&path)
            .cloned()
            .ok_or_else(|| Error { url: self.url(&path), kind: Kind::NoAnswer("nothing there".to_owned()) })
    }

    fn url(&self, path: &str) -> String {
        format!("memory:{path}")
    }

    fn go_anonymous(&self) {}

    fn is_own(&self, _: &str) -> bool {
        true
    }
}
