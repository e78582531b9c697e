//! Times the pure parts of the components one by one: `cargo xtask bench parts`.

#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use bench_inventory::{Registry, ignore_file, listing, node};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use image_model::crictl;
use image_model::ignore::IgnoreList;
use image_model::listing::{CONTAINERD_IMAGES, Listing};
use image_model::node::{ImageRow, rows};
use std::hint::black_box;

/// Images, lines or rows of each run.
const COUNT: usize = 1000;

fn parts(criterion: &mut Criterion) {
    let images = node(COUNT);
    let json = crictl::to_json(&images);
    let table: String = std::iter::once("IMAGE  TAG  IMAGE ID  SIZE\n".to_owned())
        .chain(images.iter().map(|image| {
            let (repository, tag) = image.repo_tags[0].rsplit_once(':').unwrap_or_default();
            format!("{repository}    {tag}    {}    117MB\n", &image.id[7..20])
        }))
        .collect();
    let ignored = ignore_file(COUNT);
    let list = IgnoreList::parse(&ignored);
    let node_rows = rows(images.clone());
    let registry = Registry::new(1);

    let mut group = criterion.benchmark_group("parts");
    group.throughput(Throughput::Elements(COUNT as u64));
    group.bench_function("crictl JSON to images", |bencher| bencher.iter(|| crictl::parse(black_box(&json))));
    group.bench_function("crictl table to images", |bencher| bencher.iter(|| crictl::parse(black_box(&table))));
    group.bench_function("images to ordered rows", |bencher| {
        bencher.iter_batched(|| images.clone(), rows, BatchSize::LargeInput);
    });
    group.bench_function("ignore file to list", |bencher| bencher.iter(|| IgnoreList::parse(black_box(&ignored))));
    group.bench_function("rows against ignore list", |bencher| {
        bencher.iter(|| node_rows.iter().filter(|row| list.contains(&row.id)).count());
    });
    group.bench_function("rows to JSON", |bencher| {
        let written = |rows: Vec<ImageRow>| {
            let mut listing = Listing::new(false);
            listing.open(CONTAINERD_IMAGES);
            for row in rows {
                listing.row(&row);
            }
            listing.take()
        };
        bencher.iter_batched(|| node_rows.clone(), written, BatchSize::LargeInput);
    });
    group.bench_function("Harbor's pages to JSON", |bencher| {
        bencher.iter(|| listing(Vec::new(), "", &registry, |piece| drop(black_box(piece))));
    });
    group.finish();
}

criterion_group!(benches, parts);
criterion_main!(benches);
