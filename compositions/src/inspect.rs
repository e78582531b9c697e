//! Which part of a composition asks for what: read from how its parts are plugged together.

use crate::capability::Capability;
use crate::imports::{exports, imports};
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentName, ComponentTypeRef, KnownCustom, Parser,
    Payload,
};

/// What a component may do.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What it offers to its host, such as `wasi:http/handler@0.3.0`.
    pub exports: Vec<String>,
    /// What it asks of its host; what matters most first.
    pub imports: Vec<Import>,
}

/// One import of a component.
#[derive(Clone, Debug)]
pub struct Import {
    /// The interface, such as `wasi:http/client@0.3.0`.
    pub name: String,
    /// What it gives.
    pub capability: Capability,
    /// The parts of the composition that ask for it, by their names in the `.wac` file; empty where the component has no
    /// parts.
    pub parts: Vec<String>,
}

/// Reads what a component may do.
///
/// # Errors
///
/// When the bytes are no component.
pub fn inspect(component: &[u8]) -> Result<Inspection> {
    let imports = imports(component)?;
    let mut askers = askers(component)?;
    let mut imports: Vec<Import> = imports
        .into_iter()
        .map(|name| Import { capability: Capability::of(&name), parts: askers.remove(&name).unwrap_or_default(), name })
        .collect();
    imports.sort_by(|a, b| (a.capability, &a.name).cmp(&(b.capability, &b.name)));
    Ok(Inspection { exports: exports(component)?, imports })
}

/// Where an instance of the outermost component comes from.
enum Instance {
    Import(String),
    /// What it is given of the imports, by name.
    Part(Vec<String>),
    Other,
}

/// The names of the parts that are given an import, by the import's name.
fn askers(component: &[u8]) -> Result<BTreeMap<String, Vec<String>>> {
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
        // Only the outermost component's plugs count: what is inside a part is that part's.
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
    let mut askers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (index, instance) in (0..).zip(instances) {
        if let Instance::Part(imports) = instance {
            let part = names.get(&index).cloned().unwrap_or_else(|| format!("part {index}"));
            for import in imports {
                askers.entry(import).or_default().insert(part.clone());
            }
        }
    }
    Ok(askers.into_iter().map(|(import, parts)| (import, parts.into_iter().collect())).collect())
}
