//! `image-service check`, as an operator runs it.

use crate::listing::assert_says;
use image_service_tests::harbor::{PASSWORD, Role};
use image_service_tests::{Harbor, Node, Version, fixture};
use serde_json::json;

#[tokio::test]
async fn check_says_what_works_in_a_sentence_each() {
    let harbor = Harbor::of(Version::V2_12).repository("library/nginx", 2).start().await.unwrap();
    let node = Node::builder().one_image().harbor(&harbor).ignore("IMAGE,TAG,IMAGE ID,SIZE\n").build().unwrap();
    let output = node.run(&["check"]).await.unwrap();
    let stdout = &output.stdout;
    for sentence in [
        format!("ok       config       {} is read\n", node.config_file().display()),
        format!("ok       containerd   1 image, asked over `cat {}`\n", fixture("one-image.json").display()),
        format!("ok       ignore file  {} is read; it leaves 1 row\n", node.path("images_to_ignore.txt").display()),
        format!("ok       harbor       2 rows of all projects from {} as robot$ci\n", harbor.url),
        "warning  harbor       the password travels unencrypted".to_owned(),
    ] {
        assert!(stdout.contains(&sentence), "{sentence}\nis not in\n{stdout}");
    }
    assert!(!stdout.contains(PASSWORD), "{stdout}");
    assert_eq!((output.stderr.as_str(), output.code), ("", Some(0)));
}

#[tokio::test]
async fn check_names_each_failure_and_what_to_change_and_exits_with_1() {
    let node = Node::builder().crictl(&["/nonexistent/crictl"]).ignore("IMAGE ID\nlatest\n");
    let node = node.config(json!({"crictl_config": {"tiemout": 3}})).build().unwrap();
    let output = node.run(&["check"]).await.unwrap();
    assert_says(
        &output.stdout,
        &[
            "warning  config       ",
            "crictl_config.tiemout",
            "failed   containerd   `/nonexistent/crictl` can't be run: /nonexistent/crictl is not installed; install it",
            "images_to_ignore.txt:2: skipped: \"latest\" is no image id",
            "off      harbor       not configured; set harbor_config.url, user and password",
        ],
    );
    assert_eq!(output.code, Some(1));
}

#[tokio::test]
async fn check_tells_an_address_copied_from_the_portal_and_uses_harbors() {
    let harbor = Harbor::of(Version::V2_12).repository("library/nginx", 2).start().await.unwrap();
    for page in ["/harbor/projects", "/harbor/projects/1/repositories?page=1", "/#/harbor/projects"] {
        let copied = json!({"harbor_config": {"url": format!("{}{page}", harbor.url)}});
        let node = Node::builder().one_image().harbor(&harbor).config(copied).build().unwrap();
        let output = node.run(&["check"]).await.unwrap();
        let told = format!("page of Harbor's portal, as a browser shows it; write {:?} instead", harbor.url);
        assert_says(&output.stdout, &["warning  config ", &told, "ok       harbor       2 rows of all projects"]);
        assert_eq!(output.code, Some(0), "{}", output.stdout);
    }
}

#[tokio::test]
async fn check_names_the_keys_that_a_half_configured_harbor_lacks() {
    let half = json!({"harbor_config": {"url": "https://harbor.example.com"}});
    let output = Node::builder().one_image().config(half).build().unwrap().run(&["check"]).await.unwrap();
    assert_says(
        &output.stdout,
        &["failed   harbor       Harbor is not asked, as harbor_config lacks user and password"],
    );
    assert_eq!(output.code, Some(1));
}

#[tokio::test]
async fn check_recommends_a_robot_where_the_login_is_most_of_a_request() {
    let harbor = Harbor::of(Version::V2_16).repository("library/nginx", 2);
    let harbor = harbor.account("alice", "secret", Role::User).account("robot$list", "secret", Role::Robot).costs(1.0);
    let harbor = harbor.start().await.unwrap();
    for (user, is_dear) in [("alice", true), ("robot$list", false)] {
        let login = json!({"url": harbor.url, "user": user, "password": "secret"});
        let node = Node::builder().one_image().config(json!({"harbor_config": login})).build().unwrap();
        let output = node.run(&["check"]).await.unwrap();
        assert_says(&output.stdout, &["ok       harbor       2 rows"]);
        let recommended = output.stdout.contains("\"list repository\" and \"list artifact\"");
        assert_eq!(recommended, is_dear, "{user}: {}", output.stdout);
        assert_eq!(output.code, Some(0));
    }
}

#[tokio::test]
async fn check_says_whether_a_listing_reads_all_of_harbor_or_what_changed() {
    for (version, interval, sentence) in [
        (Version::V2_16, 3600, "marks changes, so a listing reads what changed, and all of Harbor every 3600 s"),
        (Version::V2_12, 3600, "does not mark changes; 2.16 and later do"),
        (Version::V2_16, 0, "each listing reads all of Harbor, as harbor_config.full_listing_interval is 0"),
    ] {
        let harbor = Harbor::of(version).repository("library/nginx", 2).start().await.unwrap();
        let interval = json!({"harbor_config": {"full_listing_interval": interval}});
        let node = Node::builder().one_image().harbor(&harbor).config(interval).build().unwrap();
        assert_says(&node.run(&["check"]).await.unwrap().stdout, &["ok       harbor       ", sentence]);
    }
}
