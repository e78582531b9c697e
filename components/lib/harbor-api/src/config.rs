//! The operator's settings for Harbor.

use image_model::protocol::HARBOR_OFF;
use image_model::types::{Failure, FailureCode};
use image_model::{harbor_url, setting};
use std::collections::HashMap;
use std::time::Duration;
use url::Url;

/// The keys of these settings.
pub const KEYS: [&str; 10] = [
    setting::STYLE,
    "harbor-url",
    "harbor-auth",
    "harbor-user",
    "harbor-password",
    "harbor-project",
    "harbor-page-size",
    "harbor-max-concurrency",
    "harbor-listing-timeout",
    "harbor-full-listing-interval",
];

/// The largest page that Harbor accepts; it answers 422 to a larger one.
const MAX_PAGE_SIZE: usize = 100;
const DEFAULT_CONCURRENCY: usize = 8;
const DEFAULT_LISTING_TIMEOUT: Duration = Duration::from_secs(120);
const DEFAULT_FULL_LISTING_INTERVAL: Duration = Duration::from_secs(3600);

/// Where Harbor is, and how a listing sends its requests.
#[derive(Clone, Debug)]
pub struct Config {
    /// The URL of the API, up to and with `/api/v2.0`, without a slash at its end.
    pub base: Url,
    /// Who adds the login to requests.
    pub login: Login,
    /// The one project to list; `None` for all.
    pub project: Option<String>,
    /// Rows of one page, 1 to 100.
    pub page_size: usize,
    /// Requests under way at a time, 1 or more.
    pub concurrency: usize,
    /// The longest time that the whole listing may take.
    pub listing_timeout: Duration,
    /// The longest time between two whole listings; `None` where no rows are kept between listings.
    pub full_listing_interval: Option<Duration>,
}

/// Who adds the login to requests.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// The host, which alone knows the password.
    Host,
    /// The component, with this value of `Authorization`.
    Own(String),
    /// Nobody: the operator wants what Harbor shows to everybody.
    Nobody,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Host => "Host",
            Self::Own(_) => "Own(…)",
            Self::Nobody => "Nobody",
        })
    }
}

impl Config {
    /// Reads the settings of [`KEYS`]; the table in wit/inventory.wit says what they mean.
    ///
    /// # Errors
    ///
    /// When a setting is missing or can't be read, with its name or value and what was expected. Where none is set of which a Harbor
    /// needs one, the operator wants no Harbor, which is [`FailureCode::NotConfigured`].
    pub fn read(settings: &HashMap<&str, String>) -> Result<Self, Failure> {
        let get = |key: &str| {
            settings.get(key).map(|value| setting::trimmed(value)).filter(|value| !value.is_empty()).map(str::to_owned)
        };
        // An operator looks for the name that the environment has.
        let name = |key: &str| setting::written(settings.get(setting::STYLE).map(String::as_str), key);
        let is_off =
            ["harbor-url", "harbor-auth", "harbor-user", "harbor-password"].iter().all(|key| get(key).is_none());
        let code = if is_off { FailureCode::NotConfigured } else { FailureCode::Misconfigured };
        let incomplete = || Failure::of_source(code, HARBOR_OFF.to_owned());
        let url = get("harbor-url").ok_or_else(incomplete)?;
        let login = match get("harbor-auth").as_deref() {
            Some("host") => Login::Host,
            Some("anonymous") => Login::Nobody,
            _ => {
                let user = get("harbor-user").ok_or_else(incomplete)?;
                let password = get("harbor-password").ok_or_else(incomplete)?;
                Login::Own(basic(&user, &password))
            }
        };
        Self::of_harbor(get, name, &url, login)
            .map_err(|message| Failure::of_source(FailureCode::Misconfigured, message))
    }

