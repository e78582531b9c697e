//! Compiles compositions to machine code for the program to embed; a step of `cargo xtask build`, with the program's own
//! engine.

#![forbid(unsafe_code)]

use anyhow::{Context, Result};
use image_service_compositions::environments::ENVIRONMENTS;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Writes `NAME.cwasm` beside `NAME.wasm` for each environment that the program embeds. Argument: the folder.
fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).context("usage: precompile COMPOSITIONS")?;
    let (defaults, _) = image_service_config::parse("{}", Path::new(""))?;
    let engine = image_service::runtime::pooled(&defaults.limits)?;
    for environment in ENVIRONMENTS.iter().filter(|environment| environment.built_in) {
        let path = folder.join(environment.name).with_extension("wasm");
        let wasm = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let mut hasher = DefaultHasher::new();
        (&wasm, engine.precompile_compatibility_hash()).hash(&mut hasher);
        let inputs_hash = format!("{:016x}", hasher.finish());
        // A stamp beside the machine code says from what it was compiled. Code with the same stamp stays as it is, so
        // that neither the composition nor the program is compiled again.
        let (to, stamp) = (path.with_extension("cwasm"), path.with_extension("cwasm.made-of"));
        if to.exists() && std::fs::read_to_string(&stamp).is_ok_and(|found| found == inputs_hash) {
            continue;
        }
        let code = image_service::composition::precompile(&engine, &wasm)
            .with_context(|| format!("compiling {}", path.display()))?;
        std::fs::write(&to, code).with_context(|| format!("writing {}", to.display()))?;
        std::fs::write(&stamp, inputs_hash).with_context(|| format!("writing {}", stamp.display()))?;
    }
    Ok(())
}
