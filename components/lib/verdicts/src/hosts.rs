//! Whose an image is: our Harbor's, another registry's that a project of our Harbor mirrors, or neither's.

use crate::config::Config;
use crate::reference::{self, DOCKER_HOST, Place};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// The names of our Harbor, and the registries that its projects mirror.
#[derive(Debug)]
pub(crate) struct Hosts {
    ours: HashSet<String>,
    mirrors: HashMap<String, String>,
    /// The name to pull by.
    pull: String,
    /// Whether Harbor may have names that nobody knows.
    may_have_more: bool,
}

/// Whose an image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin<'a> {
    /// In our Harbor, `project/name`, or mirrored there.
    Harbor { project: Cow<'a, str>, name: Cow<'a, str>, mirrored: bool },
    /// Harbor's host, but no project.
    Nowhere,
    /// Another registry.
    Foreign,
    /// Another registry, or our Harbor by a name that it did not tell.
    Unsure,
}

impl Hosts {
    /// From the config, and from the names by which Harbor calls itself; `None` where it did not say them.
    pub(crate) fn new(config: &Config, told: Option<&[String]>) -> Self {
        let own_names = told.unwrap_or_default();
        let url = config.url.as_deref().map(authority).unwrap_or_default();
        let mut ours: HashSet<String> = HashSet::new();
        for name in own_names.iter().chain(&config.registry_hosts) {
            ours.insert(reference::host(&authority(name)).into_owned());
        }
        if !url.is_empty() {
            ours.insert(reference::host(&url).into_owned());
            if config.url.as_deref().is_some_and(|url| url.starts_with("http://")) {
                // Clients leave out the port of plain HTTP, or write it.
                ours.insert(url.strip_suffix(":80").unwrap_or(&url).to_owned());
                if !url.contains(':') {
                    ours.insert(format!("{url}:80"));
                }
            }
        }
        let mirrors = config
            .mirrors
            .iter()
            .map(|(host, project)| (reference::host(&authority(host)).into_owned(), project.clone()))
            .collect();
        let pull = own_names.first().map(|name| authority(name)).unwrap_or(url);
        Self { ours, mirrors, pull: reference::host(&pull).into_owned(), may_have_more: told.is_none() }
    }

    /// Whose the image of this place is.
    pub(crate) fn origin<'a>(&'a self, place: &'a Place<'a>) -> Origin<'a> {
        if self.ours.contains(&*place.host) {
            return match place.path.split_once('/') {
                Some((project, name)) => Origin::Harbor { project: project.into(), name: name.into(), mirrored: false },
                None => Origin::Nowhere,
            };
        }
        match self.mirrors.get(&*place.host) {
            Some(project) => {
                Origin::Harbor { project: project.as_str().into(), name: place.path.as_ref().into(), mirrored: true }
            }
            // Clients know this one: nobody's Harbor has its name.
            None if self.may_have_more && place.host != DOCKER_HOST => Origin::Unsure,
            None => Origin::Foreign,
        }
    }

    /// The host in front of a reference to an artifact of Harbor.
    pub(crate) fn pull(&self) -> &str {
        &self.pull
    }
}

/// The host and port of a URL, or of a name without a scheme.
fn authority(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(url: &str) -> Hosts {
        let config = Config {
            url: Some(url.to_owned()),
            registry_hosts: vec!["bcm11-headnode:9443".to_owned()],
            mirrors: vec![("docker.io".to_owned(), "hub-proxy".to_owned())],
            ..Config::default()
        };
        Hosts::new(&config, Some(&["registry.example.com:8443".to_owned()]))
    }

    fn is_ours(hosts: &Hosts, repository: &str) -> bool {
        matches!(hosts.origin(&Place::of(repository)), Origin::Harbor { mirrored: false, .. })
    }

    #[test]
    fn ours_is_what_comes_from_a_name_of_harbor() {
        let hosts = hosts("https://Harbor.example.com/prefix");
        for ours in ["harbor.example.com", "harbor.example.com:443", "registry.example.com:8443", "bcm11-headnode:9443"]
        {
            assert!(is_ours(&hosts, &format!("{ours}/team/app")), "{ours}");
        }
    }

    #[test]
    fn another_port_is_another_registry() {
        let hosts = hosts("https://harbor.example.com:8443");
        for other in ["harbor.example.com", "harbor.example.com:80", "registry.example.com", "bcm11-headnode:443"] {
            assert_eq!(hosts.origin(&Place::of(&format!("{other}/team/app"))), Origin::Foreign, "{other}");
        }
    }

    #[test]
    fn the_port_of_plain_http_may_be_left_out() {
        for url in ["http://harbor.example.com", "http://harbor.example.com:80/"] {
            assert!(is_ours(&hosts(url), "harbor.example.com/team/app"), "{url}");
            assert!(is_ours(&hosts(url), "harbor.example.com:80/team/app"), "{url}");
            assert!(!is_ours(&hosts(url), "harbor.example.com:8080/team/app"), "{url}");
        }
    }

    #[test]
    fn a_mirrored_registry_is_a_project_of_harbor() {
        let hosts = hosts("https://harbor.example.com");
        let place = Place::of("redis");
        let expected = Origin::Harbor { project: "hub-proxy".into(), name: "library/redis".into(), mirrored: true };
        assert_eq!(hosts.origin(&place), expected);
        assert_eq!(hosts.origin(&Place::of("quay.io/redis")), Origin::Foreign);
    }

    #[test]
    fn a_name_without_a_project_is_nowhere_in_harbor() {
        assert_eq!(hosts("https://h.example").origin(&Place::of("h.example/app")), Origin::Nowhere);
    }

    #[test]
    fn people_pull_by_the_name_by_which_harbor_calls_itself() {
        assert_eq!(hosts("https://h.example").pull(), "registry.example.com:8443");
        let config = Config { url: Some("https://h.example:443".to_owned()), ..Config::default() };
        assert_eq!(Hosts::new(&config, Some(&[])).pull(), "h.example");
    }

    #[test]
    fn while_harbor_does_not_say_its_names_any_host_may_be_one_but_docker_hub() {
        let config = Config { url: Some("https://h.example".to_owned()), ..Config::default() };
        let hosts = Hosts::new(&config, None);
        for host in ["quay.io", "registry.example.com:8443", "h.example:8443"] {
            assert_eq!(hosts.origin(&Place::of(&format!("{host}/team/app"))), Origin::Unsure, "{host}");
        }
        assert!(is_ours(&hosts, "h.example/team/app"));
        assert_eq!(hosts.origin(&Place::of("nginx")), Origin::Foreign);
    }
}
