//! `/inventory` and `/compare`: rows with their verdicts, queries, and what they cost Harbor.

use http::Method;
use image_service_tests::{Harbor, HarborBuilder, Node, NodeBuilder, Program, Version, eventually};
use serde_json::{Value, json};

/// The digest of a numbered artifact.
fn digest(number: usize) -> String {
    format!("sha256:{number:064x}")
}

/// A Harbor with a repository of three artifacts, one of one, and a proxy cache.
pub(crate) fn filled() -> HarborBuilder {
    Harbor::of(Version::V2_16).repository("team/app", 3).repository("team/other", 1).proxy_cache("hub")
}

/// A node that pulled from this Harbor: v2 as it is, v1 when it was another one, a tag that is gone, an image that is gone, one
/// through the proxy cache, one from elsewhere, and one without a digest.
pub(crate) fn node(harbor: &Harbor) -> NodeBuilder {
    let host = harbor.url.trim_start_matches("http://");
    let image = |id: usize, reference: &str, number: usize| {
        let (repository, _) = reference.rsplit_once(':').unwrap();
        json!({
            "id": format!("sha256:{id}{:063}", 0), "repoTags": [reference], "size": "117000000", "pinned": false,
            "repoDigests": [format!("{repository}@{}", digest(number))],
        })
    };
    let images = json!({"images": [
        image(1, &format!("{host}/team/app:v2"), 2),
        image(2, &format!("{host}/team/app:v1"), 77),
        image(3, &format!("{host}/team/app:gone"), 0),
        image(4, &format!("{host}/team/lost:1"), 78),
        image(5, &format!("{host}/hub/library/redis:7"), 79),
        image(6, "quay.io/prometheus/node-exporter:v1", 80),
        {"id": format!("sha256:7{:063}", 0), "repoTags": [format!("{host}/team/imported:1")], "repoDigests": [], "size": "5"},
    ]});
    Node::builder().images(images.to_string()).harbor(harbor)
}

async fn get(program: &Program, path: &str) -> Value {
    program.get(path).await.unwrap().json().await.unwrap()
}

