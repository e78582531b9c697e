//! A small team's node and registry, for demonstrations. Each verdict of a comparison has an example.
//!
//! The node pulled most of its images from `harbor.example.com`. Since then a tag moved, another one was deleted, a whole image
//! was deleted, and some newer versions were pushed.

#![forbid(unsafe_code)]

mod digest;
mod node;
mod registry;

pub use node::images;
pub use registry::{HOST, projects, repositories};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_team_has_twelve_projects_and_each_repository_is_in_one() {
        let projects: BTreeSet<String> = projects().into_iter().map(|project| project.name).collect();
        assert_eq!(projects.len(), 12);
        let repositories = repositories(0);
        assert!(repositories.iter().all(|repository| projects.contains(&repository.project)));
        let names: Vec<_> = repositories.iter().map(|repository| (&repository.project, &repository.name)).collect();
        assert!(names.is_sorted(), "in the order of rows");
    }

    #[test]
    fn ids_and_digests_look_like_real_ones() {
        for image in images() {
            assert_eq!(image.id.len(), 71);
            for digest in &image.repo_digests {
                let (repository, digest) = digest.split_once('@').unwrap();
                assert_eq!(digest.len(), 71, "{repository}");
                assert!(image.repo_tags.iter().all(|tag| tag.rsplit_once(':').unwrap().1 != digest));
            }
        }
    }
}
