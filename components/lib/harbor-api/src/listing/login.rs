//! Whether Harbor accepts the login, and how it lists artifacts.

use super::failures::{Failure, MissingCounts};
use crate::api::{Api, Experience};
use crate::artifact::Time;
use crate::error::{Error, ErrorKind};
use crate::page::parse_json;
use crate::session::Session;
use crate::version;
use image_model::types::{FailureCode, Registry};
use serde::Deserialize;
use serde_json::Value;

/// What the check of the login found.
#[derive(Clone, Debug)]
pub(super) struct Harbor {
    /// Whether it has lists of a project's artifacts, besides those of each repository.
    pub(super) project_lists: bool,
    /// What it says of itself; `None` where it did not answer.
    pub(super) registry: Option<Registry>,
    /// Its version, where it marks changed repositories.
    pub(super) marks_changes: Option<String>,
    /// The time of its clock, in microseconds since 1970.
    pub(super) now: Option<i64>,
    /// Whether it took the login for nobody's.
    pub(super) login_refused: bool,
}

impl Harbor {
    /// One that told nothing.
    const UNKNOWN: Self =
        Self { project_lists: false, registry: None, marks_changes: None, now: None, login_refused: false };
}

/// The answer to `/systeminfo`. Harbor gives the last three to those who are logged in, in all versions.
#[derive(Deserialize)]
struct SystemInfo {
    #[serde(default)]
    harbor_version: Option<String>,
    #[serde(default)]
    current_time: Option<Value>,
    #[serde(default)]
    external_url: Option<String>,
    #[serde(default)]
    auth_mode: Option<String>,
    #[serde(default)]
    registry_url: Option<String>,
}

impl SystemInfo {
    /// Whether it was told to somebody who is logged in. Harbor answers a wrong password like a request without a login: with
    /// fewer fields.
    fn login_counts(&self) -> bool {
        self.current_time.is_some()
            || self.external_url.is_some()
            || self.registry_url.is_some()
            || self.harbor_version.as_deref().is_some_and(version::is_private)
    }

    /// What Harbor says of itself.
    fn registry(&self) -> Registry {
        let mut hosts: Vec<String> =
            [&self.registry_url, &self.external_url].into_iter().flatten().map(|url| host(url)).collect();
        hosts.retain(|host| !host.is_empty());
        hosts.dedup();
        Registry { version: self.harbor_version.clone(), hosts, login_counts: self.login_counts() }
    }

    fn now(&self) -> Option<i64> {
        serde_json::from_value::<Time>(self.current_time.clone()?).ok()?.microseconds()
    }
}

/// Asks for Harbor's version. `None` where the listing need not go on.
pub(super) async fn check(session: &Session<'_, impl Api>) -> (Option<Harbor>, Option<Failure>) {
    let path = "/systeminfo".to_owned();
    let url = session.url(&path);
    let experience = session.recall();
    session.remember(Experience { login_counted: false, ..experience });
    let reply = session.get(path, |reply| parse_json::<SystemInfo>(&reply)).await;
    let error = match reply {
        Ok(Ok(info)) => {
            if info.login_counts() {
                session.remember(Experience { login_counted: true, ..experience });
                session.login_counts();
                let (registry, now) = (Some(info.registry()), info.now());
                let project_lists = info.harbor_version.as_deref().is_some_and(version::lists_artifacts_of_projects);
                let marks_changes = info.harbor_version.filter(|version| version::marks_changes(version));
                return (Some(Harbor { project_lists, registry, marks_changes, now, login_refused: false }), None);
            }
            let registry = Some(info.registry());
            if session.is_anonymous() {
                return (Some(Harbor { registry, ..Harbor::UNKNOWN }), None);
            }
            session.go_anonymous();
            let refused = refused(&url, experience.login_counted, info.auth_mode.as_deref());
            let failure = Failure::anywhere(FailureCode::Denied, refused);
            return (Some(Harbor { registry, login_refused: true, ..Harbor::UNKNOWN }), Some(failure));
        }
        Ok(Err(what)) => Error { url, kind: ErrorKind::InvalidBody(what) },
        Err(error) => error,
    };
    // A server error on this one page says nothing about the others; a proxy's does.
    let go_on = error.status().is_some_and(|status| status >= 500 && !matches!(status, 502..=504));
    let missing = MissingCounts { uncounted: true, ..MissingCounts::default() };
    (go_on.then_some(Harbor::UNKNOWN), Some(Failure::of_all(&error, missing)))
}

