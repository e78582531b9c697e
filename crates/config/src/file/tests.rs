//! What becomes of a text, and of the variables beside it.

use super::*;
use crate::{CrictlMode, Level};
use std::time::Duration;

fn parsed(text: &str) -> (Config, Vec<String>) {
    parse(text, Path::new("/etc/image-service")).unwrap()
}

fn error(text: &str) -> String {
    format!("{:#}", parse(text, Path::new("/etc/image-service")).unwrap_err())
}

#[test]
fn an_empty_file_means_the_defaults() {
    let (config, warnings) = parsed("{}");
    assert_eq!((config.app.host.as_str(), config.app.port), ("127.0.0.1", 5375));
    assert_eq!(config.crictl.mode, CrictlMode::Auto);
    assert_eq!(config.crictl.ignore_file, Path::new("/etc/image-service/images_to_ignore.txt"));
    assert_eq!(config.crictl.timeout, Duration::from_secs(30));
    assert_eq!((config.harbor.page_size, config.harbor.max_concurrency), (100, 8));
    assert_eq!(config.cache.control().unwrap(), "max-age=5, stale-while-revalidate=5");
    assert!(config.harbor.verify_ssl && !config.harbor.is_complete());
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn a_file_of_the_flask_service_works_unchanged() {
    let (config, warnings) = parsed(
        r#"{
        "crictl_config": {"ignore_file_path": "/dev/null"},
        "harbor_config": {"url": "https://harbor.example.com", "username": "robot$ci", "password": "s3cret",
            "project_name": "", "page_size": 50, "verify_ssl": false},
        "app_config": {"host": "0.0.0.0", "port": 5375, "debug": false, "log_file": "logs/app.log",
            "log_max_bytes": 10000, "log_backup_count": 3, "log_level_app": "INFO",
            "log_level_file_handler": "WARNING", "jsonify_prettyprint_regular": true}
        }"#,
    );
    assert_eq!(warnings, [""; 0]);
    assert!(config.harbor.is_complete() && !config.harbor.verify_ssl);
    assert_eq!((config.harbor.user.as_str(), config.harbor.page_size), ("robot$ci", 50));
    let log = config.app.log.file.unwrap();
    assert_eq!(log.path, Path::new("/etc/image-service/logs/app.log"));
    assert_eq!((log.max_bytes, log.backups, log.level), (10_000, 3, Level::WARN));
    assert!(config.app.pretty);
}

