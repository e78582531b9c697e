//! The Harbor double, held to what is known of Harbor 2.8 and 2.12.

use base64::Engine;
use http::Method;
use image_service_tests::harbor::{PASSWORD, USER};
use image_service_tests::{Artifact, Client, Harbor, Response, Version};
use serde_json::{Value, json};

const BOTH: [Version; 2] = [Version::V2_8, Version::V2_12];

/// A double with public and private projects.
struct Double(Harbor);

impl Double {
    async fn of(version: Version) -> Self {
        let untagged = Artifact { tags: Vec::new(), size: 0, ..Artifact::numbered(1) };
        let harbor = Harbor::of(version)
            .repository("open/team/app", 25)
            .repository("open/tool", vec![Artifact::numbered(7), untagged])
            .repository("closed/app", 3)
            .private("closed");
        Self(harbor.start().await.unwrap())
    }

    async fn get(&self, path: &str, password: Option<&str>) -> Response {
        let basic = |password| base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{password}"));
        let login = password.map(|password| format!("Basic {}", basic(password)));
        let headers: Vec<_> = login.iter().map(|login| ("authorization", login.as_str())).collect();
        let url = format!("{}/api/v2.0{path}", self.0.url);
        Client::default().request(Method::GET, &url, &headers).await.unwrap()
    }

    /// As the user that it knows.
    async fn json(&self, path: &str) -> Value {
        self.get(path, Some(PASSWORD)).await.json().await.unwrap()
    }

    /// Status and Harbor's code of a refusal.
    async fn refusal(&self, path: &str, password: Option<&str>) -> (u16, String) {
        let response = self.get(path, password).await;
        let status = response.status().as_u16();
        let error: Value = response.json().await.unwrap();
        (status, error["errors"][0]["code"].as_str().unwrap().to_owned())
    }
}

/// The values under a key, in order.
fn column(rows: &Value, key: &str) -> Vec<Value> {
    rows.as_array().unwrap().iter().map(|row| row[key].clone()).collect()
}

#[tokio::test]
async fn only_public_projects_and_repositories_are_shown_to_nobody_and_to_a_wrong_password() {
    for version in BOTH {
        let harbor = Double::of(version).await;
        for password in [None, Some("wrong")] {
            let projects = harbor.get("/projects", password).await.json().await.unwrap();
            assert_eq!(column(&projects, "name"), ["open"]);
            let repositories = harbor.get("/repositories", password).await.json().await.unwrap();
            assert_eq!(column(&repositories, "name"), ["open/team/app", "open/tool"]);
            let info: Value = harbor.get("/systeminfo", password).await.json().await.unwrap();
            assert_eq!(info.get("harbor_version"), None);
            assert_eq!(harbor.refusal("/projects/closed/repositories", password).await, (401, "UNAUTHORIZED".into()));
        }
        assert_eq!(column(&harbor.json("/projects").await, "name"), ["closed", "open"]);
        assert_eq!(harbor.json("/repositories").await.as_array().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn the_version_is_told_to_those_who_are_logged_in() {
    let version = async |version| Double::of(version).await.json("/systeminfo").await["harbor_version"].clone();
    assert!(version(Version::V2_8).await.as_str().unwrap().starts_with("v2.8."));
    assert!(version(Version::V2_12).await.as_str().unwrap().starts_with("v2.12."));
}

#[tokio::test]
async fn the_name_of_a_repository_is_encoded_twice() {
    for version in BOTH {
        let harbor = Double::of(version).await;
        let twice = harbor.json("/projects/open/repositories/team%252Fapp/artifacts").await;
        assert_eq!(twice.as_array().unwrap().len(), 10, "the default page size");
        for wrong in ["team%2Fapp", "team/app"] {
            let path = format!("/projects/open/repositories/{wrong}/artifacts");
            assert_eq!(harbor.refusal(&path, Some(PASSWORD)).await, (404, "NOT_FOUND".into()));
        }
        assert_eq!(harbor.json("/projects/open/repositories/unknown/artifacts").await, json!([]));
    }
}

#[tokio::test]
async fn whole_projects_are_listed_from_2_12_on_and_to_those_who_are_logged_in() {
    let path = "/projects/open/artifacts?page_size=100";
    let old = Double::of(Version::V2_8).await;
    assert_eq!(old.refusal(path, Some(PASSWORD)).await.0, 404);
    let new = Double::of(Version::V2_12).await;
    assert_eq!(new.refusal(path, None).await.0, 401);
    assert_eq!(new.refusal(path, Some("wrong")).await.0, 401);
    let rows = new.json(path).await;
    assert_eq!(rows.as_array().unwrap().len(), 27);
    // The newest first, whatever its repository.
    let tool = rows.as_array().unwrap().iter().position(|row| row["repository_name"] == "open/tool").unwrap();
    assert!(rows[tool - 1]["push_time"].as_str() >= rows[tool]["push_time"].as_str());
    assert!(rows[tool]["push_time"].as_str() > rows[tool + 2]["push_time"].as_str());
}

#[tokio::test]
async fn an_artifact_has_what_its_version_of_harbor_writes() {
    let path = "/projects/open/repositories/tool/artifacts";
    let (old, new) =
        (Double::of(Version::V2_8).await.json(path).await, Double::of(Version::V2_12).await.json(path).await);
    assert_eq!(column(&new, "repository_name"), ["open/tool", "open/tool"]);
    assert_eq!(old[0].get("repository_name"), None);
    assert_eq!(old[0]["tags"][0]["name"], "v7");
    assert_eq!(old[0]["size"], 1_500_000);
    assert_eq!((old[1].get("size"), &old[1]["tags"]), (None, &Value::Null));
}

#[tokio::test]
async fn the_filter_for_tags_leaves_untagged_artifacts_out() {
    let harbor = Double::of(Version::V2_12).await;
    let response = harbor.get("/projects/open/repositories/tool/artifacts?q=tags%3D*", Some(PASSWORD)).await;
    assert_eq!(response.headers()["x-total-count"], "1");
    assert_eq!(response.json::<Value>().await.unwrap().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn pages_have_at_most_100_rows_and_name_their_neighbours() {
    let path = "/projects/open/repositories/team%252Fapp/artifacts";
    for version in BOTH {
        let harbor = Double::of(version).await;
        assert_eq!(harbor.refusal(&format!("{path}?page_size=101"), Some(PASSWORD)).await.0, 422);
        let middle = harbor.get(&format!("{path}?page=2&page_size=10&q=tags%3D*"), Some(PASSWORD)).await;
        assert_eq!(middle.headers()["x-total-count"], "25");
        let page = |number| format!("/api/v2.0{path}?page={number}&page_size=10&q=tags=*");
        assert_eq!(middle.headers()["link"], format!("<{}>; rel=\"prev\" , <{}>; rel=\"next\"", page(1), page(3)));
        let rows: Value = middle.json().await.unwrap();
        assert_eq!(column(&rows, "push_time")[0], "2025-01-01T00:00:14.000Z");
        let last = harbor.get(&format!("{path}?page=3&page_size=10"), Some(PASSWORD)).await;
        assert!(!last.headers()["link"].to_str().unwrap().contains("next"));
        let past = harbor.get(&format!("{path}?page=4&page_size=10"), Some(PASSWORD)).await;
        assert_eq!(past.json::<Value>().await.unwrap(), json!([]));
    }
}
