//! The files of deploy/: as far as they can be checked without a cluster.

use image_service_tests::artifacts::program;
use image_service_tests::{repository, run, skip, target};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use yaml_rust2::{Yaml, YamlLoader};

fn deploy(name: &str) -> PathBuf {
    repository("deploy").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(deploy(name)).unwrap()
}

/// The document of this kind in a file.
fn document(name: &str, kind: &str) -> Yaml {
    let documents = YamlLoader::load_from_str(&read(name)).unwrap();
    documents.into_iter().find(|document| document["kind"].as_str() == Some(kind)).unwrap()
}

/// The keys of a mapping.
fn keys(yaml: &Yaml) -> BTreeSet<String> {
    yaml.as_hash().unwrap().keys().map(|key| key.as_str().unwrap().to_owned()).collect()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs systemd-analyze where the units are, with these drop-ins; `None` where there is none to be had.
fn systemd_analyze(arguments: &[&str], drop_ins: &[&str]) -> Option<Output> {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        skip("there is no systemd-analyze").unwrap();
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    // The program is not installed here.
    let unit = read("systemd/image-service.service");
    let installed = "/usr/local/bin/image-service";
    assert!(unit.contains(installed));
    let built = program().canonicalize().unwrap();
    let unit = unit.replace(installed, built.to_str().unwrap());
    std::fs::write(folder.path().join("image-service.service"), unit).unwrap();
    std::fs::copy(deploy("systemd/image-service.socket"), folder.path().join("image-service.socket")).unwrap();
    let beside = folder.path().join("image-service.service.d");
    std::fs::create_dir(&beside).unwrap();
    for drop_in in drop_ins {
        std::fs::copy(deploy("systemd").join(drop_in), beside.join(drop_in)).unwrap();
    }
    let mut command = Command::new("systemd-analyze");
    // The colon keeps systemd's own folders in the path.
    command.env("SYSTEMD_UNIT_PATH", format!("{}:", folder.path().display())).env("LC_ALL", "C");
    Some(command.args(arguments).output().unwrap())
}

#[test]
fn the_systemd_units_are_sound_with_and_without_drop_ins() {
    for drop_ins in [&[][..], &["exec-mode.conf"], &["credential.conf"]] {
        let Some(output) = systemd_analyze(&["verify", "image-service.service", "image-service.socket"], drop_ins)
        else {
            return;
        };
        assert!(output.status.success(), "{}", text(&output));
        assert!(!text(&output).contains("image-service"), "no warning is about us: {}", text(&output));
    }
}

#[test]
fn the_systemd_unit_is_exposed_by_2_5_at_most() {
    let Some(output) = systemd_analyze(
        &["security", "--offline=true", "--threshold=25", "image-service.service"],
        &["credential.conf"],
    ) else {
        return;
    };
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("Overall exposure level"), "{}", text(&output));
}

#[test]
fn the_drop_in_lets_sudo_become_root() {
    let Some(output) =
        systemd_analyze(&["security", "--offline=true", "--json=short", "image-service.service"], &["exec-mode.conf"])
    else {
        return;
    };
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = rows.as_array().unwrap().iter().find(|row| row["json_field"] == "NoNewPrivileges").unwrap();
    assert_eq!(row["set"], false, "{row}");
}

/// kubernetes-validate of PyPI, which has Kubernetes' schemas with it; installed below the target folder once.
fn kubernetes_validate() -> Option<PathBuf> {
    let folder = target().join("kubernetes-validate-1.37.0");
    let program = folder.join("bin/kubernetes-validate");
    if !program.exists() {
        let steps = [
            ("python3", vec!["-m", "venv", folder.to_str().unwrap()]),
            (folder.join("bin/pip").to_str().unwrap(), vec!["install", "--quiet", "kubernetes-validate==1.37.0"]),
        ]
        .map(|(program, arguments)| {
            (program.to_owned(), arguments.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>())
        });
        for (program, arguments) in steps {
            let outcome = Command::new(&program).args(&arguments).output();
            if !outcome.as_ref().is_ok_and(|output| output.status.success()) {
                skip(&format!("no kubernetes-validate: {program} {arguments:?}: {outcome:?}")).unwrap();
                return None;
            }
        }
    }
    Some(program)
}

#[test]
fn the_kubernetes_manifests_follow_the_schemas() {
    let Some(program) = kubernetes_validate() else { return };
    let resources = document("kubernetes/kustomization.yaml", "Kustomization");
    let files: Vec<PathBuf> = resources["resources"]
        .as_vec()
        .unwrap()
        .iter()
        .map(|file| deploy("kubernetes").join(file.as_str().unwrap()))
        .collect();
    for version in ["1.31", "1.37.0"] {
        let output = Command::new(&program).args(["--strict", "-k", version]).args(&files).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        assert_eq!(text(&output).matches(" passed for resource ").count(), files.len(), "{}", text(&output));
    }
}

