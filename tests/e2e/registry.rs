//! The registry: the program against a Harbor that works, of each kind that is met.

use image_service_tests::{Artifact, Artifacts, Fault, Harbor, Node, Program, Version};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The one row of the node on which these tests run.
pub(crate) fn node_row() -> Value {
    json!({"image_id": "a24bb4013296f", "repository": "k8s.gcr.io/kube-proxy", "size": "117MB", "tag": "v1.23.5"})
}

/// The program on a node with one image, with this `harbor_config`.
pub(crate) fn started(harbor_config: &Value) -> (Node, Program) {
    started_with(harbor_config, &json!({}))
}

/// The same, with this `app_config` too.
pub(crate) fn started_with(harbor_config: &Value, app_config: &Value) -> (Node, Program) {
    let image = json!({
        "id": "sha256:a24bb4013296f61e89ba57005a7b3e52274d8edd3ae2077d04395f806b63d83e",
        "repoTags": ["k8s.gcr.io/kube-proxy:v1.23.5"],
        "repoDigests": [],
        "size": "117000000",
    });
    let crictl_config = json!({"mode": "exec", "command": ["echo", json!({"images": [image]}).to_string()]});
    let config = json!({"crictl_config": crictl_config, "harbor_config": harbor_config, "app_config": app_config});
    let node = Node::configured(&config).unwrap();
    let program = node.start().unwrap();
    (node, program)
}

/// What a program with this `harbor_config` lists.
pub(crate) async fn listed(harbor_config: &Value) -> Value {
    let (_node, program) = started(harbor_config);
    program.images().await.unwrap()
}

/// The text of the one error that there is, which leaves the node's row in its place.
pub(crate) fn only_error(images: &Value) -> &str {
    assert_eq!(images["containerd_images"], json!([node_row()]));
    let [error] = &images["errors"].as_array().unwrap()[..] else { panic!("not one error: {}", images["errors"]) };
    assert_eq!(error["source"], "harbor");
    error["error"].as_str().unwrap()
}

/// A row as `repository:tag`, with its project.
pub(crate) fn names(images: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = images["harbor_images"].as_array().unwrap().iter();
    rows.map(|row| format!("{}/{}:{}", text(&row["project"]), text(&row["repository"]), text(&row["tag"]))).collect()
}

/// The rows of a repository with so many numbered artifacts, newest first.
pub(crate) fn numbered(repository: &str, count: usize) -> Vec<String> {
    (0..count).rev().map(|number| format!("{repository}:v{number}")).collect()
}

/// Asserts that Harbor's rows are these, in this order.
pub(crate) fn assert_rows(images: &Value, expected: &[String]) {
    let names = names(images);
    let same = names.iter().zip(expected).take_while(|(row, expected)| row == expected).count();
    // Thousands of rows tell less than the first that differs.
    assert!(
        names.len() == expected.len() && same == expected.len(),
        "{} rows where {} were expected; row {same} is {:?} instead of {:?}",
        names.len(),
        expected.len(),
        names.get(same),
        expected.get(same)
    );
}

#[tokio::test]
async fn both_harbors_give_the_same_rows_in_order() {
    let harbor = |version| {
        Harbor::of(version).repository("b/app", 250).repository("a/x/y", 250).repository("a/b", 250).private("b")
    };
    let new = harbor(Version::V2_12).start().await.unwrap();
    let old = harbor(Version::V2_8).start().await.unwrap();
    let (from_new, from_old) = (listed(&new.config()).await, listed(&old.config()).await);
    assert_eq!(names(&from_new), [numbered("a/b", 250), numbered("a/x/y", 250), numbered("b/app", 250)].concat());
    assert_eq!(
        from_new["harbor_images"][250],
        json!({
            "digest": format!("sha256:{:064x}", 249),
            "project": "a",
            "repository": "x/y",
            "size": "1.5MB",
            "tag": "v249",
        })
    );
    assert_eq!(from_new, from_old);
    assert_eq!(from_new["errors"], json!([]));
    assert_eq!(new.count("/repositories"), 0, "whole projects are listed where Harbor can");
}

