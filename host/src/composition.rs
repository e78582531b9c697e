//! A composed component: its bytes, the checks of its imports, and the code that the engine runs.

use anyhow::{Context, Result, bail};
use image_service_compositions::environments::NATIVE_GRANTS;
use image_service_compositions::imports::{check_imports, exports};
use image_service_config::regular_file::{self, MAX_COMPONENT};
use std::borrow::Cow;
use std::path::Path;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Loads a component from machine code in the program; fails where the code is for another engine or processor.
///
/// It is a function and not the code itself, because wasmtime can't check whether code is sound: the module that embeds the
/// code answers for it.
pub type Precompiled = fn(&Engine) -> wasmtime::Result<Component>;

/// A composition, with its machine code where the program embeds it.
#[derive(Clone, Debug)]
pub struct Composition {
    /// The component.
    pub wasm: Cow<'static, [u8]>,
    /// Loads the machine code that [`precompile`] made, where the program embeds it.
    pub precompiled: Option<Precompiled>,
}

impl Composition {
    /// Reads an operator's composition, and checks that it imports no more than this host grants.
    ///
    /// # Errors
    ///
    /// When it is no regular file, can't be read, is no component, or imports more. The error has the file's name.
    pub fn read(path: &Path) -> Result<Self> {
        let named = || format!("composition {}", path.display());
        let mut wasm = regular_file::read(path, MAX_COMPONENT).with_context(|| format!("{} can't be read", named()))?;
        Self::check(&wasm).with_context(named)?;
        Ok(Self { wasm: std::mem::take(&mut *wasm).into(), precompiled: None })
    }

    /// Checks that this host can run a component: that it answers HTTP and imports no more than the host grants.
    ///
    /// # Errors
    ///
    /// When the host can't run it, with the remedy.
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

    /// The code that the engine runs: the machine code of the build, or, where that is for another processor or engine, code
    /// compiled now, which takes about a second.
    ///
    /// # Errors
    ///
    /// When the bytes are no component.
    pub(crate) fn load(&self, engine: &Engine) -> Result<Component> {
        if let Some(precompiled) = self.precompiled {
            match precompiled(engine) {
                Ok(component) => return Ok(component),
                Err(error) => tracing::info!(
                    "compiling the composition, as the built-in machine code does not fit this machine: {error:#}"
                ),
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
