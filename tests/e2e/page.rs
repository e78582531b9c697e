//! The page at `GET /` in a real Chromium: what a person finds, and what happens to names that come from strangers.
//!
//! - `choosing`: filters, orders and links;
//! - `copying`: what is copied, also over plain HTTP;
//! - `trouble`: sources that fail, old rows, none at all, and a Harbor that is read for the first time;
//! - `many`: 100,000 rows.

mod choosing;
mod copying;
mod many;
mod trouble;

use image_service_tests::{Browser, Harbor, Key, Media, Node, Program, Version, repository};
use serde_json::{Value, json};

/// A browser that shows the demonstration; `None` where there is no Chromium.
async fn demo() -> Option<(Browser, Program)> {
    let browser = Browser::start().await.unwrap()?;
    let program = Program::demo().unwrap();
    browser.open(&format!("{}/", program.address)).await.unwrap();
    browser.until("document.querySelectorAll('.row.image').length > 10").await.unwrap();
    Some((browser, program))
}

/// How many images the table shows.
const SHOWN: &str = "document.querySelectorAll('.row.image').length";

/// Waits until the table has so many rows in all, whether or not they stand in the window.
async fn until_total(browser: &Browser, total: u64) {
    let shown = "document.querySelector('.table')?.getAttribute('aria-rowcount')";
    browser.until(&format!("{shown} == {}", total + 1)).await.unwrap();
}

/// How many rows the server selects for this query.
async fn total(program: &Program, query: &str) -> u64 {
    let inventory: Value = program.get(&format!("/inventory?{query}")).await.unwrap().json().await.unwrap();
    inventory["total"].as_u64().unwrap()
}

/// Opens the page of this program, and waits until the script has taken over.
async fn open(browser: &Browser, program: &Program, search: &str) {
    browser.open(&format!("{}/{search}", program.address)).await.unwrap();
    browser.until("document.querySelector('.tabs')").await.unwrap();
}

#[tokio::test]
async fn a_person_finds_what_is_missing_and_goes_back() {
    let Some((browser, program)) = demo().await else { return };
    browser.click(".tile.bad").await.unwrap();
    browser.until(&format!("{SHOWN} == 1")).await.unwrap();
    assert!(browser.text(".row.image").await.unwrap().contains("push-worker"));
    assert!(browser.url().await.unwrap().ends_with("?verdict=missing"));
    browser.back().await.unwrap();
    browser.until(&format!("{SHOWN} > 10")).await.unwrap();
    // The same from a link.
    browser.open(&format!("{}/?q=web+2.9&sort=size&order=desc", program.address)).await.unwrap();
    browser.until(&format!("{SHOWN} == 3")).await.unwrap();
    assert_eq!(browser.run("return search.value", Vec::new()).await.unwrap(), json!("web 2.9"));
    browser.assert_quiet(&[]).await.unwrap();
}

#[tokio::test]
async fn the_keyboard_alone_searches_opens_and_closes() {
    let Some((browser, _program)) = demo().await else { return };
    browser.press('/').await.unwrap();
    browser.until("document.activeElement.id == 'search'").await.unwrap();
    browser.type_into("#search", "checkout stable").await.unwrap();
    browser.until("location.search.includes('checkout+stable')").await.unwrap();
    browser.press(Key::Down).await.unwrap();
    browser.until("document.activeElement.className == 'open'").await.unwrap();
    browser.press(Key::Enter).await.unwrap();
    browser.until("document.querySelectorAll('.details').length == 1").await.unwrap();
    assert!(browser.text(".details").await.unwrap().contains("crictl pull"));
    // Out of the details as well: what had the focus goes with them, and the row gets it.
    browser.run("document.querySelector('.details button').focus()", Vec::new()).await.unwrap();
    browser.press(Key::Escape).await.unwrap();
    browser.until("document.querySelectorAll('.details').length == 0").await.unwrap();
    browser.until("document.activeElement.className == 'open'").await.unwrap();
    browser.assert_quiet(&[]).await.unwrap();
}

#[tokio::test]
async fn it_is_accessible_in_light_and_dark_and_on_a_phone() {
    let Some((browser, program)) = demo().await else { return };
    for (width, dark) in [(1280, false), (1280, true), (360, false)] {
        browser.resize(width, 800, 1.0).await.unwrap();
        browser.prefer(Media { dark, reduced_motion: false }).await.unwrap();
        browser.open(&format!("{}/", program.address)).await.unwrap();
        browser.until(&format!("{SHOWN} > 5")).await.unwrap();
        // `IMAGE_SERVICE_WRITE_PICTURES=1 cargo xtask test page` makes the pictures that README.md shows.
        if std::env::var_os("IMAGE_SERVICE_WRITE_PICTURES").is_some() {
            let name = if width < 1000 {
                "phone"
            } else if dark {
                "dark"
            } else {
                "light"
            };
            browser.save_picture(&repository(&format!("docs/pictures/page-{name}.png"))).await.unwrap();
        }
        if width < 1000 {
            browser.click(".filters").await.unwrap();
            browser.until("document.querySelector('.choices').offsetHeight > 0").await.unwrap();
        }
        let Some(violations) = browser.violations().await.unwrap() else { return };
        let serious: Vec<_> = violations.into_iter().filter(|violation| violation.is_serious()).collect();
        assert!(serious.is_empty(), "{width}, dark: {dark}: {serious:#?}");
        let fits = "document.documentElement.scrollWidth <= innerWidth";
        assert_eq!(browser.run(&format!("return {fits}"), Vec::new()).await.unwrap(), json!(true), "{width}");
    }
}

