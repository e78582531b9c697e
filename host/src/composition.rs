//! A composed component, from its bytes to what the engine runs.

use anyhow::{Context, Result, bail};
use image_service_compositions::environments::NATIVE_GRANTS;
use image_service_compositions::imports::{check_imports, exports};
use std::borrow::Cow;
use std::path::Path;
use wasmtime::component::Component;
use wasmtime::{Engine, Precompiled};

/// A composition, with the machine code that its build made of it.
#[derive(Clone, Debug)]
pub struct Composition {
    /// The component.
    pub wasm: Cow<'static, [u8]>,
    /// The same as [`precompile`] leaves it; empty where there is none.
    pub precompiled: &'static [u8],
}

impl Composition {
    /// Reads a composition of the operator's own, and checks that it imports no more than this host grants.
    ///
    /// # Errors
    ///
    /// When the file can't be read, is no component, or imports more; with the file's name.
    pub fn read(path: &Path) -> Result<Self> {
        let named = || format!("composition {}", path.display());
        let wasm = std::fs::read(path).with_context(|| format!("{} can't be read", named()))?;
        Self::check(&wasm).with_context(named)?;
        Ok(Self { wasm: wasm.into(), precompiled: &[] })
    }

    /// Checks that this host can run a component: that it answers HTTP and imports no more than is granted.
    ///
    /// # Errors
    ///
    /// When it can't; with what to do.
    pub fn check(wasm: &[u8]) -> Result<()> {
        let exports = exports(wasm)?;
        let answers = |interface: &str| exports.iter().any(|export| export.starts_with(interface));
        if answers("wasi:http/incoming-handler@0.2") {
            bail!("it is built for WASI 0.2 (wasi:http/incoming-handler); build it for WASI 0.3");
        }
        if !answers("wasi:http/handler@0.3") {
            bail!(
                "it answers no HTTP (wasi:http/handler@0.3.0 is not exported); compose it with a handler by \
                 `image-service compose`"
            );
        }
        check_imports(wasm, NATIVE_GRANTS)
    }

    /// What the engine runs: the machine code that the build made, or, where that is for another processor or another
    /// engine, one that is compiled now, which takes about a second.
    ///
    /// # Errors
    ///
    /// When the bytes are no component.
    pub(crate) fn load(&self, engine: &Engine) -> Result<Component> {
        if Engine::detect_precompiled(self.precompiled) == Some(Precompiled::Component) {
            match deserialize(engine, self.precompiled) {
                Ok(component) => return Ok(component),
                Err(error) => tracing::info!("compiling the composition, as what is built in does not fit: {error:#}"),
            }
        }
        Component::new(engine, &self.wasm).map_err(anyhow::Error::from).context("compiling the composition")
    }
}

/// The machine code of a component for this machine's processor, for [`Composition::precompiled`].
///
/// # Errors
///
/// When the bytes are no component.
pub fn precompile(engine: &Engine, wasm: &[u8]) -> Result<Vec<u8>> {
    Ok(engine.precompile_component(wasm)?)
}

#[allow(unsafe_code, reason = "wasmtime can't check machine code")]
fn deserialize(engine: &Engine, code: &'static [u8]) -> wasmtime::Result<Component> {
    // SAFETY: the code is part of this program, put there by the build that made the rest of it; wasmtime itself checks
    // that its own version, its settings and the processor are those that it was made for.
    unsafe { Component::deserialize(engine, code) }
}
