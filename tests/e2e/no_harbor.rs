//! To want no Harbor, or what a Harbor shows to everybody, is a choice and no failure. A login that does not count is one failure.

use crate::listing::{assert_says, errors, harbor_rows, only_error};
use image_service_tests::harbor::{PASSWORD, Role, USER};
use image_service_tests::{Harbor, Node, Version, eventually};
use serde_json::{Value, json};

/// A Harbor with a public and a private project.
async fn harbor() -> Harbor {
    let harbor = Harbor::of(Version::V2_16).repository("open/app", 3).repository("closed/app", 2).private("closed");
    harbor.start().await.unwrap()
}

/// crictl's JSON of images that were pulled from these repositories of Harbor as `v0`.
fn pulled(harbor: &Harbor, repositories: &[&str]) -> String {
    let host = harbor.url.trim_start_matches("http://");
    let image = |(id, name): (usize, &&str)| {
        json!({
            "id": format!("sha256:{id}{:063}", 0), "repoTags": [format!("{host}/{name}:v0")], "size": "5",
            "repoDigests": [format!("{host}/{name}@sha256:{:064x}", 0)],
        })
    };
    json!({"images": repositories.iter().enumerate().map(image).collect::<Vec<_>>()}).to_string()
}

#[tokio::test]
async fn without_harbor_the_item_that_old_clients_know_is_the_only_word_about_it() {
    for harbor in [json!(null), json!({"url": "", "user": "", "password": "", "project_name": ""})] {
        for stale_if_error in [0, 60] {
            let config = json!({"harbor_config": harbor, "cache_config": {"stale_if_error": stale_if_error}});
            let mut program = Node::builder().one_image().cache_lifetime(60).config(config).start().unwrap();
            let item = json!([{"source": "harbor", "error": "Harbor configuration incomplete"}]);
            assert_eq!(program.images().await.unwrap()["errors"], item);
            // An answer with an error would be kept for a second.
            let ttl = async || {
                let kept = program.get("/images").await.unwrap();
                kept.headers()["cache-status"].to_str().unwrap().rsplit_once("ttl=")?.1.parse::<u32>().ok()
            };
            assert!(eventually("a kept answer", ttl).await.unwrap() > 30);
            let inventory: Value = program.get("/inventory").await.unwrap().json().await.unwrap();
            assert_eq!((&inventory["registry"], &inventory["errors"]), (&json!(null), &json!([])));
            assert_eq!(inventory["images"][0]["verdicts"], json!([]));
            let page = program.get("/").await.unwrap().text().await.unwrap();
            assert!(page.contains("kube-proxy") && !page.contains("banner bad"), "{page}");
            let metrics = program.get("/metrics").await.unwrap().text().await.unwrap();
            let failed = |line: &&str| line.starts_with("image_service_source_errors_total") && !line.ends_with(" 0");
            assert_eq!(metrics.lines().find(failed), None);
            assert_eq!(program.terminate().await.unwrap().code(), Some(0));
            let log = program.log();
            let listed: Value =
                serde_json::from_str(log.lines().find(|line| line.contains("\"rows_containerd\"")).unwrap()).unwrap();
            assert_eq!(listed["errors"], 0);
            assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
        }
    }
}

#[tokio::test]
async fn without_harbor_every_command_succeeds_in_silence() {
    let node = Node::builder().one_image().build().unwrap();
    for (arguments, said) in [
        (&["list"][..], "kube-proxy"),
        (&["list", "--output", "json"], "Harbor configuration incomplete"),
        (&["compare"], "No Harbor is configured"),
        (&["check"], "off      harbor       not configured"),
    ] {
        let output = node.run(arguments).await.unwrap();
        assert_says(&output.stdout, &[said]);
        assert_eq!((output.stderr.as_str(), output.code), ("", Some(0)), "{arguments:?}");
    }
    assert!(!node.run(&["list"]).await.unwrap().stdout.contains("PROJECT"));
}

