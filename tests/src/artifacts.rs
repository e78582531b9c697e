//! What `cargo xtask build` and `cargo xtask test` leave in the folder `target`, by its name.

use std::path::{Path, PathBuf};

/// The folder in which everything is built.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")
}

/// The program: the one that `IMAGE_SERVICE_PROGRAM` names, else the one that `cargo xtask build` leaves.
pub fn program() -> PathBuf {
    std::env::var_os("IMAGE_SERVICE_PROGRAM").map_or_else(|| target().join("release/image-service"), PathBuf::from)
}

/// A composition that `cargo xtask build` leaves.
pub fn composition(name: &str) -> PathBuf {
    target().join("compositions").join(name).with_extension("wasm")
}

/// A component that `cargo xtask build` leaves.
pub fn component(name: &str) -> PathBuf {
    target().join("components").join(name).with_extension("wasm")
}

/// A component that only tests use, which `cargo xtask test` leaves.
pub fn test_component(name: &str) -> PathBuf {
    target().join("test-components").join(name).with_extension("wasm")
}

/// A component of examples/, which `cargo xtask test` leaves.
pub fn example(name: &str) -> PathBuf {
    target().join("examples").join(name).with_extension("wasm")
}

/// A file of the repository, by its path from the repository's folder.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A file of `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    repository("tests/fixtures").join(name)
}
