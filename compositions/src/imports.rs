//! The imports and exports of a component, and whether its host grants them.

use crate::capability::Capability;
use anyhow::{Context, Result, bail};
use wac_graph::types::{Package, Types, World};

/// The names of a component's imports, such as `wasi:http/client@0.3.0`.
///
/// # Errors
///
/// When the bytes are no component.
pub fn imports(component: &[u8]) -> Result<Vec<String>> {
    world(component, |world| world.imports.keys().cloned().collect())
}

/// The names of a component's exports, such as `wasi:http/handler@0.3.0`.
///
/// # Errors
///
/// When the bytes are no component.
pub fn exports(component: &[u8]) -> Result<Vec<String>> {
    world(component, |world| world.exports.keys().cloned().collect())
}

fn world<T>(component: &[u8], read: impl Fn(&World) -> T) -> Result<T> {
    if wasmparser::Parser::is_core_wasm(component) {
        bail!(
            "this is a core module, not a component; build it for wasm32-wasip2, or wrap it with `wasm-tools component new`"
        );
    }
    if !wasmparser::Parser::is_component(component) {
        bail!("this is no WebAssembly component");
    }
    let mut types = Types::default();
    let package = Package::from_bytes("component", None, component, &mut types)
        .context("this is no whole WebAssembly component")?;
    Ok(read(&types[package.ty()]))
}

/// Checks that the host grants all imports of a composition, apart from the harmless ones. Without this check, a forgotten
/// component would show only at the first request, because `...` in a `.wac` file accepts any import.
///
/// # Errors
///
/// When an import is not granted. The message names all such imports.
pub fn check_imports(composition: &[u8], granted: &[&str]) -> Result<()> {
    let (ours, others): (Vec<_>, Vec<_>) = imports(composition)?
        .into_iter()
        .filter(|import| {
            let interface = import.split('@').next().unwrap_or_default();
            !granted.contains(&interface) && !Capability::of(import).is_harmless()
        })
        .partition(|import| import.starts_with("image-service:"));
    if !ours.is_empty() {
        bail!("nothing answers the import of {}; plug a component in for it", ours.join(", "));
    }
    if !others.is_empty() {
        bail!("{} is imported, which this environment does not grant", others.join(", "));
    }
    Ok(())
}
