//! The answers as clients read them.

use super::world::*;
use crate::{Document, Format, Inventory, InventoryDocument, Outdated, Query};
use image_model::types::*;
use serde_json::{Value, json};

/// 2025-11-25T22:27:48Z
const NOW: u64 = 1_764_109_668_123;

fn inventory() -> Inventory {
    let nodes: Vec<String> = (1..=41).chain([43]).map(|number| format!("gpu-{number}")).collect();
    let nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
    let mut repositories =
        vec![repository("team/app", vec![artifact("8", &["1.2"], &[]), artifact("7", &["1.0"], &[])])];
    repositories[0].artifacts[0].size = 249_600_000;
    let mut image = pulled("sha256:a24bb4013296f61e89ba57005a7b3e52", "h.example/team/app", "1.2", "7");
    image.size = 117_000_000;
    let mut world = World::new(
        vec![group(&nodes, NodeState::Answered, vec![image]), group(&["gpu-42"], NodeState::Unreachable, vec![])],
        repositories,
    );
    world.groups[1].nodes[0].age = None;
    let mut builder = crate::Builder::new(world.config);
    builder.push(world.repositories);
    let failure = Failure {
        code: FailureCode::TimedOut,
        message: "gpu-42 did not answer in 5 s".to_owned(),
        repository: None,
        node: Some("gpu-42".to_owned()),
    };
    let nodes = NodeListing { groups: world.groups, failures: vec![failure] };
    builder.finish(nodes, ListingBegin { revision: None, age: 2 }, world.end)
}

fn written(mut document: impl Document) -> String {
    let mut buffer = Vec::new();
    assert!(!document.fill(&mut buffer, usize::MAX));
    assert!(!document.write_next(&mut buffer));
    String::from_utf8(buffer).unwrap()
}

fn answer(inventory: &Inventory, query: &str, format: Format) -> String {
    let query = Query::parse(query).unwrap();
    let page = if format.is_whole() { inventory.whole(&query) } else { inventory.page(&query) };
    written(InventoryDocument::new(inventory, &page, format, NOW))
}

