//! Names, queries and cursors of strangers: whatever they are, an answer is whole and well-formed.

use super::world::*;
use crate::{ComparisonDocument, Document, Format, InventoryDocument, Outdated, Query};
use image_model::types::*;
use proptest::prelude::*;
use serde_json::Value;

/// Texts that are nearly references, and any others.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "(h.example/|docker.io/|HOST:1/)?(team/|hub/)?[a-z/]{0,4}(:[0-9.v]{0,4})?(@sha256:[0-9a-f]{0,3})?",
        "[<>:/@a\\[\\]\"\\\\,\u{202e}é\r\n=-]{0,12}",
        any::<String>(),
    ]
}

fn names() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(name(), 0..4)
}

fn images() -> impl Strategy<Value = Vec<Image>> {
    let image = (name(), names(), names(), any::<u64>());
    let image =
        image.prop_map(|(id, repo_tags, repo_digests, size)| Image { id, repo_tags, repo_digests, size, pinned: true });
    proptest::collection::vec(image, 0..5)
}

fn repositories() -> impl Strategy<Value = Vec<Repository>> {
    let artifact =
        (name(), names(), names(), proptest::option::of(any::<u64>())).prop_map(|(digest, tags, children, pushed)| {
            Artifact {
                digest,
                tags,
                children,
                pushed,
                pulled: pushed,
                size: u64::MAX,
                kind: "IMAGE".to_owned(),
                media_type: String::new(),
            }
        });
    let repository = (prop_oneof![Just("team".to_owned()), name()], name(), proptest::collection::vec(artifact, 0..4));
    let repository = repository.prop_map(|(project, name, artifacts)| Repository { project, name, artifacts });
    proptest::collection::vec(repository, 0..5)
}

fn written(mut document: impl Document) -> Vec<u8> {
    let mut buffer = Vec::new();
    document.fill(&mut buffer, usize::MAX);
    buffer
}

proptest! {
    #[test]
    fn any_names_give_well_formed_answers_with_all_rows(images in images(), repositories in repositories(), host in name(), failing in name()) {
        let mut world = World::new(vec![node(&host, images)], repositories).fail(FailureCode::Other, Some(&failing));
        world.config.url = Some(host.clone());
        world.config.registry_hosts = vec!["h.example".to_owned(), host.clone()];
        world.config.mirrors.push((host.clone(), host.clone()));
        world.config.outdated = Outdated::Major;
        world.end.registry.as_mut().unwrap().hosts = vec![host];
        let inventory = world.inventory();
        for sort in ["name", "size", "nodes", "pushed", "verdict", "digest"] {
            let query = Query::parse(&format!("sort={sort}")).unwrap();
            let page = inventory.whole(&query);
            prop_assert_eq!(page.rows.len() as u32, inventory.rows());
            let json: Value = serde_json::from_slice(&written(InventoryDocument::new(&inventory, &page, Format::Json, u64::MAX))).unwrap();
            prop_assert_eq!(json["images"].as_array().unwrap().len(), page.rows.len());
            inventory.entity_tag(&query, &page, "");
            let csv = written(InventoryDocument::new(&inventory, &page, Format::Csv, 0));
            let rows = csv::Reader::from_reader(&*csv).records().filter(|row| row.as_ref().is_ok_and(|row| row.len() == 20)).count();
            prop_assert_eq!(rows, page.rows.len());
        }
        let comparison = inventory.compare(&Query::default());
        let json: Value = serde_json::from_slice(&written(ComparisonDocument::new(&inventory, &comparison, 0))).unwrap();
        prop_assert_eq!(json["total"].as_u64(), Some(u64::from(inventory.rows())));
        inventory.open_questions(10, &Default::default());
    }

    #[test]
    fn any_query_is_read_or_refused(query in prop_oneof![any::<String>(), "(q|node|sort|limit|cursor|verdict)=[A-Za-z0-9%+*,_-]{0,20}(&[a-z]{1,7}=.{0,9})?"]) {
        if let Ok(query) = Query::parse(&query) {
            World::new(vec![node("n", vec![pulled("i", "a", "1", "1")])], vec![]).inventory().page(&query);
        }
    }
}
