//! 100,000 rows: the document stays small, and a key stroke is answered at once.

use super::{SHOWN, open, total, until_total};
use image_service_tests::{Browser, Harbor, Key, Node, Version};
use serde_json::{Value, json};
use std::io::Write;

const ROWS: u64 = 100_000;

/// Types a text at once; gives the milliseconds from the request for its rows to their standing in the document.
const TYPE: &str = "
    const [text, total] = arguments;
    const table = document.querySelector('.table');
    return new Promise(resolve => {
        new MutationObserver((_, observer) => {
            if (table.ariaRowCount != total + 1) return;
            observer.disconnect();
            const asked = performance.getEntriesByType('resource').filter(({name}) => name.includes('/inventory?'));
            requestAnimationFrame(() => resolve(performance.now() - asked.at(-1).startTime));
        }).observe(table, {attributes: true, attributeFilter: ['aria-rowcount']});
        search.value = text;
        search.dispatchEvent(new Event('input', {bubbles: true}));
    });";

/// Says it to whoever runs the tests; what a test prints is shown only when it fails.
fn report(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_100_000_rows_the_document_stays_small_and_a_key_stroke_is_answered_at_once() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let harbor = (0..10)
        .fold(Harbor::of(Version::V2_16), |harbor, number| harbor.repository(&format!("big/app-{number}"), 10_000));
    let harbor = harbor.start().await.unwrap();
    // Reading it all takes long on a machine that is busy, and an answer of `/inventory` begins when all is read.
    let patient = json!({"app_config": {"response_timeout": 120}});
    let program = Node::builder().no_images().harbor(&harbor).cache_lifetime(600).config(patient).start().unwrap();
    assert_eq!(total(&program, "limit=1").await, ROWS);
    open(&browser, &program, "?sort=name").await;
    until_total(&browser, ROWS).await;
    let mut times = Vec::new();
    for (text, rows) in [("app-7", 10_000), ("app-7 v99", 111), ("app-7 v999", 11)] {
        let time: Value = browser.run(TYPE, vec![json!(text), json!(rows)]).await.unwrap();
        times.push(time.as_f64().unwrap());
    }
    report(&format!(
        "100,000 rows: from the question to the rows on the screen {times:.0?} ms (on an idle machine: 100)"
    ));
    browser.run(TYPE, vec![json!(""), json!(ROWS)]).await.unwrap();
    browser.click(".row.image .open").await.unwrap();
    for read in ["600", "1,100", "1,600"] {
        browser.press(Key::End).await.unwrap();
        browser
            .until(&format!("document.querySelector('.foot').textContent.startsWith('{read} of 100,000')"))
            .await
            .unwrap();
    }
    let shown = browser.run(&format!("return {SHOWN}"), Vec::new()).await.unwrap().as_u64().unwrap();
    let elements = browser.run("return document.querySelectorAll('*').length", Vec::new()).await.unwrap();
    assert!(shown < 80 && elements.as_u64() < Some(3000), "{shown} rows and {elements} elements stand in the document");
    browser.assert_quiet(&[]).await.unwrap();
}
