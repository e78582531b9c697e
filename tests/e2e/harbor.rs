//! Harbor as it works: the rows of each kind of Harbor, of lists of every length, and of lists that change while they are read.

use crate::listing::{assert_rows, assert_whole, harbor_rows, list, names, numbered, start, with};
use image_service_tests::{Artifact, Artifacts, Fault, Gate, Harbor, Version, is_pending};
use serde_json::json;

const EACH: [Version; 3] = [Version::V2_8, Version::V2_12, Version::V2_16];

#[tokio::test]
async fn each_harbor_gives_the_same_rows_in_order() {
    let harbor = |version| {
        Harbor::of(version).repository("b/app", 250).repository("a/x/y", 250).repository("a/b", 250).private("b")
    };
    let new = harbor(Version::V2_12).start().await.unwrap();
    let from_new = list(new.config()).await;
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
    assert_eq!(from_new["errors"], json!([]));
    for other in [Version::V2_8, Version::V2_16] {
        let other = harbor(other).start().await.unwrap();
        assert_eq!(list(other.config()).await, from_new);
    }
}

#[tokio::test]
async fn a_project_of_many_small_repositories_is_read_by_its_own_list_where_that_is_cheaper() {
    for (version, own_lists) in [(Version::V2_16, 3), (Version::V2_8, 0)] {
        let harbor = Harbor::of(version).filled(3, 20, 1).costs(1.0).start().await.unwrap();
        let images = list(harbor.config()).await;
        assert_eq!(harbor_rows(&images).len(), 60);
        let lists = (0..3).map(|number| harbor.count(&format!("/projects/project00{number}/artifacts"))).sum::<usize>();
        assert_eq!(lists, own_lists, "{version:?}");
        // One page of a project tells enough, unless it was slow: then two repositories tell what their lists cost.
        let by_repository = harbor.count("/repositories/repository");
        let expected = if own_lists == 0 { 60..=60 } else { 0..=2 };
        assert!(expected.contains(&by_repository), "{version:?}: {by_repository}");
    }
}

#[tokio::test]
async fn a_project_named_by_a_number_has_its_own_rows() {
    for version in [Version::V2_8, Version::V2_12, Version::V2_16] {
        // Harbor takes the `2` in a path for an id, unless it is told that it is a name.
        let harbor = Harbor::of(version).repository("first/app", 1).repository("second/app", 2).repository("2/app", 3);
        let harbor = harbor.start().await.unwrap();
        let expected = [numbered("2/app", 3), numbered("first/app", 1), numbered("second/app", 2)].concat();
        assert_whole(&list(harbor.config()).await, &expected);
        assert!(harbor.requests().iter().all(|request| request.header("x-is-resource-name") == Some("true")));
    }
}

#[tokio::test]
async fn each_tag_is_a_row_and_an_artifact_without_a_size_has_0_bytes() {
    let artifact = |number, tags: &[&str], size| Artifact {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        size,
        ..Artifact::numbered(number)
    };
    let artifacts =
        vec![artifact(3, &["latest", "3.0", "3"], 249_600_000), artifact(2, &[], 2000), artifact(1, &["1"], 0)];
    for version in EACH {
        // Whether or not Harbor leaves the untagged one out by itself.
        for fault in [None, Some(Fault::NoFilter)] {
            let mut harbor = Harbor::of(version).repository("a/b", artifacts.clone()).repository("a/empty", 0);
            if let Some(fault) = fault {
                harbor = harbor.fault("/artifacts", fault);
            }
            let harbor = harbor.start().await.unwrap();
            let images = list(harbor.config()).await;
            assert_eq!(names(&images), ["a/b:3", "a/b:3.0", "a/b:latest", "a/b:1"]);
            assert_eq!(images["harbor_images"][0]["size"], "250MB");
            assert_eq!(images["harbor_images"][3]["size"], "0B");
            assert_eq!(images["errors"], json!([]));
            assert_eq!(harbor.count("/empty/"), 0, "an empty repository is not asked");
        }
    }
}

