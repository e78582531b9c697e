//! What each way in which Harbor goes wrong costs: never the node's row, and one error that says what to do.

use crate::listing::{
    assert_rows, assert_says, assert_whole, harbor_rows, list, node_rows, numbered, only_harbor_error, with,
};
use image_service_tests::harbor::config_for;
use image_service_tests::{Fault, Harbor, HarborBuilder, OtherServer, Version, node_row};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What a Harbor of one project with `a/b` and `a/c` comes to when it goes wrong here.
async fn faulty(version: Version, part: &'static str, fault: Fault) -> Value {
    let harbor = two_repositories(version).fault(part, fault).start().await.unwrap();
    list(with(harbor.config(), "timeout", 10)).await
}

fn two_repositories(version: Version) -> HarborBuilder {
    Harbor::of(version).repository("a/b", 250).repository("a/c", 3)
}

/// Asserts that there are no rows of Harbor's, and one error that says all of this.
fn assert_costs_all(images: &Value, parts: &[&str]) {
    assert_eq!(images["harbor_images"], json!([]));
    assert_says(only_harbor_error(images), parts);
    assert_eq!(images["errors"][0].get("repository"), None);
}

/// Asserts that these rows are there, and one error of this repository that says all of this.
fn assert_costs_repository(images: &Value, rows: &[String], repository: &str, parts: &[&str]) {
    assert_rows(images, rows);
    assert_says(only_harbor_error(images), parts);
    assert_eq!(images["errors"][0]["repository"], repository);
}

#[tokio::test]
async fn a_harbor_that_does_not_run_is_one_error() {
    // Bound and not listening: the port is refused, and nobody else can take it meanwhile.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let images = list(config_for(&url)).await;
    assert_costs_all(&images, &[&format!("GET {url}/api/v2.0/systeminfo"), "connection refused", "is Harbor running"]);
}

#[tokio::test]
async fn a_host_name_that_does_not_exist_is_one_error() {
    // A label of more than 63 letters can't be asked for: the resolver says no without asking any network, and no
    // network's helpful name server can answer.
    let url = format!("http://{}.invalid", "harbor".repeat(11));
    let images = list(config_for(&url)).await;
    assert_costs_all(&images, &["GET http://harborharbor", "can't be resolved", "harbor_config.url"]);
}

#[tokio::test]
async fn a_refusal_of_everything_is_one_error_with_the_remedy() {
    for (status, remedy) in [
        (401, "check Harbor's user and password"),
        (403, "needs to be allowed"),
        (404, "check the Harbor URL"),
        (422, "page_size"),
        (429, "try again later"),
    ] {
        let images = faulty(Version::V2_12, "/", Fault::Status(status)).await;
        let answered = format!("Harbor answered {status} (FAULT: as the test asked)");
        assert_costs_all(&images, &["GET http://127.0.0.1:", "/api/v2.0/systeminfo", &answered, remedy]);
    }
}

#[tokio::test]
async fn a_refusal_of_the_projects_is_one_error_with_the_remedy() {
    for (status, remedy) in [
        (401, "check Harbor's user and password"),
        (403, "needs to be allowed"),
        (404, "check the Harbor URL"),
        (422, "page_size"),
        (500, "see Harbor's own logs"),
        (503, "see Harbor's own logs"),
    ] {
        let images = faulty(Version::V2_12, "/projects?", Fault::Status(status)).await;
        assert_costs_all(&images, &["the list of projects: GET ", &format!("Harbor answered {status}"), remedy]);
    }
}

#[tokio::test]
async fn a_refusal_of_a_project_costs_its_own_rows_and_one_error() {
    for status in [401, 403, 404, 422, 500] {
        let harbor = Harbor::of(Version::V2_8).repository("a/b", 3).repository("c/d", 3);
        let harbor = harbor.fault("/projects/a/", Fault::Status(status)).fault("v2.0/repositories", Fault::Status(404));
        let harbor = harbor.start().await.unwrap();
        let images = list(harbor.config()).await;
        assert_rows(&images, &numbered("c/d", 3));
        assert_says(
            only_harbor_error(&images),
            &["project a: GET ", "/projects/a/repositories", &format!("Harbor answered {status}")],
        );
    }
}

#[tokio::test]
async fn a_limit_of_requests_says_when_to_try_again() {
    let images = faulty(Version::V2_12, "/projects?", Fault::RetryAfter(70)).await;
    assert_costs_all(&images, &["Harbor answered 429", "try again after 70 s", "max_concurrency"]);
}

#[tokio::test]
async fn a_systeminfo_that_fails_costs_no_rows() {
    for version in [Version::V2_8, Version::V2_12] {
        let images = faulty(version, "/systeminfo", Fault::Status(500)).await;
        assert_rows(&images, &[numbered("a/b", 250), numbered("a/c", 3)].concat());
        assert_says(only_harbor_error(&images), &["/systeminfo", "Harbor answered 500", "see Harbor's own logs"]);
    }
}

