//! What Harbor tells about itself.

use super::contents::Contents;
use serde_json::{Value, json};

/// `/systeminfo`, with all of it for those who are logged in.
pub(super) fn system_info(contents: &Contents, logged_in: bool) -> Value {
    let version = contents.version;
    let mut info = json!({"auth_mode": contents.auth_mode, "primary_auth_mode": false, "self_registration": false});
    if version.lists_projects() {
        info["banner_message"] = json!("");
        info["oidc_provider_name"] = json!("");
    }
    if logged_in || !version.hides_its_name() {
        info["harbor_version"] = json!(version.name());
    }
    if logged_in {
        info["current_time"] = json!(contents.clock.now());
        info["external_url"] = json!("http://harbor.test");
        info["has_ca_root"] = json!(false);
        info["notification_enable"] = json!(true);
        info["project_creation_restriction"] = json!("everyone");
        info["read_only"] = json!(false);
        info["registry_storage_provider_name"] = json!("filesystem");
        info["registry_url"] = json!("harbor.test");
        if !version.lists_projects() {
            info["with_notary"] = json!(false);
        }
    }
    info
}

/// `/health` in this state. Seen on a real Harbor 2.16, not recorded.
pub(super) fn health(status: &str) -> Value {
    json!({"status": status, "components": [{"name": "core", "status": "healthy"}, {"name": "database", "status": status}]})
}

/// `/statistics`. The double knows no layers, so it does not tell what they take.
pub(super) fn statistics(contents: &Contents) -> Value {
    let projects = |public| contents.projects.values().filter(move |project| project.public == public);
    let repositories = |public| projects(public).map(|own| contents.repositories_of(&own.name).count()).sum::<usize>();
    json!({
        "private_project_count": projects(false).count(),
        "private_repo_count": repositories(false),
        "public_project_count": projects(true).count(),
        "public_repo_count": repositories(true),
        "total_project_count": contents.projects.len(),
        "total_repo_count": contents.repositories.len(),
        "total_storage_consumption": 0,
    })
}

/// A row of `/registries`.
pub(super) fn registry(id: u64) -> Value {
    json!({
        "credential": {},
        "id": id,
        "insecure": true,
        "name": "upstream",
        "status": "healthy",
        "type": "docker-registry",
        "url": "http://upstream.test",
    })
}
