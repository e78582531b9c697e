//! Why it can't be told what a row is.

/// Why a verdict is `unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The image has no name.
    NoName,
    /// The node gave no digest.
    NoDigest,
    /// Harbor did not say its own names, one of which may be this one.
    NamesUnknown,
    /// The name has Harbor's host, and no project.
    NoProject,
    /// Harbor failed.
    RegistryFailed,
    /// Harbor answered as if nobody had logged in.
    LoginDoesNotCount,
    /// The login does not see the project, or there is none.
    ProjectNotSeen,
    /// The listing of the project is not complete.
    ProjectIncomplete,
    /// The listing of the repository failed.
    RepositoryFailed,
    /// Nodes have different digests, which may be an index and its child.
    NodesDiffer,
    /// No node answered.
    NoNodeAnswered,
}

impl Reason {
    /// Its name in answers.
    pub fn label(self) -> &'static str {
        match self {
            Self::NoName => "no_name",
            Self::NoDigest => "no_digest",
            Self::NamesUnknown => "names_unknown",
            Self::NoProject => "no_project",
            Self::RegistryFailed => "registry_failed",
            Self::LoginDoesNotCount => "login_does_not_count",
            Self::ProjectNotSeen => "project_not_seen",
            Self::ProjectIncomplete => "project_incomplete",
            Self::RepositoryFailed => "repository_failed",
            Self::NodesDiffer => "nodes_differ",
            Self::NoNodeAnswered => "no_node_answered",
        }
    }

    /// The reason and what to do about it, in one sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NoName => "The image has no name: give it a tag on the node.",
            Self::NoDigest => {
                "The node gave no digest for this name: the image was imported or built there, or the node is read \
                 by crictl's table (give the program the runtime's socket, or let sudo run crictl images -o json)."
            }
            Self::NamesUnknown => {
                "Harbor did not say by which names nodes pull from it, so this registry may be Harbor: the errors of this \
                 answer say why."
            }
            Self::NoProject => "The name has Harbor's host but no project, and Harbor has no such images.",
            Self::RegistryFailed => "Harbor failed: the errors of this answer say how.",
            Self::LoginDoesNotCount => {
                "Harbor answered as if nobody had logged in: check the user and password, and whether Harbor's \
                 database is up."
            }
            Self::ProjectNotSeen => {
                "The listing does not have this project: the login does not see it, it was deleted, or the settings name \
                 another project, which alone is listed."
            }
            Self::ProjectIncomplete => "Harbor did not give all artifacts of this project.",
            Self::RepositoryFailed => "Harbor did not give this repository: the errors of this answer say why.",
            Self::NodesDiffer => {
                "Nodes have different digests under this name, and they may be an index and one of its children: \
                 pull the image by its digest where it has to be the same."
            }
            Self::NoNodeAnswered => "No node answered, so nobody knows whether one has this image.",
        }
    }
}