#[tokio::test]
async fn a_repository_that_fails_in_mid_listing_costs_its_own_rows_and_one_error() {
    let images = faulty(Version::V2_8, "/b/artifacts?page=2", Fault::Status(500)).await;
    // What had been read by then is there: the newest hundred.
    assert_costs_repository(
        &images,
        &[numbered("a/b", 250)[..100].to_vec(), numbered("a/c", 3)].concat(),
        "a/b",
        &["/repositories/b/artifacts?page=2", "Harbor answered 500"],
    );
}

#[tokio::test]
async fn a_long_repository_that_fails_in_mid_listing_keeps_the_rows_before() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 7_000).repository("c/d", 3);
    let harbor = harbor.fault("/b/artifacts?page=60&", Fault::Status(500)).start().await.unwrap();
    let images = list(harbor.config()).await;
    assert_costs_repository(
        &images,
        &[numbered("a/b", 7_000)[..5_900].to_vec(), numbered("c/d", 3)].concat(),
        "a/b",
        &["/b/artifacts?page=60", "Harbor answered 500"],
    );
}

#[tokio::test]
async fn a_list_of_a_project_that_fails_in_mid_listing_costs_nothing() {
    let harbor = Harbor::of(Version::V2_16).filled(1, 20, 10).costs(1.0);
    let harbor = harbor.fault("/artifacts?page=2", Fault::Status(500)).start().await.unwrap();
    let images = list(harbor.config()).await;
    assert_eq!((harbor_rows(&images).len(), &images["errors"]), (200, &json!([])));
    assert!(harbor.count("/projects/project000/artifacts?page=2") > 0);
}