/// Tag or repository, and verdicts, of each row.
fn verdicts(inventory: &Value) -> Vec<String> {
    let row = |row: &Value| {
        let name = row["repository"].as_str().unwrap().rsplit('/').next().unwrap();
        let verdicts: Vec<&str> =
            row["verdicts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        format!("{name}:{} {}", row["tag"].as_str().unwrap_or("-"), verdicts.join(" "))
    };
    inventory["images"].as_array().unwrap().iter().map(row).collect()
}

#[tokio::test]
async fn each_image_has_its_verdict_beside_what_harbor_has() {
    let harbor = filled().start().await.unwrap();
    let program = node(&harbor).start().unwrap();
    let inventory = get(&program, "/inventory?source=containerd").await;
    let expected = [
        "redis:7 proxied",
        "app:gone untagged",
        "app:v1 drifted",
        "app:v2 in_sync",
        "imported:1 unknown",
        "lost:1 missing",
        "node-exporter:v1 foreign",
    ];
    assert_eq!(verdicts(&inventory), expected);
    assert_eq!((&inventory["registry"]["state"], &inventory["errors"]), (&json!("answered"), &json!([])));
    assert_eq!(inventory["nodes"][0]["images"], 7);
    let only = get(&program, "/inventory?verdict=on_no_node").await;
    assert_eq!(verdicts(&only), ["app:v1 on_no_node", "other:v0 on_no_node"]);
    let compared = get(&program, "/compare").await;
    assert_eq!((&compared["counts"]["missing"], &compared["counts"]["on_no_node"]), (&json!(1), &json!(2)));
    assert_eq!(compared["images"]["drifted"][0]["tag"], "v1");
    // `/images` knows nothing of all this.
    assert_eq!(program.images().await.unwrap()["containerd_images"].as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn while_nothing_changed_queries_cost_harbor_nothing() {
    let harbor = filled().start().await.unwrap();
    let program = node(&harbor).cache_lifetime(60).start().unwrap();
    get(&program, "/inventory").await;
    let asked = harbor.requests().len();
    for query in ["q=app", "verdict=missing", "sort=size&order=desc", "limit=1", "project=team"] {
        get(&program, &format!("/inventory?{query}")).await;
    }
    get(&program, "/compare").await;
    assert_eq!(harbor.requests().len(), asked);
}

#[tokio::test]
async fn a_query_after_a_push_has_it_for_the_price_of_what_changed() {
    let harbor = filled().start().await.unwrap();
    let program = node(&harbor).cache_lifetime(0).start().unwrap();
    get(&program, "/inventory").await;
    let asked = harbor.requests().len();
    let tag = program.get("/inventory").await.unwrap().headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(harbor.requests().len(), asked + 3);
    let again = program.request(Method::GET, "/inventory", &[("if-none-match", &tag)]).await.unwrap();
    assert_eq!((again.status().as_u16(), again.bytes().await.unwrap().len()), (304, 0));
    harbor.push("team/lost").await;
    let asked = harbor.requests().len();
    let changed = program.request(Method::GET, "/inventory?q=lost", &[("if-none-match", &tag)]).await.unwrap();
    assert_eq!(changed.status().as_u16(), 200);
    assert_eq!(harbor.requests().len(), asked + 4);
    let rows = verdicts(&changed.json().await.unwrap());
    assert!(rows.contains(&"lost:v0 on_no_node".to_owned()), "{rows:?}");
}

#[tokio::test]
async fn what_a_client_has_already_is_a_304_behind_the_cache_too() {
    let harbor = filled().start().await.unwrap();
    let program = node(&harbor).cache_lifetime(60).start().unwrap();
    for path in ["/inventory?q=team", "/inventory.csv", "/compare"] {
        let tag = program.get(path).await.unwrap().headers()["etag"].to_str().unwrap().to_owned();
        for coding in ["identity", "gzip"] {
            let headers = [("if-none-match", tag.as_str()), ("accept-encoding", coding)];
            let again = program.request(Method::GET, path, &headers).await.unwrap();
            assert_eq!(again.status().as_u16(), 304, "{path} {coding}");
            assert_eq!(again.headers()["etag"], tag.as_str());
            assert_eq!(again.bytes().await.unwrap().len(), 0);
        }
    }
    // A client that has another answer gets the whole one.
    let other = program.request(Method::GET, "/compare", &[("if-none-match", "W/\"other\"")]).await.unwrap();
    assert_eq!(other.status().as_u16(), 200);
}

#[tokio::test]
async fn an_older_harbor_is_compared_too() {
    for version in [Version::V2_8, Version::V2_12] {
        let harbor = Harbor::of(version).repository("team/app", 3).start().await.unwrap();
        let program = node(&harbor).start().unwrap();
        let inventory = get(&program, "/inventory?q=team/app&source=containerd").await;
        assert_eq!(verdicts(&inventory), ["app:gone untagged", "app:v1 drifted", "app:v2 in_sync"]);
    }
}

#[tokio::test]
async fn queries_that_come_together_cost_one_listing() {
    // Neither the listing that begins with the program nor a refresh serves them.
    let cases = [(Version::V2_12, json!({})), (Version::V2_16, json!({"full_listing_interval": 0}))];
    for (version, keeping) in cases {
        let harbor = Harbor::of(version).filled(3, 4, 2).start().await.unwrap();
        let program = node(&harbor).config(json!({"harbor_config": keeping})).cache_lifetime(60).start().unwrap();
        let one = get(&program, "/inventory?q=0").await;
        assert_eq!(one["total"], 12 * 2 + 7, "{one}");
        let listing = harbor.requests().len();
        let program = node(&harbor).config(json!({"harbor_config": keeping})).cache_lifetime(60).start().unwrap();
        let queries = (0..8).map(|number| format!("/inventory?q={number}"));
        let paths: Vec<String> = queries.chain(["/compare".to_owned(), "/inventory.csv".to_owned()]).collect();
        let answers = futures::future::join_all(paths.iter().map(|path| program.get(path))).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap().status() == 200));
        let asked = harbor.requests().len() - listing;
        assert!(asked <= listing, "{version:?}: {asked} requests where one listing takes {listing}");
    }
}

#[tokio::test]
async fn while_harbor_fails_nothing_is_called_missing() {
    let harbor = filled().start().await.unwrap();
    let program = node(&harbor).cache_lifetime(0).start().unwrap();
    harbor.set_outage(Some(image_service_tests::harbor::Outage::Database));
    let inventory = get(&program, "/inventory?source=containerd").await;
    let rows = verdicts(&inventory);
    // Any registry may be Harbor, which never said by which names nodes pull from it.
    assert!(rows.iter().all(|row| row.ends_with("unknown")), "{rows:?}");
    assert_eq!(inventory["errors"][0]["source"], "harbor");
    harbor.set_outage(None);
    eventually("verdicts", async || {
        let inventory = get(&program, "/inventory?verdict=missing").await;
        (verdicts(&inventory) == ["lost:1 missing"]).then_some(())
    })
    .await
    .unwrap();
    // Now it did, and its names are kept.
    harbor.set_outage(Some(image_service_tests::harbor::Outage::Database));
    let inventory = get(&program, "/inventory?source=containerd").await;
    let foreign: Vec<_> = verdicts(&inventory).into_iter().filter(|row| !row.ends_with("unknown")).collect();
    assert_eq!(foreign, ["node-exporter:v1 foreign"]);
}

#[tokio::test]
async fn pages_follow_each_other_and_other_formats_have_all_rows() {
    let harbor = filled().start().await.unwrap();
    let program = node(&harbor).cache_lifetime(60).start().unwrap();
    let whole = verdicts(&get(&program, "/inventory").await);
    let (mut pages, mut next) = (Vec::new(), String::new());
    loop {
        let page = get(&program, &format!("/inventory?limit=3&cursor={next}")).await;
        pages.extend(verdicts(&page));
        match page["next"].as_str() {
            Some(cursor) => next = cursor.to_owned(),
            None => break,
        }
    }
    assert_eq!(pages, whole);
    for (accept, lines) in [("text/csv", whole.len() + 1), ("application/x-ndjson", whole.len())] {
        let answer = program.request(Method::GET, "/inventory", &[("accept", accept)]).await.unwrap();
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with(accept));
        assert_eq!(answer.text().await.unwrap().lines().count(), lines, "{accept}");
    }
}

#[tokio::test]
async fn a_query_that_can_not_be_answered_is_refused_with_what_is_allowed() {
    let program = Program::demo().unwrap();
    for (query, parts) in [
        ("colour=red", ["colour", "verdict"]),
        ("limit=0", ["limit", "1"]),
        ("limit=1000000", ["limit", "1000"]),
        ("sort=age", ["sort", "name"]),
        ("verdict=nonsense", ["verdict", "in_sync"]),
        ("q=a.*b", ["q", "words"]),
        ("cursor=AAAA", ["cursor", "next"]),
    ] {
        let answer = program.get(&format!("/inventory?{query}")).await.unwrap();
        assert_eq!(answer.status(), 400, "{query}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(parts.iter().all(|part| detail.contains(part)), "{detail}");
    }
}

#[tokio::test]
async fn a_query_makes_no_other_answer_of_images() {
    let harbor = filled().start().await.unwrap();
    let program = node(&harbor).cache_lifetime(60).start().unwrap();
    program.images().await.unwrap();
    let asked = harbor.requests().len();
    for number in 0..100 {
        program.get(&format!("/images?_={number}")).await.unwrap().bytes().await.unwrap();
    }
    assert_eq!(harbor.requests().len(), asked);
}
