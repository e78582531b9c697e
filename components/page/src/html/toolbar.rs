//! The search, as a form that works without scripts, and the sentence for those who have none.

#![forbid(unsafe_code)]

use super::icon::{SEARCH, icon};
use crate::query::Query;
use crate::text::visible;
use maud::{Markup, html};

pub(super) fn toolbar(query: &Query) -> Markup {
    let narrowing: Vec<_> = query.parameters().filter(|(name, _)| !matches!(*name, "q" | "sort" | "order")).collect();
    html! {
        form class="toolbar" role="search" method="get" action="./" {
            label class="search" {
                (icon(SEARCH, false))
                span class="unseen" { "Search images" }
                input #search type="search" name="q" placeholder="Search images: team app 1.2" value=(query.get("q")) autocomplete="off" spellcheck="false";
            }
            @for (name, value) in query.parameters().filter(|(name, _)| *name != "q") { input type="hidden" name=(name) value=(value); }
            button type="submit" class="submit" { "Search" }
            @if !narrowing.is_empty() || !query.get("q").is_empty() {
                ul class="chips" aria-label="Filters" {
                    @for (name, value) in &narrowing {
                        li { a class="chip" href=(query.link(&[(name, "")])) { bdi { (name) " " (visible(value)) } " ×" } }
                    }
                    li { a class="link" href="./" { "clear" } }
                }
            }
            span class="links" { a href=(csv(query)) download="images.csv" { "CSV" } }
        }
    }
}

/// The sentence for browsers without scripts.
pub(super) fn without_scripts(query: &Query) -> Markup {
    html! {
        noscript {
            p class="static-note" {
                "Your browser runs no scripts, so this page shows a hundred images at a time, without details. The search, the \
                 verdicts and the order work as they are. "
                a href=(csv(query)) { "All images that are selected, as CSV" } "."
            }
        }
    }
}

fn csv(query: &Query) -> String {
    format!("inventory.csv?{}", query.of_all_rows())
}
