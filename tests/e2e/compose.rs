//! `compose`: an environment of one's own takes a `.wac` file and nothing else.

use crate::inspect::inspect;
use crate::listing::{assert_says, node_rows};
use image_service_compositions::environments::COMPONENTS;
use image_service_tests::{Node, Outcome, Program, command, component, composition, repository, test_component};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

/// A folder in which the program composes `mine.wasm`.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs a command of the program there to its end.
    async fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = command::command();
        command.current_dir(self.path()).args(arguments);
        command::run_command(command).await.unwrap()
    }

    /// Runs `image-service compose` with the text as `mine.wac`; the outcome is what it says on stderr.
    async fn compose(&self, wac: &str, further: &[&str]) -> Result<String, String> {
        std::fs::write(self.path().join("mine.wac"), wac).unwrap();
        let output = self.run(&[&["compose", "mine.wac", "-o", "mine.wasm"], further].concat()).await;
        match output.code {
            Some(0) => Ok(output.stderr),
            Some(2) => Err(output.stderr),
            other => panic!("exit code {other:?}: {}", output.stderr),
        }
    }

    /// The program with what was composed.
    fn serve(&self) -> Program {
        Node::builder().composition(self.path().join("mine.wasm")).start().unwrap()
    }
}

/// Asserts that there are rows of the node, all of this registry.
fn assert_registry(images: &Value, registry: &str) {
    let rows = node_rows(images);
    assert!(!rows.is_empty());
    assert!(rows.iter().all(|row| row["repository"].as_str().unwrap().starts_with(registry)), "{images}");
}

/// The .wac file of a built-in composition.
fn wac(name: &str) -> String {
    std::fs::read_to_string(repository("compositions").join(name).with_extension("wac")).unwrap()
}

#[tokio::test]
async fn each_built_in_component_is_at_hand() {
    let folder = Folder::new();
    let output = folder.run(&["compose", "--components"]).await;
    let listed = output.stdout;
    assert_eq!(listed.lines().count(), COMPONENTS.len());
    for component in COMPONENTS {
        assert!(listed.contains(&format!("image-service:{component}\n")), "{listed}");
    }
}

#[tokio::test]
async fn a_built_in_composition_composed_again_is_the_same_bytes() {
    let folder = Folder::new();
    assert_eq!(folder.compose(&wac("edge"), &[]).await.unwrap(), "");
    assert!(std::fs::read(folder.path().join("mine.wasm")).unwrap() == std::fs::read(composition("edge")).unwrap());
}

#[tokio::test]
async fn a_component_of_ones_own_takes_a_built_in_ones_place() {
    let folder = Folder::new();
    let filter = format!("filter={}", test_component("picky-filter").display());
    // This filter asks for no settings, so the .wac file gives it none; nothing else differs.
    let wac = wac("demo")
        .replace("node-images: lister.node-images, settings: settings.settings, ", "node-images: lister.node-images, ");
    folder.compose(&wac, &["--dep", &filter]).await.unwrap();
    assert_registry(&folder.serve().images().await.unwrap(), "quay.io/");
}

#[tokio::test]
async fn a_component_of_ones_own_stands_between_built_in_ones() {
    let folder = Folder::new();
    let wac = wac("demo")
        .replace("let harbor", "let picky = new acme:picky { node-images: filter.node-images, ... };\nlet harbor")
        .replace(
            "    node-images: filter.node-images,\n    registry",
            "    node-images: picky.node-images,\n    registry",
        );
    let picky = format!("acme:picky={}", test_component("picky-filter").display());
    folder.compose(&wac, &["--dep", &picky]).await.unwrap();
    assert_registry(&folder.serve().images().await.unwrap(), "quay.io/");
    let parts = &inspect(&folder.path().join("mine.wasm")).await["capabilities"]["nothing"][0]["parts"];
    assert!(parts.as_array().unwrap().contains(&json!("picky")), "{parts}");
}

