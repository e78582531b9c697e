//! The programs that a call of cargo builds, tests and benchmarks among them.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program that cargo built.
#[derive(Debug)]
pub(crate) struct Executable {
    pub(crate) path: PathBuf,
    /// The folder of its package. cargo runs tests there, too.
    pub(crate) folder: PathBuf,
    pub(crate) package: String,
    /// The target's name, and its kind as Cargo.toml has it: `lib`, `bin`, `test`, `bench`.
    pub(crate) target: String,
    pub(crate) kind: Vec<String>,
    /// Whether cargo built it as tests or as benchmarks.
    pub(crate) is_test: bool,
}

/// A line of cargo's output with `--message-format=json`.
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        manifest_path: PathBuf,
        package_id: String,
        target: Target,
        executable: Option<PathBuf>,
        profile: Profile,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Runs a build command of cargo, and returns the programs that it built.
pub(crate) fn executables(command: &mut Command) -> Result<Vec<Executable>> {
    command.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let output = command.output().context("running cargo")?;
    ensure!(output.status.success(), "cargo failed ({})", output.status);
    read(&output.stdout)
}

fn read(messages: &[u8]) -> Result<Vec<Executable>> {
    let mut found = Vec::new();
    for line in messages.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let message = serde_json::from_slice(line).context("reading the messages of cargo")?;
        if let Message::CompilerArtifact { manifest_path, package_id, target, executable: Some(path), profile } =
            message
        {
            found.push(Executable {
                path,
                folder: manifest_path.parent().context("a manifest is in a folder")?.to_owned(),
                package: package_name(&package_id).to_owned(),
                target: target.name,
                kind: target.kind,
                is_test: profile.test,
            });
        }
    }
    Ok(found)
}

/// The name in a package's id, such as `path+file:///folder#name@1.0.0`, or `path+file:///name#1.0.0` where the folder has
/// the same name.
fn package_name(id: &str) -> &str {
    let (folder, name) = id.rsplit_once('#').unwrap_or((id, id));
    match name.split_once('@') {
        Some((name, _)) => name,
        None => folder.rsplit('/').next().unwrap_or(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_package_is_found_in_both_forms_of_its_id() {
        assert_eq!(package_name("path+file:///work/host#image-service@0.1.0"), "image-service");
        assert_eq!(package_name("path+file:///work/components/harbor#0.1.0"), "harbor");
    }

    #[test]
    fn only_messages_of_programs_are_read() {
        let messages = br##"{"reason":"compiler-artifact","package_id":"path+file:///w/lister#0.1.0","manifest_path":"/w/lister/Cargo.toml","target":{"kind":["cdylib","rlib"],"name":"lister"},"profile":{"test":false},"executable":null}
{"reason":"compiler-artifact","package_id":"path+file:///w/lister#0.1.0","manifest_path":"/w/lister/Cargo.toml","target":{"kind":["cdylib","rlib"],"name":"lister"},"profile":{"test":true},"executable":"/t/lister-1"}
{"reason":"build-finished","success":true}
"##;
        let found = read(messages).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].package.as_str(), found[0].is_test), ("lister", true));
        assert_eq!(found[0].folder, PathBuf::from("/w/lister"));
    }
}
