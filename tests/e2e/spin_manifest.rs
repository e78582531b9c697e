//! `spin.toml` against what Spin reads. Neither Spin nor its crates could be had where this was written: the shapes below are
//! those that Spin's documentation of manifest version 2 names, and like Spin they refuse unknown keys.

use image_service_tests::repository;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    spin_manifest_version: u32,
    application: Application,
    variables: BTreeMap<String, Variable>,
    trigger: BTreeMap<String, Vec<Trigger>>,
    component: BTreeMap<String, Component>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Application {
    name: String,
    version: String,
    description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    default: Option<String>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    secret: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trigger {
    route: String,
    component: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Component {
    #[serde(rename = "description")]
    _description: String,
    source: String,
    files: Vec<String>,
    allowed_outbound_hosts: Vec<String>,
    variables: BTreeMap<String, String>,
    build: Build,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    command: String,
    watch: Vec<String>,
}

fn manifest() -> Manifest {
    toml::from_str(&std::fs::read_to_string(repository("spin.toml")).unwrap()).unwrap()
}

/// The variable that `{{ name }}` stands for.
fn variable(template: &str) -> &str {
    template.strip_prefix("{{ ").unwrap().strip_suffix(" }}").unwrap()
}

/// The keys of the table of the interface `settings`.
fn settings() -> Vec<String> {
    let wit = std::fs::read_to_string(repository("wit/inventory.wit")).unwrap();
    let keys = wit.lines().filter_map(|line| line.strip_prefix("/// | `")?.split('`').next());
    keys.map(str::to_owned).collect()
}

#[test]
fn the_application_is_this_one() {
    let manifest = manifest();
    assert_eq!(manifest.spin_manifest_version, 2);
    assert_eq!(manifest.application.name, "image-service");
    assert_eq!(manifest.application.version, env!("CARGO_PKG_VERSION"));
    assert!(!manifest.application.description.is_empty());
}

#[test]
fn images_and_everything_else_are_routed_to_a_component_that_is_there() {
    let manifest = manifest();
    let routes: Vec<_> = manifest.trigger["http"].iter().map(|trigger| trigger.route.as_str()).collect();
    assert_eq!(routes, ["/images", "/..."]);
    assert!(manifest.trigger["http"].iter().all(|trigger| manifest.component.contains_key(&trigger.component)));
    let component = &manifest.component["image-service"];
    assert!(repository("compositions/spin.wac").exists());
    assert_eq!(component.source, "target/compositions/spin.wasm");
    assert_eq!(component.build.command, "cargo xtask compose");
    assert!(component.build.watch.iter().all(|glob| repository(glob.split('/').next().unwrap()).is_dir()));
    assert!(component.files.iter().all(|file| repository(file).is_file()), "{:?}", component.files);
}

#[test]
fn each_setting_has_a_variable_and_each_variable_is_a_setting() {
    let manifest = manifest();
    let mut expected = settings();
    assert!(expected.len() > 8, "the table in wit/inventory.wit was not found: {expected:?}");
    // Spin keeps no rows, the ignore file is a file, and the component that reads variables knows their style.
    const OTHERS: [&str; 6] = [
        "harbor-full-listing-interval",
        "images-to-ignore",
        "images-to-ignore-name",
        "settings-style",
        "stale-if-error",
        "stale-max-bytes",
    ];
    expected.retain(|key| !OTHERS.contains(&key.as_str()));
    let mut expected: Vec<String> = expected.iter().map(|key| key.replace('-', "_")).collect();
    expected.sort();
    assert_eq!(manifest.variables.keys().cloned().collect::<Vec<_>>(), expected);
    let component = &manifest.component["image-service"].variables;
    assert_eq!(component.keys().cloned().collect::<Vec<_>>(), expected);
    assert!(component.iter().all(|(name, template)| variable(template) == name));
}

#[test]
fn variables_are_required_or_have_a_default_and_passwords_are_secret() {
    for (name, variable) in manifest().variables {
        assert_eq!(variable.required, variable.default.is_none(), "{name}");
        assert_eq!(variable.secret, name.contains("password") || name.contains("token"), "{name}");
    }
}

#[test]
fn requests_go_to_the_two_configured_addresses_only() {
    let manifest = manifest();
    let hosts = &manifest.component["image-service"].allowed_outbound_hosts;
    let hosts: Vec<_> = hosts.iter().map(|host| variable(host)).collect();
    assert_eq!(hosts, ["harbor_url", "crictl_url"]);
    // Spin refuses a manifest whose default is no scheme, host and port.
    let default: http::Uri = manifest.variables["crictl_url"].default.as_deref().unwrap().parse().unwrap();
    assert!(default.scheme_str() == Some("http") && default.port_u16() == Some(5375) && default.path() == "/");
}