#[tokio::test]
async fn an_unknown_package_is_named_with_its_line_and_what_to_do() {
    let folder = Folder::new();
    let error =
        folder.compose(&wac("demo").replace("image-service:lister", "image-service:listr"), &[]).await.unwrap_err();
    let help = "--dep image-service:listr=FILE.wasm";
    assert_says(&error, &["unknown package image-service:listr", "mine.wac:6:18", help]);
    assert!(!folder.path().join("mine.wasm").exists());
}

#[tokio::test]
async fn a_cycle_is_told_with_its_line() {
    let folder = Folder::new();
    let wac = "package acme:cycle;\n\
               let a = new image-service:filter { node-images: b.node-images, ... };\n\
               let b = new image-service:filter { node-images: a.node-images, ... };\n\
               export a...;\n";
    let error = folder.compose(wac, &[]).await.unwrap_err();
    assert_says(&error, &["undefined name `b`", "mine.wac:2:49"]);
}

#[tokio::test]
async fn an_argument_that_does_not_fit_is_told_with_its_line() {
    let folder = Folder::new();
    let wac = wac("demo").replace("{ crictl: crictl.crictl, ", "{ crictl: settings.settings, ");
    let error = folder.compose(&wac, &[]).await.unwrap_err();
    assert_says(&error, &["mine.wac:6:41", "mismatched instantiation argument"]);
}

#[tokio::test]
async fn a_file_that_is_no_wac_is_told_with_its_line() {
    let folder = Folder::new();
    let error = folder.compose("package acme:mine;\nlet a = 3;\n", &[]).await.unwrap_err();
    assert!(error.contains("mine.wac:2:9"), "{error}");
}

#[tokio::test]
async fn a_core_module_and_a_truncated_file_are_no_components() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("core.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let whole = std::fs::read(component("filter")).unwrap();
    std::fs::write(folder.path().join("half.wasm"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(folder.path().join("text.wasm"), "hello").unwrap();
    for (file, reason) in [
        ("core.wasm", "a core module, not a component"),
        ("half.wasm", "no whole WebAssembly component"),
        ("text.wasm", "no WebAssembly component"),
    ] {
        let error = folder.compose(&wac("demo"), &["--dep", &format!("filter={file}")]).await.unwrap_err();
        assert_says(&error, &["image-service:filter of mine.wac", reason]);
        for arguments in [["inspect", file].as_slice(), &["serve", "--composition", file]] {
            let output = folder.run(arguments).await;
            assert_eq!(output.code, Some(2), "{}", output.stderr);
            assert_says(&output.stderr, &[file, reason]);
        }
    }
}

#[tokio::test]
async fn a_dependency_that_is_not_there_not_named_or_named_twice_is_told() {
    let folder = Folder::new();
    let filter = component("filter").display().to_string();
    for (further, reason) in [
        (vec!["--dep=filter=absent.wasm".to_owned()], "--dep filter: absent.wasm can't be read"),
        (vec![format!("--dep=filtr={filter}")], "--dep filtr: mine.wac names no such package"),
        (vec![format!("--dep=filter={filter}"), format!("--dep=filter={filter}")], "--dep filter is given twice"),
        (vec!["--dep=filter".to_owned()], "it reads NAME=FILE.wasm"),
    ] {
        let further: Vec<&str> = further.iter().map(String::as_str).collect();
        let error = folder.compose(&wac("demo"), &further).await.unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_forgotten_part_is_noted() {
    let folder = Folder::new();
    let wac = wac("demo").replace("    registry-images: harbor.registry-images,\n", "");
    let note = folder.compose(&wac, &[]).await.unwrap();
    assert!(note.contains("`image-service serve` would not run mine.wasm"), "{note}");
    assert!(note.contains("nothing answers the import of image-service:inventory/registry-images@0.2.0"), "{note}");
    let output = folder.run(&["serve", "--composition", "mine.wasm"]).await;
    assert_eq!(output.code, Some(2));
}
