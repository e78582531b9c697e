//! Verdicts with digests that nobody made up: a real docker-registry holds the images, a real containerd pulls them as kubelet
//! does, and the double of Harbor reports what the registry has.

use image_service_tests::oci::Image;
use image_service_tests::{Containerd, DockerRegistry, Harbor, Node, Program, Version, eventually};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The registry and the runtime; `None` where one of them can't be had.
async fn start() -> Option<(DockerRegistry, Containerd)> {
    Some((DockerRegistry::start().await.unwrap()?, Containerd::start().await.unwrap()?))
}

/// The program between this runtime and a Harbor that has what this registry has now. The project `hub` is a proxy cache.
async fn compared(registry: &DockerRegistry, containerd: &Containerd) -> (Program, Harbor) {
    let mut harbor = Harbor::of(Version::V2_16).with_project("team").proxy_cache("hub");
    for (repository, artifacts) in registry.artifacts().await.unwrap() {
        harbor = harbor.repository(&repository, artifacts);
    }
    let harbor = harbor.start().await.unwrap();
    let node = Node::builder().runtime("cri", containerd.socket()).harbor(&harbor);
    // The nodes know Harbor by the name of its registry, and ask its proxy cache for what is Docker's.
    let names = json!({"registry_hosts": [registry.host()], "mirrors": {"docker.io": "hub"}});
    let program = node.config(json!({"harbor_config": names})).start().unwrap();
    (program, harbor)
}

/// The only verdict of each row by its reference, without the registry's name: the node's is that by which it pulled, and what is
/// only in Harbor has the one that Harbor gives itself.
fn verdicts(inventory: &Value, registry: &DockerRegistry) -> BTreeMap<String, String> {
    assert_eq!((&inventory["errors"], &inventory["registry"]["state"]), (&json!([]), &json!("answered")));
    let row = |row: &Value| {
        let reference = row["reference"].as_str().unwrap();
        let own = [registry.host(), "harbor.test"].map(|host| format!("{host}/"));
        let name = own.iter().find_map(|host| reference.strip_prefix(host)).unwrap_or(reference);
        let verdicts = row["verdicts"].as_array().unwrap();
        assert_eq!(verdicts.len(), 1, "{row}");
        (name.to_owned(), verdicts[0].as_str().unwrap().to_owned())
    };
    let rows = inventory["images"].as_array().unwrap();
    let all: BTreeMap<_, _> = rows.iter().map(row).collect();
    assert_eq!(all.len(), rows.len(), "each reference is one row: {rows:#?}");
    all
}

async fn get(program: &Program, path: &str) -> Value {
    program.get(path).await.unwrap().error_for_status().unwrap().json().await.unwrap()
}

/// The verdicts of the images on the node, once it tells all of them: containerd tells its CRI plugin when it has a moment.
async fn on_the_node(program: &Program, registry: &DockerRegistry, count: usize) -> BTreeMap<String, String> {
    let all = async || {
        let inventory = get(program, "/inventory?source=containerd").await;
        (inventory["total"] == count).then(|| verdicts(&inventory, registry))
    };
    eventually(&format!("{count} images on the node"), all).await.unwrap()
}

