//! The paths that one file of Rust names, such as `crate::config::Config`, and the modules that it declares.
//!
//! It reads tokens, so it also finds paths in macros, where a parser of Rust finds none. It skips code for tests
//! (`#[cfg(test)]`), which may use everything.

use anyhow::{Result, anyhow, bail};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::HashSet;
use std::iter::Peekable;
use std::vec::IntoIter;

/// The modules and paths of a file, in the order of the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// `mod name;`, with the inline modules around it: `["outer", "name"]`.
    pub(super) files: Vec<Vec<String>>,
    /// `mod name { … }`, in the same way.
    pub(super) inline: Vec<Vec<String>>,
    pub(super) uses: Vec<Use>,
    pub(super) paths: Vec<Named>,
    /// Each word outside of `use`.
    pub(super) words: HashSet<String>,
}

/// A path of two segments or more outside of `use`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// The inline modules around it.
    pub(super) scope: Vec<String>,
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

/// One name that a `use` imports.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) path: Named,
    /// The name in the file; `None` for `*`.
    pub(super) name: Option<String>,
    /// `pub use`, with any restriction of `pub`.
    pub(super) public: bool,
}

type Tokens = Peekable<IntoIter<TokenTree>>;

/// Reads the text of a file.
///
/// # Errors
///
/// When it is no Rust, or has an attribute `#[path]`, which this project does not use.
pub(super) fn read(text: &str) -> Result<Contents> {
    let tokens: TokenStream = text.parse().map_err(|error| anyhow!("this is no Rust: {error}"))?;
    let mut contents = Contents::default();
    contents.block(tokens, &[])?;
    Ok(contents)
}

fn tokens(stream: TokenStream) -> Tokens {
    stream.into_iter().collect::<Vec<_>>().into_iter().peekable()
}

fn punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn word(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string().trim_start_matches("r#").to_owned()),
        _ => None,
    }
}

/// Takes `::`, where it is next.
fn colons(tokens: &mut Tokens) -> bool {
    let mut ahead = tokens.clone();
    let found = punct(ahead.next().as_ref(), ':') && punct(ahead.next().as_ref(), ':');
    if found {
        *tokens = ahead;
    }
    found
}

/// Takes a group with this delimiter, where it is next.
fn group(tokens: &mut Tokens, delimiter: Delimiter) -> Option<TokenStream> {
    match tokens.peek() {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => {
            let stream = group.stream();
            tokens.next();
            Some(stream)
        }
        _ => None,
    }
}

