//! How Harbor writes projects, repositories and artifacts: the keys and their forms, as recorded.

use super::project::Project;
use super::repository::Repository;
use super::stored::{Accessory, Kind, Reference, Stored, Tag};
use super::timestamp::Timestamp;
use super::version::Version;
use serde_json::{Map, Value, json};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const IMAGE_ICON: &str = "sha256:0048162a053eef4d4ce3fe7518615bef084403614f8bca43b40ae2e762e11e06";
const CHART_ICON: &str = "sha256:61cf3a178ff0f75bf08a25d96b75cf7355dc197749a9f128ed3ef34b0df05518";
const SIGNATURE_ICON: &str = "sha256:20401d5b3a0f6dbc607c8d732eb08471af4ae6b19811a4efce8c6a724aed2882";

/// What a list of artifacts was asked to have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) tags: bool,
    pub(super) accessories: bool,
}

/// A project with so many repositories, as somebody with this role sees it.
pub(super) fn project(project: &Project, repositories: usize, role: Option<u8>) -> Value {
    let mut row = json!({
        "creation_time": project.created,
        "current_user_role_ids": role.map(|role| [role]),
        "cve_allowlist": {
            "creation_time": Timestamp::NEVER,
            "id": project.id,
            "items": [],
            "project_id": project.id,
            "update_time": Timestamp::NEVER,
        },
        "metadata": {"public": project.public.to_string()},
        "name": project.name,
        "owner_id": 1,
        "owner_name": "admin",
        "project_id": project.id,
        "repo_count": repositories,
        "update_time": project.created,
    });
    if let Some(role) = role {
        row["current_user_role_id"] = json!(role);
    }
    if let Some(registry) = project.registry {
        row["registry_id"] = json!(registry);
    }
    row
}

pub(super) fn repository(repository: &Repository) -> Value {
    json!({
        "artifact_count": repository.count(),
        "creation_time": repository.created,
        "id": repository.id,
        "name": repository.name,
        "project_id": repository.project,
        "pull_count": repository.pulls,
        "update_time": repository.updated,
    })
}

/// An artifact of this repository.
pub(super) fn artifact(version: Version, repository: &Repository, stored: &Stored, wanted: Wanted) -> Value {
    let kind = stored.kind();
    let accessories = wanted.accessories && !stored.accessories.is_empty();
    let tags = wanted.tags && !stored.tags.is_empty();
    let mut row = json!({
        "accessories": accessories.then(|| accessories_of(repository, stored)),
        "digest": stored.digest,
        "icon": if kind == Kind::Chart { CHART_ICON } else { IMAGE_ICON },
        "id": stored.id,
        "labels": null,
        "manifest_media_type": if kind == Kind::Index { &stored.media_type } else { MANIFEST },
        "media_type": stored.media_type,
        "project_id": repository.project,
        "pull_time": stored.pulled,
        "push_time": stored.pushed,
        "references": null,
        "repository_id": repository.id,
        "tags": tags.then(|| stored.tags.iter().map(|own| tag(version, repository, stored, own)).collect::<Value>()),
        "type": stored.type_name(),
    });
    if stored.size > 0 {
        row["size"] = json!(stored.size);
    }
    if version.lists_projects() {
        row["repository_name"] = json!(repository.name);
    }
    match kind {
        Kind::Index => row["references"] = stored.references.iter().map(|child| reference(stored, child)).collect(),
        Kind::Image => {
            row["extra_attrs"] = json!({
                "architecture": stored.architecture,
                "author": "",
                "config": {"Cmd": ["/data"]},
                "created": "2026-01-02T03:04:05Z",
                "os": "linux",
            });
            row["addition_links"] = links(repository, stored, &["build_history"]);
        }
        Kind::Chart => {
            let name = repository.name.rsplit('/').next();
            row["extra_attrs"] = json!({"apiVersion": "v2", "name": name, "version": "0.1.0"});
            row["addition_links"] = links(repository, stored, &["dependencies", "readme.md", "values.yaml"]);
        }
        Kind::Unknown => {}
    }
    if version.lists_projects() && kind != Kind::Index {
        row["artifact_type"] = json!(stored.media_type);
    }
    row
}

fn tag(version: Version, repository: &Repository, stored: &Stored, tag: &Tag) -> Value {
    let mut row = json!({
        "artifact_id": stored.id,
        "id": tag.id,
        "immutable": false,
        "name": tag.name,
        "pull_time": tag.pulled,
        "push_time": tag.pushed,
        "repository_id": repository.id,
    });
    if version == Version::V2_8 {
        row["signed"] = json!(false);
    }
    row
}

fn reference(parent: &Stored, child: &Reference) -> Value {
    json!({
        "child_digest": child.digest,
        "child_id": child.id,
        "parent_id": parent.id,
        "platform": {"OsFeatures": null, "architecture": child.architecture, "os": "linux"},
        "urls": null,
    })
}

fn accessories_of(repository: &Repository, stored: &Stored) -> Value {
    let row = |accessory: &Accessory| {
        json!({
            "artifact_id": accessory.artifact,
            "creation_time": accessory.created,
            "digest": accessory.digest,
            "icon": if accessory.kind == "signature.cosign" { SIGNATURE_ICON } else { "" },
            "id": accessory.id,
            "size": accessory.size,
            "subject_artifact_digest": stored.digest,
            "subject_artifact_id": stored.id,
            "subject_artifact_repo": repository.name,
            "type": accessory.kind,
        })
    };
    stored.accessories.iter().map(row).collect()
}

/// Where more about an artifact is to be read. The name of the repository is encoded twice.
fn links(repository: &Repository, stored: &Stored, names: &[&str]) -> Value {
    let (project, name) = repository.name.split_once('/').unwrap_or((&repository.name, ""));
    let name = name.replace('%', "%2525").replace('/', "%252F");
    let root = format!("/api/v2.0/projects/{project}/repositories/{name}/artifacts/{}/additions", stored.digest);
    let link =
        |addition: &&str| ((*addition).to_owned(), json!({"absolute": false, "href": format!("{root}/{addition}")}));
    Value::Object(names.iter().map(link).collect::<Map<String, Value>>())
}