#[tokio::test]
async fn html_instead_of_json_is_one_error() {
    for part in ["/systeminfo", "/projects?"] {
        let images = faulty(Version::V2_12, part, Fault::Html).await;
        assert_costs_all(&images, &[part, "text/html where JSON was expected", "does the Harbor URL lead to Harbor"]);
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_one_error() {
    let images = faulty(Version::V2_8, "/b/artifacts", Fault::BrokenOff).await;
    assert_costs_repository(&images, &numbered("a/c", 3), "a/b", &["/b/artifacts", "broke off before its end"]);
}

#[tokio::test]
async fn an_answer_of_more_than_32_mib_is_one_error() {
    let images = faulty(Version::V2_8, "/b/artifacts", Fault::Huge).await;
    assert_costs_repository(&images, &numbered("a/c", 3), "a/b", &["/b/artifacts", "larger than 33554432 bytes"]);
}

#[tokio::test]
async fn headers_beyond_the_limit_are_one_error() {
    for (bytes, said) in [
        (40_000, "the headers of the answer are larger than 32768 bytes"),
        (500_000, "the headers of the answer are larger than the program reads"),
    ] {
        let images = faulty(Version::V2_8, "/b/artifacts", Fault::LargeHead(bytes)).await;
        assert_costs_repository(&images, &numbered("a/c", 3), "a/b", &[said, "what adds them?"]);
    }
    let images = faulty(Version::V2_8, "/b/artifacts", Fault::LargeHead(20_000)).await;
    assert_whole(&images, &[numbered("a/b", 250), numbered("a/c", 3)].concat());
}

#[tokio::test]
async fn an_encoded_answer_that_grows_beyond_the_limit_is_one_error() {
    let images = faulty(Version::V2_8, "/b/artifacts", Fault::Bomb).await;
    assert_costs_repository(&images, &numbered("a/c", 3), "a/b", &["/b/artifacts", "larger than 33554432 bytes"]);
}

#[tokio::test]
async fn an_answer_that_comes_encoded_is_decoded_whatever_was_asked_for() {
    for encoding in ["gzip", "deflate", "identity"] {
        let images = faulty(Version::V2_12, "/", Fault::Encoded(encoding)).await;
        assert_whole(&images, &[numbered("a/b", 250), numbered("a/c", 3)].concat());
    }
    let images = faulty(Version::V2_12, "/", Fault::Encoded("br")).await;
    assert_costs_all(&images, &["encoded as \"br\", which was not asked for", "does a proxy before Harbor"]);
}

#[tokio::test]
async fn a_next_page_on_another_host_is_never_asked() {
    let other = OtherServer::new().unwrap();
    let elsewhere = format!("{}/api/v2.0/projects/a/repositories/b/artifacts", other.url().unwrap());
    let images = faulty(Version::V2_8, "/b/artifacts?page=1&", Fault::NextPageAt(elsewhere.clone())).await;
    assert!(!other.was_contacted().unwrap());
    assert_costs_repository(
        &images,
        &[numbered("a/b", 250), numbered("a/c", 3)].concat(),
        "a/b",
        &["/b/artifacts?page=1", &elsewhere, "not on this Harbor"],
    );
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_not_followed() {
    let other = OtherServer::new().unwrap();
    let elsewhere = other.url().unwrap();
    let images = faulty(Version::V2_12, "/", Fault::RedirectTo(elsewhere.clone())).await;
    assert!(!other.was_contacted().unwrap(), "neither the request nor the login may go there");
    assert_costs_all(&images, &["/systeminfo", "redirected to", &elsewhere, "harbor_config.url"]);
}

#[tokio::test]
async fn a_redirect_to_another_scheme_or_name_is_not_followed() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 3).start().await.unwrap();
    for elsewhere in [harbor.url.replace("http:", "https:"), harbor.url.replace("127.0.0.1", "localhost")] {
        let images = faulty(Version::V2_12, "/", Fault::RedirectTo(elsewhere.clone())).await;
        assert_costs_all(&images, &["redirected to", &elsewhere, "harbor_config.url"]);
        assert_eq!((harbor.connections(), harbor.requests().len()), (0, 0));
    }
}

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed_with_the_login() {
    let harbor = Harbor::of(Version::V2_12).repository("a/b", 250).private("a").prefix("/registry");
    let harbor = harbor.fault("/api/", Fault::RedirectTo("/registry".to_owned())).start().await.unwrap();
    let images = list(config_for(harbor.url.trim_end_matches("/registry"))).await;
    assert_whole(&images, &numbered("a/b", 250));
}

#[tokio::test]
async fn redirects_in_a_circle_end_in_one_error() {
    let harbor = two_repositories(Version::V2_12).fault("/", Fault::RedirectLoop).start().await.unwrap();
    let images = list(harbor.config()).await;
    assert_costs_all(&images, &["more than 5 redirects", "harbor_config.url"]);
    assert_eq!(harbor.requests().len(), 6);
}

#[tokio::test]
async fn a_harbor_that_never_answers_is_one_error_in_bounded_time() {
    let harbor = two_repositories(Version::V2_12).fault("/", Fault::Silent).start().await.unwrap();
    let started = Instant::now();
    let images = list(with(harbor.config(), "timeout", 0.5)).await;
    assert_costs_all(&images, &["/systeminfo", "no complete answer within 0.5 s", "harbor_config.timeout"]);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_harbor_that_stops_answering_is_given_up() {
    let harbor = Harbor::of(Version::V2_8).repositories(100, 1).fault("/artifacts", Fault::Silent);
    let harbor = harbor.start().await.unwrap();
    let started = Instant::now();
    let images = list(with(harbor.config(), "timeout", 0.5)).await;
    assert_eq!((node_rows(&images), harbor_rows(&images).len()), (&[node_row()][..], 0));
    let errors = images["errors"].as_array().unwrap();
    let (last, others) = errors.split_last().unwrap();
    assert_says(last["error"].as_str().unwrap(), &["Harbor stopped answering", "missing"]);
    // Each request that was made is an error; those were under way when the third got no answer, and two more at most.
    assert_eq!(others.len(), harbor.count("/artifacts"));
    assert!((3..=10).contains(&others.len()), "{errors:#?}");
    assert!(others.iter().all(|error| error["error"].as_str().unwrap().contains("no complete answer within 0.5 s")));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_login_refused_where_people_log_in_by_oidc_speaks_of_the_cli_secret_and_of_robots() {
    let harbor = Harbor::of(Version::V2_16).repository("a/b", 3).auth_mode("oidc_auth").start().await.unwrap();
    let images = list(with(harbor.config(), "password", "wrong")).await;
    assert_says(only_harbor_error(&images), &["Harbor refused the login", "OIDC", "CLI secret", "robot account"]);
}

#[tokio::test]
async fn a_refused_login_is_one_error_beside_the_public_rows() {
    // Harbor 2.12 and 2.8 tell their version to everybody, as recorded, and other things only to those who are logged in.
    for version in [Version::V2_8, Version::V2_12, Version::V2_16] {
        let harbor = Harbor::of(version).repository("a/b", 3).repository("secret/c", 3).private("secret");
        let harbor = harbor.start().await.unwrap();
        let images = list(with(harbor.config(), "password", "wrong")).await;
        assert_rows(&images, &numbered("a/b", 3));
        assert_says(
            only_harbor_error(&images),
            &[
                "refused the login",
                "/systeminfo",
                "user or password is wrong",
                "database is down",
                "only public projects",
            ],
        );
        // Harbor pauses at each wrong password.
        let sent: Vec<_> = harbor.requests().into_iter().filter(|request| request.login().is_some()).collect();
        assert_eq!(sent.len(), 1, "{sent:#?}");
        assert!(!images.to_string().contains("wrong\""), "the password is never shown");
    }
}

#[tokio::test]
async fn the_password_is_in_no_error() {
    for fault in [Fault::Status(401), Fault::Status(500), Fault::Html, Fault::BrokenOff, Fault::RedirectLoop] {
        let images = faulty(Version::V2_12, "/", fault).await.to_string();
        assert!(images.contains("\"source\":\"harbor\""), "{images}");
        // As it stands and as it is sent: `robot$ci:s3cret` in base64.
        assert!(!images.contains("s3cret") && !images.contains("cm9ib3QkY2k6czNjcmV0"), "{images}");
    }
}
