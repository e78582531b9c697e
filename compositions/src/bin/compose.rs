//! Composes each environment's `.wac` file from the built components; a step of `cargo xtask build`.
//!
//! It is a program of its own, so that `cargo xtask` itself needs no WAC and builds in seconds.

#![forbid(unsafe_code)]

use anyhow::{Context, Result, bail};
use image_service_compositions::compose::compose_file;
use image_service_compositions::environments::{ENVIRONMENTS, Environment};
use std::path::PathBuf;

/// Arguments: the folder of the components, and the folder that the compositions go to.
fn main() -> Result<()> {
    let [components, compositions] = &std::env::args_os().skip(1).map(PathBuf::from).collect::<Vec<_>>()[..] else {
        bail!("usage: compose COMPONENTS COMPOSITIONS");
    };
    let sources = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/"));
    std::fs::create_dir_all(compositions).with_context(|| format!("creating {}", compositions.display()))?;
    for Environment { name, grants, .. } in ENVIRONMENTS {
        let composition = compose_file(&sources.join(name).with_extension("wac"), components, grants)?;
        let to = compositions.join(name).with_extension("wasm");
        // An unchanged file keeps its time, so that cargo does not build the program again.
        if std::fs::read(&to).ok().as_deref() != Some(&composition) {
            std::fs::write(&to, composition).with_context(|| format!("writing {}", to.display()))?;
        }
    }
    Ok(())
}
