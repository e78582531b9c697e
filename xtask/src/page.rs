//! `cargo xtask page`: builds the page from its web sources in page/ with Node, checks its types, runs its tests, and puts the
//! result where the component `page` embeds it.
//!
//! The result is committed, so a machine without Node builds everything else. `--check` builds again and compares.

use crate::run::{run, target, write_if_changed};
use crate::steps::{PAGE, step};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const SOURCES: &str = "page";
const ASSETS: &str = "components/page/assets";

/// Builds the page; with `check`, compares it with what is committed instead of replacing it.
pub(crate) fn page(check: bool) -> Result<()> {
    step(PAGE, || {
        let folder = std::path::absolute(target().join("page"))?;
        if folder.exists() {
            std::fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
        }
        // Packages may name programs to run at their installation. None of these needs one.
        node("npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])?;
        node("npm", &["run", "--silent", "types"])?;
        node("npm", &["run", "--silent", "test"])?;
        run(Command::new("node").arg("build.mjs").arg(&folder).current_dir(SOURCES))?;
        let (built, committed) = (files(&folder)?, files(Path::new(ASSETS))?);
        if check { compare(&built, &committed) } else { replace(&built, &committed) }
    })
}

/// Runs a program of Node in the folder of the sources.
fn node(program: &str, arguments: &[&str]) -> Result<()> {
    run(Command::new(program).args(arguments).current_dir(SOURCES))
        .context("the page is built with Node 20 or later and its npm; nothing else needs them")
}

type Files = BTreeMap<String, Vec<u8>>;

fn files(folder: &Path) -> Result<Files> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    entries
        .map(|entry| {
            let entry = entry?;
            Ok((entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?))
        })
        .collect()
}

fn replace(built: &Files, committed: &Files) -> Result<()> {
    for (name, bytes) in built {
        write_if_changed(&Path::new(ASSETS).join(name), bytes)?;
    }
    for name in committed.keys().filter(|name| !built.contains_key(*name)) {
        std::fs::remove_file(Path::new(ASSETS).join(name))?;
    }
    Ok(())
}

fn compare(built: &Files, committed: &Files) -> Result<()> {
    let names = built.keys().chain(committed.keys().filter(|name| !built.contains_key(*name)));
    let differing: Vec<_> =
        names.filter(|name| built.get(*name) != committed.get(*name)).map(|name| format!("{ASSETS}/{name}")).collect();
    if !differing.is_empty() {
        bail!(
            "not what the sources in {SOURCES}/ give: {}. Run `cargo xtask page`, and commit the result",
            differing.join(", ")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn what_is_committed_has_to_be_what_is_built() {
        let built = files(&[("app.js", "1"), ("style.css", "2")]);
        assert!(compare(&built, &built).is_ok());
        for committed in [
            files(&[("app.js", "1"), ("style.css", "3")]),
            files(&[("app.js", "1")]),
            files(&[("app.js", "1"), ("style.css", "2"), ("old.js", "")]),
        ] {
            let error = compare(&built, &committed).unwrap_err().to_string();
            assert!(error.contains("components/page/assets/") && error.contains("cargo xtask page"), "{error}");
            assert!(!error.contains("app.js"), "{error}");
        }
    }
}
