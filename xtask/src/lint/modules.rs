//! The files of one crate, and which of them uses which.
//!
//! The rule: an arrow goes from the file that names an item to the file that defines it.
//!
//! - The check follows a name from its `use` to its definition, also through re-exports. So the file of a module that only
//!   re-exports (`pub use child::Item`) is at neither end of an arrow.
//! - `mod child;` is no arrow, and neither is a re-export whose name the file itself does not use. Otherwise a parent is
//!   a file like any other: when it calls its child and its child calls it, that is a circle.
//! - The check does not see a method call without a path; the caller has named the type somewhere.
//! - Code for tests has no arrows.

use super::paths::{self, Contents, Named, Use};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most re-exports of re-exports to follow. It ends the search for a name that imports itself.
const MAX_DEPTH: usize = 16;

/// A crate's files and the arrows between them.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) files: Vec<PathBuf>,
    /// By the indices of two files: a place in the first one that names an item of the second one.
    pub(super) arrows: BTreeMap<(usize, usize), Place>,
}

/// The place where a file names an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    /// The path as the file has it.
    pub(super) path: String,
}

/// A module's path below the crate; the crate itself is empty.
type Module = Vec<String>;

/// A crate while it is read.
#[derive(Default)]
struct Crate {
    files: Vec<PathBuf>,
    contents: Vec<Contents>,
    /// The module of each file.
    own: Vec<Module>,
    /// The file of each module; inline ones are in the file around them.
    modules: BTreeMap<Module, usize>,
}

/// Reads a crate from its first file, such as `src/lib.rs`.
///
/// # Errors
///
/// When a file can't be read, is no Rust, or is missing at the place of its module.
pub(super) fn read(first: &Path) -> Result<Files> {
    let mut read = Crate::default();
    let folder = first.parent().context("a file is in a folder")?.to_owned();
    read.add(first.to_owned(), &folder, Vec::new())?;
    Ok(read.arrows())
}

impl Crate {
    /// Adds a file, the modules in it, and their files, which are in `folder`.
    fn add(&mut self, path: PathBuf, folder: &Path, module: Module) -> Result<()> {
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let contents = paths::read(&text).with_context(|| format!("reading {}", path.display()))?;
        let index = self.files.len();
        let below = |inner: &Module| [&module[..], inner].concat();
        self.modules.insert(module.clone(), index);
        self.modules.extend(contents.inline.iter().map(|inner| (below(inner), index)));
        let children = contents.files.clone();
        self.files.push(path);
        self.contents.push(contents);
        self.own.push(module.clone());
        for child in children {
            let stem = folder.join(child.iter().collect::<PathBuf>());
            let candidates = [stem.with_extension("rs"), stem.join("mod.rs")];
            let Some(file) = candidates.iter().find(|file| file.exists()) else {
                bail!("{} has no file for its module {}", self.files[index].display(), child.join("::"));
            };
            self.add(file.clone(), &stem, below(&child))?;
        }
        Ok(())
    }

    fn arrows(self) -> Files {
        let mut arrows = BTreeMap::new();
        for (file, contents) in self.contents.iter().enumerate() {
            let uses = contents.uses.iter().filter(|one| makes_arrow(contents, one));
            let uses = uses.map(|one| (&one.path, one.name.is_none()));
            for (path, is_glob) in uses.chain(contents.paths.iter().map(|path| (path, false))) {
                let module = match self.resolve(file, path, MAX_DEPTH) {
                    Some(Item::In(module)) => module,
                    Some(Item::Module(module)) if is_glob => module,
                    _ => continue,
                };
                if let Some(&to) = self.modules.get(&module).filter(|to| **to != file) {
                    arrows.entry((file, to)).or_insert(Place { line: path.line, path: path.segments.join("::") });
                }
            }
        }
        Files { files: self.files, arrows }
    }

    /// The item that a path in a file names; `None` where it is not of this crate.
    fn resolve(&self, file: usize, path: &Named, depth: usize) -> Option<Item> {
        let scope = [&self.own[file][..], &path.scope].concat();
        let mut segments = path.segments.iter().map(String::as_str).peekable();
        let mut at = match *segments.peek()? {
            "crate" => Vec::new(),
            "self" | "super" => scope,
            _ => return self.follow(&scope, segments, depth),
        };
        while let Some(keyword) = segments.next_if(|segment| ["crate", "self", "super"].contains(segment)) {
            if keyword == "super" {
                at.pop();
            }
        }
        self.follow(&at, segments, depth)
    }

