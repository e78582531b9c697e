//! What the copy buttons put into the clipboard, and that they say so.

use super::open;
use image_service_tests::{Browser, Program};

#[tokio::test]
async fn references_and_commands_are_copied_also_over_plain_http() {
    let Some(browser) = Browser::start().await.unwrap() else { return };
    let mut program = Program::demo().unwrap();
    let loopback = program.address.clone();
    for (address, secure) in [(loopback.clone(), true), (loopback.replace("127.0.0.1", "node.test"), false)] {
        program.address = address;
        open(&browser, &program, "?q=checkout+stable&verdict=drifted").await;
        assert_eq!(browser.run("return isSecureContext", Vec::new()).await.unwrap(), secure);
        browser.until("document.querySelectorAll('.row.image').length == 1").await.unwrap();
        browser.click(".row.image .copy").await.unwrap();
        browser.until("document.querySelector('.row.image .copy').textContent == 'copied'").await.unwrap();
        // A screen reader says it.
        browser
            .until("document.querySelector('[aria-live]').textContent.endsWith('web/checkout:stable copied')")
            .await
            .unwrap();
        let reference = "harbor.example.com/web/checkout:stable";
        assert_eq!(browser.clipboard().await.unwrap(), reference);
        browser.click(".row.image .open").await.unwrap();
        for (number, command) in ["crictl pull", "nerdctl pull", "docker pull", "podman pull"].iter().enumerate() {
            browser.click(&format!(".tools-choice button:nth-child({})", number + 1)).await.unwrap();
            let shown = browser.text(".pulls li:first-child code").await.unwrap();
            assert!(shown.contains(command.split(' ').next().unwrap()) && shown.ends_with(reference), "{shown}");
            if number == 0 || !secure {
                browser.click(".pulls li:first-child .copy").await.unwrap();
                browser.until("document.querySelector('.pulls .copy').textContent == 'copied'").await.unwrap();
                assert_eq!(browser.clipboard().await.unwrap(), shown);
            }
        }
    }
    program.address = loopback;
    browser.assert_quiet(&[]).await.unwrap();
}