impl Contents {
    fn block(&mut self, stream: TokenStream, scope: &[String]) -> Result<()> {
        let mut tokens = tokens(stream);
        let mut public = false;
        while let Some(token) = tokens.next() {
            let was_public = std::mem::take(&mut public);
            match token {
                TokenTree::Group(group) => self.block(group.stream(), scope)?,
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    if let Some(attribute) = group(&mut tokens, Delimiter::Bracket) {
                        if is(&attribute, "path") {
                            bail!("line {}: `#[path]` is not understood", punct.span().start().line);
                        }
                        if is_for_tests(&attribute) {
                            skip_item(&mut tokens);
                        }
                        public = was_public;
                    }
                }
                // A field or a method: no path of this crate.
                TokenTree::Punct(punct) if punct.as_char() == '.' => {
                    if let Some(field) = word(tokens.peek()) {
                        self.words.insert(field);
                        tokens.next();
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
                TokenTree::Ident(ident) => {
                    let line = ident.span().start().line;
                    match ident.to_string().as_str() {
                        "pub" => {
                            group(&mut tokens, Delimiter::Parenthesis);
                            public = true;
                        }
                        "use" => {
                            let path = Named { scope: scope.to_vec(), segments: Vec::new(), line };
                            self.tree(&mut tokens, &path, was_public);
                        }
                        "mod" if word(tokens.peek()).is_some() => self.module(&mut tokens, scope)?,
                        first => self.path(first, line, &mut tokens, scope),
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads the tokens after `mod`.
    fn module(&mut self, tokens: &mut Tokens, scope: &[String]) -> Result<()> {
        let name = word(tokens.next().as_ref()).unwrap_or_default();
        let module = [scope, &[name]].concat();
        if let Some(body) = group(tokens, Delimiter::Brace) {
            self.block(body, &module)?;
            self.inline.push(module);
        } else {
            self.files.push(module);
        }
        Ok(())
    }

    /// Reads the rest of a path after its first segment.
    fn path(&mut self, first: &str, line: usize, tokens: &mut Tokens, scope: &[String]) {
        let mut segments = vec![first.trim_start_matches("r#").to_owned()];
        while colons(tokens) {
            let Some(segment) = word(tokens.peek()) else { break };
            tokens.next();
            segments.push(segment);
        }
        self.words.extend(segments.iter().cloned());
        if segments.len() > 1 {
            self.paths.push(Named { scope: scope.to_vec(), segments, line });
        }
    }

    /// Reads the tokens after `use`, or those in its braces, up to a comma or the end.
    fn tree(&mut self, tokens: &mut Tokens, before: &Named, public: bool) {
        let mut path = Named { scope: before.scope.clone(), segments: before.segments.clone(), line: before.line };
        let mut name = None;
        loop {
            match tokens.next() {
                // `use ::other_crate`: the empty segment is no module of ours.
                Some(TokenTree::Punct(punct)) if punct.as_char() == ':' => {
                    if path.segments.is_empty() {
                        path.segments.push(String::new());
                    }
                }
                Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => {
                    self.uses.push(Use { path, name: None, public });
                    return;
                }
                Some(TokenTree::Group(group)) => {
                    let mut inner = self::tokens(group.stream());
                    while inner.peek().is_some() {
                        self.tree(&mut inner, &path, public);
                        if punct(inner.peek(), ',') {
                            inner.next();
                        }
                    }
                    return;
                }
                Some(TokenTree::Ident(ident)) if ident == "as" => {
                    name = word(tokens.next().as_ref());
                }
                // `use a::{self}`: the same as `use a`.
                Some(TokenTree::Ident(ident)) if ident == "self" && !path.segments.is_empty() => {}
                Some(TokenTree::Ident(ident)) => {
                    path.line = ident.span().start().line;
                    path.segments.push(ident.to_string().trim_start_matches("r#").to_owned());
                }
                _ => break,
            }
            if punct(tokens.peek(), ',') {
                break;
            }
        }
        if let Some(last) = path.segments.last().cloned() {
            self.uses.push(Use { path, name: name.or(Some(last)), public });
        }
    }
}

/// Whether an attribute begins with this word.
fn is(attribute: &TokenStream, name: &str) -> bool {
    word(attribute.clone().into_iter().next().as_ref()).as_deref() == Some(name)
}

/// `cfg(test)` and `cfg(all(test, …))`, but not `cfg(not(test))` or `cfg_attr(test, …)`.
fn is_for_tests(attribute: &TokenStream) -> bool {
    let text = attribute.to_string();
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let is_cfg = words.next() == Some("cfg");
    let words: Vec<&str> = words.collect();
    is_cfg && words.contains(&"test") && !words.contains(&"not") && !words.contains(&"any")
}

/// Skips the item, field or arm after an attribute: an item up to its end, a field or an arm up to its comma.
fn skip_item(tokens: &mut Tokens) {
    const ITEMS: [&str; 14] = [
        "async",
        "const",
        "enum",
        "extern",
        "fn",
        "impl",
        "macro_rules",
        "mod",
        "pub",
        "static",
        "struct",
        "trait",
        "type",
        "use",
    ];
    while punct(tokens.peek(), '#') {
        tokens.next();
        tokens.next();
    }
    let is_item = word(tokens.peek()).is_some_and(|word| ITEMS.contains(&word.as_str()));
    let is_use = word(tokens.peek()).as_deref() == Some("use");
    for token in tokens.by_ref() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => return,
            TokenTree::Punct(punct) if punct.as_char() == ',' && !is_item => return,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && !is_use => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        read(text).unwrap().paths.into_iter().map(|path| path.segments.join("::")).collect()
    }

    /// The path and name of each import, and whether it is public.
    fn uses(text: &str) -> Vec<(String, String, bool)> {
        let uses = read(text).unwrap().uses.into_iter();
        uses.map(|one| (one.path.segments.join("::"), one.name.unwrap_or("*".to_owned()), one.public)).collect()
    }

    #[test]
    fn a_use_is_read_with_all_names_in_its_braces() {
        let text = "use crate::{a, b::{self, C as D}, e::*};\npub(crate) use super::f;\nuse ::http::Uri;";
        let expected = [
            ("crate::a", "a", false),
            ("crate::b", "b", false),
            ("crate::b::C", "D", false),
            ("crate::e", "*", false),
            ("super::f", "f", true),
            ("::http::Uri", "Uri", false),
        ];
        assert_eq!(uses(text), expected.map(|(path, name, public)| (path.to_owned(), name.to_owned(), public)));
    }

    #[test]
    fn paths_are_found_in_code_and_in_macros_and_not_in_strings_or_comments() {
        let text = r#"fn f(a: &crate::a::A) -> B { json!({"x": super::b::c(self::d::<u8>(), "crate::e::f")}) } // crate::g::h"#;
        assert_eq!(paths(text), ["crate::a::A", "super::b::c", "self::d"]);
    }

    #[test]
    fn code_for_tests_is_skipped() {
        let text = "
            #[cfg(test)] mod tests { use super::a::B; fn f() { crate::c::d() } }
            #[cfg(test)] use crate::e::F;
            #[cfg(test)] pub fn g<A, B>() { crate::h::i() }
            struct S { #[cfg(test)] field: crate::j::K, other: crate::l::M }
            #[cfg(not(test))] use crate::n::O;
        ";
        assert_eq!(paths(text), ["crate::l::M"]);
        assert_eq!(uses(text), [("crate::n::O".to_owned(), "O".to_owned(), false)]);
        assert_eq!(read(text).unwrap().inline, [] as [Vec<String>; 0]);
    }

    #[test]
    fn modules_in_files_and_inline_modules_are_kept_apart() {
        let contents = read("mod a;\npub mod b { mod c; fn f() { super::g::h() } }").unwrap();
        assert_eq!(contents.files, [vec!["a".to_owned()], vec!["b".to_owned(), "c".to_owned()]]);
        assert_eq!(contents.inline, [["b"]]);
        assert_eq!(contents.paths[0].scope, ["b"]);
        assert_eq!(contents.paths[0].line, 2);
    }

    #[test]
    fn a_module_elsewhere_is_refused() {
        assert!(read("#[path = \"x.rs\"] mod a;").is_err());
    }
}
