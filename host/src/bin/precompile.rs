//! A step of the build, for `cargo xtask build` only: compiles compositions for the program's engine ahead of time, so
//! that the program starts without compiling.
//!
//! `precompile FILE.wasm …` writes `FILE.cwasm` beside each.

use anyhow::{Context, Result};
use std::path::PathBuf;

fn main() -> Result<()> {
    let engine = image_service::runtime::engine()?;
    for file in std::env::args_os().skip(1).map(PathBuf::from) {
        let wasm = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let compiled =
            engine.precompile_component(&wasm).map_err(anyhow::Error::from).with_context(|| format!("compiling {}", file.display()))?;
        let target = file.with_extension("cwasm");
        // Unchanged output is left alone, or the program would be linked anew at every build.
        if std::fs::read(&target).ok().as_deref() != Some(&compiled) {
            std::fs::write(&target, compiled).with_context(|| format!("writing {}", target.display()))?;
        }
    }
    Ok(())
}