#[tokio::test]
async fn without_scripts_it_has_the_first_rows_and_the_csv() {
    let Some((browser, program)) = demo().await else { return };
    browser.allow_scripts(false).await.unwrap();
    browser.open(&format!("{}/", program.address)).await.unwrap();
    assert!(browser.all(".row.image").await.unwrap().len() > 10);
    assert!(browser.text("noscript").await.unwrap().contains("runs no scripts"));
    let csv = program.get("/inventory.csv?sort=verdict").await.unwrap();
    assert!(csv.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(csv.text().await.unwrap().lines().count() > 30);
}

#[tokio::test]
async fn names_of_strangers_are_inert() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let harbor = Harbor::of(Version::V2_16).repository("team/app", 1).start().await.unwrap();
    let names = [
        "<img src=x onerror=alert(1)>",
        "a\u{202e}gpj.exe",
        "</script><script>alert(1)</script>",
        "\u{7}bell",
        "فريق/صورة",
        "צוות/תמונה",
    ];
    let images: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(number, name)| json!({"id": format!("sha256:{number}{:063}", 0), "repoTags": [format!("h/{name}:1")], "size": "5"}))
        .chain([json!({"id": format!("sha256:9{:063}", 0), "repoTags": [format!("h/{}:1", "x".repeat(200))], "size": "5"})])
        .collect();
    let node = Node::builder().images(json!({"images": images}).to_string()).harbor(&harbor);
    let program = node.start().unwrap();
    for scripts in [true, false] {
        browser.allow_scripts(scripts).await.unwrap();
        browser.open(&format!("{}/", program.address)).await.unwrap();
        assert!(browser.all(".row.image").await.unwrap().len() >= 5, "scripts: {scripts}");
        assert_eq!(browser.all(".row.image img").await.unwrap().len(), 0);
    }
    browser.allow_scripts(true).await.unwrap();
    browser.open(&format!("{}/", program.address)).await.unwrap();
    browser.until(&format!("{SHOWN} >= 7")).await.unwrap();
    for width in [1280, 360] {
        browser.resize(width, 800, 1.0).await.unwrap();
        let fits = "document.documentElement.scrollWidth <= innerWidth && \
                    [...document.querySelectorAll('.row.image')].every(row => row.scrollWidth <= row.clientWidth + 1)";
        browser.until(fits).await.unwrap();
    }
    // The details give no command that a shell would obey.
    browser.click(".open[title*='<img']").await.unwrap();
    browser
        .until("document.querySelector('.details .pull')?.textContent.includes('no registry accepts')")
        .await
        .unwrap();
    assert_eq!(browser.all(".details img, .pulls").await.unwrap().len(), 0);
    browser.assert_quiet(&[]).await.unwrap();
}

#[tokio::test]
async fn a_source_that_fails_is_told_with_its_own_words() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let harbor = Harbor::of(Version::V2_16).repository("team/app", 1).account(
        "robot$other",
        "x",
        image_service_tests::harbor::Role::Robot,
    );
    let harbor = harbor.start().await.unwrap();
    let login = json!({"harbor_config": {"url": harbor.url, "user": "robot$other", "password": "wrong"}});
    let program = Node::builder().one_image().config(login).start().unwrap();
    browser.open(&format!("{}/", program.address)).await.unwrap();
    browser.until("document.querySelector('.banners').textContent.includes('refused the login')").await.unwrap();
    browser.assert_quiet(&[]).await.unwrap();
}

#[tokio::test]
async fn with_a_token_file_the_page_asks_for_the_token_once() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let harbor = Harbor::of(Version::V2_16).repository("team/app", 1).start().await.unwrap();
    let tokens = json!({"access_config": {"token_file": "tokens"}});
    let node = Node::builder().one_image().harbor(&harbor).file("tokens", "a-token-of-some-length\n").config(tokens);
    let program = node.start().unwrap();
    browser.open(&format!("{}/", program.address)).await.unwrap();
    browser.until("document.querySelector('#token')").await.unwrap();
    assert_eq!(browser.all(".row.image").await.unwrap().len(), 0, "no row before the login");
    browser.type_into("#token", "another-token").await.unwrap();
    browser.press(Key::Enter).await.unwrap();
    browser.until("document.querySelector('#refusal').textContent").await.unwrap();
    browser.assert_quiet(&["401"]).await.unwrap();
    browser.type_into("#token", "a-token-of-some-length").await.unwrap();
    browser.press(Key::Enter).await.unwrap();
    browser.until(&format!("{SHOWN} > 0")).await.unwrap();
    assert!(!browser.url().await.unwrap().contains("a-token"));
    browser.click(".tools .plain-button").await.unwrap();
    browser.until(&format!("document.querySelector('#token') && {SHOWN} == 0")).await.unwrap();
    browser.assert_quiet(&[]).await.unwrap();
}

#[tokio::test]
async fn the_operator_names_the_page_or_turns_it_off() {
    let node = |config: Value| Node::builder().one_image().config(json!({"page_config": config})).start().unwrap();
    let named = node(json!({"title": "GPU <cluster>", "subtitle": "Bonn"}));
    let html = named.get("/").await.unwrap().text().await.unwrap();
    assert!(html.contains("GPU &lt;cluster&gt;") && html.contains("Bonn"), "{html}");
    let off = node(json!({"off": true}));
    assert_eq!(off.get("/").await.unwrap().status(), 404);
}