/// Host and port of a URL, which may come without its scheme.
fn host(url: &str) -> String {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
}

/// The message for a login that does not count. Harbor says the same to a wrong password and, while its database is down, to
/// a right one, so the message names both.
fn refused(url: &str, counted_before: bool, auth_mode: Option<&str>) -> String {
    let before = if counted_before { ", although the login counted in the listing before" } else { "" };
    let which = which_password(auth_mode);
    format!(
        "Harbor refused the login{before}: GET {url} answered as it does to nobody. Either user or password is wrong, was \
         changed, or expired (check both{which}); or Harbor's database is down, when it takes everybody for nobody (see \
         Harbor's own logs). The rows here are only public projects"
    )
}

/// Which password Harbor expects, where that is another one than the person's own.
fn which_password(auth_mode: Option<&str>) -> &'static str {
    match auth_mode {
        Some("oidc_auth") => {
            "; people log in to this Harbor by OIDC, and that password does not count here: use a robot account, or the CLI \
             secret of the user profile in the portal; if it has expired, a login to the portal renews it"
        }
        Some("ldap_auth") => {
            "; this Harbor asks LDAP, where an account may be locked: a robot account depends on neither"
        }
        Some("uaa_auth" | "http_auth") => {
            "; this Harbor asks another service for people's logins: a robot account depends on none"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_counts_where_harbor_tells_more_than_to_nobody() {
        let counts = |json: &str| serde_json::from_str::<SystemInfo>(json).unwrap().login_counts();
        // As Harbor 2.8.4, 2.12.4 and 2.16.0 answer nobody, and then an administrator or a robot.
        assert!(!counts(r#"{"auth_mode":"db_auth","harbor_version":"v2.8.4-ad3e767d51","self_registration":false}"#));
        assert!(!counts(r#"{"auth_mode":"db_auth","harbor_version":"v2.12.4-6b4981d4dd","banner_message":""}"#));
        assert!(!counts(r#"{"auth_mode":"db_auth","banner_message":"","self_registration":false}"#));
        assert!(counts(r#"{"harbor_version":"v2.8.4-ad3e767d51","registry_url":"127.0.0.1:8108"}"#));
        assert!(counts(r#"{"harbor_version":"v2.12.4-6b4981d4dd","external_url":"http://127.0.0.1:8112"}"#));
        assert!(counts(r#"{"harbor_version":"v2.16.0-c50c7ddd6e","current_time":"2026-11-26T01:28:10.234Z"}"#));
        assert!(counts(r#"{"harbor_version":"v2.16.0-c50c7ddd6e"}"#));
    }

    #[test]
    fn where_people_log_in_by_oidc_a_refused_login_speaks_of_the_cli_secret_and_of_robots() {
        let said = |mode| refused("https://h/api/v2.0/systeminfo", false, mode);
        assert!(said(Some("oidc_auth")).contains("CLI secret") && said(Some("oidc_auth")).contains("robot account"));
        assert!(said(Some("ldap_auth")).contains("LDAP"));
        assert!(!said(Some("db_auth")).contains("robot") && said(Some("db_auth")) == said(None));
    }

    #[test]
    fn harbor_names_its_hosts() {
        let hosts = |json: &str| serde_json::from_str::<SystemInfo>(json).unwrap().registry().hosts;
        let both = r#"{"registry_url":"127.0.0.1:8085","external_url":"http://127.0.0.1:8085"}"#;
        assert_eq!(hosts(both), ["127.0.0.1:8085"]);
        let other = r#"{"registry_url":"harbor.example.com","external_url":"https://harbor.example.com:8443/x"}"#;
        assert_eq!(hosts(other), ["harbor.example.com", "harbor.example.com:8443"]);
        assert!(hosts("{}").is_empty());
    }
}
