//! What the HTML shows, and that no name in it can do more than be read.

#![forbid(unsafe_code)]

use super::*;

fn page_of(search: &str, body: &str, access: Access) -> String {
    let options = Options::read(|key| (key == "page-title").then(|| "Images <of> us".to_owned()));
    let answer =
        if access == Access::LoginRequired { Answer::Login } else { Answer::read(200, body.as_bytes().to_vec()) };
    document(&options, &Query::read(search), &answer, access)
}

fn page(search: &str, body: &str) -> String {
    page_of(search, body, Access::Open)
}

fn image(repository: &str, tag: &str) -> String {
    serde_json::json!({
        "nodes": [{"name": "node-7", "state": "answered", "age_seconds": 12}],
        "registry": {"state": "answered"}, "total": 1, "counts": {"missing": 1},
        "images": [{"reference": format!("{repository}:{tag}"), "repository": repository, "tag": tag, "bytes": 117_000_000,
                    "nodes": ["node-7"], "node_count": 1, "verdicts": ["missing"]}],
        "errors": [{"source": "harbor", "error": format!("GET {repository}: refused")}],
    })
    .to_string()
}

/// The HTML without its last element, the data of the script.
fn shown(html: &str) -> &str {
    html.split_once("<script id=\"first\"").unwrap().0
}

#[test]
fn a_row_shows_name_state_size_and_nodes() {
    let html = page("", &image("harbor.example.com/team/app", "1.2"));
    for part in [
        "<span class=\"host\">harbor.example.com/<wbr></span>team/",
        "<span class=\"last\">app</span>",
        "<span class=\"colon\">:</span>1.2",
        "117 MB",
        "1 of 1",
        "missing",
        "as of 12 s ago",
        "Of 1 image on the nodes, 1 can't be pulled again.",
    ] {
        assert!(shown(&html).contains(part), "{part} is not in {html}");
    }
}

#[test]
fn a_name_that_is_markup_stays_a_name() {
    for hostile in
        ["<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "\"><svg/onload=alert(1)>", "<!--"]
    {
        let html = page("", &image(hostile, hostile));
        assert!(!shown(&html).contains(hostile), "{hostile}");
        assert!(!html.contains("<img") && !html.contains("onload=alert(1)>\"") && !html.contains("<!--"), "{hostile}");
        assert_eq!(html.matches("<script").count(), 3, "{hostile}: the theme, the script and its data");
        assert_eq!(html.matches("</script").count(), 3, "{hostile}");
    }
}

#[test]
fn a_query_that_is_markup_stays_a_text() {
    let html =
        page("q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&tag=%3Cb%3E&verdict=%22onmouseover%3D%22x", &image("a", "1"));
    assert_eq!(html.matches("<script").count(), 3, "{html}");
    assert!(!html.contains("<b>") && !html.contains("\"onmouseover=\""), "{html}");
    assert!(!html.contains("Images <of> us") && html.contains("Images &lt;of&gt; us"));
}

#[test]
fn characters_that_change_the_order_of_text_are_shown_as_numbers() {
    let html = page("", &image("team/app\u{202e}gnp.exe", "a\u{7}\u{200b}b"));
    assert!(shown(&html).contains("app‹U+202E›gnp.exe") && shown(&html).contains("a‹U+0007›‹U+200B›b"), "{html}");
    assert!(
        !shown(&html).chars().any(|c| matches!(c, '\u{202e}' | '\u{200b}') || (c.is_control() && c != '\n')),
        "{html}"
    );
}

#[test]
fn a_name_of_200_characters_is_cut_in_its_middle_and_whole_in_its_title() {
    let long = format!("{}end", "x".repeat(197));
    let html = page("", &image(&long, "1"));
    assert!(shown(&html).contains(&format!("title=\"{long}:1\"")), "{html}");
    assert!(shown(&html).contains("xxx…xxx"), "{html}");
    assert!(!shown(&html).contains(&format!(">{long}<")), "{html}");
}

#[test]
fn the_data_of_the_script_is_the_answer_and_can_not_end_its_element() {
    let body = image("</script>&amp;<!--", "\u{2028}");
    let html = page("", &body);
    let data = html.split_once("type=\"application/json\">").unwrap().1.split_once("</script>").unwrap().0;
    assert!(!data.contains(['<', '>', '&']), "{data}");
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["inventory"], serde_json::from_str::<serde_json::Value>(&body).unwrap());
    assert_eq!((&data["status"], &data["settings"]["title"]), (&200.into(), &"Images <of> us".into()));
}

#[test]
fn nothing_in_the_markup_needs_a_style_or_a_script_within_it() {
    let html = page("sort=size&order=desc&verdict=missing", &image("a", "1"));
    for forbidden in [" style=", "<style", " onclick", "javascript:", "://"] {
        assert!(!html.contains(forbidden), "{forbidden} is in {html}");
    }
}

