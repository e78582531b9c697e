//! What a person is told when something is wrong: a source that fails, old rows, a program that is gone, nothing at all, and a
//! Harbor that is read for the first time.

use super::{SHOWN, open, total, until_total};
use image_service_tests::harbor::{Outage, config_for};
use image_service_tests::{Browser, Fault, Gate, Harbor, Node, Program, Version};
use serde_json::{Value, json};

const BANNERS: &str = "document.querySelector('.banners').textContent";

/// What the first failure of the inventory says.
async fn failure(program: &Program) -> String {
    let inventory: Value = program.get("/inventory").await.unwrap().json().await.unwrap();
    inventory["errors"][0]["error"].as_str().unwrap().to_owned()
}

/// Waits until the banners say this.
async fn until_banner(browser: &Browser, text: &str) {
    browser.until(&format!("{BANNERS}.includes({})", json!(text))).await.unwrap();
}

#[tokio::test]
async fn a_harbor_that_does_not_answer_has_a_banner_in_its_own_words_and_nothing_is_called_missing() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    // Nobody listens at the port of discard.
    let node = Node::builder().one_image().config(json!({"harbor_config": {"retries": 0}}));
    let program = node.config(json!({"harbor_config": config_for("http://127.0.0.1:9")})).start().unwrap();
    open(&browser, &program, "").await;
    until_banner(&browser, &failure(&program).await).await;
    assert!(browser.text(".sources").await.unwrap().contains("does not answer"));
    until_total(&browser, 1).await;
    // Nobody knows, so it is no zero either.
    assert!(browser.text(".tile.bad").await.unwrap().starts_with('–'));
    assert!(browser.text("#about-verdict").await.unwrap().contains("Harbor did not answer; of 1 image on the nodes"));
    browser.assert_quiet(&[]).await.unwrap();
}

#[tokio::test]
async fn old_rows_are_shown_with_their_age_until_the_source_is_back() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let harbor = Harbor::of(Version::V2_16).repository("team/app", 3).start().await.unwrap();
    let node = Node::builder().one_image().harbor(&harbor).config(json!({"harbor_config": {"retries": 0}}));
    let program = node.config(json!({"cache_config": {"stale_if_error": 600}})).start().unwrap();
    open(&browser, &program, "").await;
    until_total(&browser, 4).await;
    harbor.set_outage(Some(Outage::Database));
    browser.click(".freshness button").await.unwrap();
    until_banner(&browser, "Old rows.").await;
    until_total(&browser, 4).await;
    let sources = browser.text(".sources").await.unwrap();
    assert!(sources.contains("old rows") && sources.contains(" old"), "{sources}");
    harbor.set_outage(None);
    browser.click(".freshness button").await.unwrap();
    browser.until(&format!("{BANNERS} == ''")).await.unwrap();
    browser.assert_quiet(&[]).await.unwrap();
}

#[tokio::test]
async fn a_program_that_can_not_be_reached_leaves_the_rows_and_says_that_they_are_not_renewed() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let program = Program::demo().unwrap();
    open(&browser, &program, "").await;
    let all = total(&program, "").await;
    browser.connect(false).await.unwrap();
    browser.click(".freshness button").await.unwrap();
    until_banner(&browser, "The rows below are not renewed.").await;
    until_total(&browser, all).await;
    assert!(browser.run(&format!("return {SHOWN}"), Vec::new()).await.unwrap().as_u64() > Some(5));
    browser.connect(true).await.unwrap();
    browser.click(".banner button").await.unwrap();
    browser.until(&format!("{BANNERS} == ''")).await.unwrap();
    browser.assert_quiet(&["ERR_INTERNET_DISCONNECTED"]).await.unwrap();
}

#[tokio::test]
async fn nothing_at_all_is_told_as_such() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let harbor = Harbor::of(Version::V2_16).with_project("team").start().await.unwrap();
    let program = Node::builder().no_images().harbor(&harbor).start().unwrap();
    open(&browser, &program, "").await;
    browser.until("document.querySelector('.empty')").await.unwrap();
    assert!(browser.text(".empty").await.unwrap().contains("There are no images."));
    assert!(browser.text("#about-verdict").await.unwrap().contains("none in Harbor"));
    browser.assert_quiet(&[]).await.unwrap();
}

#[tokio::test]
async fn a_harbor_that_is_read_for_the_first_time_shows_how_far_it_is_and_what_is_not_read_is_not_missing() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let gate = Gate::letting_through(5);
    let harbor = Harbor::of(Version::V2_16).filled(20, 1, 3).fault("/artifacts", Fault::Held(gate.clone()));
    let harbor = harbor.start().await.unwrap();
    let repository = "harbor.test/project019/repository0000";
    let image = json!({"images": [{
        "id": format!("sha256:{:064x}", 1), "size": "5",
        "repoTags": [format!("{repository}:v0")], "repoDigests": [format!("{repository}@sha256:{:064x}", 0)],
    }]});
    let node = Node::builder().images(image.to_string()).harbor(&harbor);
    let slow = json!({"harbor_config": {"listing_timeout": 0.5, "max_concurrency": 1, "retries": 0}});
    let program = node.config(slow).start().unwrap();
    open(&browser, &program, "").await;
    until_banner(&browser, "Harbor is being read for the first time").await;
    until_banner(&browser, "of 20 repositories").await;
    browser.until("document.querySelector('.banner progress')?.max == 20").await.unwrap();
    assert!(browser.text(".tile.bad").await.unwrap().starts_with('0'), "nothing is called missing");
    gate.open();
    // It asks again by itself.
    browser.until(&format!("{BANNERS} == ''")).await.unwrap();
    until_total(&browser, 60).await;
    browser.assert_quiet(&[]).await.unwrap();
}

#[tokio::test]
async fn the_page_begins_before_a_slow_harbor_has_answered_and_ends_with_its_rows() {
    let gate = Gate::closed();
    let harbor = Harbor::of(Version::V2_16).repository("team/app", 1).fault("/artifacts", Fault::Held(gate.clone()));
    let harbor = harbor.start().await.unwrap();
    let hasty = json!({"app_config": {"response_timeout": 1}});
    let program = Node::builder().no_images().harbor(&harbor).config(hasty).start().unwrap();
    let mut page = program.get("/").await.unwrap().error_for_status().unwrap();
    let mut html = Vec::new();
    let has = |html: &[u8], text: &str| String::from_utf8_lossy(html).contains(text);
    while !has(&html, "The images are being read") {
        html.extend(page.chunk().await.unwrap().expect("the page begins"));
    }
    assert!(has(&html, "stylesheet") && !has(&html, "id=\"page\""));
    // Its answer has begun, so it may take longer than one that has to begin with its rows.
    let refused = program.get("/inventory").await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"5".parse().unwrap()));
    assert!(refused.text().await.unwrap().contains("The registry is being listed"));
    gate.open();
    while let Some(chunk) = page.chunk().await.unwrap() {
        html.extend(chunk);
    }
    assert!(has(&html, "<span class=\"last\">app</span>") && has(&html, "</html>"));
}
