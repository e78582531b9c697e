//! The head of the page: what this is, and how each source is.

#![forbid(unsafe_code)]

use super::summary::has_rows;
use crate::inventory::Inventory;
use crate::options::Options;
use crate::text::{age, count, plural, visible};
use maud::{Markup, html};

pub(super) fn head(options: &Options, inventory: Option<&Inventory>) -> Markup {
    html! {
        header class="head" {
            h1 {
                a href="./" { (options.title) }
                @if !options.subtitle.is_empty() { span class="subtitle" { (options.subtitle) } }
            }
            @if let Some(inventory) = inventory {
                div class="sources" { (nodes(options, inventory)) (registry(options, inventory)) }
                div class="tools" { span class="freshness" { span class="pill" {
                    @if let Some(seconds) = oldest(inventory) { "as of " (age(seconds)) " ago" } @else { "no answer yet" }
                } } }
            }
        }
    }
}

/// The age of the oldest source that has rows, in seconds.
fn oldest(inventory: &Inventory) -> Option<f64> {
    let registry = inventory.registry.iter().map(|registry| (&registry.state, registry.age_seconds));
    let sources = inventory.nodes.iter().map(|node| (&node.state, node.age_seconds)).chain(registry);
    let ages = sources.filter(|(state, _)| has_rows(state)).map(|(_, age)| age.unwrap_or_default());
    ages.reduce(f64::max)
}

fn nodes(options: &Options, inventory: &Inventory) -> Markup {
    match &inventory.nodes[..] {
        [] => html! {},
        [node] => source(&visible(options.label(&node.name)), &node.state),
        nodes => {
            let answered = nodes.iter().filter(|node| node.state == "answered").count();
            if answered == nodes.len() {
                source(&plural(answered as u64, "node"), "answered")
            } else {
                let name = format!("{} of {}", count(answered as u64), plural(nodes.len() as u64, "node"));
                source(&name, "some")
            }
        }
    }
}

fn registry(options: &Options, inventory: &Inventory) -> Markup {
    let Some(registry) = &inventory.registry else { return html! {} };
    let url = registry.url.as_deref().unwrap_or("Harbor");
    let host = url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/');
    let version = registry.version.as_deref().unwrap_or_default().trim_start_matches('v');
    let mut parts = version.split(['.', '-', '+']);
    let name = match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) => format!("{} {major}.{minor}", options.label(host)),
        _ => options.label(host).to_owned(),
    };
    source(&visible(&name), &registry.state)
}

fn source(name: &str, state: &str) -> Markup {
    let (tone, words) = match state {
        "answered" => ("good", ""),
        "some" => ("warn", " answered"),
        "stale" => ("warn", " old rows"),
        "waiting" => ("info", " being read"),
        "denied" => ("bad", " refused"),
        "unreachable" => ("bad", " does not answer"),
        _ => ("bad", " failed"),
    };
    html! {
        span class={ "source " (tone) } {
            span class="dot" aria-hidden="true" {}
            bdi { (name) }
            span class="words" { (words) }
        }
    }
}