    fn of_harbor(
        get: impl Fn(&str) -> Option<String>,
        name: impl Fn(&str) -> String,
        url: &str,
        login: Login,
    ) -> Result<Self, String> {
        Ok(Self {
            base: base(url)?,
            login,
            project: get("harbor-project"),
            page_size: number(get("harbor-page-size"), &name("harbor-page-size"), MAX_PAGE_SIZE)?.min(MAX_PAGE_SIZE),
            concurrency: number(get("harbor-max-concurrency"), &name("harbor-max-concurrency"), DEFAULT_CONCURRENCY)?,
            listing_timeout: seconds(
                get("harbor-listing-timeout"),
                &name("harbor-listing-timeout"),
                DEFAULT_LISTING_TIMEOUT,
            )?,
            full_listing_interval: interval(
                get("harbor-full-listing-interval"),
                &name("harbor-full-listing-interval"),
            )?,
        })
    }
}

/// The URL of the API, from Harbor's URL, the URL of the API itself, or that of a page of the portal.
fn base(text: &str) -> Result<Url, String> {
    let explain = |problem: &str| format!("the Harbor URL {} can't be used: {problem}", shown(text));
    let address = harbor_url::read(text).map_err(|problem| explain(&problem))?;
    let parsed = Url::parse(&format!("{}/api/v2.0", address.base));
    let url = parsed.map_err(|error| explain(&format!("{error}; write it as https://harbor.example.com")))?;
    if !url.has_host() {
        return Err(explain("it names no host; write it as https://harbor.example.com"));
    }
    Ok(url)
}

/// The text, unless it may hold a login.
fn shown(text: &str) -> String {
    if text.contains('@') { "(which holds an @)".to_owned() } else { format!("{text:?}") }
}

fn number(text: Option<String>, name: &str, default: usize) -> Result<usize, String> {
    match text {
        None => Ok(default),
        Some(text) => match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("the setting {name} is {text:?}, where a whole number from 1 was expected")),
        },
    }
}

fn seconds(text: Option<String>, name: &str, default: Duration) -> Result<Duration, String> {
    text.map_or(Ok(default), |text| setting::seconds(&text, &format!("the setting {name}")))
}