#[tokio::test]
async fn each_tag_is_a_row_and_what_harbor_leaves_out_is_nothing() {
    let artifact = |number, tags: &[&str], size| Artifact {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        size,
        ..Artifact::numbered(number)
    };
    let artifacts =
        vec![artifact(3, &["latest", "3.0", "3"], 249_600_000), artifact(2, &[], 2000), artifact(1, &["1"], 0)];
    for version in [Version::V2_8, Version::V2_12] {
        // Whether or not Harbor leaves the untagged one out by itself.
        for fault in [None, Some(Fault::NoFilter)] {
            let mut harbor = Harbor::of(version).repository("a/b", artifacts.clone()).repository("a/empty", 0);
            if let Some(fault) = fault {
                harbor = harbor.fault("/artifacts", fault);
            }
            let harbor = harbor.start().await.unwrap();
            let images = listed(&harbor.config()).await;
            assert_eq!(names(&images), ["a/b:3", "a/b:3.0", "a/b:latest", "a/b:1"]);
            assert_eq!(images["harbor_images"][0]["size"], "250MB");
            assert_eq!(images["harbor_images"][3]["size"], "0B");
            assert_eq!(images["errors"], json!([]));
            assert_eq!(harbor.count("/empty/"), 0, "an empty repository is not asked");
        }
    }
}

#[tokio::test]
async fn once_the_login_counted_the_projects_are_asked_for_along_with_it() {
    let permits = Arc::new(Semaphore::new(1));
    let harbor = Harbor::of(Version::V2_12).repository("a/app", 1);
    let harbor = harbor.fault("/systeminfo", Fault::Held(Arc::clone(&permits))).start().await.unwrap();
    let (_node, program) = started(&harbor.config());
    let first = program.images().await.unwrap();
    let ahead = async {
        harbor.wait_for("/projects?", 2).await.unwrap();
        permits.add_permits(1);
    };
    let (second, ()) = tokio::join!(program.images(), ahead);
    assert_eq!(second.unwrap(), first);
    assert_eq!(first["harbor_images"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_project_name_lists_this_project_only() {
    for version in [Version::V2_8, Version::V2_12] {
        let harbor =
            Harbor::of(version).repository("a/b", 3).repository("team one/c/d", 3).private("team one").start().await;
        let harbor = harbor.unwrap();
        let mut config = harbor.config();
        config["project_name"] = json!("team one");
        let images = listed(&config).await;
        assert_rows(&images, &numbered("team one/c/d", 3));
        assert_eq!(images["errors"], json!([]));
        assert_eq!(harbor.count("/projects/a"), 0);
    }
}

#[tokio::test]
async fn a_path_prefix_is_kept() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 250).prefix("/registry").start().await.unwrap();
    let images = listed(&harbor.config()).await;
    assert_rows(&images, &numbered("a/b", 250));
    assert_eq!(images["errors"], json!([]));
    assert_eq!(harbor.asked().len(), harbor.count("/registry/api/v2.0/"));
}

#[tokio::test]
async fn every_page_is_read_where_a_proxy_took_the_paging_headers_away() {
    for version in [Version::V2_8, Version::V2_12] {
        // The last page of `a/full` is full, which looks as if there was another one.
        let harbor = Harbor::of(version).repository("a/b", 250).repository("a/full", 200);
        let harbor = harbor.fault("page=", Fault::NoPaging).start().await.unwrap();
        let images = listed(&harbor.config()).await;
        assert_rows(&images, &[numbered("a/b", 250), numbered("a/full", 200)].concat());
        assert_eq!(images["errors"], json!([]));
    }
}

#[tokio::test]
async fn a_smaller_page_size_lists_the_same() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 30).start().await.unwrap();
    let mut config = harbor.config();
    config["page_size"] = json!(7);
    assert_rows(&listed(&config).await, &numbered("a/b", 30));
    assert_eq!(harbor.count("b/artifacts?page=5&page_size=7"), 1);
}

#[tokio::test]
async fn lists_of_every_length_are_read_to_their_end() {
    // Around a page, and around what is held to be put in order; longer lists leave as they come.
    for count in [1, 99, 100, 101, 200, 4_999, 5_000, 5_001, 5_100] {
        for version in [Version::V2_8, Version::V2_12] {
            let harbor = Harbor::of(version).repository("a/b", count).repository("c/d", 1).start().await.unwrap();
            let images = listed(&harbor.config()).await;
            assert_rows(&images, &[numbered("a/b", count), numbered("c/d", 1)].concat());
            assert_eq!(images["errors"], json!([]));
        }
    }
}

#[tokio::test]
async fn a_project_whose_list_of_artifacts_is_hidden_is_read_by_repository() {
    for status in [403, 404, 405] {
        let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).repository("a/c", 3);
        let harbor = harbor.fault("/projects/a/artifacts", Fault::Status(status)).start().await.unwrap();
        let images = listed(&harbor.config()).await;
        assert_rows(&images, &[numbered("a/b", 3), numbered("a/c", 3)].concat());
        assert_eq!(images["errors"], json!([]));
    }
}

