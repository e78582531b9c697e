//! Whose rows are found: those of the present Harbor, login, project, node and composition.

use super::model::Id;
use image_service_config::Config;
use sha2::{Digest, Sha256};

/// A digest of the configured sources.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope([u8; 16]);

impl Scope {
    pub(super) fn of(config: &Config) -> Self {
        let (harbor, crictl) = (&config.harbor, &config.crictl);
        let sources = format!(
            "{:?}",
            (
                &harbor.url,
                &harbor.user,
                &harbor.project,
                crictl.mode,
                &crictl.endpoint,
                &crictl.command,
                &config.composition
            )
        );
        Self(half(Sha256::digest(sources).into()))
    }

    pub(super) fn id(self, name: &str) -> Id {
        let digest = Sha256::new().chain_update(self.0).chain_update(name).finalize();
        Id { scope: self.0, digest: half(digest.into()) }
    }
}

/// The first half of a digest: two of these are the same by chance once in 2^64 tries.
fn half(digest: [u8; 32]) -> [u8; 16] {
    std::array::from_fn(|place| digest[place])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn id(harbor: &serde_json::Value, name: &str) -> Id {
        let text = json!({"harbor_config": harbor}).to_string();
        Scope::of(&image_service_config::parse(&text, std::path::Path::new("/")).unwrap().0).id(name)
    }

    #[test]
    fn another_harbor_user_project_or_name_has_other_entries_and_another_password_the_same() {
        let theirs = json!({"url": "https://a.example.com", "user": "u", "password": "p"});
        let changed = |key: &str, value: &str| {
            let mut other = theirs.clone();
            other[key] = json!(value);
            id(&other, "harbor")
        };
        for (key, value) in [("url", "https://b.example.com"), ("user", "v"), ("project_name", "q")] {
            assert_ne!(changed(key, value).scope, id(&theirs, "harbor").scope, "{key}");
            assert_ne!(changed(key, value).digest, id(&theirs, "harbor").digest, "{key}");
        }
        assert_eq!(changed("password", "changed"), id(&theirs, "harbor"));
        assert_ne!(id(&theirs, "containerd").digest, id(&theirs, "harbor").digest);
    }
}
