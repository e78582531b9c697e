//! Harbor's version, and what differs from version to version.

/// Harbor has `/projects/{project}/artifacts` from this version on.
const PROJECT_ARTIFACTS_SINCE: (u32, u32) = (2, 12);
/// From this version on, Harbor tells its version only to those who are logged in.
const VERSION_IS_PRIVATE_SINCE: (u32, u32) = (2, 16);
/// From this version on, each change of a repository moves its `update_time` (goharbor/harbor#23225).
const CHANGES_ARE_MARKED_SINCE: (u32, u32) = (2, 16);

/// Whether a Harbor of this version, such as `v2.16.0-c50c7ddd6e`, marks changed repositories.
pub fn marks_changes(version: &str) -> bool {
    is_since(version, CHANGES_ARE_MARKED_SINCE)
}

/// Whether it has lists of a project's artifacts.
pub(crate) fn lists_artifacts_of_projects(version: &str) -> bool {
    is_since(version, PROJECT_ARTIFACTS_SINCE)
}

/// Whether it tells its version only to those who are logged in.
pub(crate) fn is_private(version: &str) -> bool {
    is_since(version, VERSION_IS_PRIVATE_SINCE)
}

fn is_since(version: &str, first: (u32, u32)) -> bool {
    release(version).is_some_and(|release| release >= first)
}

/// Major and minor of `v2.12.0-9da38ae0`.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim_start_matches('v').split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        assert_eq!(release("v2.12.0-9da38ae0"), Some((2, 12)));
        assert_eq!(release("v2.9.4"), Some((2, 9)));
        assert_eq!(release("2.13-dev"), Some((2, 13)));
        assert_eq!(release("dev"), None);
    }
}
