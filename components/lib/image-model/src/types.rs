//! The records of the interface `types` in wit/inventory.wit, which also has their meaning.
//!
//! Components bind that interface to this module (`with` in `wit_bindgen::generate!`). So a row is one type from its source
//! to the answer, and no component copies fields.

use serde::{Deserialize, Serialize};

/// Defines an `enum` of the contract. Generated code makes one from its number by `_lift`.
macro_rules! contract_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$case_doc])* $case,)*
        }

        impl $name {
            /// All cases, in the order of the contract.
            pub const ALL: &[Self] = &[$(Self::$case),*];

            /// The case of a number. A component can't pass any other number.
            #[doc(hidden)]
            pub fn _lift(number: u8) -> Self {
                Self::ALL[usize::from(number)]
            }
        }
    };
}

contract_enum! {
    /// What kind of failure it is.
    FailureCode {
        /// Nothing answered.
        Unavailable,
        /// The source refused to answer.
        Denied,
        /// No complete answer came in time.
        TimedOut,
        /// The source limits requests.
        Throttled,
        /// What was asked for is not there.
        NotFound,
        /// The answer is not of the expected protocol or form.
        Malformed,
        /// The answer is beyond a limit.
        TooLarge,
        /// The source contradicts itself.
        Inconsistent,
        /// The operator's settings are incomplete or wrong.
        Misconfigured,
        /// The operator wants no such source.
        NotConfigured,
        /// The rows are of an earlier time.
        Stale,
        /// Anything else.
        Other,
    }
}

/// One failure of a source. The answer also has the rows that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For programs.
    pub code: FailureCode,
    /// What the source tried, what came back, and what to do.
    pub message: String,
    /// `project/name` where one Harbor repository failed.
    pub repository: Option<String>,
    /// The node that failed; `None` where it is the only one.
    pub node: Option<String>,
}

impl Failure {
    /// A failure that concerns the whole source.
    pub fn of_source(code: FailureCode, message: String) -> Self {
        Self { code, message, repository: None, node: None }
    }

    /// The failure of one repository, `project/name`.
    pub fn of_repository(code: FailureCode, repository: String, message: String) -> Self {
        Self { code, message, repository: Some(repository), node: None }
    }
}

/// An image as a container runtime knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `sha256:` and 64 hexadecimal digits; from the plain table only 13 digits.
    pub id: String,
    /// `repository:tag`, one for each tag.
    pub repo_tags: Vec<String>,
    /// `repository@digest`; from the plain table without its digest where the table has none.
    pub repo_digests: Vec<String>,
    /// Bytes; from the plain table exact to three digits.
    pub size: u64,
    /// Whether the runtime keeps the image from garbage collection; `false` where the output does not say.
    pub pinned: bool,
}

contract_enum! {
    /// What is known of a node's images.
    NodeState {
        /// The node answered.
        Answered,
        /// The images are those of the node's last answer.
        Stale,
        /// No images are known.
        Unreachable,
        /// The node refused to answer.
        Denied,
        /// The node has not been asked yet.
        Waiting,
    }
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name in the cluster, or its host name.
    pub name: String,
    /// What is known of its images.
    pub state: NodeState,
    /// Seconds since it gave these images.
    pub age: Option<u64>,
}

/// Nodes with the same images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The nodes, at least one.
    pub nodes: Vec<Node>,
    /// The images that each of them has.
    pub images: Vec<Image>,
}

/// The images of all nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeListing {
    /// Every node is in one group.
    pub groups: Vec<Group>,
    /// The failures.
    pub failures: Vec<Failure>,
}

contract_enum! {
    /// Which artifacts a listing of the registry gives, and which of their fields.
    Detail {
        /// Artifacts with a tag: digest, size and tags.
        Tags,
        /// All artifacts with all fields.
        All,
    }
}

