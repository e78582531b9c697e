//! The SBOM of the program, as CycloneDX: the crates of the native program and of the components in it.
//!
//! xtask makes it from `cargo metadata` and Cargo.lock before it builds the program, which embeds it (`image-service sbom`).
//!
//! By hand on purpose. cargo-cyclonedx (0.5.9) writes one file for each package and target, in CycloneDX 1.5 at most, and with
//! procedural macros, which are in no program. Code of our own would still have to join the files of the program and of the
//! components, and say which of both has a crate. Its 123 crates take a minute to install, before the first build.

use crate::run::{self, host, target, write_if_changed};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The package of the native program.
const PROGRAM: &str = "image-service";
/// The property that says which part of the program has a crate.
const PART: &str = "image-service:part";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    /// `None` for packages of the workspace.
    source: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// `None` for a linked dependency; else `dev` or `build`.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// Writes target/image-service.cdx.json: the program with these components.
pub(crate) fn write(components: &[String]) -> Result<()> {
    let mut bom = Bom::new(checksums()?);
    bom.add(&metadata(&host()?)?, &[PROGRAM.to_owned()], "program")?;
    bom.add(&metadata("wasm32-wasip2")?, components, "components")?;
    let text = serde_json::to_string_pretty(&bom.document()?)? + "\n";
    write_if_changed(&target().join("image-service.cdx.json"), text.as_bytes())
}

fn metadata(platform: &str) -> Result<Metadata> {
    run::metadata(&["--filter-platform", platform])
}

/// The SHA-256 of each crate, as crates.io publishes it, by name and version.
fn checksums() -> Result<BTreeMap<(String, String), String>> {
    let lock: Lock = toml::from_str(&std::fs::read_to_string("Cargo.lock").context("reading Cargo.lock")?)?;
    let known = lock.package.into_iter();
    Ok(known.filter_map(|package| Some(((package.name, package.version), package.checksum?))).collect())
}

struct Bom {
    checksums: BTreeMap<(String, String), String>,
    /// Each crate, and the parts that have it, by its reference.
    crates: BTreeMap<String, (Value, BTreeSet<&'static str>)>,
    depends_on: BTreeMap<String, BTreeSet<String>>,
}

impl Bom {
    fn new(checksums: BTreeMap<(String, String), String>) -> Self {
        Self { checksums, crates: BTreeMap::new(), depends_on: BTreeMap::new() }
    }

    /// Adds these packages and all crates linked into them. Leaves out crates that only run during the build, such as
    /// procedural macros.
    fn add(&mut self, metadata: &Metadata, roots: &[String], part: &'static str) -> Result<()> {
        let packages: BTreeMap<&str, &Package> =
            metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
        let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let is_root = |package: &Package| package.source.is_none() && roots.contains(&package.name);
        let mut waiting: Vec<&Package> = metadata.packages.iter().filter(|package| is_root(package)).collect();
        if waiting.len() != roots.len() {
            bail!("not all of {roots:?} are packages of the workspace");
        }
        while let Some(package) = waiting.pop() {
            let component = self.component(package);
            let (_, parts) = self.crates.entry(reference(package)).or_insert((component, BTreeSet::new()));
            if !parts.insert(part) {
                continue;
            }
            let node = nodes.get(package.id.as_str()).context("each package is resolved")?;
            let linked =
                node.deps.iter().filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none()));
            for dependency in linked {
                let other = packages.get(dependency.pkg.as_str()).context("each dependency is a package")?;
                if other.targets.iter().all(|target| target.kind.iter().all(|kind| kind != "proc-macro")) {
                    self.depends_on.entry(reference(package)).or_default().insert(reference(other));
                    waiting.push(other);
                }
            }
        }
        Ok(())
    }

    fn component(&self, package: &Package) -> Value {
        let mut component = json!({
            "type": "library",
            "bom-ref": reference(package),
            "name": package.name,
            "version": package.version,
            "purl": reference(package),
        });
        if let Some(license) = &package.license {
            // Before SPDX's OR, crates wrote a slash.
            component["licenses"] = json!([{"expression": license.replace(" / ", "/").replace('/', " OR ")}]);
        }
        if let Some(checksum) = self.checksums.get(&(package.name.clone(), package.version.clone())) {
            component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
        }
        component
    }

    /// The document, the same for the same crates: it has no date and no serial number.
    fn document(mut self) -> Result<Value> {
        let main = self.crates.keys().find(|reference| reference.starts_with("pkg:cargo/image-service@")).cloned();
        let main = main.context("the program is one of its crates")?;
        let (mut program, _) = self.crates.remove(&main).context("it was just found")?;
        program["type"] = json!("application");
        let crates = self.crates.into_values().map(|(mut component, parts)| {
            component["properties"] = parts.iter().map(|part| json!({"name": PART, "value": part})).collect();
            component
        });
        let dependencies = self.depends_on.iter().map(|(from, to)| json!({"ref": from, "dependsOn": to}));
        Ok(json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {"component": program},
            "components": crates.collect::<Vec<_>>(),
            "dependencies": dependencies.collect::<Vec<_>>(),
        }))
    }
}

/// The package's URL (https://github.com/package-url/purl-spec), which is also its reference within the document.
fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}
