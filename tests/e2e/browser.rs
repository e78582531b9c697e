//! Chromium itself: what the tests of a page stand on, and a login by a real browser. Pages are tested elsewhere.

use image_service_tests::{Browser, Key, Media, Node, Program, Report, WebSite, eventually};
use serde_json::{Value, json};

/// An address below which there is a page with this body.
macro_rules! page {
    ($body:literal) => {
        page!($body, vec![])
    };
    ($body:literal, $headers:expr) => {
        (
            "/",
            ($headers, concat!("<!doctype html><html lang=en><title>A page</title><link rel=icon href=data:,>", $body)),
        )
    };
}

#[tokio::test]
async fn a_page_is_opened_read_clicked_and_typed_into() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let site = WebSite::start([page!(
        "<input id=name><button onclick=\"setTimeout(() => said.textContent = 'Hello ' + document.querySelector('input').value, 50)\">
        Go</button><p id=said></p><a href=/?next>next</a>
        <script>addEventListener('keydown', event => { if (event.key == 'ArrowDown') document.title = 'down' })</script>"
    )]);
    let site = site.await.unwrap();
    browser.open(&site.url("/")).await.unwrap();
    assert_eq!(browser.title().await.unwrap(), "A page");
    browser.type_into("#name", "Ada").await.unwrap();
    browser.click("button").await.unwrap();
    browser.until("said.textContent == 'Hello Ada'").await.unwrap();
    assert_eq!(browser.text("#said").await.unwrap(), "Hello Ada");
    browser.press(Key::Down).await.unwrap();
    browser.until("document.title == 'down'").await.unwrap();
    browser.click("a").await.unwrap();
    assert_eq!(browser.url().await.unwrap(), site.url("/?next"));
    browser.back().await.unwrap();
    assert_eq!(browser.url().await.unwrap(), site.url("/"));
    assert_eq!(browser.all("button").await.unwrap().len(), 1);
    browser.assert_quiet(&[]).await.unwrap();
    let missing = browser.run("return missing.value", Vec::new()).await.unwrap_err();
    assert!(format!("{missing:#}").contains("missing is not defined"), "{missing:#}");
}

/// The reports of a page with this body and policy, once there is one.
async fn reports(browser: &Browser, site: WebSite) -> Vec<Report> {
    browser.open(&site.url("/")).await.unwrap();
    let mut reports = Vec::new();
    eventually("a report", async || {
        reports.extend(browser.reports().await.unwrap());
        !reports.is_empty()
    })
    .await
    .unwrap();
    reports
}

#[tokio::test]
async fn errors_of_a_page_and_breaches_of_its_policy_are_reported() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let policy = vec![("content-security-policy", "default-src 'none'; script-src 'nonce-a'; img-src data:")];
    for (site, part, of_policy) in [
        (page!("<script>console.error('it went wrong')</script>"), "it went wrong", false),
        (page!("<script>missing()</script>"), "missing is not defined", false),
        (page!("<img alt='' src=/missing.png>"), "404", false),
        (page!("<script>run()</script>", policy.clone()), "script-src", true),
        (page!("<p style='color: red'>", policy.clone()), "style-src", true),
        (page!("<script nonce=a>fetch('/elsewhere').catch(() => 0)</script>", policy), "connect-src", true),
    ] {
        let reports = reports(&browser, WebSite::start([site]).await.unwrap()).await;
        let found = reports.iter().any(|report| report.is_error() && report.message.contains(part));
        assert!(found && reports.iter().any(Report::is_of_policy) == of_policy, "{part}: {reports:#?}");
    }
    let site = WebSite::start([page!("<script>console.error('it went wrong')</script>")]).await.unwrap();
    browser.open(&site.url("/")).await.unwrap();
    assert!(browser.assert_quiet(&[]).await.is_err());
    browser.open(&site.url("/")).await.unwrap();
    browser.assert_quiet(&["it went wrong"]).await.unwrap();
}