/// An artifact of the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Bytes, as Harbor reports them.
    pub size: u64,
    /// In order. Empty for an untagged artifact.
    pub tags: Vec<String>,
    /// `IMAGE`, `CHART`, or another word of Harbor's.
    pub kind: String,
    /// As Harbor gives it.
    pub media_type: String,
    /// Milliseconds since 1970.
    pub pushed: Option<u64>,
    /// Milliseconds since 1970; `None` where it never was.
    pub pulled: Option<u64>,
    /// The digests of an index's children.
    pub children: Vec<String>,
}

/// Artifacts of one repository, newest first. A long repository may come in several of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The project's name.
    pub project: String,
    /// The name inside the project: `b/c` for `a/b/c` in project `a`.
    pub name: String,
    /// The artifacts, at least one.
    pub artifacts: Vec<Artifact>,
}

/// A project of the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Whether its artifacts are copies from another registry.
    pub proxy_cache: bool,
    /// Whether the listing gave all of its artifacts.
    pub complete: bool,
}

/// The registry itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// Such as `v2.16.0-c50c7ddd`.
    pub version: Option<String>,
    /// The names by which it calls itself, each with its port where it has one.
    pub hosts: Vec<String>,
    /// Whether the login counts.
    pub login_counts: bool,
}

contract_enum! {
    /// Why a listing read everything.
    WholeReason {
        /// The operator turned the keeping of rows off.
        Off,
        /// The registry does not mark what changed.
        Unmarked,
        /// The host keeps nothing, or had no room.
        NoStore,
        /// No rows were kept.
        First,
        /// It was time for a whole listing.
        Due,
        /// Something did not add up.
        Distrusted,
    }
}

/// How the source came to its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// It read everything.
    Whole(WholeReason),
    /// It read what changed since the last listing.
    Changes,
    /// It went on where a listing had ended early.
    Resumed,
    /// It asked the registry nothing.
    Kept,
}

/// What is known before the first row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListingBegin {
    /// Listings with the same number from the same host give the same rows.
    pub revision: Option<u64>,
    /// Seconds since the source asked the registry.
    pub age: u64,
}

/// The end of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListingEnd {
    /// What the registry says of itself.
    pub registry: Option<Registry>,
    /// Only with [`Detail::All`].
    pub projects: Vec<Project>,
    /// How the source came to the rows.
    pub method: Option<Method>,
    /// The failures.
    pub failures: Vec<Failure>,
}

/// The next part of a listing of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListingPart {
    /// Comes first, or not at all.
    Begin(ListingBegin),
    /// Artifacts, ordered by project and repository.
    Rows(Vec<Repository>),
    /// The last part.
    End(ListingEnd),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cases_of_an_enum_have_the_numbers_of_the_contract() {
        // The order of wit/inventory.wit.
        let wit = include_str!("../../../../wit/inventory.wit");
        fn cases<'a>(wit: &'a str, name: &str) -> Vec<&'a str> {
            let (_, body) = wit.split_once(&format!("enum {name} {{")).unwrap();
            let (body, _) = body.split_once('}').unwrap();
            body.lines().filter_map(|line| line.trim().strip_suffix(',')).filter(|line| !line.contains(' ')).collect()
        }
        fn kebab(case: &str) -> String {
            let mut kebab = String::new();
            for letter in case.chars() {
                if letter.is_uppercase() && !kebab.is_empty() {
                    kebab.push('-');
                }
                kebab.extend(letter.to_lowercase());
            }
            kebab
        }
        fn names<T: std::fmt::Debug>(all: &[T]) -> Vec<String> {
            all.iter().map(|case| kebab(&format!("{case:?}"))).collect()
        }
        assert_eq!(names(FailureCode::ALL), cases(wit, "failure-code"));
        assert_eq!(names(NodeState::ALL), cases(wit, "node-state"));
        assert_eq!(names(Detail::ALL), cases(wit, "detail"));
        assert_eq!(names(WholeReason::ALL), cases(wit, "whole-reason"));
        assert_eq!(FailureCode::_lift(FailureCode::Stale as u8), FailureCode::Stale);
    }
}
