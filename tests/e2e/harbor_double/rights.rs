//! Who sees what.

use super::{Double, column, names};
use image_service_tests::harbor::{PASSWORD, Role, USER};
use image_service_tests::{Artifact, Harbor, Version};
use serde_json::{Value, json};

const ALL: [Version; 3] = [Version::V2_8, Version::V2_12, Version::V2_16];
const WRONG: Option<(&str, &str)> = Some((USER, "wrong"));

/// A double with public and private projects.
async fn double(version: Version) -> Double {
    let untagged = Artifact { size: 0, ..Artifact::numbered(1).untagged() };
    let harbor = Harbor::of(version)
        .repository("open/team/app", 25)
        .repository("open/tool", vec![Artifact::numbered(7), untagged])
        .repository("closed/app", 3)
        .private("closed")
        .account("anna", "secret", Role::User)
        .account("robot$open", "secret", Role::RobotOf(Vec::new()));
    Double::start(harbor).await
}

#[tokio::test]
async fn only_public_projects_and_repositories_are_shown_to_nobody_and_to_a_wrong_password() {
    for version in ALL {
        let harbor = double(version).await;
        for login in [None, WRONG] {
            let projects = harbor.get_as("/projects", login, &[]).await.json().await.unwrap();
            assert_eq!(names(&projects), ["open"]);
            let repositories = harbor.get_as("/repositories", login, &[]).await.json().await.unwrap();
            assert_eq!(names(&repositories), ["open/tool", "open/team/app"]);
            assert_eq!(harbor.refusal("/projects/closed/repositories", login).await, (401, "UNAUTHORIZED".into()));
        }
        assert_eq!(names(&harbor.json("/projects").await), ["closed", "open"]);
    }
}

#[tokio::test]
async fn all_repositories_are_shown_to_users_and_to_robots_only_from_2_16_on() {
    for version in ALL {
        let harbor = double(version).await;
        let to_user: Value = harbor.get_as("/repositories", Some(("anna", "secret")), &[]).await.json().await.unwrap();
        assert_eq!(to_user.as_array().unwrap().len(), 3);
        let to_robot = harbor.json("/repositories").await.as_array().unwrap().len();
        assert_eq!(to_robot, if version == Version::V2_16 { 3 } else { 2 });
    }
}

#[tokio::test]
async fn a_robot_is_refused_what_is_not_its_own_as_if_it_did_not_exist() {
    for version in ALL {
        let harbor = double(version).await;
        for project in ["closed", "unknown"] {
            let path = format!("/projects/{project}/repositories");
            let refusal = harbor.refusal(&path, Some(("robot$open", "secret"))).await;
            assert_eq!(refusal, (403, "FORBIDDEN".into()));
        }
    }
}

#[tokio::test]
async fn the_current_user_is_told_to_users_and_refused_to_robots_and_nobody() {
    let harbor = double(Version::V2_16).await;
    let user: Value = harbor.get_as("/users/current", Some(("anna", "secret")), &[]).await.json().await.unwrap();
    assert_eq!(user["username"], "anna");
    assert_eq!(harbor.refusal("/users/current", Some((USER, PASSWORD))).await.0, 412);
    assert_eq!(harbor.refusal("/users/current", None).await.0, 401);
}

#[tokio::test]
async fn accounts_come_change_and_go_while_harbor_runs() {
    let harbor = double(Version::V2_16).await;
    let sees = async |secret| {
        let projects = harbor.get_as("/projects", Some(("ci", secret)), &[]).await.json().await.unwrap();
        names(&projects).len()
    };
    assert_eq!(sees("one").await, 1);
    harbor.0.set_account("ci", "one", Role::Robot).await;
    assert_eq!(sees("one").await, 2);
    harbor.0.set_account("ci", "two", Role::Robot).await;
    assert_eq!((sees("one").await, sees("two").await), (1, 2));
    harbor.0.delete_account("ci").await;
    assert_eq!(sees("two").await, 1);
}

#[tokio::test]
async fn the_name_of_a_repository_is_encoded_twice_behind_nginx() {
    for version in ALL {
        let harbor = double(version).await;
        let twice = harbor.json("/projects/open/repositories/team%252Fapp/artifacts").await;
        assert_eq!(twice.as_array().unwrap().len(), 10, "the default page size");
        for wrong in ["team%2Fapp", "team/app"] {
            let path = format!("/projects/open/repositories/{wrong}/artifacts");
            assert_eq!(harbor.refusal(&path, Some((USER, PASSWORD))).await, (404, "NOT_FOUND".into()));
        }
        assert_eq!(harbor.json("/projects/open/repositories/unknown/artifacts").await, json!([]));
    }
}

#[tokio::test]
async fn whole_projects_are_listed_from_2_12_on_and_to_those_who_are_logged_in() {
    let path = "/projects/open/artifacts?page_size=100";
    assert_eq!(double(Version::V2_8).await.refusal(path, Some((USER, PASSWORD))).await.0, 404);
    for version in [Version::V2_12, Version::V2_16] {
        let harbor = double(version).await;
        assert_eq!(harbor.refusal(path, None).await.0, 401);
        assert_eq!(harbor.refusal(path, WRONG).await.0, 401);
        let rows = harbor.json(path).await;
        assert_eq!(rows.as_array().unwrap().len(), 27);
        // The newest first, whatever its repository.
        let times = column(&rows, "push_time");
        assert!(times.is_sorted_by(|one, other| one.as_str() >= other.as_str()), "{times:?}");
    }
}

#[tokio::test]
async fn an_artifact_without_a_size_has_no_such_key() {
    let rows = double(Version::V2_16).await.json("/projects/open/repositories/tool/artifacts").await;
    assert_eq!(rows[0]["size"], 1_500_000);
    assert_eq!(rows[1].get("size"), None);
    assert_eq!(rows[1]["tags"], Value::Null);
}

#[tokio::test]
async fn each_answer_sets_a_cookie() {
    let harbor = double(Version::V2_16).await;
    let cookie = harbor.get("/projects").await.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("sid="), "{cookie}");
}
