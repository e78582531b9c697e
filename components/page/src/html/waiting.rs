//! What stands in place of the rows while they are read: the shapes of the page, so that nothing moves when they come.

#![forbid(unsafe_code)]

use crate::options::Options;
use maud::{Markup, html};

/// The columns of the table, and how wide the bar in each of their cells is.
const CELLS: [(&str, &str); 5] =
    [("c-state", "b1"), ("c-digest", "b2"), ("c-size", "b1"), ("c-nodes", "b3"), ("c-harbor", "b1")];
/// How wide the names are, one a row.
const NAMES: [&str; 8] = ["b1", "b2", "b0", "b1", "b3", "b1", "b0", "b2"];

/// The style hides it as soon as something follows; the script takes it away.
pub(super) fn waiting(options: &Options) -> Markup {
    html! {
        div class="waiting" {
            div class="head" {
                p class="title" {
                    (options.title)
                    @if !options.subtitle.is_empty() { span class="subtitle" { (options.subtitle) } }
                }
            }
            p class="strip" { "The images are being read. The first time, a large Harbor takes a while." }
            div class="table" aria-hidden="true" {
                @for name in NAMES {
                    div class="row skeleton" {
                        @for (class, width) in CELLS {
                            div class=(class) { span class={ "bone " (width) } {} }
                            @if class == "c-state" { div class="c-image" { span class={ "bone " (name) } {} } }
                        }
                    }
                }
            }
        }
    }
}
