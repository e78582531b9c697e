//! `compose` and `inspect`: an environment of one's own takes a `.wac` file and nothing else.

use image_service_compositions::environments::COMPONENTS;
use image_service_tests::{Program, component, composition, test_component};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

const COMPOSITIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../compositions");

/// Runs the program to its end in `folder`.
fn run<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Output {
    Command::new(Program::path()).current_dir(folder).args(arguments).output().unwrap()
}

/// Runs `image-service compose` with the text as `mine.wac`; the outcome is what it says on stderr.
fn compose(folder: &Path, wac: &str, further: &[&str]) -> Result<String, String> {
    std::fs::write(folder.join("mine.wac"), wac).unwrap();
    let output = run(folder, [&["compose", "mine.wac", "-o", "mine.wasm"], further].concat());
    let stderr = String::from_utf8(output.stderr).unwrap();
    match output.status.code() {
        Some(0) => Ok(stderr),
        Some(2) => Err(stderr),
        other => panic!("exit code {other:?}: {stderr}"),
    }
}

fn demo() -> String {
    std::fs::read_to_string(Path::new(COMPOSITIONS).join("demo.wac")).unwrap()
}

/// What inspect says of a component, for programs.
fn inspect(path: &Path) -> Value {
    let output = run(Path::new("."), [OsStr::new("inspect"), path.as_os_str(), "--output=json".as_ref()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn each_built_in_component_is_at_hand() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), ["compose", "--components"]);
    let listed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(listed.lines().count(), COMPONENTS.len());
    for component in COMPONENTS {
        assert!(listed.contains(&format!("image-service:{component}\n")), "{listed}");
    }
}

#[test]
fn a_built_in_composition_composed_again_is_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let wac = std::fs::read_to_string(Path::new(COMPOSITIONS).join("edge.wac")).unwrap();
    assert_eq!(compose(folder.path(), &wac, &[]).unwrap(), "");
    assert!(std::fs::read(folder.path().join("mine.wasm")).unwrap() == std::fs::read(composition("edge")).unwrap());
}

#[tokio::test]
async fn a_component_of_ones_own_takes_a_built_in_ones_place() {
    let folder = tempfile::tempdir().unwrap();
    let filter = format!("filter={}", test_component("picky-filter").display());
    // This filter asks for no settings, so the .wac file gives it none; nothing else differs.
    let wac = demo()
        .replace("containerd: lister.containerd, settings: settings.settings, ", "containerd: lister.containerd, ");
    compose(folder.path(), &wac, &["--dep", &filter]).unwrap();
    let mine = folder.path().join("mine.wasm");
    let program = Program::start(&["--composition", mine.to_str().unwrap()], None).unwrap();
    let images = program.images().await.unwrap();
    let rows = images["containerd_images"].as_array().unwrap();
    assert!(!rows.is_empty());
    assert!(rows.iter().all(|row| row["repository"].as_str().unwrap().starts_with("quay.io/")), "{images}");
}

#[tokio::test]
async fn a_component_of_ones_own_stands_between_built_in_ones() {
    let folder = tempfile::tempdir().unwrap();
    let wac = demo()
        .replace("let harbor", "let picky = new acme:picky { containerd: filter.containerd, ... };\nlet harbor")
        .replace("    containerd: filter.containerd,\n    harbor", "    containerd: picky.containerd,\n    harbor");
    let picky = format!("acme:picky={}", test_component("picky-filter").display());
    compose(folder.path(), &wac, &["--dep", &picky]).unwrap();
    let mine = folder.path().join("mine.wasm");
    let program = Program::start(&["--composition", mine.to_str().unwrap()], None).unwrap();
    let images = program.images().await.unwrap();
    let rows = images["containerd_images"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["repository"].as_str().unwrap().starts_with("quay.io/")), "{images}");
    let parts = &inspect(&mine)["capabilities"]["nothing"][0]["parts"];
    assert!(parts.as_array().unwrap().contains(&json!("picky")), "{parts}");
}

#[test]
fn an_unknown_package_is_named_with_its_line_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let error =
        compose(folder.path(), &demo().replace("image-service:lister", "image-service:listr"), &[]).unwrap_err();
    for part in ["unknown package image-service:listr", "mine.wac:6:18", "--dep image-service:listr=FILE.wasm"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!folder.path().join("mine.wasm").exists());
}

#[test]
fn a_cycle_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let wac = "package acme:cycle;\n\
               let a = new image-service:filter { containerd: b.containerd, ... };\n\
               let b = new image-service:filter { containerd: a.containerd, ... };\n\
               export a...;\n";
    let error = compose(folder.path(), wac, &[]).unwrap_err();
    assert!(error.contains("undefined name `b`") && error.contains("mine.wac:2:48"), "{error}");
}

#[test]
fn what_does_not_fit_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let wac = demo().replace("{ crictl: crictl.crictl, ... }", "{ crictl: settings.settings, ... }");
    let error = compose(folder.path(), &wac, &[]).unwrap_err();
    assert!(error.contains("mine.wac:6:41") && error.contains("mismatched instantiation argument"), "{error}");
}