#[tokio::test]
async fn what_a_node_pulled_has_the_right_verdict_before_and_after_the_registry_changed() {
    let Some((registry, containerd)) = start().await else { return };
    let image = |name: &str| Image::labelled(name);
    let (pinned, loose, other) = (image("pinned"), image("loose"), image("another platform"));
    for (repository, tag) in [
        ("team/app", "1.2"),
        ("team/moved", "1"),
        ("team/deleted", "1"),
        ("team/untagged", "1"),
        ("team/lost", "1"),
        ("hub/library/redis", "7"),
        ("hub/library/nginx", "1"),
        ("team/idle", "1"),
    ] {
        registry.push(repository, tag, &image(repository)).await.unwrap();
    }
    registry.push("team/pinned", "1", &pinned).await.unwrap();
    registry.push("team/loose", "1", &loose).await.unwrap();
    // As a build for several platforms pushes them: the children by their digests, the index by the tag.
    let mut children = Vec::new();
    for repository in ["team/index", "team/child"] {
        let own = image(&format!("{repository} of this platform"));
        for child in [&own, &other] {
            registry.push(repository, child.digest(), child).await.unwrap();
        }
        registry.push_index(repository, "1", &[&own, &other]).await.unwrap();
        children.push(own);
    }
    let by_digest = |repository: &str, image: &Image| format!("{repository}@{}", image.digest());
    let (pinned, loose, child) =
        (by_digest("team/pinned", &pinned), by_digest("team/loose", &loose), by_digest("team/child", &children[1]));
    let names = [
        "team/app:1.2",
        "team/moved:1",
        "team/deleted:1",
        "team/untagged:1",
        "team/lost:1",
        "hub/library/redis:7",
        "docker.io/library/nginx:1",
        "team/index:1",
        &pinned,
        &loose,
        &child,
    ];
    containerd.mirror("docker.io", &format!("{}/v2/hub", registry.address)).unwrap();
    for name in names {
        let from = if name.starts_with("docker.io/") { String::new() } else { format!("{}/", registry.host()) };
        containerd.pull(&format!("{from}{name}")).await.unwrap();
    }
    let (before, _harbor) = compared(&registry, &containerd).await;
    let found = on_the_node(&before, &registry, names.len()).await;
    let in_sync = names.iter().map(|name| ((*name).to_owned(), "in_sync".to_owned())).collect();
    assert_eq!(found, in_sync);
    let only = get(&before, "/inventory?verdict=on_no_node").await;
    assert_eq!(verdicts(&only, &registry), BTreeMap::from([("team/idle:1".to_owned(), "on_no_node".to_owned())]));

    // Another image takes the tag over, and is still there, or not. The registry forgets what has no tag only when it is told to.
    registry.push("team/moved", "1", &image("the newer one")).await.unwrap();
    registry.push("team/loose", "1", &image("the newer one")).await.unwrap();
    let passing = image("in between");
    registry.push("team/untagged", "1", &passing).await.unwrap();
    registry.delete("team/untagged", passing.digest()).await.unwrap();
    for gone in ["team/deleted", "team/lost", "hub/library/redis"] {
        registry.delete(gone, image(gone).digest()).await.unwrap();
    }
    registry.push("team/lost", "2", &image("not the one that is lost")).await.unwrap();
    // What came by another way than a pull has no digest, and what is not of this Harbor is not Harbor's matter.
    let imported = format!("{}/team/imported:1", registry.host());
    containerd.import(&[(&imported, &image("imported")), ("quay.io/team/app:1", &image("of others"))]).unwrap();

    let (after, _harbor) = compared(&registry, &containerd).await;
    let found = on_the_node(&after, &registry, names.len() + 2).await;
    let expected = [
        ("team/app:1.2", "in_sync"),
        ("team/moved:1", "drifted"),
        ("team/deleted:1", "missing"),
        ("team/untagged:1", "untagged"),
        ("team/lost:1", "missing"),
        ("hub/library/redis:7", "proxied"),
        ("docker.io/library/nginx:1", "in_sync"),
        ("team/index:1", "in_sync"),
        (&pinned, "in_sync"),
        (&loose, "untagged"),
        (&child, "in_sync"),
        ("team/imported:1", "unknown"),
        ("quay.io/team/app:1", "foreign"),
    ];
    let expected = expected.map(|(name, verdict)| (name.to_owned(), verdict.to_owned()));
    assert_eq!(found, BTreeMap::from(expected));
    let compared = get(&after, "/compare").await;
    for (verdict, count) in [
        ("in_sync", 5),
        ("drifted", 1),
        ("missing", 2),
        ("untagged", 2),
        ("proxied", 1),
        ("unknown", 1),
        ("foreign", 1),
        ("on_no_node", 4),
    ] {
        assert_eq!(compared["counts"][verdict], count, "{verdict}: {compared:#}");
    }
    let drifted = &compared["images"]["drifted"][0];
    assert_eq!(drifted["digests"], json!([image("team/moved").digest()]));
    assert_eq!(drifted["harbor"]["digest"], image("the newer one").digest());
}
