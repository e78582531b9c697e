//! Where `unsafe` may stand: in one module of the host, and in what is generated from WIT.

use image_service_tests::repository;
use std::path::PathBuf;

/// The module that knows where the program's machine code comes from.
const THE_MODULE: &str = "host/src/built_in.rs";
/// The crate root that it belongs to, which can't forbid what it allows.
const ITS_ROOT: &str = "host/src/main.rs";
const FORBID: &str = "#![forbid(unsafe_code)]";
/// The one item of a file of bindings.
const GENERATE: &str = "wit_bindgen::generate!({";

/// All of the project's Rust files, from its folder, with what is in them.
fn sources() -> Vec<(String, String)> {
    let root = repository("");
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = folder.join(&name);
            if entry.file_type().unwrap().is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                found.push((path.to_str().unwrap().to_owned(), std::fs::read_to_string(root.join(&path)).unwrap()));
            }
        }
    }
    assert!(found.len() > 100, "the project's files are there: {}", found.len());
    found
}

fn is_crate_root(path: &str) -> bool {
    let cargo_s_own = ["src/lib.rs", "src/main.rs", "e2e/main.rs"].iter().any(|end| path.ends_with(end));
    let build_script = path.ends_with("/build.rs") && !path.contains("/src/");
    cargo_s_own || build_script || path.contains("/src/bin/") || path.starts_with("fuzz/fuzz_targets/")
}

/// The lines with code, by number: comments and texts are cut off.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
}

/// Whether the keyword stands in the line, and not only the word in a text.
fn has_unsafe(line: &str) -> bool {
    let keyword = "unsafe";
    ["{", "(", "fn ", "impl", "trait ", "extern "].iter().any(|next| line.contains(&format!("{keyword} {next}")))
}

#[test]
fn unsafe_stands_once_and_says_why_it_is_sound() {
    for (path, text) in sources() {
        let lines: Vec<usize> = code(&text).filter(|(_, line)| has_unsafe(line)).map(|(number, _)| number).collect();
        let expected = usize::from(path == THE_MODULE);
        assert_eq!(lines.len(), expected, "{path}, lines {lines:?}");
        for number in lines {
            let before: Vec<&str> = text.lines().take(number - 1).collect();
            let comment = before.iter().rev().take_while(|line| line.trim().starts_with("//"));
            assert!(comment.into_iter().any(|line| line.contains("SAFETY:")), "{path}:{number} says why it is sound");
        }
    }
}

#[test]
fn every_crate_forbids_unsafe_but_for_bindings_that_are_generated() {
    let sources = sources();
    for (path, text) in &sources {
        if !is_crate_root(path) || text.contains(FORBID) || path == ITS_ROOT {
            continue;
        }
        // A component: its bindings are allowed to, and each of its other modules forbids.
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("unsafe_code")) {
            assert!(line.contains("reason = \"generated from "), "{path}:{}: {line}", index + 1);
            let what = lines[index + 1];
            assert!(what.starts_with("mod ") || what.contains("export!("), "{path}:{}: {what}", index + 2);
        }
        assert!(text.contains("generated from "), "{path} forbids unsafe code");
        let folder = path.trim_end_matches("lib.rs");
        for (module, text) in sources.iter().filter(|(module, _)| module.starts_with(folder) && module != path) {
            let is_generated = *module == format!("{folder}bindings.rs")
                && code(text).find(|(_, line)| !line.is_empty()).is_some_and(|(_, line)| line == GENERATE);
            assert!(is_generated || text.contains(FORBID), "{module} forbids unsafe code");
        }
    }
}

#[test]
fn the_one_module_that_may_is_all_that_its_crate_allows() {
    let allowing = |text: &str| text.lines().any(|line| line.starts_with("#![allow(") && line.contains("unsafe_code"));
    let found: Vec<String> = sources().into_iter().filter(|(_, text)| allowing(text)).map(|(path, _)| path).collect();
    assert_eq!(found, [THE_MODULE]);
    let root = sources().into_iter().find(|(path, _)| path == ITS_ROOT).unwrap().1;
    let modules: Vec<&str> = root.lines().filter(|line| line.starts_with("mod ")).collect();
    assert_eq!(modules, ["mod built_in;"], "the program's other modules are in the library, which forbids");
}
