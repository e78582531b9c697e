//! What a person chooses: each filter, each verdict, each order, words, and links that somebody sent.

use super::{SHOWN, demo, open, total, until_total};
use image_service_tests::{Browser, Key, Program};
use serde_json::{Value, json};

/// The references of the first rows on the screen.
const REFERENCES: &str = "[...document.querySelectorAll('.row.image .open')].slice(0, 5).map(button => button.title)";

async fn inventory(program: &Program, query: &str) -> Value {
    program.get(&format!("/inventory?{query}")).await.unwrap().json().await.unwrap()
}

/// Asserts that the table shows what the server selects for this query, which is something and not all, and that the URL says it.
async fn assert_narrowed(browser: &Browser, program: &Program, query: &str) {
    let (all, selected) = (total(program, "").await, total(program, query).await);
    assert!((1..all).contains(&selected), "{query}: {selected} of {all}");
    until_total(browser, selected).await;
    assert!(browser.url().await.unwrap().ends_with(&format!("?{query}")), "{query}");
}

/// Chooses a value of a list.
async fn choose(browser: &Browser, filter: &str, value: &str) {
    for option in browser.all(&format!("select[name={filter}] option")).await.unwrap() {
        if option.property("value").await.unwrap() == value {
            return option.click().await.unwrap();
        }
    }
    panic!("{filter} has no {value}");
}

#[tokio::test]
async fn each_filter_shows_what_the_server_selects_until_its_chip_is_taken_away() {
    let Some((browser, program)) = demo().await else { return };
    let all = total(&program, "").await;
    for (filter, value) in [("source", "containerd"), ("project", "web"), ("registry", "quay.io")] {
        // All names are asked for when somebody comes here.
        browser.run(&format!("document.querySelector('select[name={filter}]').focus()"), Vec::new()).await.unwrap();
        choose(&browser, filter, value).await;
        assert_narrowed(&browser, &program, &format!("{filter}={value}")).await;
        browser.click(".chips .chip").await.unwrap();
        until_total(&browser, all).await;
    }
    browser.type_into("input[name=tag]", &format!("stable{}", char::from(Key::Enter))).await.unwrap();
    assert_narrowed(&browser, &program, "tag=stable").await;
    browser.click(".chips .link").await.unwrap();
    until_total(&browser, all).await;
    browser.assert_quiet(&[]).await.unwrap();
}

#[tokio::test]
async fn each_verdict_is_a_switch_with_its_number_and_two_add_up() {
    let Some((browser, program)) = demo().await else { return };
    let counts = inventory(&program, "").await["counts"].clone();
    let tiles = browser.all(".tile").await.unwrap();
    assert_eq!(tiles.len(), counts.as_object().unwrap().len());
    for (number, tile) in tiles.iter().enumerate() {
        let text = tile.text().await.unwrap();
        let count: u64 = text.split_whitespace().next().unwrap().parse().unwrap();
        tile.click().await.unwrap();
        until_total(&browser, count).await;
        assert_eq!(tile.attribute("aria-pressed").await.unwrap().as_deref(), Some("true"), "{text}");
        let verdict = browser.url().await.unwrap().rsplit_once("?verdict=").unwrap().1.to_owned();
        assert_eq!(counts[&verdict], count, "{text} is the {number}. tile");
        tile.click().await.unwrap();
        until_total(&browser, total(&program, "").await).await;
    }
    for tile in &tiles[..2] {
        tile.click().await.unwrap();
    }
    assert_narrowed(&browser, &program, "verdict=missing,drifted").await;
    browser.assert_quiet(&[]).await.unwrap();
}

