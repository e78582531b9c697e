//! `image-service compose`: plugs components together as a `.wac` file says.

use super::compositions::Compositions;
use super::output_file;
use super::stdout;
use super::terminal::tell_lines;
use crate::composition::Composition;
use anyhow::{Context, Result, bail};
use clap::Args;
use image_service_compositions::compose::compose;
use image_service_config::regular_file::{self, MAX_COMPONENT, MAX_TEXT};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args)]
#[command(after_help = "For each package of the .wac file, the program looks among --dep for its whole name \
                        (acme:registry), then for NAME where the package is image-service:NAME, then among the built-in \
                        components, which `image-service compose --components` lists.\n\n\
                        Examples:\n  image-service compose mine.wac --dep filter=my-filter.wasm -o mine.wasm\n  \
                        image-service inspect mine.wasm\n  \
                        image-service serve --composition mine.wasm")]
pub(super) struct Compose {
    /// The file that says which component plugs into which, in WAC.
    #[arg(value_name = "FILE.wac", required_unless_present = "components")]
    wac: Option<PathBuf>,
    /// A component of your own. It replaces the built-in one of that name, if there is one.
    #[arg(long = "dep", value_name = "NAME=FILE.wasm", value_parser = dependency)]
    dependencies: Vec<(String, PathBuf)>,
    /// Where to write the composed component.
    #[arg(short, long, value_name = "FILE.wasm", required_unless_present = "components")]
    output: Option<PathBuf>,
    /// Lists the built-in components and ends.
    #[arg(long, conflicts_with_all = ["wac", "dependencies", "output"])]
    components: bool,
}

fn dependency(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("it reads NAME=FILE.wasm, such as filter=my-filter.wasm".to_owned()),
    }
}

impl Compose {
    pub(super) fn run(self, compositions: &Compositions) -> Result<ExitCode> {
        let (Some(wac), Some(output)) = (&self.wac, &self.output) else {
            for (name, _) in compositions.components {
                stdout::print(format!("image-service:{name}\n").as_bytes())?;
            }
            return Ok(ExitCode::SUCCESS);
        };
        let text =
            regular_file::read_text(wac, MAX_TEXT).with_context(|| format!("{} can't be read", wac.display()))?;
        let dependencies = self.dependencies()?;
        let mut used = Vec::new();
        let composition = compose(&wac.display().to_string(), &text, |package| {
            let name = package.strip_prefix("image-service:");
            let own = [Some(package), name].into_iter().flatten().find_map(|key| dependencies.get_key_value(key));
            if let Some((key, (_, bytes))) = own {
                used.push(key.clone());
                return Ok(Some(bytes.clone()));
            }
            let built_in = compositions.components.iter().find(|(built_in, _)| Some(*built_in) == name);
            Ok(built_in.map(|(_, bytes)| bytes.to_vec()))
        })?;
        if let Some(unused) = dependencies.keys().find(|name| !used.contains(*name)) {
            bail!("--dep {unused}: {} names no such package; is it spelled as there?", wac.display());
        }
        output_file::write(output, &composition)?;
        if let Err(error) = Composition::check(&composition) {
            let shown = output.display();
            tell_lines(format_args!("note: `image-service serve` would not run {shown}: {error:#}"));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The components of --dep by their names, each with its file.
    fn dependencies(&self) -> Result<BTreeMap<String, (&Path, Vec<u8>)>> {
        let mut dependencies = BTreeMap::new();
        for (name, path) in &self.dependencies {
            let mut bytes = regular_file::read(path, MAX_COMPONENT)
                .with_context(|| format!("--dep {name}: {} can't be read", path.display()))?;
            let bytes = std::mem::take(&mut *bytes);
            if let Some((other, _)) = dependencies.insert(name.clone(), (path.as_path(), bytes)) {
                bail!("--dep {name} is given twice: {} and {}", other.display(), path.display());
            }
        }
        Ok(dependencies)
    }
}
