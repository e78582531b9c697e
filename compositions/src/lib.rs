//! Which component plugs into which: reads a `.wac` file, plugs components together and checks what is left to import.

use anyhow::{Context, Result, anyhow, bail};
use indexmap::IndexMap;
use std::path::Path;
use wac_graph::EncodeOptions;
use wac_graph::types::BorrowedPackageKey;
use wac_parser::Document;

/// Composes what the text of a `.wac` file describes. `component` gives the bytes of a package by its name, such as
/// `image-service:lister`.
///
/// # Errors
///
/// When the text is no WAC, names a package that there is not, or plugs together what does not fit; with the file's name
/// and wac's own message.
pub fn compose(file: &str, text: &str, component: impl Fn(&str) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    let explain = |error: miette::Report| anyhow!("{file}: {error:?}");
    let named = |error: miette::Report| error.with_source_code(miette::NamedSource::new(file, text.to_owned()));
    let document = Document::parse(text).map_err(|error| explain(named(error.into())))?;
    let keys = wac_resolver::packages(&document).map_err(|error| explain(named(error.into())))?;
    let mut packages: IndexMap<BorrowedPackageKey<'_>, Vec<u8>> = IndexMap::new();
    for (key, _) in keys {
        let bytes = component(key.name).with_context(|| format!("{file}: package {}", key.name))?;
        packages.insert(key, bytes);
    }
    let resolution = document.resolve(packages).map_err(|error| explain(named(error.into())))?;
    resolution.encode(EncodeOptions::default()).map_err(|error| explain(named(error.into())))
}

/// The names of what a component imports, such as `wasi:http/client@0.3.0`.
///
/// # Errors
///
/// When the bytes are no component.
pub fn imports(component: &[u8]) -> Result<Vec<String>> {
    let mut types = wac_graph::types::Types::default();
    let package = wac_graph::types::Package::from_bytes("component", None, component.to_vec(), &mut types)?;
    Ok(types[package.ty()].imports.keys().cloned().collect())
}

/// Checks that a composition imports nothing of ours but what its host grants: plugging passes over what does not match,
/// and a forgotten part would show at the first request only.
///
/// # Errors
///
/// When an import is left that is not granted; it is named.
pub fn check_imports(composition: &[u8], granted: &[&str]) -> Result<()> {
    for import in imports(composition)? {
        let interface = import.split('@').next().unwrap_or_default();
        let is_type_only = interface == "image-service:inventory/types";
        if interface.starts_with("image-service:") && !is_type_only && !granted.contains(&interface) {
            bail!("nothing answers the import {import}; plug a component in for it");
        }
        if interface == "wasi:http/client" && !granted.contains(&interface) {
            bail!("the network is imported ({import}), which this environment does not grant");
        }
    }
    Ok(())
}

/// The compositions that are built into the program: name, and what its host grants besides the rest of WASI.
pub const BUILT_IN: [(&str, &[&str]); 2] = [
    ("native", &["image-service:inventory/crictl", "image-service:inventory/settings", "wasi:http/client"]),
    ("demo", &[]),
];

/// Composes `NAME.wac` of `folder` from `components/NAME.wasm` files and checks it.
///
/// # Errors
///
/// As [`compose`] and [`check_imports`]; also when a file can't be read.
pub fn compose_file(wac: &Path, components: &Path, granted: &[&str]) -> Result<Vec<u8>> {
    let text = std::fs::read_to_string(wac).with_context(|| format!("reading {}", wac.display()))?;
    let composition = compose(&wac.display().to_string(), &text, |package| {
        let name = package.strip_prefix("image-service:").unwrap_or(package);
        let path = components.join(name).with_extension("wasm");
        std::fs::read(&path).with_context(|| format!("reading {}", path.display()))
    })?;
    check_imports(&composition, granted).with_context(|| wac.display().to_string())?;
    Ok(composition)
}