#[tokio::test]
async fn a_push_while_paging_gives_no_row_twice() {
    let whole = Harbor::of(Version::V2_12).fault("/a/artifacts?page=2", Fault::Push("a/b"));
    let by_repository = Harbor::of(Version::V2_8).fault("/b/artifacts?page=2", Fault::Push("a/b"));
    for harbor in [whole, by_repository] {
        let harbor = harbor.repository("a/b", 250).start().await.unwrap();
        let images = listed(&harbor.config()).await;
        assert_rows(&images, &numbered("a/b", 251));
        assert_eq!(images["errors"], json!([]));
    }
}

#[tokio::test]
async fn a_push_while_a_long_repository_is_streamed_gives_no_row_twice() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 6_000);
    let harbor = harbor.fault("/b/artifacts?page=2&", Fault::Push("a/b")).start().await.unwrap();
    let mut config = harbor.config();
    config["max_concurrency"] = json!(1);
    let images = listed(&config).await;
    // The first rows are gone by the time of the push: what was pushed comes with the next listing.
    assert_rows(&images, &numbered("a/b", 6_000));
    assert_eq!(images["errors"], json!([]));
}

#[tokio::test]
async fn a_push_while_a_long_repository_is_read_ahead_costs_no_row() {
    let permits = Arc::new(Semaphore::new(0));
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 6_000);
    let harbor = harbor.fault("/b/artifacts?page=2&", Fault::Held(Arc::clone(&permits))).start().await.unwrap();
    let (_node, program) = started(&harbor.config());
    let push = async {
        // The second page is answered after the third, and there is one more row by then.
        harbor.wait_for("/b/artifacts?page=3&", 1).await.unwrap();
        harbor.push("a/b").await;
        permits.add_permits(100);
    };
    let (images, ()) = tokio::join!(program.images(), push);
    let images = images.unwrap();
    assert_rows(&images, &numbered("a/b", 6_000));
    assert_eq!(images["errors"], json!([]));
}

#[tokio::test]
async fn a_deletion_while_paging_costs_no_other_row() {
    let whole = Harbor::of(Version::V2_12).fault("/a/artifacts?page=2", Fault::Delete("a/b"));
    let by_repository = Harbor::of(Version::V2_8).fault("/b/artifacts?page=2", Fault::Delete("a/b"));
    for harbor in [whole, by_repository] {
        let harbor = harbor.repository("a/b", 250).start().await.unwrap();
        let names = names(&listed(&harbor.config()).await);
        // The deleted one was there when its page was read.
        assert!(names.ends_with(&numbered("a/b", 249)), "{names:?}");
        assert!(names.len() <= 250, "{}", names.len());
    }
}

#[tokio::test]
async fn a_repository_with_an_odd_name_is_asked_for_by_this_name() {
    let artifacts = Artifacts::These(vec![Artifact::numbered(0)]);
    let harbor = Harbor::of(Version::V2_8).repository("a/x/y/100%_z", artifacts).start().await.unwrap();
    let images = listed(&harbor.config()).await;
    assert_eq!(names(&images), ["a/x/y/100%_z:v0"]);
    assert_eq!(harbor.count("/projects/a/repositories/x%252Fy%252F100%2525_z/artifacts"), 1);
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_allowed() {
    for (setting, allowed) in [(None, 8), (Some(3), 3)] {
        let permits = Arc::new(Semaphore::new(0));
        let mut harbor = Harbor::of(Version::V2_8).fault("/artifacts", Fault::Held(Arc::clone(&permits)));
        for number in 0..20 {
            harbor = harbor.repository(&format!("a/r{number:02}"), 1);
        }
        let harbor = harbor.start().await.unwrap();
        let mut config = harbor.config();
        if let Some(setting) = setting {
            config["max_concurrency"] = json!(setting);
        }
        let (_node, program) = started(&config);
        let release = async {
            harbor.wait_for("/artifacts", allowed).await.unwrap();
            // One too many would come at once. That none comes is no event to wait for.
            tokio::time::sleep(Duration::from_millis(200)).await;
            let under_way = harbor.count("/artifacts");
            permits.add_permits(20);
            under_way
        };
        let (images, under_way) = tokio::join!(program.images(), release);
        assert_eq!(under_way, allowed);
        assert_eq!(names(&images.unwrap()).len(), 20);
    }
}