#[test]
fn the_service_and_the_policy_select_the_pods_of_the_daemon_set() {
    let pods = document("kubernetes/daemonset.yaml", "DaemonSet");
    let labels = &pods["spec"]["template"]["metadata"]["labels"];
    assert!(!labels.as_hash().unwrap().is_empty());
    assert_eq!(&pods["spec"]["selector"]["matchLabels"], labels);
    assert_eq!(&document("kubernetes/service.yaml", "Service")["spec"]["selector"], labels);
    let policy = document("kubernetes/networkpolicy.yaml", "NetworkPolicy");
    assert_eq!(&policy["spec"]["podSelector"]["matchLabels"], labels);
}

#[tokio::test]
async fn the_config_for_kubernetes_is_one_that_the_program_reads_without_warnings() {
    let secret = document("kubernetes/secret.yaml", "Secret");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    for (name, text) in secret["stringData"].as_hash().unwrap() {
        let path = folder.path().join(name.as_str().unwrap());
        // The ConfigMap with the ignore file is a volume of its own.
        let text = text.as_str().unwrap().replace("/etc/image-service-ignore", deploy("..").to_str().unwrap());
        std::fs::write(&path, text).unwrap();
        // As the volume has them.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    }
    let report = run(&["check", "--config", config.to_str().unwrap()]).await.unwrap().stdout;
    let about_config: Vec<_> = report.lines().filter(|line| line.contains(" config ")).collect();
    assert_eq!(about_config.len(), 1, "{report}");
    assert!(about_config[0].starts_with("ok "), "{report}");
}

#[test]
fn spinkube_sets_variables_that_the_spin_manifest_has_and_all_that_it_requires() {
    let app = document("spinkube/spinapp.yaml", "SpinApp");
    let set: BTreeSet<&str> =
        app["spec"]["variables"].as_vec().unwrap().iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    let manifest = std::fs::read_to_string(deploy("../spin.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let variables = manifest["variables"].as_table().unwrap();
    assert!(set.iter().all(|name| variables.contains_key(*name)), "{set:?}");
    for (name, variable) in variables {
        assert!(variable.get("required").is_none() || set.contains(name.as_str()), "{name} is required");
    }
    let secrets = keys(&document("spinkube/spinapp.yaml", "Secret")["stringData"]);
    for variable in app["spec"]["variables"].as_vec().unwrap() {
        if let Some(key) = variable["valueFrom"]["secretKeyRef"]["key"].as_str() {
            assert!(secrets.contains(key), "{key}");
        }
    }
}

#[test]
fn wasmcloud_sets_environment_variables_that_the_edge_composition_asks_for() {
    let mut set = keys(&document("wasmcloud/workloaddeployment.yaml", "Secret")["stringData"]);
    set.extend(keys(&document("wasmcloud/workloaddeployment.yaml", "ConfigMap")["data"]));
    assert_are_settings(&set);
    assert_eq!(set.len(), 5);
    document("wasmcloud/workloaddeployment.yaml", "WorkloadDeployment");
}

#[test]
fn wash_dev_serves_the_edge_composition_with_the_same_variables_on_this_machine_only() {
    let text = std::fs::read_to_string(deploy("wasmcloud/.wash/config.yaml")).unwrap();
    let config = YamlLoader::load_from_str(&text).unwrap().remove(0);
    // The keys that `wash dev` of wasmCloud 2.7 reads; it takes a misspelt one for a missing one.
    let expected = ["build", "dev", "secrets", "workload"].map(str::to_owned);
    assert_eq!(keys(&config), BTreeSet::from(expected));
    assert_eq!(config["build"]["component_path"].as_str(), Some("../../target/compositions/edge.wasm"));
    assert!(config["dev"]["address"].as_str().unwrap().starts_with("127.0.0.1:"));
    let environment = &config["workload"]["environment"];
    let mut set = keys(&environment["config"]);
    for source in environment["secretFrom"].as_vec().unwrap() {
        let names = config["secrets"][source.as_str().unwrap()]["fromEnv"].as_vec().unwrap();
        set.extend(names.iter().map(|name| name.as_str().unwrap().to_owned()));
    }
    assert_are_settings(&set);
    let hosts: Vec<&str> =
        config["workload"]["allowedHosts"].as_vec().unwrap().iter().map(|host| host.as_str().unwrap()).collect();
    for url in ["HARBOR_URL", "CRICTL_URL"] {
        let url: http::Uri = environment["config"][url].as_str().unwrap().parse().unwrap();
        assert!(hosts.contains(&url.host().unwrap()), "{url}");
    }
}

/// Asserts that these environment variables are settings.
fn assert_are_settings(variables: &BTreeSet<String>) {
    let settings = std::fs::read_to_string(deploy("../wit/inventory.wit")).unwrap();
    for name in variables {
        let key = name.to_lowercase().replace('_', "-");
        assert!(settings.contains(&format!("| `{key}`")), "{name}");
    }
}
