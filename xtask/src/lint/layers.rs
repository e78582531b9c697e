//! Crates import downwards only: the layers, from the lowest to the highest.

use super::{circles, modules};
use crate::run;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The layers, the lowest first. A crate may import crates of its own row and of the rows above it in this list. Its row
/// is the one with the longest folder that holds the crate.
const LAYERS: &[&[&str]] = &[
    &["components/lib"],
    &["components"],
    &["crates/memory"],
    &["crates/config"],
    &["crates/telemetry"],
    &["crates/http"],
    &["compositions"],
    &["host"],
    &["bench", "tests", "xtask"],
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// The folder of a dependency that is not from a registry.
    path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    src_path: PathBuf,
}

/// Checks the layers of the workspace's crates, and the modules of each one for circles.
pub(crate) fn check() -> Result<()> {
    let metadata = metadata()?;
    let root = &metadata.workspace_root;
    let mut violations = Vec::new();
    for package in &metadata.packages {
        let folder = package.manifest_path.parent().context("a manifest is in a folder")?;
        for dependency in &package.dependencies {
            let Some(path) = &dependency.path else { continue };
            violations.extend(violation((&package.name, below(folder, root)), (&dependency.name, below(path, root))));
        }
        for target in &package.targets {
            violations.extend(circles::circles(&modules::read(&target.src_path)?, root));
        }
    }
    if !violations.is_empty() {
        bail!("{}", violations.join("\n\n"));
    }
    Ok(())
}

fn metadata() -> Result<Metadata> {
    run::metadata(&["--no-deps"])
}

fn below<'a>(path: &'a Path, root: &Path) -> &'a Path {
    path.strip_prefix(root).unwrap_or(path)
}

/// The row of [`LAYERS`] that has the longest folder around this one.
fn layer(folder: &Path) -> Option<usize> {
    let rows = LAYERS.iter().enumerate().flat_map(|(row, folders)| folders.iter().map(move |folder| (row, *folder)));
    let around = rows.filter(|(_, around)| folder.starts_with(around));
    around.max_by_key(|(_, around)| around.len()).map(|(row, _)| row)
}

/// The message about the import of the second crate by the first one, each with its folder; `None` where the import is
/// allowed.
fn violation((importer, importing): (&str, &Path), (imported, from): (&str, &Path)) -> Option<String> {
    let (Some(high), Some(low)) = (layer(importing), layer(from)) else {
        return Some(format!(
            "{importer} ({}) imports {imported} ({}), and one of them has no layer; give it one in xtask/src/lint/layers.rs",
            importing.display(),
            from.display()
        ));
    };
    (low > high).then(|| {
        format!(
            "{importer} ({}) imports {imported} ({}), which is a layer above it; the layers are in \
             xtask/src/lint/layers.rs",
            importing.display(),
            from.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(importer: &str, imported: &str) -> Option<String> {
        violation(("a", Path::new(importer)), ("b", Path::new(imported)))
    }

    #[test]
    fn a_crate_imports_its_own_layer_and_those_below() {
        assert_eq!(import("host", "crates/http"), None);
        assert_eq!(import("components/lib/harbor-api", "components/lib/image-model"), None);
        assert_eq!(import("components/harbor", "components/lib/harbor-api"), None);
        assert_eq!(import("tests/components/made-up-node", "bench/inventory"), None);
    }

    #[test]
    fn an_import_of_a_higher_layer_is_named_with_both_folders() {
        let violations = import("crates/telemetry", "crates/http").unwrap();
        assert!(
            violations.starts_with("a (crates/telemetry) imports b (crates/http), which is a layer above it"),
            "{violations}"
        );
        assert!(import("components/lib/harbor-api", "components/harbor").is_some());
        assert!(import("host", "tests").is_some());
    }

    #[test]
    fn a_crate_without_a_layer_is_reported() {
        assert!(import("plugins", "host").unwrap().contains("has no layer"));
        assert!(import("hosts", "host").unwrap().contains("has no layer"), "a folder counts, not the text of its name");
    }

    #[test]
    fn each_crate_of_the_workspace_has_a_layer() {
        let metadata = metadata().unwrap();
        for package in &metadata.packages {
            let folder = package.manifest_path.parent().unwrap();
            assert!(layer(below(folder, &metadata.workspace_root)).is_some(), "{}", package.name);
        }
    }
}