#[tokio::test]
async fn a_page_is_seen_in_any_size_and_colours_and_with_few_movements() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let site = WebSite::start([page!(
        "<style>body { background: white } @media (prefers-color-scheme: dark) { body { background: #123 } }</style>"
    )]);
    let site = site.await.unwrap();
    browser.resize(360, 640, 2.0).await.unwrap();
    browser.open(&site.url("/")).await.unwrap();
    let matches = async |query: &str| {
        browser.run("return matchMedia(arguments[0]).matches", vec![json!(query)]).await.unwrap() == json!(true)
    };
    assert!(matches("(width: 360px) and (height: 640px) and (resolution: 2dppx)").await);
    let size = |picture: &[u8]| [16, 20].map(|at| u32::from_be_bytes(picture[at..at + 4].try_into().unwrap()));
    let light = browser.picture().await.unwrap();
    assert_eq!((&light[1..4], size(&light)), (&b"PNG"[..], [720, 1280]));
    assert!(!matches("(prefers-color-scheme: dark)").await && !matches("(prefers-reduced-motion)").await);
    browser.prefer(Media { dark: true, reduced_motion: true }).await.unwrap();
    assert!(matches("(prefers-color-scheme: dark)").await && matches("(prefers-reduced-motion)").await);
    assert_ne!(browser.picture().await.unwrap(), light);
    let folder = tempfile::tempdir().unwrap();
    browser.resize(1280, 800, 1.0).await.unwrap();
    browser.save_picture(&folder.path().join("page.png")).await.unwrap();
    assert_eq!(size(&std::fs::read(folder.path().join("page.png")).unwrap()), [1280, 800]);
}

#[tokio::test]
async fn a_page_is_seen_without_scripts_and_without_a_network() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let site =
        WebSite::start([page!("<p>as served</p><script>document.querySelector('p').textContent = 'changed'</script>")]);
    let site = site.await.unwrap();
    browser.allow_scripts(false).await.unwrap();
    browser.open(&site.url("/")).await.unwrap();
    assert_eq!(browser.text("p").await.unwrap(), "as served");
    browser.allow_scripts(true).await.unwrap();
    browser.open(&site.url("/")).await.unwrap();
    assert_eq!(browser.text("p").await.unwrap(), "changed");
    let fetch = async || browser.run("return fetch('/').then(() => 'there', () => 'gone')", Vec::new()).await.unwrap();
    browser.connect(false).await.unwrap();
    assert_eq!(fetch().await, "gone");
    browser.connect(true).await.unwrap();
    assert_eq!(fetch().await, "there");
}

#[tokio::test]
async fn what_a_page_copies_can_be_read_also_over_plain_http() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let site = WebSite::start([page!(
        "<button onclick=\"navigator.clipboard.writeText('copied')\">new</button>
        <button id=old onclick=\"source.select(); document.execCommand('copy')\">old</button>
        <textarea id=source>copied over plain HTTP</textarea>"
    )]);
    let site = site.await.unwrap();
    browser.open(&site.url("/")).await.unwrap();
    browser.click("button").await.unwrap();
    assert_eq!(browser.clipboard().await.unwrap(), "copied");
    browser.open(&site.url_at("node.test", "/")).await.unwrap();
    assert_eq!(browser.run("return isSecureContext", Vec::new()).await.unwrap(), false);
    browser.click("#old").await.unwrap();
    assert_eq!(browser.clipboard().await.unwrap(), "copied over plain HTTP");
    assert_eq!(browser.url().await.unwrap(), site.url_at("node.test", "/"), "the page stays open");
}

#[tokio::test]
async fn axe_finds_what_some_people_can_not_use() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let policy = vec![("content-security-policy", "default-src 'none'; img-src data:")];
    for (site, serious) in [
        (page!("<main><h1>Images</h1><button>Copy</button></main>", policy.clone()), &[][..]),
        (page!("<main><h1>Images</h1><button></button><img src=data:,></main>", policy), &["button-name", "image-alt"]),
    ] {
        let site = WebSite::start([site]).await.unwrap();
        browser.open(&site.url("/")).await.unwrap();
        let Some(violations) = browser.violations().await.unwrap() else { return };
        let found: Vec<_> =
            violations.iter().filter(|found| found.is_serious()).map(|found| found.id.as_str()).collect();
        assert_eq!(found, serious, "{violations:#?}");
    }
}

