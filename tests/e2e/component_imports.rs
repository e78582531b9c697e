//! What each component imports, compared with what its world grants.

use image_service_compositions::capability::Capability;
use image_service_compositions::environments::COMPONENTS;
use image_service_compositions::imports::imports;
use image_service_tests::{component as component_file, repository};
use wit_parser::{Resolve, WorldKey};

/// What Rust's standard library imports by itself on wasm32-wasip2, which hosts answer with nothing; and files where a
/// component reads one through it.
fn is_of_the_standard_library(component: &str, import: &str) -> bool {
    match Capability::of(import) {
        Capability::Files => component == "settings-spin",
        capability => capability.is_harmless(),
    }
}

#[test]
fn each_component_imports_what_its_world_grants_and_no_more() {
    let mut resolve = Resolve::default();
    let (public, _) = resolve.push_path(repository("wit")).unwrap();
    let (internal, _) = resolve.push_path(repository("wit/internal")).unwrap();
    for component in COMPONENTS {
        let name = format!("{component}-component");
        let worlds = |package| resolve.packages[package].worlds.get(&name);
        let world = *worlds(public).or_else(|| worlds(internal)).unwrap();
        let granted: Vec<String> = resolve.worlds[world]
            .imports
            .keys()
            .filter_map(|key| match key {
                WorldKey::Interface(id) => resolve.id_of(*id),
                WorldKey::Name(_) => None,
            })
            .collect();
        let built = std::fs::read(component_file(component)).unwrap();
        for import in imports(&built).unwrap() {
            assert!(
                granted.contains(&import) || is_of_the_standard_library(component, &import),
                "{component} imports {import}; its world grants {granted:?}"
            );
        }
    }
}