#[test]
fn before_the_login_there_is_the_form_and_no_row() {
    let html = page_of("q=team", &image("harbor.example.com/team/app", "1.2"), Access::LoginRequired);
    assert!(html.contains("<form method=\"post\" action=\"login\">") && html.contains("\"status\":401"), "{html}");
    assert!(!html.contains("team/app") && html.contains("\"inventory\":null"), "{html}");
}

#[test]
fn without_scripts_verdicts_order_search_and_further_rows_are_links_and_a_form() {
    let body = image("a", "1").replacen('{', "{\"next\":\"c/7\",", 1);
    let html = page("q=a&verdict=missing", &body);
    for part in [
        "href=\"?q=a&amp;verdict=missing%2Cdrifted\"",
        "href=\"?q=a\"",
        "href=\"?q=a&amp;verdict=missing&amp;sort=size&amp;order=desc\"",
        "href=\"?q=a&amp;verdict=missing&amp;cursor=c%2F7\"",
        "href=\"inventory.csv?q=a&amp;verdict=missing&amp;sort=verdict\"",
        "<noscript>",
        "name=\"q\"",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
}

#[test]
fn a_failing_source_is_told_in_its_own_words() {
    let html = page("", &image("x", "1"));
    assert!(shown(&html).contains("<strong><bdi>Harbor</bdi>:</strong> GET x: refused"), "{html}");
    let answer = Answer::read(503, b"{\"detail\":\"Nothing is read yet.\"}".to_vec());
    let html = document(&Options::read(|_| None), &Query::default(), &answer, Access::Open);
    assert!(html.contains("There are no rows.") && html.contains("Nothing is read yet."), "{html}");
}

#[test]
fn the_document_begins_before_the_rows_are_there_and_only_what_follows_needs_them() {
    let options = Options::read(|key| (key == "page-title").then(|| "Images <of> us".to_owned()));
    let beginning = beginning(&options);
    for part in
        ["<!DOCTYPE html><html lang=\"en\"><head>", "stylesheet", "Images &lt;of&gt; us", "The images are being read"]
    {
        assert!(beginning.contains(part), "{part} is not in {beginning}");
    }
    let html = page("", &image("team/app", "1"));
    assert_eq!(html.strip_prefix(&beginning).unwrap().find("<div id=\"page\""), Some(0));
    assert!(html.ends_with("</script></body></html>"), "{html}");
    for element in ["html", "body", "head", "div"] {
        let opened = html.matches(&format!("<{element}>")).count() + html.matches(&format!("<{element} ")).count();
        assert_eq!(opened, html.matches(&format!("</{element}>")).count(), "{element}");
    }
}

#[test]
fn everything_fine_says_so() {
    let html = page("", "{\"registry\":{\"state\":\"answered\"},\"counts\":{\"in_sync\":5,\"missing\":0}}");
    assert!(html.contains("All is well: of 5 images on the nodes, none is missing"), "{html}");
}

#[test]
fn without_harbor_nothing_is_judged_and_no_zero_says_that_all_is_well() {
    let html = page("", "{\"total\":5,\"counts\":{}}");
    assert!(html.contains("Harbor is not configured, so nothing is judged"), "{html}");
    assert!(
        html.contains("<span class=\"number\">–</span>") && !html.contains("<span class=\"number\">0</span>"),
        "{html}"
    );
}

#[test]
fn where_neither_answered_no_number_and_no_sentence_says_that_there_is_nothing() {
    let html = page(
        "",
        "{\"nodes\":[{\"name\":\"vm\",\"state\":\"unreachable\",\"images\":0,\"bytes\":0}],\"registry\":{\"state\":\"unreachable\",\"age_seconds\":0},\
          \"counts\":{\"missing\":0,\"unknown\":0}}",
    );
    for part in ["Neither vm nor Harbor answered, so nothing is known.", "No image is known.", "no answer yet"] {
        assert!(shown(&html).contains(part), "{part} is not in {html}");
    }
    assert!(!html.contains("<span class=\"number\">0</span>") && !shown(&html).contains("No image matches"), "{html}");
}

#[test]
fn a_wrong_token_is_told_to_a_browser_without_scripts() {
    let refused = |search| page_of(search, "", Access::LoginRequired).contains("This is not the token.");
    assert!(refused("login=failed") && !refused("") && !refused("login=1"));
}

#[test]
fn an_image_without_a_name_has_a_row() {
    let html = page(
        "",
        "{\"images\":[{\"reference\":null,\"repository\":null,\"tag\":null,\"image_id\":\"1\",\"verdicts\":[\"unknown\"]}]}",
    );
    assert!(shown(&html).contains("without a name"), "{html}");
}
