//! The verdicts as navigation: a link each, which chooses it or chooses it no more.

#![forbid(unsafe_code)]

use super::icon::icon;
use super::summary::{has_rows, number_of, summary};
use crate::inventory::Inventory;
use crate::options::Options;
use crate::query::Query;
use crate::text::{bytes, count, plural};
use crate::verdicts::{self, VERDICTS, Verdict};
use maud::{Markup, html};

pub(super) fn strip(options: &Options, query: &Query, inventory: &Inventory) -> Markup {
    let number = |verdict: &Verdict| number_of(inventory, &verdict.name);
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
                a class={ "tile " (verdict.tone) @if number(verdict).unwrap_or_default() == 0 { " zero" } } href=(query.link(&[("verdict", &others.join(","))]))
                    title={ (verdict.meaning) " " (verdict.todo) } aria-current=[is_chosen.then_some("true")] {
                    span class="shape" { (icon(&verdict.icon, verdict.dashed)) }
                    span class="number" { (number(verdict).map_or("–".to_owned(), count)) }
                    span class="word" { (verdict.label) }
                }
            }
        }
    };
    let about = match chosen[..] {
        [name] => verdicts::find(name),
        _ => None,
    };
    let worst = shown().find(|verdict| verdict.attention && number(verdict) > Some(0));
    let sizes: Vec<u64> =
        inventory.nodes.iter().filter(|node| has_rows(&node.state)).filter_map(|node| node.bytes).collect();
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
                    (summary(options, inventory, query.narrows()))
                }
            }
        }
    }
}
