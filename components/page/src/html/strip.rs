//! The verdicts as navigation: a link each, which chooses it or chooses it no more.

#![forbid(unsafe_code)]

use super::icon::icon;
use crate::inventory::Inventory;
use crate::query::Query;
use crate::text::{bytes, count, list, plural};
use crate::verdicts::{self, VERDICTS, Verdict};
use maud::{Markup, html};

const NO_VERDICTS: &str = "Harbor is not configured, so nothing is judged: these are the images on the nodes.";

pub(super) fn strip(query: &Query, inventory: &Inventory) -> Markup {
    let number = |verdict: &Verdict| inventory.counts.get(&verdict.name).copied().unwrap_or_default();
    // Without Harbor there are no verdicts, and a zero would be one.
    let judged = inventory.registry.as_ref().is_some_and(|registry| registry.state != "off");
    let chosen: Vec<&str> = query.get("verdict").split(',').filter(|name| !name.is_empty()).collect();
    // `outdated` is off unless the handler counts it.
    let shown =
        || VERDICTS.iter().filter(|verdict| verdict.name != "outdated" || inventory.counts.contains_key("outdated"));
    let tile = |verdict: &Verdict| {
        let is_chosen = chosen.contains(&verdict.name.as_str());
        let mut others: Vec<&str> = chosen.iter().copied().filter(|name| *name != verdict.name).collect();
        if !is_chosen {
            others.push(&verdict.name);
        }
        html! {
            li {
                a class={ "tile " (verdict.tone) @if number(verdict) == 0 { " zero" } } href=(query.link(&[("verdict", &others.join(","))]))
                    title={ (verdict.meaning) " " (verdict.todo) } aria-current=[is_chosen.then_some("true")] {
                    span class="shape" { (icon(&verdict.icon, verdict.dashed)) }
                    span class="number" { @if judged { (count(number(verdict))) } @else { "–" } }
                    span class="word" { (verdict.label) }
                }
            }
        }
    };
    let about = match chosen[..] {
        [name] => verdicts::find(name),
        _ => None,
    };
    let worst = shown().find(|verdict| verdict.attention && number(verdict) > 0);
    let sizes: Vec<u64> = inventory.nodes.iter().filter_map(|node| node.bytes).collect();
    let size = sizes.iter().copied().fold(0, u64::saturating_add);
    html! {
        nav class="strip" aria-label="Verdicts" {
            ul {
                @for verdict in shown().filter(|verdict| verdict.attention) { (tile(verdict)) }
                li class="gap" aria-hidden="true" {}
                @for verdict in shown().filter(|verdict| !verdict.attention) { (tile(verdict)) }
            }
            p #about-verdict class=(about.or(worst).map_or("good", |verdict| &verdict.tone)) {
                @if let Some(verdict) = about {
                    strong { (verdict.label) ":" } " " (verdict.meaning) " " span class="todo" { (verdict.todo) }
                } @else {
                    @if size > 0 { span class="sum" { "at most " (bytes(size)) " on " (plural(sizes.len() as u64, "node")) } }
                    @if judged { (summary(inventory, query.narrows())) } @else { (NO_VERDICTS) }
                }
            }
        }
    }
}

/// The answer of the whole page in one sentence.
fn summary(inventory: &Inventory, is_narrowed: bool) -> String {
    let number = |name: &str| inventory.counts.get(name).copied().unwrap_or_default();
    // `outdated` stands beside another verdict.
    let judged = VERDICTS.iter().filter(|verdict| verdict.name != "outdated");
    let all: u64 = judged.map(|verdict| number(&verdict.name)).sum();
    let on_nodes = all.saturating_sub(number("on_no_node"));
    let found = if is_narrowed { " found" } else { "" };
    let held = format!("{}{found} on the nodes", plural(on_nodes, "image"));
    let found = VERDICTS.iter().filter_map(|verdict| {
        let (number, phrase) = (number(&verdict.name), verdict.phrase.as_ref()?);
        (number > 0).then(|| format!("{} {phrase}", count(number)))
    });
    match list(&found.collect::<Vec<_>>()) {
        found if !found.is_empty() => format!("Of {held}, {found}."),
        _ if all == 0 && is_narrowed => "No image is found.".to_owned(),
        _ if all == 0 => "There is no image on the nodes, and none in Harbor.".to_owned(),
        _ if on_nodes == 0 => format!("None of {} is on a node that answered.", plural(all, "image")),
        _ => format!("All is well: of {held}, none is missing and none has drifted."),
    }
}