#[tokio::test]
async fn each_column_orders_all_rows_and_the_other_way_round() {
    let Some((browser, program)) = demo().await else { return };
    // The worst come first as it opens, and a second click turns that round.
    let columns = [
        ("state", "verdict", ["desc", "asc"]),
        ("image", "name", ["asc", "desc"]),
        ("digest", "digest", ["asc", "desc"]),
        ("size", "size", ["desc", "asc"]),
        ("nodes", "nodes", ["desc", "asc"]),
        ("harbor", "pushed", ["desc", "asc"]),
    ];
    for (column, sort, orders) in columns {
        for order in orders {
            browser.click(&format!(".thead .c-{column} button")).await.unwrap();
            let rows = inventory(&program, &format!("sort={sort}&order={order}&limit=5")).await;
            let rows = rows["images"].as_array().unwrap();
            let name = |row: &Value| row["reference"].as_str().map_or(row["image_id"].clone(), Value::from);
            let expected = json!(rows.iter().map(name).collect::<Vec<_>>());
            let direction = if order == "asc" { "ascending" } else { "descending" };
            browser
                .until(&format!("document.querySelector('.thead .c-{column}').ariaSort == '{direction}'"))
                .await
                .unwrap();
            browser.until(&format!("JSON.stringify({REFERENCES}) == JSON.stringify({expected})")).await.unwrap();
        }
    }
    browser.assert_quiet(&[]).await.unwrap();
}

#[tokio::test]
async fn two_words_have_to_match_both_and_are_marked() {
    let Some((browser, program)) = demo().await else { return };
    let all = total(&program, "").await;
    browser.type_into("#search", "web 2.9").await.unwrap();
    assert_narrowed(&browser, &program, "q=web+2.9").await;
    let marks = "[...document.querySelectorAll('.row.image')].every(row => row.querySelectorAll('mark').length >= 2)";
    browser.until(marks).await.unwrap();
    // Nothing matches both of these, though each is there.
    browser.type_into("#search", " quay").await.unwrap();
    browser.until("document.querySelector('.empty')?.textContent.includes('No image matches.')").await.unwrap();
    browser.click(".empty button").await.unwrap();
    until_total(&browser, all).await;
    browser.assert_quiet(&[]).await.unwrap();
}

#[tokio::test]
async fn a_link_leads_to_its_row_wherever_that_stands() {
    let Some((browser, program)) = demo().await else { return };
    let titles = "return [...document.querySelectorAll('.row.image .open')].map(button => button.title)";
    let titles = browser.run(titles, Vec::new()).await.unwrap();
    let titles = titles.as_array().unwrap();
    for (title, is_below) in [(&titles[0], false), (&titles[titles.len() - 1], true)] {
        open(&browser, &program, &format!("?open={}", title.as_str().unwrap())).await;
        let row = format!("[...document.querySelectorAll('.is-open .open')].find(button => button.title == {title})");
        let top = format!("{row}?.getBoundingClientRect().top");
        browser.until(&format!("{top} > 0 && {top} < innerHeight / 2 + 40")).await.unwrap();
        let scrolled = browser.run("return window.scrollY", Vec::new()).await.unwrap().as_f64().unwrap();
        assert_eq!(scrolled > 0.0, is_below, "{title} after {scrolled} pixels");
    }
    browser.assert_quiet(&[]).await.unwrap();
}

#[tokio::test]
async fn a_link_shows_a_colleague_the_same_and_back_goes_where_one_was() {
    let Some((browser, program)) = demo().await else { return };
    browser.click(".tile.bad").await.unwrap();
    browser.until(&format!("{SHOWN} == 1")).await.unwrap();
    browser.click(".row.image .open").await.unwrap();
    browser.until("document.querySelector('.details')").await.unwrap();
    let link = browser.url().await.unwrap();
    let shown = browser.text(".row.image").await.unwrap();
    for _ in 0..2 {
        browser.back().await.unwrap();
    }
    browser.until("!document.querySelector('.details') && !location.search").await.unwrap();
    let other = Browser::start().await.unwrap().unwrap();
    other.open(&link).await.unwrap();
    other.until("document.querySelector('.details')").await.unwrap();
    assert_eq!(other.text(".row.image").await.unwrap(), shown);
    // An open row that is not among the rows of the link is asked for by its name.
    let open_row = link.rsplit_once("open=").unwrap().1;
    open(&other, &program, &format!("?verdict=in_sync&open={open_row}")).await;
    other.until("document.querySelector('.linked .details')").await.unwrap();
    for browser in [&browser, &other] {
        browser.assert_quiet(&[]).await.unwrap();
    }
}