#[test]
fn what_is_no_wac_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let error = compose(folder.path(), "package acme:mine;\nlet a = 3;\n", &[]).unwrap_err();
    assert!(error.contains("mine.wac:2:9"), "{error}");
}

#[test]
fn a_core_module_and_a_truncated_file_are_no_components() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("core.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let whole = std::fs::read(component("filter")).unwrap();
    std::fs::write(folder.path().join("half.wasm"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(folder.path().join("text.wasm"), "hello").unwrap();
    for (file, reason) in [
        ("core.wasm", "a core module, not a component"),
        ("half.wasm", "no whole WebAssembly component"),
        ("text.wasm", "no WebAssembly component"),
    ] {
        let error = compose(folder.path(), &demo(), &["--dep", &format!("filter={file}")]).unwrap_err();
        assert!(error.contains("image-service:filter of mine.wac") && error.contains(reason), "{error}");
        for arguments in [["inspect", file].as_slice(), &["serve", "--composition", file]] {
            let output = run(folder.path(), arguments);
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{error}");
            assert!(error.contains(file) && error.contains(reason), "{error}");
        }
    }
}

#[test]
fn a_dependency_that_is_not_there_not_named_or_named_twice_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let filter = component("filter").display().to_string();
    for (further, reason) in [
        (vec!["--dep=filter=absent.wasm".to_owned()], "--dep filter: absent.wasm can't be read"),
        (vec![format!("--dep=filtr={filter}")], "--dep filtr: mine.wac names no such package"),
        (vec![format!("--dep=filter={filter}"), format!("--dep=filter={filter}")], "--dep filter is given twice"),
        (vec!["--dep=filter".to_owned()], "it reads NAME=FILE.wasm"),
    ] {
        let further: Vec<&str> = further.iter().map(String::as_str).collect();
        let error = compose(folder.path(), &demo(), &further).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_forgotten_part_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let wac = demo().replace("    harbor: harbor.harbor,\n", "");
    let note = compose(folder.path(), &wac, &[]).unwrap();
    assert!(note.contains("`image-service serve` would not run mine.wasm"), "{note}");
    assert!(note.contains("nothing answers the import of image-service:inventory/harbor@0.1.0"), "{note}");
    let output = run(folder.path(), ["serve", "--composition", "mine.wasm"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn inspect_tells_which_part_asks_for_what() {
    let native = inspect(&composition("native"));
    let capabilities = &native["capabilities"];
    assert_eq!(capabilities["network"], json!([{"name": "wasi:http/client@0.3.0", "parts": ["harbor"]}]));
    assert_eq!(capabilities["node"], json!([{"name": "image-service:inventory/crictl@0.1.0", "parts": ["lister"]}]));
    assert_eq!(capabilities["settings"][0]["parts"], json!(["filter", "handler", "harbor"]));
    assert_eq!((&capabilities["files"], &capabilities["state"]), (&json!([]), &json!([])));
    let kept = &inspect(&composition("native-last-good"))["capabilities"]["state"];
    assert_eq!(*kept, json!([{"name": "image-service:inventory/snapshots@0.1.0", "parts": ["last-good"]}]));
    assert_eq!((&native["exports"], &native["serve_refuses"]), (&json!(["wasi:http/handler@0.3.0"]), &Value::Null));
}

#[test]
fn inspect_tells_what_the_other_environments_may_do() {
    for (environment, network, node, files) in
        [("demo", 0, 0, 0), ("edge", 1, 0, 0), ("harbor-only", 1, 0, 0), ("spin", 1, 0, 2)]
    {
        let inspected = inspect(&composition(environment));
        let count = |capability: &str| inspected["capabilities"][capability].as_array().unwrap().len();
        assert_eq!((count("network"), count("node"), count("files")), (network, node, files), "{environment}");
        assert_eq!(inspected["capabilities"]["other"], json!([]), "{environment}");
    }
}

#[test]
fn inspect_prints_a_table_that_also_says_what_a_component_can_not_do() {
    let output = run(Path::new("."), [OsStr::new("inspect"), composition("native").as_os_str()]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        table.lines().take(7).collect::<Vec<_>>(),
        [
            "CAPABILITY    IMPORT                                   ASKED FOR BY",
            "network       wasi:http/client@0.3.0                   harbor",
            "node          image-service:inventory/crictl@0.1.0     lister",
            "files         none",
            "state         none",
            "settings      image-service:inventory/settings@0.1.0   filter, handler, harbor",
            "environment   wasi:cli/environment@0.2.6               filter, handler, harbor, lister",
        ]
    );
    assert!(table.ends_with("`image-service serve --composition` runs it.\n"), "{table}");
}

#[test]
fn a_component_that_is_not_composed_asks_for_itself() {
    let output = run(Path::new("."), [OsStr::new("inspect"), component("harbor").as_os_str()]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("wasi:http/client@0.3.0                   itself"), "{table}");
    assert!(table.contains("refuses it: it answers no HTTP"), "{table}");
}
