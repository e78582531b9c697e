//! The SBOM of the program, as CycloneDX: the crates of the native program and of the components in it, and the packages of npm
//! that are in the page.
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

/// What the page is made of: page/package-lock.json.
#[derive(Deserialize)]
struct PageLock {
    packages: BTreeMap<String, LockedPackage>,
}

#[derive(Deserialize)]
struct LockedPackage {
    version: Option<String>,
    license: Option<String>,
    /// The SHA-512 in base64, behind its name.
    integrity: Option<String>,
    /// Whether it only builds the page.
    #[serde(default)]
    dev: bool,
}

/// Writes target/image-service.cdx.json: the program with these components.
pub(crate) fn write(components: &[String]) -> Result<()> {
    let mut bom = Bom::new(checksums()?);
    bom.add(&metadata(&host()?)?, &[PROGRAM.to_owned()], "program")?;
    bom.add(&metadata("wasm32-wasip2")?, components, "components")?;
    bom.add_page(&std::fs::read_to_string("page/package-lock.json").context("reading page/package-lock.json")?)?;
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

    /// Adds the packages that are bundled into the page, which is in a component.
    fn add_page(&mut self, lock: &str) -> Result<()> {
        let lock: PageLock = serde_json::from_str(lock).context("reading page/package-lock.json")?;
        for (path, package) in lock.packages {
            let (Some(name), false) = (path.strip_prefix("node_modules/"), package.dev) else { continue };
            let version = package.version.with_context(|| format!("{path} has no version"))?;
            // In a package's URL the @ of a scope is escaped.
            let reference = format!("pkg:npm/{}@{version}", name.replacen('@', "%40", 1));
            let mut component = json!({
                "type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference,
            });
            if let Some(license) = package.license {
                component["licenses"] = json!([{"expression": license}]);
            }
            if let Some(hash) = package.integrity.as_deref().and_then(|text| text.strip_prefix("sha512-")) {
                component["hashes"] = json!([{"alg": "SHA-512", "content": hexadecimal(hash)?}]);
            }
            self.crates.insert(reference, (component, BTreeSet::from(["page"])));
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

/// Base64 as hexadecimal digits, which CycloneDX asks for.
fn hexadecimal(base64: &str) -> Result<String> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = String::new();
    for letter in base64.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter).context("no base64")?;
        bits.push_str(&format!("{value:06b}"));
    }
    let digits = bits.len() / 8 * 2;
    (0..digits).map(|at| Ok(format!("{:x}", u8::from_str_radix(&bits[4 * at..4 * at + 4], 2)?))).collect()
}

/// The package's URL (https://github.com/package-url/purl-spec), which is also its reference within the document.
fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_of_the_page_are_listed_with_licence_and_checksum_and_those_that_build_it_are_not() {
        let lock = r#"{"packages": {
            "": {"version": "1"},
            "node_modules/@a/b": {"version": "1.2.3", "license": "MIT", "integrity": "sha512-AAH/"},
            "node_modules/esbuild": {"version": "9", "dev": true}}}"#;
        let mut bom = Bom::new(BTreeMap::new());
        bom.add_page(lock).unwrap();
        let [(reference, (component, parts))] = &bom.crates.into_iter().collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!((reference.as_str(), parts), ("pkg:npm/%40a/b@1.2.3", &BTreeSet::from(["page"])));
        assert_eq!((&component["name"], &component["licenses"][0]["expression"]), (&"@a/b".into(), &"MIT".into()));
        assert_eq!(component["hashes"][0], json!({"alg": "SHA-512", "content": "0001ff"}));
    }
}
