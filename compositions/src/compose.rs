//! Composes one component from a `.wac` file and components.

use crate::imports::{check_imports, imports};
use anyhow::{Context, Result, anyhow};
use indexmap::IndexMap;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, NamedSource, Report, SourceSpan};
use semver::Version;
use std::path::Path;
use wac_graph::EncodeOptions;
use wac_graph::types::BorrowedPackageKey;
use wac_parser::Document;
use wac_parser::lexer::{Lexer, Token};

/// Composes the components that the text of a `.wac` file names. `component` returns the bytes of a package by its name, such
/// as `image-service:lister`; `None` where there is no such package.
///
/// # Errors
///
/// When the text is no WAC, names an unknown package, or connects interfaces that do not fit: wac's message, with the file's
/// name and the line. Also when `component` fails, or its bytes are no component.
pub fn compose(file: &str, text: &str, mut component: impl FnMut(&str) -> Result<Option<Vec<u8>>>) -> Result<Vec<u8>> {
    let explain = |error: Report| explain(&error.with_source_code(NamedSource::new(file, text.to_owned())));
    let document = Document::parse(text).map_err(|error| explain(error.into()))?;
    let references = references(text, document.directive.package.name);
    let mut keys: IndexMap<BorrowedPackageKey<'_>, SourceSpan> = IndexMap::new();
    for (name, version, span) in &references {
        keys.insert(BorrowedPackageKey::from_name_and_version(name, version.as_ref()), *span);
    }
    let mut packages: IndexMap<BorrowedPackageKey<'_>, Vec<u8>> = IndexMap::new();
    for (key, span) in keys {
        let Some(bytes) = component(key.name)? else {
            return Err(explain(UnknownPackage { name: key.name.to_owned(), span }.into()));
        };
        // For bytes that are no component, wac only says that it can't parse the package.
        imports(&bytes).with_context(|| format!("the package {} of {file}", key.name))?;
        packages.insert(key, bytes);
    }
    let resolution = document.resolve(packages).map_err(|error| explain(error.into()))?;
    resolution.encode(EncodeOptions::default()).map_err(|error| explain(error.into()))
}

/// The packages that a text names besides its own, each with its version and place. Reads wac's tokens, because
/// wac-resolver, which reads the syntax tree, depends on a whole encoder of WIT.
fn references<'a>(text: &'a str, own: &str) -> Vec<(&'a str, Option<Version>, SourceSpan)> {
    let Ok(lexer) = Lexer::new(text) else { return Vec::new() };
    let spans = lexer.filter_map(|(token, span)| match token {
        Ok(Token::PackageName | Token::PackagePath) => Some(span),
        _ => None,
    });
    let named = spans.map(|span| {
        let reference = &text[span.offset()..span.offset() + span.len()];
        let (path, version) = match reference.split_once('@') {
            Some((path, version)) => (path, version.parse().ok()),
            None => (reference, None),
        };
        let name = path.split('/').next().unwrap_or(path);
        // The place of a path is its package; the place of a name includes its version.
        let length = if name.len() == path.len() { reference.len() } else { name.len() };
        (name, version, SourceSpan::new(span.offset().into(), length))
    });
    named.filter(|(name, ..)| *name != own).collect()
}

/// A `.wac` file names an unknown package.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("unknown package {name}")]
#[diagnostic(help("built-in components are image-service:NAME; give your own with --dep {name}=FILE.wasm"))]
struct UnknownPackage {
    name: String,
    #[label("no such component")]
    span: SourceSpan,
}

/// The report for people: the mistake, and its lines. It has no colours, because it may go to a log.
fn explain(report: &Report) -> anyhow::Error {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_links(false);
    let diagnostic: &dyn Diagnostic = report.as_ref();
    match handler.render_report(&mut text, diagnostic) {
        Ok(()) => anyhow!("{}", text.trim_end()),
        Err(_) => anyhow!("{report}"),
    }
}

/// Composes a `.wac` file from the files `components/NAME.wasm`, and checks that the host grants the imports of the result.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_found_with_versions_and_places_but_not_in_comments_and_not_the_text_itself() {
        let text = "package a:composed;\n// new a:comment {}\nlet x = new b:part@1.2.0 { ... };\nimport y: c:d/e@0.1.0;\n\
                    let z = new a:composed { ...x };";
        let found = references(text, "a:composed");
        let found = found.iter().map(|(name, version, span)| {
            (*name, version.as_ref().map(ToString::to_string), &text[span.offset()..span.offset() + span.len()])
        });
        assert_eq!(
            found.collect::<Vec<_>>(),
            [("b:part", Some("1.2.0".to_owned()), "b:part@1.2.0"), ("c:d", Some("0.1.0".to_owned()), "c:d")]
        );
    }
}
