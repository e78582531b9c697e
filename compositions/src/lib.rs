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

/// Whether the bytes are a module of WebAssembly's core instead of a component.
pub fn is_core_module(bytes: &[u8]) -> bool {
    wasmparser::Parser::is_core_wasm(bytes)
}

/// The names of what a component exports, such as `wasi:http/handler@0.3.0`.
///
/// # Errors
///
/// When the bytes are no component.
pub fn exports(component: &[u8]) -> Result<Vec<String>> {
    let mut types = wac_graph::types::Types::default();
    let package = wac_graph::types::Package::from_bytes("component", None, component.to_vec(), &mut types)?;
    Ok(types[package.ty()].exports.keys().cloned().collect())
}

/// Checks that a composition imports nothing but what its host grants and what is inert everywhere: plugging passes over
/// what does not match, and a forgotten part would show at the first request only.
///
/// # Errors
///
/// When an import is left that is not granted; it is named.
pub fn check_imports(composition: &[u8], granted: &[&str]) -> Result<()> {
    for import in imports(composition)? {
        let interface = import.split('@').next().unwrap_or_default();
        if granted.contains(&interface) || is_granted_everywhere(interface) {
            continue;
        }
        if interface.starts_with("image-service:") {
            bail!("nothing answers the import {import}; plug a component in for it");
        }
        bail!("{import} is imported, which this environment does not grant");
    }
    Ok(())
}

/// Types, and the WASI that any host has. The environment is part of it, which a host fills as it likes; files and sockets
/// are not.
fn is_granted_everywhere(interface: &str) -> bool {
    matches!(interface, "image-service:inventory/types" | "wasi:http/types")
        || ["wasi:cli/", "wasi:clocks/", "wasi:io/", "wasi:random/"]
            .iter()
            .any(|package| interface.starts_with(package))
}

/// A `.wac` file of compositions/, and what its host grants besides the rest of WASI.
#[derive(Clone, Copy, Debug)]
pub struct Environment {
    /// The file's name without its ending.
    pub name: &'static str,
    /// Interfaces without their versions.
    pub grants: &'static [&'static str],
    /// Whether the native program embeds it.
    pub built_in: bool,
}

/// What the native program grants.
pub const NATIVE_GRANTS: &[&str] =
    &["image-service:inventory/crictl", "image-service:inventory/settings", "wasi:http/client"];

/// The environments.
pub const ENVIRONMENTS: [Environment; 5] = [
    Environment { name: "native", grants: NATIVE_GRANTS, built_in: true },
    Environment { name: "demo", grants: &[], built_in: true },
    Environment { name: "edge", grants: &["wasi:http/client"], built_in: false },
    Environment {
        name: "spin",
        grants: &["spin:variables/variables", "wasi:filesystem/preopens", "wasi:filesystem/types", "wasi:http/client"],
        built_in: false,
    },
    Environment { name: "harbor-only", grants: &["wasi:http/client"], built_in: false },
];

/// The components, one folder each under components/.
pub const COMPONENTS: [&str; 11] = [
    "crictl-remote",
    "empty-crictl",
    "filter",
    "handler",
    "harbor",
    "lister",
    "sample-crictl",
    "sample-harbor",
    "sample-settings",
    "settings-env",
    "settings-spin",
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
