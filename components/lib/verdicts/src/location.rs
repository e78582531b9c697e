//! Where in Harbor the image of a reference is, or would be.

use crate::hosts::{Hosts, Origin};
use crate::reference::Place;

/// A repository of Harbor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) project: String,
    /// Inside the project.
    pub(crate) name: String,
    /// `project/name`.
    pub(crate) full: String,
    /// Whether the node has it under the name of another registry, which the project mirrors.
    pub(crate) mirrored: bool,
}

/// Whose the image of a reference is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    NoName,
    Foreign,
    /// Another registry's, or our Harbor's by a name that it did not tell.
    Unsure,
    /// Harbor's host, but no project.
    Nowhere,
    Harbor(Location),
}

impl Whose {
    /// Whose the images of this repository are.
    pub(crate) fn of(hosts: &Hosts, repository: Option<&str>) -> Self {
        let Some(repository) = repository else { return Self::NoName };
        match hosts.origin(&Place::of(repository)) {
            Origin::Foreign => Self::Foreign,
            Origin::Unsure => Self::Unsure,
            Origin::Nowhere => Self::Nowhere,
            Origin::Harbor { project, name, mirrored } => Self::Harbor(Location {
                full: format!("{project}/{name}"),
                project: project.into_owned(),
                name: name.into_owned(),
                mirrored,
            }),
        }
    }

    pub(crate) fn location(&self) -> Option<&Location> {
        match self {
            Self::Harbor(location) => Some(location),
            _ => None,
        }
    }
}