#[test]
fn the_inventory_has_the_keys_of_the_contract_in_their_order() {
    let text = answer(&inventory(), "source=containerd", Format::Json);
    let nodes: Vec<_> = serde_json::from_str::<Value>(&text).unwrap()["nodes"].as_array().unwrap().clone();
    assert_eq!(nodes.len(), 43);
    assert_eq!(
        nodes[0],
        json!({"name": "gpu-1", "state": "answered", "age_seconds": 2, "images": 1, "bytes": 117_000_000})
    );
    assert!(
        nodes
            .contains(&json!({"name": "gpu-42", "state": "unreachable", "age_seconds": null, "images": 0, "bytes": 0}))
    );
    let (begin, rest) = text.split_once(r#""nodes":["#).unwrap();
    let (_, rest) = rest.split_once(r#"],"registry""#).unwrap();
    assert_eq!(begin, r#"{"generated_at":"2025-11-25T22:27:48Z","#);
    let expected = format!(
        concat!(
            r#":{{"url":"https://h.example","version":"v2.16.0","state":"answered","age_seconds":2}},"#,
            r#""total":1,"counts":{{"missing":0,"drifted":1,"untagged":0,"in_sync":0,"proxied":0,"foreign":0,"unknown":0,"on_no_node":0}},"#,
            r#""images":[{{"reference":"h.example/team/app:1.2","repository":"h.example/team/app","tag":"1.2","#,
            r#""image_id":"a24bb4013296f","digests":["{}"],"bytes":117000000,"size":"117MB","pinned":false,"#,
            r#""nodes":["gpu-[1-41,43]"],"node_count":42,"#,
            r#""harbor":{{"project":"team","repository":"app","digest":"{}","bytes":249600000,"#,
            r#""pushed_at":"2025-11-26T01:02:04Z","pulled_at":null,"same_digest_tags":["1.0"]}},"verdicts":["drifted"]}}],"#,
            r#""next":null,"errors":[{{"source":"containerd","node":"gpu-42","code":"timed_out","error":"gpu-42 did not answer in 5 s"}}]}}"#,
            "\n"
        ),
        digest("7"),
        digest("8")
    );
    assert_eq!(rest, expected);
}

#[test]
fn an_artifact_that_is_only_in_harbor_has_a_reference_to_pull_it_by() {
    let answer: Value = serde_json::from_str(&answer(&inventory(), "verdict=on_no_node", Format::Json)).unwrap();
    assert_eq!(answer["images"][0]["reference"], "h.example/team/app:1.2");
    assert_eq!(answer["images"][0]["image_id"], Value::Null);
    assert_eq!(answer["images"][0]["digests"], json!([digest("8")]));
    assert_eq!(answer["images"][0]["nodes"], json!([]));
    assert_eq!((&answer["total"], &answer["counts"]["drifted"]), (&json!(1), &json!(1)));
}

#[test]
fn an_unknown_row_says_why() {
    let world = World::new(vec![node("n", vec![image("i", &[], &[])])], vec![]);
    let answer: Value = serde_json::from_str(&answer(&world.inventory(), "", Format::Json)).unwrap();
    let row = &answer["images"][0];
    assert_eq!(
        (&row["reference"], &row["repository"], &row["tag"], &row["harbor"]),
        (&Value::Null, &Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(row["reason"]["code"], "no_name");
    assert!(row["reason"]["message"].as_str().unwrap().ends_with('.'));
}

#[test]
fn outdated_is_counted_where_it_is_on_and_the_row_says_by_which_rule() {
    let images = vec![pulled("i", "h.example/team/app", "15", "1")];
    let mut world = World::new(
        vec![node("n", images)],
        vec![repository("team/app", vec![artifact("2", &["15.12"], &[]), artifact("1", &["15"], &[])])],
    );
    world.config.outdated = Outdated::Minor;
    let answer: Value = serde_json::from_str(&answer(&world.inventory(), "source=containerd", Format::Json)).unwrap();
    assert_eq!(answer["counts"]["outdated"], 1);
    assert_eq!(answer["images"][0]["newer"], json!({"tag": "15.12", "level": "minor"}));
}

#[test]
fn without_harbor_the_registry_is_null_and_rows_have_no_verdicts() {
    let mut world = World::new(vec![node("n", vec![pulled("i", "h.example/team/app", "1", "1")])], vec![]);
    world.config.url = None;
    let answer: Value = serde_json::from_str(&answer(&world.inventory(), "", Format::Json)).unwrap();
    assert_eq!((&answer["registry"], &answer["images"][0]["verdicts"]), (&Value::Null, &json!([])));
}

#[test]
fn ndjson_has_the_same_rows_one_a_line() {
    let inventory = inventory();
    let lines = answer(&inventory, "", Format::NdJson);
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answer: Value = serde_json::from_str(&answer(&inventory, "", Format::Json)).unwrap();
    assert_eq!(&Value::Array(rows), &answer["images"]);
    assert_eq!(answer["images"].as_array().unwrap().len(), 2);
}

#[test]
fn csv_has_the_same_rows_below_the_names_of_the_columns() {
    let text = answer(&inventory(), "source=containerd", Format::Csv);
    assert!(text.lines().count() == 2 && text.ends_with("\r\n"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let row = reader.records().next().unwrap().unwrap();
    let cell = |name| &row[header.iter().position(|column| column == name).unwrap()];
    assert_eq!(cell("reference"), "h.example/team/app:1.2");
    assert_eq!(cell("nodes"), "gpu-[1-41,43]");
    assert_eq!((cell("bytes"), cell("size"), cell("harbor_bytes")), ("117000000", "117MB", "249600000"));
    assert_eq!((cell("same_digest_tags"), cell("verdicts"), cell("pulled_at")), ("1.0", "drifted", ""));
}

#[test]
fn names_of_strangers_are_inert_in_csv() {
    for name in [
        "a\u{1b}]0;x\u{7}\0",
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "\t=1",
        "a\",\"b",
        "a\r\n=1",
        "<img src=x onerror=alert(1)>",
    ] {
        let world = World::new(vec![node("n", vec![image("i", &[&format!("{name}:1")], &[])])], vec![]);
        let text = answer(&world.inventory(), "", Format::Csv);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 1, "{name:?}");
        assert!(rows[0].iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{name:?}");
        assert_eq!(rows[0][1], image_model::spreadsheet::cell(name));
        assert!(!text.trim_end().replace("\r\n", "").contains(char::is_control), "{name:?}");
    }
}

#[test]
fn tags_of_strangers_are_inert_in_csv() {
    let repositories = vec![repository("team/app", vec![artifact("1", &["@SUM(1)"], &[])])];
    let text = answer(&World::new(vec![node("n", vec![])], repositories).inventory(), "", Format::Csv);
    let row = csv::Reader::from_reader(text.as_bytes()).records().next().unwrap().unwrap();
    assert_eq!((&row[2], &row[16]), ("'@SUM(1)", "'@SUM(1)"));
}

#[test]
fn a_document_is_written_in_pieces_of_a_row() {
    let inventory = inventory();
    let page = inventory.page(&Query::default());
    let mut document = InventoryDocument::new(&inventory, &page, Format::Json, NOW);
    let (mut buffer, mut pieces) = (Vec::new(), 0);
    while document.write_next(&mut buffer) {
        pieces += 1;
    }
    assert_eq!(pieces, 4);
    let mut again = Vec::new();
    let mut document = InventoryDocument::new(&inventory, &page, Format::Json, NOW);
    assert!(document.fill(&mut again, 1));
    assert!(again.len() < buffer.len());
}
