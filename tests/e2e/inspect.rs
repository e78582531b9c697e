//! `inspect`: what a component may do, and which part of it asks for that.

use crate::listing::assert_says;
use image_service_tests::{component, composition, run};
use serde_json::{Value, json};
use std::path::Path;

/// The table that inspect prints of a component.
async fn table(path: &Path) -> String {
    run(&["inspect", path.to_str().unwrap()]).await.unwrap().stdout
}

/// The JSON that inspect prints of a component.
pub(crate) async fn inspect(path: &Path) -> Value {
    let output = run(&["inspect", path.to_str().unwrap(), "--output=json"]).await.unwrap();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    serde_json::from_str(&output.stdout).unwrap()
}

#[tokio::test]
async fn inspect_tells_which_part_asks_for_what() {
    let native = inspect(&composition("native")).await;
    let capabilities = &native["capabilities"];
    assert_eq!(capabilities["network"], json!([{"name": "wasi:http/client@0.3.0", "parts": ["harbor"]}]));
    assert_eq!(capabilities["node"], json!([{"name": "image-service:inventory/crictl@0.2.0", "parts": ["lister"]}]));
    assert_eq!(capabilities["settings"][0]["parts"], json!(["filter", "handler", "harbor", "lister", "page"]));
    assert_eq!(capabilities["files"], json!([]));
    let store = |parts: &[&str]| json!([{"name": "image-service:inventory/store@0.2.0", "parts": parts}]);
    assert_eq!(capabilities["state"], store(&["harbor"]));
    let kept = &inspect(&composition("native-stale-if-error")).await["capabilities"]["state"];
    assert_eq!(*kept, store(&["harbor", "stale-if-error"]));
    assert_eq!((&native["exports"], &native["serve_refuses"]), (&json!(["wasi:http/handler@0.3.0"]), &Value::Null));
}

#[tokio::test]
async fn inspect_tells_what_the_other_environments_may_do() {
    for (environment, network, node, files) in
        [("demo", 0, 0, 0), ("edge", 1, 0, 0), ("harbor-only", 1, 0, 0), ("spin", 1, 0, 2)]
    {
        let inspected = inspect(&composition(environment)).await;
        let count = |capability: &str| inspected["capabilities"][capability].as_array().unwrap().len();
        assert_eq!((count("network"), count("node"), count("files")), (network, node, files), "{environment}");
        assert_eq!(inspected["capabilities"]["other"], json!([]), "{environment}");
    }
}

#[tokio::test]
async fn on_a_foreign_host_the_environment_with_its_secrets_is_for_the_settings_only() {
    for (name, settings) in [("edge", &["settings"][..]), ("harbor-only", &["settings"]), ("spin", &[])] {
        let inspected = inspect(&composition(name)).await;
        let imports = inspected["capabilities"]["environment"].as_array().unwrap();
        let parts = |version: &str| {
            let of_version = |import: &&Value| import["name"].as_str().unwrap().ends_with(version);
            imports.iter().find(of_version).map_or(json!([]), |import| import["parts"].clone())
        };
        assert_eq!((parts("@0.2.6"), parts("@0.3.0")), (json!(["environment"]), json!(settings)), "{name}");
    }
}

#[tokio::test]
async fn inspect_prints_a_table_that_also_says_what_a_component_can_not_do() {
    let table = table(&composition("native")).await;
    let capabilities: String = table.split_inclusive('\n').take(7).collect();
    assert_eq!(capabilities, include_str!("expected/inspect-native.txt"));
    assert!(table.ends_with("`image-service serve --composition` runs it.\n"), "{table}");
}

#[tokio::test]
async fn a_component_that_is_not_composed_asks_for_itself() {
    let table = table(&component("harbor")).await;
    assert_says(&table, &["wasi:http/client@0.3.0                   itself", "refuses it: it answers no HTTP"]);
}
