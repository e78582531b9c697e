//! What is wrong, in the words of the program's log.

#![forbid(unsafe_code)]

use crate::inventory::{Failure, Inventory, Problem};
use crate::text::{plural, visible};
use maud::{Markup, html};

/// Failures that stand each in a banner of its own.
const MOST: usize = 4;

pub(super) fn failures(inventory: &Inventory) -> Markup {
    let further = inventory.errors.len().saturating_sub(MOST);
    html! {
        div class="banners" {
            @for failure in inventory.errors.iter().take(MOST) {
                div class="banner bad" role="status" { p { strong { bdi { (visible(source(failure))) } ":" } " " (visible(&failure.error)) } }
            }
            @if further > 0 { div class="banner bad" { p { (plural(further as u64, "more failure")) } } }
        }
    }
}

/// The answer was no rows.
pub(super) fn refusal(status: u16, problem: &Problem) -> Markup {
    let sentence = match (&problem.detail[..], &problem.title[..]) {
        ("", "") => format!("The server answered {status}."),
        ("", title) => format!("{title} ({status})."),
        (detail, _) => detail.to_owned(),
    };
    html! {
        div class="banners" {
            div class="banner bad" role="alert" { p { strong { "There are no rows." } " " (visible(&sentence)) } }
        }
        p { a href="./" { "Show all images" } }
    }
}

fn source(failure: &Failure) -> &str {
    match (&failure.node, &failure.source[..]) {
        (Some(node), _) => node,
        (None, "containerd" | "nodes") => "The node",
        (None, "harbor" | "registry") => "Harbor",
        (None, other) => other,
    }
}
