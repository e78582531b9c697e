//! The sockets to ask: those that crictl's own configuration names, else the ones that runtimes use by default.

use super::error::{Error, ErrorKind};
use image_service_config::regular_file::{self, MAX_TEXT};
use image_service_config::socket_path;
use std::path::{Path, PathBuf};

/// The sockets that runtimes use by default: crictl's, in its order; then those of distributions of Kubernetes, which come with
/// a crictl that knows them.
const DEFAULT_SOCKETS: [&str; 7] = [
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/var/run/cri-dockerd.sock",
    // k3s and RKE2.
    "/run/k3s/containerd/containerd.sock",
    "/run/k3s/cri-dockerd/cri-dockerd.sock",
    // k0s.
    "/run/k0s/containerd.sock",
    // MicroK8s.
    "/var/snap/microk8s/common/run/containerd.sock",
];
/// crictl's own configuration, where `CRI_CONFIG_FILE` names no other.
const CRICTL_YAML: &str = "/etc/crictl.yaml";

/// The sockets to ask, in order, and what is wrong with crictl's configuration.
#[derive(Debug, Default)]
pub(super) struct Endpoints {
    pub(super) sockets: Vec<PathBuf>,
    pub(super) mistakes: Vec<Error>,
}

impl Endpoints {
    /// Reads crictl's configuration, so that an edit counts from the next request on.
    pub(super) async fn read() -> Self {
        let read = tokio::task::spawn_blocking(|| Self::of(|name| std::env::var(name).ok())).await;
        read.unwrap_or_default()
    }

    /// The sockets in these environment variables and in the file that they name. The settings have crictl's order of precedence.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let mut endpoints = Self::default();
        let named_file = variable("CRI_CONFIG_FILE");
        let file = PathBuf::from(named_file.as_deref().unwrap_or(CRICTL_YAML));
        let [image, runtime] = match settings(&file, named_file.is_some()) {
            Ok(settings) => settings,
            Err(mistake) => {
                endpoints.mistakes.push(mistake);
                [None, None]
            }
        };
        let of_file =
            |key: &str, value: Option<String>| value.map(|value| (format!("{key} in {}", file.display()), value));
        let of_variable = |name: &str| variable(name).map(|value| (name.to_owned(), value));
        let named = [
            of_variable("IMAGE_SERVICE_ENDPOINT"),
            of_file("image-endpoint", image),
            of_variable("CONTAINER_RUNTIME_ENDPOINT"),
            of_file("runtime-endpoint", runtime),
        ];
        let mut is_named = false;
        for (setting, endpoint) in named.into_iter().flatten() {
            is_named = true;
            match socket_path(&endpoint) {
                Some(path) if endpoints.sockets.contains(&path) => {}
                Some(path) => endpoints.sockets.push(path),
                None => endpoints.mistakes.push(Error::new(
                    ErrorKind::Unavailable,
                    format!("{setting} is {endpoint:?}, which is no Unix socket"),
                    "write it as unix:///run/containerd/containerd.sock",
                )),
            }
        }
        if !is_named {
            endpoints.sockets = DEFAULT_SOCKETS.iter().map(PathBuf::from).collect();
        }
        endpoints
    }
}

/// `image-endpoint` and `runtime-endpoint` of crictl's configuration. Only a file that somebody named has to be there.
fn settings(path: &Path, is_named: bool) -> Result<[Option<String>; 2], Error> {
    let mistake = |what: String| {
        let cause = format!("crictl's configuration {} {what}", path.display());
        Error::new(ErrorKind::Unavailable, cause, "correct it, or set crictl_config.endpoint")
    };
    let text = match regular_file::read_text(path, MAX_TEXT) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => return Ok([None, None]),
        Err(error) => return Err(mistake(format!("can't be read ({error})"))),
        Ok(text) => text,
    };
    let documents =
        yaml_rust2::YamlLoader::load_from_str(&text).map_err(|error| mistake(format!("is no YAML ({error})")))?;
    let value = |key: &str| {
        let value = documents.first().and_then(|settings| settings[key].as_str());
        value.filter(|value| !value.is_empty()).map(str::to_owned)
    };
    Ok([value("image-endpoint"), value("runtime-endpoint")])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(variables: &[(&str, &str)]) -> Endpoints {
        Endpoints::of(|name| {
            let missing = ("CRI_CONFIG_FILE", "/nonexistent/crictl.yaml");
            let found = variables.iter().chain([&missing]).find(|(found, _)| *found == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn with_file(text: &str, variables: &[(&str, &str)]) -> Endpoints {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crictl.yaml");
        std::fs::write(&path, text).unwrap();
        let file = ("CRI_CONFIG_FILE", path.to_str().unwrap());
        endpoints(&[&[file], variables].concat())
    }

    fn mistakes(endpoints: &Endpoints) -> Vec<String> {
        endpoints.mistakes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_file_that_cri_config_file_names_is_read_as_crictl_reads_it() {
        let file = "runtime-endpoint: unix:///run/r.sock\nimage-endpoint: /run/i.sock\ntimeout: 2\n";
        assert_eq!(with_file(file, &[]).sockets, [Path::new("/run/i.sock"), Path::new("/run/r.sock")]);
        let variables = [("CONTAINER_RUNTIME_ENDPOINT", "unix:///run/v.sock")];
        assert_eq!(
            with_file("runtime-endpoint: unix:///run/r.sock\n", &variables).sockets,
            [Path::new("/run/v.sock"), Path::new("/run/r.sock")]
        );
    }

    #[test]
    fn without_settings_the_sockets_of_all_known_runtimes_are_asked() {
        let file = with_file("timeout: 2\nruntime-endpoint: \"\"\n", &[]);
        assert_eq!((file.sockets.len(), file.mistakes.len()), (DEFAULT_SOCKETS.len(), 0));
    }

    #[test]
    fn a_mistake_in_crictls_configuration_is_named() {
        let missing = endpoints(&[]);
        assert_eq!(missing.sockets.len(), DEFAULT_SOCKETS.len());
        assert!(mistakes(&missing)[0].contains("/nonexistent/crictl.yaml can't be read (No such file"), "{missing:?}");
        let broken = with_file("a: [b", &[]);
        assert!(mistakes(&broken)[0].contains("is no YAML"), "{broken:?}");
        let tcp = endpoints(&[("CONTAINER_RUNTIME_ENDPOINT", "tcp://127.0.0.1:1")]);
        assert_eq!(tcp.sockets, Vec::<PathBuf>::new());
        assert!(
            mistakes(&tcp)
                .iter()
                .any(|text| text.starts_with("CONTAINER_RUNTIME_ENDPOINT is \"tcp://127.0.0.1:1\", which")),
            "{tcp:?}"
        );
    }

    #[test]
    fn a_configuration_that_is_a_device_is_not_read() {
        let endpoints = endpoints(&[("CRI_CONFIG_FILE", "/dev/zero")]);
        assert!(mistakes(&endpoints)[0].contains("/dev/zero can't be read (it is a device, "), "{endpoints:?}");
    }
}