    /// The item of a path that begins in this module. Where its first word is neither a module nor imported, it is an
    /// item of the module, another crate, or a type of the prelude; none of these makes an arrow.
    fn follow<'a>(&self, from: &Module, segments: impl Iterator<Item = &'a str>, depth: usize) -> Option<Item> {
        let mut at = from.clone();
        for segment in segments {
            let child = [&at[..], &[segment.to_owned()]].concat();
            if self.modules.contains_key(&child) {
                at = child;
                continue;
            }
            match self.imported(&at, segment, depth) {
                Some(Some(Item::Module(module))) => at = module,
                Some(item) => return item,
                None => return Some(Item::In(at)),
            }
        }
        Some(Item::Module(at))
    }

    /// The item that a `use` in this module imports by this name; `None` where there is no such `use`.
    fn imported(&self, module: &Module, name: &str, depth: usize) -> Option<Option<Item>> {
        let file = *self.modules.get(module)?;
        let scope = &module[self.own[file].len()..];
        let mut uses = self.contents[file].uses.iter();
        let one = uses.find(|one| one.name.as_deref() == Some(name) && one.path.scope == scope)?;
        Some(depth.checked_sub(1).and_then(|depth| self.resolve(file, &one.path, depth)))
    }
}

/// The target of a path.
enum Item {
    /// A module itself. Naming it uses none of its items, unless by `*`.
    Module(Module),
    /// An item of this module.
    In(Module),
}

/// Whether a `use` makes an arrow. A re-export does where the file uses the name itself, or could by `*`.
fn makes_arrow(contents: &Contents, one: &Use) -> bool {
    match &one.name {
        Some(name) if one.public => contents.words.contains(name),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arrows between files of these names and texts, such as `a.rs -> b.rs`.
    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let read = read(&folder.path().join("lib.rs")).unwrap();
        let name = |index: &usize| read.files[*index].strip_prefix(folder.path()).unwrap().display().to_string();
        read.arrows.keys().map(|(from, to)| format!("{} -> {}", name(from), name(to))).collect()
    }

    #[test]
    fn an_arrow_goes_to_the_file_that_defines_the_item_not_to_the_modules_around_it() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::c::C; fn f(_: C) {}"),
            ("b.rs", "pub mod c;"),
            ("b/c.rs", "pub struct C;"),
        ];
        assert_eq!(arrows(&files), ["a.rs -> b/c.rs"]);
    }

    #[test]
    fn a_re_export_is_followed_and_makes_no_arrow() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod x; mod y; pub use x::X; pub(crate) use self::y::Y as Z;"),
            ("a/x.rs", "use super::Z; pub struct X(Z);"),
            ("a/y.rs", "pub struct Y;"),
            ("b.rs", "fn f() { crate::a::X::new() }"),
        ];
        assert_eq!(arrows(&files), ["a/x.rs -> a/y.rs", "b.rs -> a/x.rs"]);
    }

    #[test]
    fn a_re_export_that_its_file_uses_itself_is_an_arrow() {
        let files = [("lib.rs", "mod a; pub use a::A; fn f(_: A) {}"), ("a.rs", "pub struct A;")];
        assert_eq!(arrows(&files), ["lib.rs -> a.rs"]);
    }

    #[test]
    fn an_imported_module_is_an_arrow_where_an_item_of_it_is_named() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::{b, c}; fn f() { b::g() }"),
            ("b.rs", "pub fn g() {}"),
            ("c.rs", "use super::b::*;"),
        ];
        assert_eq!(arrows(&files), ["a.rs -> b.rs", "c.rs -> b.rs"]);
    }

    #[test]
    fn a_parent_that_calls_its_child_has_an_arrow_and_so_has_the_child_that_calls_its_parent() {
        let files = [("lib.rs", "mod a; fn f() { a::g() }"), ("a.rs", "pub fn g() { super::f() }")];
        assert_eq!(arrows(&files), ["lib.rs -> a.rs", "a.rs -> lib.rs"]);
    }

    #[test]
    fn inline_modules_belong_to_their_file_and_other_crates_make_no_arrow() {
        let files = [
            ("lib.rs", "mod a; mod inner { use super::a::A; use http::Uri; pub fn f(_: A) {} }"),
            ("a.rs", "use http::Uri; use http as web; pub struct A(web::Uri); fn g() { crate::inner::f() }"),
        ];
        assert_eq!(arrows(&files), ["lib.rs -> a.rs", "a.rs -> lib.rs"]);
    }

    #[test]
    fn the_search_for_a_name_that_imports_itself_ends() {
        assert_eq!(arrows(&[("lib.rs", "use a::a; use b as c; use c as b; fn f() { b::g() }")]), [] as [&str; 0]);
    }
}