#[tokio::test]
async fn once_harbor_has_accepted_the_login_the_program_asks_for_the_projects_at_the_same_time() {
    let gate = Gate::letting_through(1);
    let harbor = Harbor::of(Version::V2_12).repository("a/app", 1);
    let harbor = harbor.fault("/systeminfo", Fault::Held(gate.clone())).start().await.unwrap();
    let program = start(harbor.config());
    let first = program.images().await.unwrap();
    let ahead = async {
        harbor.await_requests("/projects?", 2).await.unwrap();
        gate.open();
    };
    let (second, ()) = tokio::join!(program.images(), ahead);
    assert_eq!(second.unwrap(), first);
    assert_eq!(harbor_rows(&first).len(), 1);
}

#[tokio::test]
async fn a_project_name_lists_this_project_only() {
    for version in EACH {
        let harbor =
            Harbor::of(version).repository("a/b", 3).repository("team one/c/d", 3).private("team one").start().await;
        let harbor = harbor.unwrap();
        let images = list(with(harbor.config(), "project_name", "team one")).await;
        assert_whole(&images, &numbered("team one/c/d", 3));
        assert_eq!(harbor.count("/projects/a"), 0);
    }
}

#[tokio::test]
async fn a_path_prefix_is_kept() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 250).prefix("/registry").start().await.unwrap();
    let images = list(harbor.config()).await;
    assert_whole(&images, &numbered("a/b", 250));
    assert_eq!(harbor.requests().len(), harbor.count("/registry/api/v2.0/"));
}

#[tokio::test]
async fn every_page_is_read_where_a_proxy_took_the_paging_headers_away() {
    for version in EACH {
        // The last page of `a/full` is full, which looks as if there was another one.
        let harbor = Harbor::of(version).repository("a/b", 250).repository("a/full", 200);
        let harbor = harbor.fault("page=", Fault::NoPaging).start().await.unwrap();
        let images = list(harbor.config()).await;
        assert_whole(&images, &[numbered("a/b", 250), numbered("a/full", 200)].concat());
    }
}

#[tokio::test]
async fn a_smaller_page_size_lists_the_same() {
    let harbor = Harbor::of(Version::V2_8).repository("a/b", 30).start().await.unwrap();
    assert_rows(&list(with(harbor.config(), "page_size", 7)).await, &numbered("a/b", 30));
    assert_eq!(harbor.count("b/artifacts?page=5&page_size=7"), 1);
}

#[tokio::test]
async fn lists_of_every_length_are_read_to_their_end() {
    // Around a page, and around what is held to be put in order; longer lists leave as they come.
    for count in [1, 99, 100, 101, 200, 9_999, 10_000, 10_001, 10_100] {
        for version in EACH {
            let harbor = Harbor::of(version).repository("a/b", count).repository("c/d", 1).start().await.unwrap();
            let images = list(harbor.config()).await;
            assert_whole(&images, &[numbered("a/b", count), numbered("c/d", 1)].concat());
        }
    }
}

#[tokio::test]
async fn a_project_whose_list_of_artifacts_is_hidden_is_read_by_repository() {
    for status in [403, 404, 405] {
        let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).repository("a/c", 3);
        let harbor = harbor.fault("/projects/a/artifacts", Fault::Status(status)).start().await.unwrap();
        let images = list(harbor.config()).await;
        assert_whole(&images, &[numbered("a/b", 3), numbered("a/c", 3)].concat());
    }
}

#[tokio::test]
async fn a_push_while_paging_gives_no_row_twice() {
    for version in EACH {
        let harbor = Harbor::of(version).fault("/b/artifacts?page=2", Fault::Push("a/b"));
        let harbor = harbor.repository("a/b", 250).start().await.unwrap();
        let images = list(harbor.config()).await;
        assert_whole(&images, &numbered("a/b", 251));
    }
}