#[test]
fn the_password_is_never_shown() {
    let (config, _) = parsed(r#"{"harbor_config": {"password": "s3cret"}}"#);
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn no_error_repeats_a_value_in_the_place_of_a_secret() {
    for value in ["12345", "true", "1.5", "[12345]", r#"{"a": 12345}"#, "-12345"] {
        let error = error(&format!(r#"{{"harbor_config": {{"password": {value}}}}}"#));
        assert!(error.starts_with("harbor_config.password: invalid type, expected a string in quotes"), "{error}");
        assert!(!error.contains("12345") && !error.contains("true"), "{error}");
    }
    let error = error(r#"{"harbor_config": "robot:s3cret"}"#);
    assert!(error.starts_with("harbor_config: invalid type") && !error.contains("s3cret"), "{error}");
}

#[test]
fn quotes_around_numbers_and_truth_values_are_forgiven_with_a_warning() {
    let text = r#"{"harbor_config": {"verify_ssl": "False", "timeout": "1.5"}, "app_config": {"port": " 80 "}, "cache_config": {"lifetime": "7"}}"#;
    let (config, warnings) = parsed(text);
    assert!(!config.harbor.verify_ssl);
    assert_eq!((config.app.port, config.cache.lifetime, config.harbor.timeout.as_millis()), (80, 7, 1500));
    assert_eq!(warnings.len(), 4);
    let expected = "harbor_config.verify_ssl is \"False\" in quotes, which counts as false; remove the quotes";
    assert_eq!(warnings[0], expected);
}

#[test]
fn no_error_has_a_word_of_rust() {
    let rust = [
        "u16", "u32", "u64", "usize", "f64", "i64", "bool", "struct", "variant", "sequence", "unit", "map", "floating",
        "Section",
    ];
    for value in ["-1", "1.5", "1e19", "true", "null1", "[1]", "[[]]", "{}", "{\"a\": []}", "\"x\""] {
        for key in [
            "app_config.port",
            "app_config.log_format",
            "app_config.debug",
            "harbor_config.timeout",
            "cache_config.lifetime",
            "cache_config.max_bytes",
            "harbor_config.registry_hosts",
            "harbor_config.mirrors",
            "harbor_config.user",
            "crictl_config.mode",
            "crictl_config.ignore_file_path",
            "page_config.labels",
            "page_config.title",
            "page_config.off",
        ] {
            let (section, key) = key.split_once('.').unwrap();
            let text = format!(r#"{{"{section}": {{"{key}": {value}}}}}"#);
            if let Err(error) = parse(&text, Path::new("/")) {
                let error = format!("{error:#}");
                let has = |word: &&str| error.split(|c: char| !c.is_alphanumeric()).any(|part| part == *word);
                assert!(!rust.iter().any(has), "{text}: {error}");
                assert!(error.contains(key) || value == "null1", "{text}: {error}");
            }
        }
    }
}

#[test]
fn a_key_that_is_there_twice_is_refused_under_both_of_its_names() {
    let twice = |keys: &str| error(&format!(r#"{{"harbor_config": {{{keys}}}}}"#));
    assert_eq!(
        twice(r#""url": "a", "url": "b""#),
        "harbor_config.url: the key is there twice; remove one of them (line 1 column 27)"
    );
    assert_eq!(
        twice(r#""username": "a", "user": "b""#),
        "harbor_config: user and username are both set, and mean the same; remove one of them (line 1 column 19)"
    );
}

/// What is read of this text with these variables.
fn with_variables(text: &str, variables: &[(&str, &str)]) -> Result<Read> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), value.into()));
    read(text, Path::new("/etc/image-service"), &Environment::of(variables))
}

#[test]
fn each_key_has_a_variable_that_takes_precedence_over_the_file() {
    let file = r#"{"harbor_config": {"url": "https://old.test", "username": "u", "password": "old"}, "app_config": {"port": 1}}"#;
    let variables = [
        ("HARBOR_URL", "https://new.test"),
        ("HARBOR_USER", "robot$new"),
        ("HARBOR_PASSWORD", "s3cret"),
        ("IMAGE_SERVICE_HARBOR_CONFIG_VERIFY_SSL", "false"),
        ("IMAGE_SERVICE_HARBOR_CONFIG_REGISTRY_HOSTS", "a:1, b:2"),
        ("IMAGE_SERVICE_HARBOR_CONFIG_MIRRORS", r#"{"docker.io": "hub"}"#),
        ("IMAGE_SERVICE_APP_CONFIG_PORT", "80"),
        ("IMAGE_SERVICE_CRICTL_CONFIG_COMMAND", r#"["crictl", "images"]"#),
        ("IMAGE_SERVICE_CRICTL_CONFIG_MODE", "exec"),
        ("IMAGE_SERVICE_CACHE_CONFIG_LIFETIME", "9"),
        ("IMAGE_SERVICE_NODE_API_ENABLED", "true"),
        ("IMAGE_SERVICE_NODE_API_TOKEN_FILE", "tokens"),
        ("IMAGE_SERVICE_PAGE_CONFIG_TITLE", "Ours"),
        ("IMAGE_SERVICE_COMPOSITION", "mine.wasm"),
    ];
    let read = with_variables(file, &variables).unwrap();
    let Config { harbor, app, crictl, cache, node_api, page, composition, .. } = read.config;
    assert_eq!(
        (harbor.url.as_str(), harbor.user.as_str(), harbor.password.reveal()),
        ("https://new.test", "robot$new", "s3cret")
    );
    assert!(!harbor.verify_ssl && harbor.registry_hosts == ["a:1", "b:2"] && harbor.mirrors["docker.io"] == "hub");
    assert_eq!((app.port, crictl.mode, crictl.command.unwrap().len(), cache.lifetime), (80, CrictlMode::Exec, 2, 9));
    assert_eq!(node_api.unwrap(), Path::new("/etc/image-service/tokens"));
    assert_eq!(
        (page.title.as_str(), composition.unwrap().as_path()),
        ("Ours", Path::new("/etc/image-service/mine.wasm"))
    );
    assert_eq!((read.warnings.len(), read.of_environment.len()), (0, 0));
    let shown: Vec<String> = read.settings.iter().map(Setting::to_string).collect();
    for setting in [
        "harbor_config.url is \"https://new.test\", from the variable HARBOR_URL and not config.json",
        "harbor_config.user is \"robot$new\", from the variable HARBOR_USER and not config.json",
        "harbor_config.password is (not shown), from the variable HARBOR_PASSWORD and not config.json",
        "app_config.port is 80, from the variable IMAGE_SERVICE_APP_CONFIG_PORT and not config.json",
        "harbor_config.registry_hosts is 2 in a list, from the variable IMAGE_SERVICE_HARBOR_CONFIG_REGISTRY_HOSTS",
    ] {
        assert!(shown.iter().any(|line| line == setting), "{setting}: {shown:#?}");
    }
    assert!(!shown.concat().contains("s3cret") && !shown.concat().contains("old"), "{shown:#?}");
}

#[test]
fn a_variable_of_a_wrong_type_is_named_and_one_that_is_no_key_is_a_warning() {
    let error = |name, value| with_variables("{}", &[(name, value)]).err().unwrap().to_string();
    assert_eq!(
        error("IMAGE_SERVICE_APP_CONFIG_PORT", "http"),
        "IMAGE_SERVICE_APP_CONFIG_PORT: invalid type: the text \"http\", expected a whole number from 0 to 65535"
    );
    assert!(error("IMAGE_SERVICE_HARBOR_CONFIG_MIRRORS", "docker.io=hub").ends_with("write an object as JSON"));
    let warnings = with_variables("{}", &[("IMAGE_SERVICE_HARBOR_URL", "x")]).unwrap().of_environment;
    assert!(
        matches!(&warnings[..], [warning] if warning.contains("IMAGE_SERVICE_HARBOR_URL is no key")
        && warning.ends_with("such as IMAGE_SERVICE_HARBOR_CONFIG_URL")),
        "{warnings:?}"
    );
}

#[test]
fn a_password_alone_in_the_environment_wants_no_harbor() {
    let read = with_variables("{}", &[("HARBOR_PASSWORD", "s3cret")]).unwrap();
    assert!(read.config.harbor.is_off() && read.warnings.is_empty());
}

#[test]
fn an_unknown_key_is_a_warning_that_names_it() {
    let (_, warnings) = parsed(r#"{"harbor_config": {"urll": "x"}, "extra": 1}"#);
    // Keys of a section are found when it is read.
    assert!(warnings[0].contains("key extra is") && warnings[0].ends_with("is it spelled right?"), "{warnings:?}");
    assert!(
        warnings[1].contains("key harbor_config.urll is") && warnings[1].ends_with("is url meant?"),
        "{warnings:?}"
    );
}

#[test]
fn a_wrong_type_names_its_key() {
    assert_eq!(
        error(r#"{"app_config": {"port": "http"}}"#),
        "app_config.port: invalid type: the text \"http\", expected a whole number from 0 to 65535 (line 1 column 25)"
    );
    assert!(error(r#"{"app_config": {"port": 70000}}"#).starts_with("app_config.port: invalid value"));
    assert!(error(r#"{"crictl_config": {"mode": "ssh"}}"#).contains("`auto`, `cri`, `exec`"));
    assert!(error("[]").contains("expected an object"));
    assert!(error(r#"{"app_config": ["0.0.0.0", 80]}"#).starts_with("app_config: invalid type: a list"));
}

#[test]
fn broken_json_is_refused_with_line_and_column() {
    assert!(error("{\n  \"app_config\": {,}\n}").contains("a comma too many at line 2 column 18"));
    assert!(error("{} x").contains("line 1 column 4"));
    assert!(error("").contains("line 1 column 0"));
    assert!(
        error(r#"{"app_config": {"response_timeout": NaN}}"#).starts_with("not valid JSON: expected value at line")
    );
}

#[test]
fn a_number_too_large_for_any_key_is_refused_with_its_key_and_place() {
    for (key, number) in [("response_timeout", "1e400"), ("port", "-1e400")] {
        let error = error(&format!(r#"{{"app_config": {{"{key}": {number}}}}}"#));
        assert!(error.starts_with(&format!("app_config.{key}: number out of range at line 1 column ")), "{error}");
        assert!(!error.contains("e400"), "it may be a secret: {error}");
    }
}

#[test]
fn invalid_values_are_refused_with_their_key() {
    assert!(error(r#"{"harbor_config": {"url": "harbor.example.com"}}"#).contains("https://harbor.example.com"));
    assert!(error(r#"{"harbor_config": {"page_size": 0}}"#).contains("1 to 100"));
    assert!(error(r#"{"harbor_config": {"max_concurrency": 0}}"#).contains("max_concurrency"));
    assert!(error(r#"{"harbor_config": {"timeout": 0}}"#).contains("harbor_config.timeout"));
    assert!(error(r#"{"crictl_config": {"command": []}}"#).contains("crictl_config.command"));
    assert!(error(r#"{"crictl_config": {"endpoint": "tcp://1.2.3.4"}}"#).contains("unix:///"));
    assert!(error(r#"{"app_config": {"log_level_app": "LOUD"}}"#).contains("LOUD"));
}

#[test]
fn a_lifetime_of_0_turns_the_cache_off() {
    let control = |section: &str| parsed(&format!(r#"{{"cache_config": {section}}}"#)).0.cache.control();
    assert_eq!(control(r#"{"lifetime": 60}"#).unwrap(), "max-age=60, stale-while-revalidate=60");
    assert_eq!(
        control(r#"{"lifetime": 60, "stale_while_revalidate": 0}"#).unwrap(),
        "max-age=60, stale-while-revalidate=0"
    );
    assert_eq!(control(r#"{"lifetime": 0}"#), None);
}

#[test]
fn ports_from_0_to_65535_are_accepted() {
    for port in [0, 65535] {
        assert_eq!(parsed(&format!(r#"{{"app_config": {{"port": {port}}}}}"#)).0.app.port, port);
    }
}

#[test]
fn a_page_size_above_harbors_limit_is_lowered_with_a_warning() {
    let (config, warnings) = parsed(r#"{"harbor_config": {"page_size": 500}}"#);
    assert_eq!(config.harbor.page_size, 100);
    assert_eq!(warnings.len(), 1);
}

#[test]
fn an_error_about_a_key_tells_the_line_and_column_of_its_value() {
    let place = |text: &str| error(text).rsplit_once(" (").map(|(_, place)| place.to_owned()).unwrap_or_default();
    for (text, expected) in [
        ("{\n  \"limits_config\": {\n    \"max_requests\": \"many\"\n  }\n}", "line 3 column 21)"),
        ("{\n  \"limits_config\": {\n    \"max_requests\": 0\n  }\n}", "line 3 column 21)"),
        ("{\"harbor_config\":\n\"s3cret\"}", "line 2 column 1)"),
        ("{\"harbor_config\": {\n\"password\": 12345}}", "line 2 column 13)"),
        ("{\"crictl_config\": {\n\"command\": [1]}}", "line 2 column 12)"),
        ("{\"node_api\": {\"enabled\": true}}", "line 1 column 14)"),
    ] {
        assert_eq!(place(text), expected, "{}", error(text));
    }
    // The file's own value does not count.
    let environment = Environment::of([("IMAGE_SERVICE_LIMITS_CONFIG_MAX_REQUESTS".to_owned(), "0".into())]);
    let text = "{\"limits_config\": {\"max_requests\": 7}}";
    let error = read(text, Path::new("/"), &environment).map(drop).unwrap_err().to_string();
    assert!(error.contains("max_requests") && !error.contains("(line"), "{error}");
}
