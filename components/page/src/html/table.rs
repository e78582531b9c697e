//! The first rows as a table. The order is a link each; the next rows are a link.

#![forbid(unsafe_code)]

use super::icon::{ARROW, icon};
use super::summary::{has_rows, is_nothing_known, missing_sources};
use crate::inventory::{Image, Inventory};
use crate::options::Options;
use crate::query::Query;
use crate::text::{bytes, count, cut, plural, repository_parts, short_digest, visible};
use crate::verdicts;
use maud::{Markup, html};

/// The most characters of a last name and of a tag in a row.
const NAME: usize = 56;
const TAG: usize = 40;

/// What sorts, the title, the class, and whether the largest come first.
const COLUMNS: [(&str, &str, &str, bool); 6] = [
    ("verdict", "State", "c-state", false),
    ("name", "Image", "c-image", false),
    ("digest", "Digest", "c-digest", false),
    ("size", "Size", "c-size", true),
    ("nodes", "Nodes", "c-nodes", true),
    ("pushed", "In Harbor", "c-harbor", true),
];

pub(super) fn table(options: &Options, query: &Query, inventory: &Inventory) -> Markup {
    let answered = inventory.nodes.iter().filter(|node| has_rows(&node.state)).count() as u64;
    html! {
        div role="table" class="table" aria-label="Images" {
            div role="rowgroup" class="thead" { (titles(query)) }
            div role="rowgroup" class="tbody" { @for image in &inventory.images { (row(image, answered)) } }
        }
        @if inventory.images.is_empty() {
            (empty(options, query, inventory))
        } @else {
            p class="foot" {
                (plural(inventory.images.len() as u64, "image")) " of " (count(inventory.total))
                @if !query.is_first() { ". " a href=(query.link(&[])) { "Back to the first" } }
                @if let Some(next) = &inventory.next { ". " a href=(query.next(next)) rel="next" { "Next images" } }
            }
        }
    }
}

/// What stands in place of the rows where there are none.
fn empty(options: &Options, query: &Query, inventory: &Inventory) -> Markup {
    let title = match query.narrows() || !query.get("verdict").is_empty() {
        _ if is_nothing_known(inventory) => "No image is known.",
        true => "No image matches.",
        false => "There are no images.",
    };
    html! {
        div class="empty" {
            p { strong { (title) } }
            @if let Some(silent) = missing_sources(options, inventory) {
                p { (silent) ", so there may be images that are not shown. The notices above say why." }
            }
        }
    }
}

fn titles(query: &Query) -> Markup {
    let sorted = if query.get("sort").is_empty() { "verdict" } else { query.get("sort") };
    let descending = query.get("order") == "desc";
    html! {
        div role="row" class="row titles" {
            @for (sort, title, class, down) in COLUMNS {
                @let is_sorted = sort == sorted;
                @let order = match (is_sorted, descending) { (false, _) => "none", (true, false) => "ascending", (true, true) => "descending" };
                @let next = if is_sorted { !descending } else { down };
                div role="columnheader" class=(class) aria-sort=(order) {
                    a href=(query.link(&[("sort", sort), ("order", if next { "desc" } else { "" })])) {
                        (title) span class={ "arrow " (order) } { (icon(ARROW, false)) }
                    }
                }
            }
            div role="columnheader" class="c-copy" { span class="unseen" { "Copy" } }
        }
    }
}

fn row(image: &Image, answered: u64) -> Markup {
    let digest = image.digests.first().or(image.harbor.as_ref().and_then(|harbor| harbor.digest.as_ref()));
    let size = image.bytes.or(image.harbor.as_ref().and_then(|harbor| harbor.bytes));
    let pushed =
        image.harbor.as_ref().and_then(|harbor| harbor.pushed_at.as_deref()).and_then(|instant| instant.get(..10));
    html! {
        div role="row" class="row image" {
            div role="cell" class="c-state" { (state(image)) }
            div role="cell" class="c-image" { span class="open" title=[image.reference.as_deref().map(visible)] { (name(image)) } }
            div role="cell" class="c-digest" title=[digest.map(|digest| visible(digest))] {
                @if let Some(digest) = digest { code { (visible(&short_digest(digest))) } } @else { span class="none" { "none" } }
            }
            div role="cell" class="c-size" { @if let Some(size) = size { (bytes(size)) } }
            div role="cell" class="c-nodes" title=(visible(&image.nodes.join(", "))) {
                @if image.node_count == 0 && answered == 0 { "–" } @else if image.node_count == 0 { "none" } @else { (count(image.node_count)) " of " (count(answered)) }
            }
            div role="cell" class="c-harbor" {
                @if let Some(date) = pushed { (visible(date)) } @else { (in_harbor(image)) }
            }
            div role="cell" class="c-copy" {}
        }
    }
}

/// What stands in place of the time of the push.
fn in_harbor(image: &Image) -> &'static str {
    let has = |name| image.verdicts.iter().any(|verdict| verdict == name);
    match image.harbor {
        _ if has("missing") => "gone",
        _ if has("proxied") => "not kept",
        Some(_) => "yes",
        None => "–",
    }
}

fn state(image: &Image) -> Markup {
    let mut verdicts = verdicts::VERDICTS.iter().filter(|verdict| image.verdicts.contains(&verdict.name));
    let Some(worst) = verdicts.next() else { return html! { span class="badge quiet" { "–" } } };
    let others = verdicts.count();
    html! {
        span class={ "badge " (worst.tone) } title={ (worst.meaning) " " (worst.todo) } { (icon(&worst.icon, worst.dashed)) (worst.label) }
        @if others > 0 { span class="more" { "+" (others) } }
    }
}

/// The name: the registry dim, the tag strong. Nothing in it can become markup, or change the order of its surroundings.
fn name(image: &Image) -> Markup {
    let Some(repository) = &image.repository else { return html! { bdi class="name nameless" { "without a name" } } };
    let (host, folders, last) = repository_parts(repository);
    html! {
        bdi class="name" {
            @if !host.is_empty() || !folders.is_empty() {
                span class="path" { span class="host" { (visible(host)) wbr; } (visible(folders)) wbr; }
            }
            span class="last" { (cut(&visible(last), NAME)) }
            @if let Some(tag) = &image.tag {
                span class="tag" { span class="colon" { ":" } (cut(&visible(tag), TAG)) }
            } @else if let Some(digest) = image.digests.first() {
                span class="tag by-digest" { span class="colon" { "@" } (visible(&short_digest(digest))) }
            }
        }
    }
}