#[tokio::test]
async fn a_push_while_a_long_repository_is_streamed_gives_no_row_twice() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 11_000);
    let harbor = harbor.fault("/b/artifacts?page=2&", Fault::Push("a/b")).start().await.unwrap();
    let images = list(with(harbor.config(), "max_concurrency", 1)).await;
    // The first rows are gone by the time of the push: what was pushed comes with the next listing.
    assert_whole(&images, &numbered("a/b", 11_000));
}

#[tokio::test]
async fn a_push_while_a_long_repository_is_read_ahead_costs_no_row() {
    let gate = Gate::closed();
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 11_000);
    let harbor = harbor.fault("/b/artifacts?page=2&", Fault::Held(gate.clone())).start().await.unwrap();
    let program = start(harbor.config());
    let push = async {
        // The second page is answered after the third, and there is one more row by then.
        harbor.await_requests("/b/artifacts?page=3&", 1).await.unwrap();
        harbor.push("a/b").await;
        gate.open();
    };
    let (images, ()) = tokio::join!(program.images(), push);
    let images = images.unwrap();
    assert_whole(&images, &numbered("a/b", 11_000));
}

#[tokio::test]
async fn a_tag_that_moves_to_a_page_that_is_read_already_is_in_the_listing() {
    let gate = Gate::closed();
    let harbor = Harbor::of(Version::V2_16).repository("a/b", 150);
    let harbor = harbor.fault("/b/artifacts?page=2&", Fault::Held(gate.clone())).start().await.unwrap();
    harbor.put_tag("a/b", "v3", "latest").await;
    let program = start(harbor.config());
    let moved = async {
        harbor.await_requests("/b/artifacts?page=2&", 1).await.unwrap();
        harbor.put_tag("a/b", "v140", "latest").await;
        gate.open();
    };
    let (images, ()) = tokio::join!(program.images(), moved);
    let mut expected = numbered("a/b", 150);
    expected.insert(9, "a/b:latest".to_owned());
    assert_whole(&images.unwrap(), &expected);
    assert_eq!(harbor.count("update_time"), 2, "once after each reading");
}

#[tokio::test]
async fn a_deletion_while_paging_costs_no_other_row() {
    let whole = Harbor::of(Version::V2_12).fault("/a/artifacts?page=2", Fault::Delete("a/b"));
    let by_repository = Harbor::of(Version::V2_8).fault("/b/artifacts?page=2", Fault::Delete("a/b"));
    for harbor in [whole, by_repository] {
        let harbor = harbor.repository("a/b", 250).start().await.unwrap();
        let names = names(&list(harbor.config()).await);
        // The deleted one was there when its page was read.
        assert!(names.ends_with(&numbered("a/b", 249)), "{names:?}");
        assert!(names.len() <= 250, "{}", names.len());
    }
}

#[tokio::test]
async fn a_repository_with_an_odd_name_is_asked_for_by_this_name() {
    let artifacts = Artifacts::These(vec![Artifact::numbered(0)]);
    let harbor = Harbor::of(Version::V2_8).repository("a/x/y/100%_z", artifacts).start().await.unwrap();
    let images = list(harbor.config()).await;
    assert_eq!(names(&images), ["a/x/y/100%_z:v0"]);
    assert_eq!(harbor.count("/projects/a/repositories/x%252Fy%252F100%2525_z/artifacts"), 1);
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_allowed() {
    for (setting, allowed) in [(None, 8), (Some(3), 3)] {
        let gate = Gate::closed();
        let harbor = Harbor::of(Version::V2_8).repositories(20, 1).fault("/artifacts", Fault::Held(gate.clone()));
        let harbor = harbor.start().await.unwrap();
        let program = start(with(harbor.config(), "max_concurrency", setting));
        let look = async {
            harbor.await_requests("/artifacts", allowed).await.unwrap();
            assert!(is_pending(harbor.await_requests("/artifacts", allowed + 1)).await, "one more than {allowed}");
            gate.open();
        };
        let (images, ()) = tokio::join!(program.images(), look);
        assert_eq!(names(&images.unwrap()).len(), 20);
    }
}