#[tokio::test]
async fn a_public_harbor_is_listed_without_a_login_and_judges_what_everybody_sees() {
    let harbor = harbor().await;
    let config = json!({"harbor_config": {"url": harbor.url, "anonymous": true}});
    let images = pulled(&harbor, &["open/app", "open/lost", "closed/app"]);
    let node = Node::builder().images(images).config(config).build().unwrap();
    let program = node.start().unwrap();
    let images = program.images().await.unwrap();
    assert_eq!((harbor_rows(&images).len(), errors(&images).len()), (3, 0));
    let inventory: Value = program.get("/inventory?source=containerd").await.unwrap().json().await.unwrap();
    assert_eq!((&inventory["registry"]["state"], &inventory["errors"]), (&json!("answered"), &json!([])));
    let verdict = |name: &str| {
        let rows = inventory["images"].as_array().unwrap();
        rows.iter().find(|row| row["repository"].as_str().unwrap().ends_with(name)).unwrap()["verdicts"][0].clone()
    };
    assert_eq!(["open/app", "open/lost", "closed/app"].map(verdict), ["in_sync", "missing", "unknown"]);
    let checked = node.run(&["check"]).await.unwrap();
    let sentence = format!("ok       harbor       3 rows of all public projects from {} without login\n", harbor.url);
    assert_says(&checked.stdout, &[&sentence]);
    assert_eq!(checked.code, Some(0));
    assert!(harbor.requests().iter().all(|request| request.login().is_none()));
}

#[tokio::test]
async fn a_private_project_of_a_public_harbor_is_refused_with_the_names_of_those_that_are_open() {
    let harbor = harbor().await;
    let config = json!({"url": harbor.url, "anonymous": true, "project_name": "closed"});
    let images = crate::listing::list(config).await;
    assert_says(
        only_error(&images),
        &["project closed", "401", "without a login, only public projects can be read", "project_name can be open"],
    );
}

#[tokio::test]
async fn a_refused_login_is_one_failure_that_check_tells_with_the_number_of_public_rows() {
    let harbor = harbor().await;
    for project in ["", "closed", "open"] {
        let login = json!({"url": harbor.url, "user": USER, "password": "wrong", "project_name": project});
        let node = Node::builder().one_image().config(json!({"harbor_config": login})).build().unwrap();
        let checked = node.run(&["check"]).await.unwrap();
        let of_harbor: Vec<&str> = checked.stdout.lines().filter(|line| line[9..].starts_with("harbor")).collect();
        let [refused, unencrypted] = of_harbor[..] else { panic!("{}", checked.stdout) };
        assert!(refused.starts_with("failed   harbor       Harbor refused the login"), "{refused}");
        assert_eq!(refused.ends_with("; 3 rows of public projects came without it"), project != "closed", "{refused}");
        assert!(unencrypted.starts_with("warning"), "{unencrypted}");
        assert_eq!(checked.code, Some(1));
        let listed = node.run(&["list"]).await.unwrap();
        let [unencrypted, refused] = listed.stderr.lines().collect::<Vec<_>>()[..] else { panic!("{}", listed.stderr) };
        assert!(unencrypted.starts_with("image-service: warning: the password"), "{unencrypted}");
        assert!(refused.starts_with("image-service: harbor: Harbor refused"), "{refused}");
    }
}

#[tokio::test]
async fn a_project_that_does_not_exist_is_told_with_those_that_do() {
    let harbor = Harbor::of(Version::V2_16).repository("library/app", 1).repository("team/app", 1);
    let harbor = harbor.account("admin", "secret", Role::Administrator).start().await.unwrap();
    for (user, password, status) in [(USER, PASSWORD, "403"), ("admin", "secret", "404")] {
        let config = json!({"url": harbor.url, "user": user, "password": password, "project_name": "taem"});
        let images = crate::listing::list(config).await;
        assert_says(only_error(&images), &["project taem", status, "project_name can be library, team"]);
    }
}

#[tokio::test]
async fn a_harbor_that_is_half_configured_says_what_it_lacks_wherever_the_configuration_is_read() {
    let node = Node::builder().one_image().config(json!({"harbor_config": {"url": "https://h.test"}})).build().unwrap();
    let lacks = "Harbor is not asked, as harbor_config lacks user and password; set them, or \"anonymous\": true";
    for command in ["list", "compare"] {
        let output = node.run(&[command]).await.unwrap();
        assert_says(&output.stderr, &[lacks, "harbor: Harbor configuration incomplete"]);
        assert_eq!(output.code, Some(1));
    }
    let checked = node.run(&["check"]).await.unwrap();
    assert_eq!(checked.stdout.matches(lacks).count(), 1, "{}", checked.stdout);
    let program = node.start().unwrap();
    program.await_log(&lacks.replace('"', "\\\"")).await.unwrap();
}
