//! What the program says that it is made of.

use image_service_tests::{repository, run};
use serde_json::Value;
use std::collections::HashSet;

async fn sbom() -> Value {
    let outcome = run(&["sbom"]).await.unwrap();
    assert_eq!(outcome.code, Some(0));
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// Name and version of each package in Cargo.lock.
fn locked() -> Vec<(String, String)> {
    let lock: toml::Table = toml::from_str(&std::fs::read_to_string(repository("Cargo.lock")).unwrap()).unwrap();
    let text = |package: &toml::Value, key: &str| package[key].as_str().unwrap().to_owned();
    lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (text(package, "name"), text(package, "version")))
        .collect()
}

/// The entry of a crate; there has to be one.
fn entry<'a>(sbom: &'a Value, name: &str) -> &'a Value {
    let components = sbom["components"].as_array().unwrap();
    components.iter().find(|component| component["name"] == name).unwrap_or_else(|| panic!("{name} is not listed"))
}

#[tokio::test]
async fn the_program_lists_what_it_is_made_of_with_versions_licences_and_checksums() {
    let sbom = sbom().await;
    assert_eq!((&sbom["bomFormat"], &sbom["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    assert_eq!(sbom["metadata"]["component"]["name"], "image-service");
    let wasmtime = entry(&sbom, "wasmtime");
    let version = locked().into_iter().find(|(name, _)| name == "wasmtime").unwrap().1;
    assert_eq!(wasmtime["version"], version.as_str());
    assert_eq!(wasmtime["purl"], format!("pkg:cargo/wasmtime@{version}"));
    assert_eq!(wasmtime["licenses"][0]["expression"], "Apache-2.0 WITH LLVM-exception");
    assert_eq!(wasmtime["hashes"][0]["content"].as_str().unwrap().len(), 64);
    assert_eq!(wasmtime["properties"][0]["value"], "program");
}

#[tokio::test]
async fn the_list_tells_the_components_crates_too_and_leaves_out_what_only_builds_or_tests() {
    let sbom = sbom().await;
    assert_eq!(entry(&sbom, "spin-sdk")["properties"][0]["value"], "components");
    let parts = entry(&sbom, "image-model")["properties"].as_array().unwrap();
    assert_eq!(parts.len(), 2, "it is in the program and in its components");
    let components = sbom["components"].as_array().unwrap();
    for other in ["protox", "syn", "serde_derive", "rcgen", "axum", "xtask", "image-service-tests"] {
        assert!(components.iter().all(|component| component["name"] != other), "{other} is not in the program");
    }
}

#[tokio::test]
async fn the_list_has_the_libraries_of_the_page() {
    let sbom = sbom().await;
    let preact = entry(&sbom, "preact");
    assert_eq!(
        (&preact["licenses"][0]["expression"], &preact["properties"][0]["value"]),
        (&"MIT".into(), &"page".into())
    );
    assert_eq!(preact["hashes"][0]["content"].as_str().unwrap().len(), 128);
}

#[tokio::test]
async fn the_list_agrees_with_cargo_lock_and_with_itself() {
    let sbom = sbom().await;
    let locked: HashSet<(String, String)> = locked().into_iter().collect();
    let mut known = HashSet::from([sbom["metadata"]["component"]["bom-ref"].as_str().unwrap()]);
    for component in sbom["components"].as_array().unwrap() {
        let text = |key: &str| component[key].as_str().unwrap().to_owned();
        let is_of_npm = text("purl").starts_with("pkg:npm/");
        assert!(is_of_npm || locked.contains(&(text("name"), text("version"))), "{component}");
        assert!(known.insert(component["bom-ref"].as_str().unwrap()), "{component} is there once");
    }
    for dependency in sbom["dependencies"].as_array().unwrap() {
        assert!(known.contains(dependency["ref"].as_str().unwrap()), "{dependency}");
        for on in dependency["dependsOn"].as_array().unwrap() {
            assert!(known.contains(on.as_str().unwrap()), "{dependency}");
        }
    }
}
