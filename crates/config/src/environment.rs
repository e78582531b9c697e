//! The variables of the environment: each key of config.json has one, which takes precedence over the file.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use zeroize::Zeroize;

/// What the name of a variable begins with. The key follows in capital letters, with `_` for the point.
const PREFIX: &str = "IMAGE_SERVICE_";

/// Names by which the field knows some keys. The ones with the prefix take precedence.
const KNOWN_NAMES: [(&str, &str); 3] = [
    ("harbor_config.url", "HARBOR_URL"),
    ("harbor_config.user", "HARBOR_USER"),
    ("harbor_config.password", "HARBOR_PASSWORD"),
];

/// Variables with the prefix that are no key: the config file, and crictl's own variable for the socket.
const OTHERS: [&str; 2] = ["IMAGE_SERVICE_CONFIG", "IMAGE_SERVICE_ENDPOINT"];

/// The variables of a process. Those without a text count as not set.
#[derive(Default)]
pub(crate) struct Environment(BTreeMap<String, OsString>);

impl Drop for Environment {
    fn drop(&mut self) {
        self.0.values_mut().for_each(|value| std::mem::take(value).into_encoded_bytes().zeroize());
    }
}

impl Environment {
    /// That of this process.
    pub(crate) fn of_process() -> Self {
        Self::of(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))))
    }

    pub(crate) fn of(variables: impl IntoIterator<Item = (String, OsString)>) -> Self {
        Self(variables.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The value of a variable.
    pub(crate) fn value(&self, name: &str) -> Option<&OsString> {
        self.0.get(name)
    }

    /// The variables that set keys.
    pub(crate) fn names(&self) -> Vec<&str> {
        let known = |name: &str| KNOWN_NAMES.iter().any(|(_, known)| *known == name);
        let sets = |name: &&str| known(name) || (name.starts_with(PREFIX) && !OTHERS.contains(name));
        self.0.keys().map(String::as_str).filter(sets).collect()
    }

    /// The variable that sets a key, and its value.
    pub(crate) fn variable_of(&self, key: &str) -> Option<(&str, &OsString)> {
        let own = name_of(key);
        let known = KNOWN_NAMES.iter().filter(|(known, _)| *known == key).map(|(_, name)| *name);
        let found = [own.as_str()].into_iter().chain(known).find_map(|name| self.0.get_key_value(name));
        found.map(|(name, value)| (name.as_str(), value))
    }

    /// Whether a variable sets a key of this section.
    pub(crate) fn has_any_of(&self, section: &str) -> bool {
        let begin = format!("{}_", name_of(section));
        let known = KNOWN_NAMES.iter().filter(|(key, _)| key.split('.').next() == Some(section));
        self.0.keys().any(|name| name.starts_with(&begin))
            || known.into_iter().any(|(_, name)| self.0.contains_key(*name))
    }

    /// The variables that look like a key's and are none. `keys` are all keys of the sections that were read.
    pub(crate) fn unknown(&self, keys: &BTreeSet<String>) -> Vec<&str> {
        let known: BTreeSet<String> = keys.iter().map(|key| name_of(key)).collect();
        let is_unknown = |(name, value): &(&String, &OsString)| {
            name.starts_with(PREFIX)
                && !OTHERS.contains(&name.as_str())
                && !known.contains(*name)
                && !is_of_kubernetes(name, value)
        };
        self.0.iter().filter(is_unknown).map(|(name, _)| name.as_str()).collect()
    }
}

/// The variable of a key.
pub(crate) fn name_of(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace(['.', '-'], "_"))
}

/// Whether Kubernetes sets this variable in each Pod beside a Service named `image-service` or `image-service-…`.
fn is_of_kubernetes(name: &str, value: &OsString) -> bool {
    let is_address = value.to_str().is_some_and(|value| value.starts_with("tcp://") || value.starts_with("udp://"));
    let of_port = name.rsplit_once("_PORT_").is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || of_port
        || (name.ends_with("_PORT") && is_address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::of(variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))))
    }

    #[test]
    fn a_key_has_a_variable_and_some_have_a_second_name() {
        let both = environment(&[("HARBOR_URL", "a"), ("IMAGE_SERVICE_HARBOR_CONFIG_URL", "b"), ("HARBOR_USER", "c")]);
        let of = |key| both.variable_of(key).map(|(name, value)| (name, value.to_str().unwrap()));
        assert_eq!(of("harbor_config.url"), Some(("IMAGE_SERVICE_HARBOR_CONFIG_URL", "b")));
        assert_eq!(of("harbor_config.user"), Some(("HARBOR_USER", "c")));
        assert_eq!(of("harbor_config.password"), None);
        assert!(both.has_any_of("harbor_config") && !both.has_any_of("app_config"));
        assert!(!environment(&[("HARBOR_URL", "")]).has_any_of("harbor_config"), "an empty one is not set");
    }

    #[test]
    fn a_variable_that_is_no_key_is_unknown_unless_others_set_it() {
        let variables = environment(&[
            ("IMAGE_SERVICE_APP_CONFIG_PORT", "80"),
            ("IMAGE_SERVICE_APP_CONFIG_PROT", "80"),
            ("IMAGE_SERVICE_CONFIG", "/etc/config.json"),
            ("IMAGE_SERVICE_ENDPOINT", "unix:///run/x.sock"),
            ("IMAGE_SERVICE_SERVICE_HOST", "10.0.0.1"),
            ("IMAGE_SERVICE_SERVICE_PORT_HTTP", "5375"),
            ("IMAGE_SERVICE_PORT", "tcp://10.0.0.1:5375"),
            ("IMAGE_SERVICE_NODES_PORT_5375_TCP_ADDR", "10.0.0.1"),
            ("HOME", "/"),
        ]);
        let keys = BTreeSet::from(["app_config.port".to_owned()]);
        assert_eq!(variables.unknown(&keys), ["IMAGE_SERVICE_APP_CONFIG_PROT"]);
    }
}
