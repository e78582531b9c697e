//! Properties of all images that were read, whatever form they came in.

#![forbid(unsafe_code)]

pub mod harbor;

use image_model::listing::{CONTAINERD_IMAGES, Listing};
use image_model::node::ImageRow;
use image_model::types::Image;
use image_model::{crictl, node, reference, size};
use serde_json::Value;

/// Any images give rows that are complete and in order, and that clients can read.
pub fn assert_rows(images: &[Image]) {
    let rows = node::rows(images.to_vec());
    assert_eq!(rows.len(), images.iter().map(|image| image.repo_tags.len().max(1)).sum::<usize>(), "one row a tag");
    let key = |row: &ImageRow| {
        (row.repository.is_none(), row.repository.clone(), row.tag.is_none(), row.tag.clone(), row.id.clone())
    };
    assert!(rows.is_sorted_by_key(key), "in order");
    let mut backwards = images.to_vec();
    backwards.reverse();
    assert_eq!(node::rows(backwards), rows, "the same inventory gives the same rows");
    for row in &rows {
        assert_ne!(row.repository.as_deref(), Some(""));
        assert_ne!(row.tag.as_deref(), Some(""));
        if let Some(repository) = &row.repository {
            let (name, _) = reference::split(repository);
            assert!(repository.starts_with(name));
        }
    }
    for pretty in [false, true] {
        let mut listing = Listing::new(pretty);
        listing.open(CONTAINERD_IMAGES);
        for row in &rows {
            listing.row(row);
        }
        listing.close();
        listing.end();
        let value: Value = serde_json::from_slice(&listing.take()).expect("it is JSON");
        assert_clear(value[CONTAINERD_IMAGES].as_array().expect("it is a list"), rows.len());
    }
}

/// There are so many rows, no string is empty, and sizes read back.
pub fn assert_clear(rows: &[Value], count: usize) {
    assert_eq!(rows.len(), count);
    for row in rows {
        for (key, value) in row.as_object().expect("a row is an object") {
            assert!(!value.as_str().expect("values are strings").is_empty(), "{key} is empty");
        }
        let text = row["size"].as_str().expect("each row has a size");
        let bytes = size::parse(text).unwrap_or_else(|| panic!("{text} is no size"));
        assert_eq!(size::human(bytes), text, "a size reads back");
    }
}

/// Images that are written as crictl's JSON read back the same.
pub fn assert_json_reads_back(images: &[Image]) {
    let text = crictl::to_json(images);
    assert_eq!(crictl::parse_json(&text).expect("what we write can be read"), images);
    assert_eq!(crictl::parse(&text).expect("it is told from a table"), images);
}