#[tokio::test]
async fn a_browser_and_all_its_processes_end_with_their_test_even_if_it_panics() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let folder = browser.folder();
    let of_browser = || {
        let commands = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("cmdline"));
        let commands = commands.filter_map(|path| std::fs::read(path).ok());
        commands.filter(|command| String::from_utf8_lossy(command).contains(&folder)).count()
    };
    assert!(of_browser() > 0);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _browser = browser;
        panic!("as a test does");
    }));
    assert!(panicked.is_err());
    eventually("the end of all processes", async || of_browser() == 0).await.unwrap();
    assert!(!std::path::Path::new(&folder).exists());
}

const TOKEN: &str = "token-of-this-test";

/// A program that asks for a token.
fn program() -> Program {
    let asks = json!({"access_config": {"token_file": "tokens"}});
    Node::builder().one_image().file("tokens", TOKEN).config(asks).start().unwrap()
}

/// The status of a request by a script of the page.
async fn fetch(browser: &Browser, path: &str, options: Value) -> Value {
    let script = "return fetch(arguments[0], arguments[1]).then(answer => answer.status, error => String(error))";
    browser.run(script, vec![json!(path), options]).await.unwrap()
}

fn login(token: &str) -> Value {
    let body = json!({"token": token}).to_string();
    json!({"method": "POST", "headers": {"content-type": "application/json"}, "body": body})
}

#[tokio::test]
async fn chromium_logs_in_reads_and_logs_out() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let program = program();
    // Over plain HTTP at a name, and at the loopback, where browsers send Sec-Fetch-Site.
    for address in [program.address.clone(), program.address.replace("127.0.0.1", "node.test")] {
        // A page of the program without a policy that forbids scripts to ask.
        browser.devtools("Page.setBypassCSP", json!({"enabled": true})).await.unwrap();
        browser.open(&format!("{address}/healthz")).await.unwrap();
        assert_eq!(fetch(&browser, "/images", json!({})).await, 401, "{address}");
        assert_eq!(fetch(&browser, "/login", login("wrong")).await, 401);
        assert_eq!(fetch(&browser, "/login", login(TOKEN)).await, 204);
        assert_eq!(fetch(&browser, "/images", json!({})).await, 200);
        assert_eq!(fetch(&browser, "/images", json!({"method": "HEAD"})).await, 200);
        assert_eq!(browser.run("return document.cookie", Vec::new()).await.unwrap(), "", "no script sees it");
        assert_eq!(fetch(&browser, "/logout", json!({"method": "POST"})).await, 204);
        assert_eq!(fetch(&browser, "/images", json!({})).await, 401);
    }
}

#[tokio::test]
async fn a_form_without_scripts_logs_in_and_one_of_another_site_does_not() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let program = program();
    browser.devtools("Page.setBypassCSP", json!({"enabled": true})).await.unwrap();
    // As a page of the program would have it. Without this policy a browser does not tell the origin of a form over plain HTTP.
    let form = "document.body.innerHTML = `<meta name=referrer content=same-origin>
        <form method=post action='${arguments[0]}/login'><input name=token><button>Log in</button></form>`";
    let submit = async |at: String, to: &str| {
        browser.open(&at).await.unwrap();
        browser.run(form, vec![json!(to)]).await.unwrap();
        browser.type_into("input", TOKEN).await.unwrap();
        browser.click("button").await.unwrap();
    };
    let address = program.address.replace("127.0.0.1", "node.test");
    let other = WebSite::start([page!("")]).await.unwrap();
    submit(other.url_at("other.test", "/"), &address).await;
    assert!(browser.text("body").await.unwrap().contains("another origin"));
    for address in [&program.address, &address] {
        submit(format!("{address}/healthz"), address).await;
        browser.until("location.pathname == '/'").await.unwrap();
        assert_eq!(fetch(&browser, "/images", json!({})).await, 200, "{address}");
    }
}
