//! The keys of the interface `settings`, as each environment writes them: an operator looks for the name that he has set.

use std::sync::OnceLock;
use std::time::Duration;

/// The key whose value tells how messages write the other keys.
pub const STYLE: &str = "settings-style";
/// The style of environment variables.
pub const ENVIRONMENT: &str = "environment";
/// The style of Spin's variables.
pub const SPIN: &str = "spin";

/// The style of config.json.
pub const CONFIG: &str = "config";

/// The style of this component's environment, once it is known.
static STYLE_HERE: OnceLock<Option<String>> = OnceLock::new();

/// Has [`here`] write keys in this style. The first call counts: an environment has one style.
pub fn use_style(style: Option<&str>) {
    STYLE_HERE.get_or_init(|| style.map(str::to_owned));
}

/// A key as messages write it in this component's environment.
pub fn here(key: &str) -> String {
    written(STYLE_HERE.get().and_then(Option::as_deref), key)
}

/// The key of config.json for a key, where there is one: `harbor_config.project_name` for `harbor-project`.
///
/// ```
/// assert_eq!(image_model::setting::config_key("harbor-project").as_deref(), Some("harbor_config.project_name"));
/// ```
pub fn config_key(key: &str) -> Option<String> {
    match key {
        "harbor-project" => Some("harbor_config.project_name".to_owned()),
        "registry-hosts" | "mirrors" => Some(format!("harbor_config.{}", spin_variable(key))),
        _ => key.strip_prefix("harbor-").map(|rest| format!("harbor_config.{}", spin_variable(rest))),
    }
}

/// The environment variable for a key: `HARBOR_URL` for `harbor-url`.
///
/// ```
/// assert_eq!(image_model::setting::environment_variable("harbor-max-concurrency"), "HARBOR_MAX_CONCURRENCY");
/// ```
pub fn environment_variable(key: &str) -> String {
    key.to_ascii_uppercase().replace('-', "_")
}

/// Spin's variable for a key, whose names have no hyphens: `harbor_url` for `harbor-url`.
///
/// ```
/// assert_eq!(image_model::setting::spin_variable("harbor-max-concurrency"), "harbor_max_concurrency");
/// ```
pub fn spin_variable(key: &str) -> String {
    key.replace('-', "_")
}

/// A key as messages write it in this style.
pub fn written(style: Option<&str>, key: &str) -> String {
    match style {
        Some(ENVIRONMENT) => environment_variable(key),
        Some(SPIN) => spin_variable(key),
        Some(CONFIG) => config_key(key).unwrap_or_else(|| key.to_owned()),
        _ => key.to_owned(),
    }
}

/// Seconds, more than 0, of the value that `name` has.
///
/// # Errors
///
/// When the value is nothing of that kind: with the name, the value, and what was expected.
pub fn seconds(value: &str, name: &str) -> Result<Duration, String> {
    let seconds = value.parse().ok().filter(|seconds| *seconds > 0.0);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| format!("{name} is {value:?}, where seconds, more than 0, were expected"))
}

/// The value without the line ends around it, which files and pipes add to secrets.
pub fn trimmed(value: &str) -> &str {
    value.trim_matches(['\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_write_a_key_as_its_environment_does() {
        let written = |style| written(style, "crictl-token");
        assert_eq!(written(Some(ENVIRONMENT)), "CRICTL_TOKEN");
        assert_eq!(written(Some(SPIN)), "crictl_token");
        assert_eq!((written(None), written(Some("other"))), ("crictl-token".to_owned(), "crictl-token".to_owned()));
        let of_config = |key| super::written(Some(CONFIG), key);
        assert_eq!(of_config("harbor-page-size"), "harbor_config.page_size");
        assert_eq!(of_config("harbor-project"), "harbor_config.project_name");
        assert_eq!(
            (of_config("mirrors").as_str(), of_config("node-name").as_str()),
            ("harbor_config.mirrors", "node-name")
        );
    }

    #[test]
    fn line_ends_around_a_secret_do_not_count_but_spaces_do() {
        assert_eq!(trimmed("\r\n s3cret \n"), " s3cret ");
        assert_eq!(trimmed("s3\ncret"), "s3\ncret");
    }
}
