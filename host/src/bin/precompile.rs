//! Makes machine code of compositions for the program to embed; a step of `cargo xtask build`, with the program's own
//! engine.

#![forbid(unsafe_code)]

use anyhow::{Context, Result};
use image_service_compositions::environments::ENVIRONMENTS;
use std::path::{Path, PathBuf};

/// Writes `NAME.cwasm` beside `NAME.wasm` for each environment that the program embeds. Argument: the folder.
fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).context("usage: precompile COMPOSITIONS")?;
    let (defaults, _) = image_service_config::parse("{}", Path::new(""))?;
    let engine = image_service::runtime::engine(&defaults.limits)?;
    for environment in ENVIRONMENTS.iter().filter(|environment| environment.built_in) {
        let path = folder.join(environment.name).with_extension("wasm");
        let wasm = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let code = image_service::composition::precompile(&engine, &wasm)
            .with_context(|| format!("compiling {}", path.display()))?;
        let to = path.with_extension("cwasm");
        // Left alone when nothing changed, so that the program isn't built again.
        if std::fs::read(&to).ok().as_deref() != Some(&code) {
            std::fs::write(&to, code).with_context(|| format!("writing {}", to.display()))?;
        }
    }
    Ok(())
}
