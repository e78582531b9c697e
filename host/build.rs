//! Converts docs/openapi.yaml to JSON, so that the program needs no reader of YAML for it.

#![forbid(unsafe_code)]

use anyhow::{Context, Result, bail};
use serde_json::{Map, Number, Value};
use std::path::Path;
use yaml_rust2::{Yaml, YamlLoader};

const OPENAPI: &str = "../docs/openapi.yaml";

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed={OPENAPI}");
    openapi().with_context(|| format!("reading {OPENAPI}"))
}

fn openapi() -> Result<()> {
    let documents = YamlLoader::load_from_str(&std::fs::read_to_string(OPENAPI)?)?;
    let document = json(documents.first().context("it is empty")?)?;
    let to = Path::new(&std::env::var("OUT_DIR")?).join("openapi.json");
    Ok(std::fs::write(to, serde_json::to_string_pretty(&document)? + "\n")?)
}

/// Converts YAML to JSON. The reader has already resolved aliases (`*name`).
fn json(yaml: &Yaml) -> Result<Value> {
    Ok(match yaml {
        Yaml::String(text) => Value::String(text.clone()),
        Yaml::Integer(number) => Value::Number((*number).into()),
        Yaml::Real(_) => {
            Value::Number(Number::from_f64(yaml.as_f64().context("a number")?).context("a finite number")?)
        }
        Yaml::Boolean(value) => Value::Bool(*value),
        Yaml::Null => Value::Null,
        Yaml::Array(items) => Value::Array(items.iter().map(json).collect::<Result<_>>()?),
        Yaml::Hash(members) => {
            let member = |(key, value): (&Yaml, &Yaml)| {
                Ok((key.as_str().context("each key is a text")?.to_owned(), json(value)?))
            };
            Value::Object(members.iter().map(member).collect::<Result<Map<_, _>>>()?)
        }
        Yaml::Alias(_) | Yaml::BadValue => bail!("a value that JSON does not have"),
    })
}
