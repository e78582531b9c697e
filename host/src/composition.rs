//! A composed component, from its bytes to what the engine runs.

use anyhow::{Context, Result};
use wasmtime::component::Component;
use wasmtime::{Engine, Precompiled};

/// A composition, with the machine code that its build made of it.
#[derive(Clone, Copy, Debug)]
pub struct Composition {
    /// The component.
    pub wasm: &'static [u8],
    /// The same as [`precompile`] leaves it; empty where there is none.
    pub precompiled: &'static [u8],
}

impl Composition {
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
        Component::new(engine, self.wasm).map_err(anyhow::Error::from).context("compiling the composition")
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
