//! What each component imports, compared with what its world grants.

use image_service_compositions::imports;
use std::path::Path;
use wit_parser::{Resolve, WorldKey};

/// What Rust's standard library imports by itself on wasm32-wasip2; the host answers it with nothing.
fn is_of_the_standard_library(import: &str) -> bool {
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/"]
        .iter()
        .any(|start| import.starts_with(start))
}

#[test]
fn each_component_imports_what_its_world_grants_and_no_more() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root.join("wit")).unwrap();
    for component in ["filter", "handler", "harbor", "lister", "sample-crictl", "sample-harbor", "sample-settings"] {
        let world = resolve.packages[package].worlds[&format!("{component}-component")];
        let granted: Vec<String> = resolve.worlds[world]
            .imports
            .keys()
            .filter_map(|key| match key {
                WorldKey::Interface(id) => resolve.id_of(*id),
                WorldKey::Name(_) => None,
            })
            .collect();
        let built = std::fs::read(root.join("target/components").join(component).with_extension("wasm")).unwrap();
        for import in imports(&built).unwrap() {
            assert!(
                granted.contains(&import) || is_of_the_standard_library(&import),
                "{component} imports {import}; its world grants {granted:?}"
            );
        }
    }
}
