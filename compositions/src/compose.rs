//! From a `.wac` file and components to one component.

use crate::imports::{check_imports, imports};
use anyhow::{Context, Result, anyhow};
use indexmap::IndexMap;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, NamedSource, Report, SourceSpan};
use std::path::Path;
use wac_graph::EncodeOptions;
use wac_graph::types::BorrowedPackageKey;
use wac_parser::Document;

/// Composes what the text of a `.wac` file describes. `component` gives the bytes of a package by its name, such as
/// `image-service:lister`; `None` where there is no such package.
///
/// # Errors
///
/// When the text is no WAC, names a package that there is not, or plugs together what does not fit: wac's own message with
/// the file's name and the line. Also when `component` fails or gives what is no component.
pub fn compose(file: &str, text: &str, mut component: impl FnMut(&str) -> Result<Option<Vec<u8>>>) -> Result<Vec<u8>> {
    let explain = |error: Report| explain(&error.with_source_code(NamedSource::new(file, text.to_owned())));
    let document = Document::parse(text).map_err(|error| explain(error.into()))?;
    let keys = wac_resolver::packages(&document).map_err(|error| explain(error.into()))?;
    let mut packages: IndexMap<BorrowedPackageKey<'_>, Vec<u8>> = IndexMap::new();
    for (key, span) in keys {
        let Some(bytes) = component(key.name)? else {
            return Err(explain(UnknownPackage { name: key.name.to_owned(), span }.into()));
        };
        // wac says of what is no component that the package can't be parsed, and not why.
        imports(&bytes).with_context(|| format!("the package {} of {file}", key.name))?;
        packages.insert(key, bytes);
    }
    let resolution = document.resolve(packages).map_err(|error| explain(error.into()))?;
    resolution.encode(EncodeOptions::default()).map_err(|error| explain(error.into()))
}

/// A `.wac` file names a package that there is not.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("unknown package {name}")]
#[diagnostic(help("built-in components are image-service:NAME; give your own with --dep {name}=FILE.wasm"))]
struct UnknownPackage {
    name: String,
    #[label("no such component")]
    span: SourceSpan,
}

/// The report as people read it: what is wrong, and the lines it is about; without colours, as it may go to a log.
fn explain(report: &Report) -> anyhow::Error {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_links(false);
    let diagnostic: &dyn Diagnostic = report.as_ref();
    match handler.render_report(&mut text, diagnostic) {
        Ok(()) => anyhow!("{}", text.trim_end()),
        Err(_) => anyhow!("{report}"),
    }
}

/// Composes a `.wac` file from `components/NAME.wasm` files, and checks it against what its environment grants.
///
/// # Errors
///
/// As [`compose`] and [`check_imports`]; also when a file can't be read.
pub fn compose_file(wac: &Path, components: &Path, granted: &[&str]) -> Result<Vec<u8>> {
    let text = std::fs::read_to_string(wac).with_context(|| format!("reading {}", wac.display()))?;
    let composition = compose(&wac.display().to_string(), &text, |package| {
        let Some(name) = package.strip_prefix("image-service:") else { return Ok(None) };
        let path = components.join(name).with_extension("wasm");
        std::fs::read(&path).map(Some).with_context(|| format!("reading {}", path.display()))
    })?;
    check_imports(&composition, granted).with_context(|| wac.display().to_string())?;
    Ok(composition)
}