/// The longest time between two whole listings; `None` for 0.
fn interval(text: Option<String>, name: &str) -> Result<Option<Duration>, String> {
    let Some(text) = text else { return Ok(Some(DEFAULT_FULL_LISTING_INTERVAL)) };
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let seconds =
        seconds.ok_or_else(|| format!("the setting {name} is {text:?}, where seconds, 0 or more, were expected"))?;
    Ok(Some(seconds).filter(|seconds| !seconds.is_zero()))
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(settings: &[(&'static str, &str)]) -> HashMap<&'static str, String> {
        settings.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()
    }

    fn read(values: &[(&'static str, &str)]) -> Result<Config, String> {
        Config::read(&settings(values)).map_err(|failure| failure.message)
    }

    #[test]
    fn without_any_key_there_is_no_harbor_by_choice_and_with_some_of_them_it_is_incomplete() {
        let code = |values| Config::read(&settings(values)).unwrap_err().code;
        assert_eq!(code(&[("harbor-url", ""), ("harbor-page-size", "50")]), FailureCode::NotConfigured);
        for values in [&[("harbor-url", "https://h")][..], &[("harbor-auth", "incomplete")], &[("harbor-user", "u")]] {
            assert_eq!(code(values), FailureCode::Misconfigured, "{values:?}");
        }
    }

    #[test]
    fn a_public_harbor_needs_an_address_only() {
        let config = read(&[("harbor-url", "https://h"), ("harbor-auth", "anonymous")]).unwrap();
        assert_eq!(config.login, Login::Nobody);
    }

    #[test]
    fn url_user_and_password_are_required() {
        for settings in [
            &[][..],
            &[("harbor-url", "https://h")],
            &[("harbor-url", ""), ("harbor-auth", "host")],
            &[("harbor-url", "https://h"), ("harbor-user", "u")],
            &[("harbor-url", "https://h"), ("harbor-user", "u"), ("harbor-password", "")],
        ] {
            assert_eq!(read(settings).unwrap_err(), "Harbor configuration incomplete", "{settings:?}");
        }
    }

    #[test]
    fn a_host_that_logs_in_needs_no_password_here() {
        let config = read(&[("harbor-url", "https://h"), ("harbor-auth", "host")]).unwrap();
        assert_eq!(config.login, Login::Host);
        assert_eq!((config.page_size, config.concurrency), (100, 8));
    }

    #[test]
    fn an_own_login_is_basic_and_never_shown() {
        let config = read(&[("harbor-url", "https://h"), ("harbor-user", "robot$ci"), ("harbor-password", "s3cret:x")]);
        let config = config.unwrap();
        assert_eq!(config.login, Login::Own("Basic cm9ib3QkY2k6czNjcmV0Ong=".to_owned()));
        assert!(!format!("{config:?}").contains("cm9ib3Qk"));
    }

    #[test]
    fn line_ends_around_a_secret_do_not_count() {
        let plain = read(&[("harbor-url", "https://h"), ("harbor-user", "u"), ("harbor-password", "s3cret")]).unwrap();
        let piped = read(&[("harbor-url", "https://h\n"), ("harbor-user", "u\r\n"), ("harbor-password", "\ns3cret\n")])
            .unwrap();
        assert_eq!((piped.base, piped.login), (plain.base, plain.login));
    }

    #[test]
    fn a_mistake_names_the_setting_as_its_environment_writes_it() {
        let read = |style| {
            let settings = [("harbor-url", "https://h"), ("harbor-auth", "host"), ("harbor-page-size", "x")];
            read(&[&settings[..], &[("settings-style", style)]].concat()).unwrap_err()
        };
        assert!(read("environment").starts_with("the setting HARBOR_PAGE_SIZE is \"x\""), "{}", read("environment"));
        assert!(read("spin").starts_with("the setting harbor_page_size is \"x\""), "{}", read("spin"));
        assert!(read("").starts_with("the setting harbor-page-size is \"x\""), "{}", read(""));
    }

    #[test]
    fn a_path_prefix_is_kept_and_the_api_may_be_named() {
        for (url, expected) in [
            ("https://h", "https://h/api/v2.0"),
            ("https://h:8443/", "https://h:8443/api/v2.0"),
            ("http://h/registry/", "http://h/registry/api/v2.0"),
            ("https://h/api/v2.0/", "https://h/api/v2.0"),
            ("https://[::1]:8080", "https://[::1]:8080/api/v2.0"),
            ("https://h/harbor/projects", "https://h/api/v2.0"),
        ] {
            assert_eq!(base(url).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn a_url_without_scheme_is_explained() {
        for (url, written) in
            [("h.example.com", "https://h.example.com"), ("h:443", "https://h:443"), ("ftp://h", "https://h")]
        {
            let message = base(url).unwrap_err();
            assert!(message.contains(url) && message.contains(&format!("write it as {written}")), "{message}");
        }
    }

    #[test]
    fn the_listing_timeout_is_in_seconds() {
        let read =
            |time| read(&[("harbor-url", "https://h"), ("harbor-auth", "host"), ("harbor-listing-timeout", time)]);
        assert_eq!(read("").unwrap().listing_timeout, Duration::from_secs(120));
        assert_eq!(read("1.5").unwrap().listing_timeout, Duration::from_millis(1500));
        for nonsense in ["0", "-1", "soon", "1e99", "NaN"] {
            assert!(read(nonsense).unwrap_err().contains("harbor-listing-timeout"), "{nonsense}");
        }
    }

    #[test]
    fn a_page_is_no_larger_than_harbor_allows() {
        let read = |size| read(&[("harbor-url", "https://h"), ("harbor-auth", "host"), ("harbor-page-size", size)]);
        assert_eq!(read("500").unwrap().page_size, 100);
        assert_eq!(read("7").unwrap().page_size, 7);
        assert!(read("0").unwrap_err().contains("harbor-page-size"));
    }
}
