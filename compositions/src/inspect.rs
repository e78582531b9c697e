//! The imports of each part of a composition, read from the connections between its parts.

use crate::capability::Capability;
use crate::imports::{exports, imports};
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentName, ComponentTypeRef, KnownCustom, Parser,
    Payload,
};

/// The capabilities of a component.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Its exports, such as `wasi:http/handler@0.3.0`.
    pub exports: Vec<String>,
    /// Its imports, ordered by capability and name.
    pub imports: Vec<Import>,
}

/// One import of a component.
#[derive(Clone, Debug)]
pub struct Import {
    /// The interface, such as `wasi:http/client@0.3.0`.
    pub name: String,
    /// The capability that it gives to the component.
    pub capability: Capability,
    /// The parts of the composition that import it, by their names in the `.wac` file; empty where the component has no
    /// parts.
    pub parts: Vec<String>,
}

/// Reads the capabilities of a component.
///
/// # Errors
///
/// When the bytes are no component.
pub fn inspect(component: &[u8]) -> Result<Inspection> {
    let imports = imports(component)?;
    let mut importers = importers(component)?;
    let mut imports: Vec<Import> = imports
        .into_iter()
        .map(|name| Import {
            capability: Capability::of(&name),
            parts: importers.remove(&name).unwrap_or_default(),
            name,
        })
        .collect();
    imports.sort_by(|a, b| (a.capability, &a.name).cmp(&(b.capability, &b.name)));
    Ok(Inspection { exports: exports(component)?, imports })
}

/// The origin of an instance in the outermost component.
enum Instance {
    Import(String),
    /// A part, with the names of the imports that it gets.
    Part(Vec<String>),
    Other,
}

/// For each import, the names of the parts that get it.
fn importers(component: &[u8]) -> Result<BTreeMap<String, Vec<String>>> {
    let mut instances: Vec<Instance> = Vec::new();
    let mut names: BTreeMap<u32, String> = BTreeMap::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        match &payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            _ => {}
        }
        // Only the outermost component's connections count; those inside a part belong to that part.
        if depth != 1 {
            continue;
        }
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    if matches!(import.ty, ComponentTypeRef::Instance(_)) {
                        instances.push(Instance::Import(import.name.name.to_owned()));
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    let part = match instance? {
                        ComponentInstance::Instantiate { args, .. } => {
                            let given = args.iter().filter(|arg| arg.kind == ComponentExternalKind::Instance);
                            let imports = given.filter_map(|arg| match instances.get(arg.index as usize) {
                                Some(Instance::Import(name)) => Some(name.clone()),
                                _ => None,
                            });
                            Instance::Part(imports.collect())
                        }
                        ComponentInstance::FromExports(_) => Instance::Other,
                    };
                    instances.push(part);
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    if let ComponentAlias::InstanceExport { kind: ComponentExternalKind::Instance, .. } = alias? {
                        instances.push(Instance::Other);
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    if export?.kind == ComponentExternalKind::Instance {
                        instances.push(Instance::Other);
                    }
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::ComponentName(section) = section.as_known() {
                    for name in section {
                        if let ComponentName::Instances(map) = name? {
                            for naming in map {
                                let naming = naming?;
                                names.insert(naming.index, naming.name.to_owned());
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let mut importers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (index, instance) in (0..).zip(instances) {
        if let Instance::Part(imports) = instance {
            let part = names.get(&index).cloned().unwrap_or_else(|| format!("part {index}"));
            for import in imports {
                importers.entry(import).or_default().insert(part.clone());
            }
        }
    }
    Ok(importers.into_iter().map(|(import, parts)| (import, parts.into_iter().collect())).collect())
}
