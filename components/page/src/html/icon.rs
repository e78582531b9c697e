//! Shapes, drawn in the colour of the text beside them. They say nothing that the text does not.

#![forbid(unsafe_code)]

use maud::{Markup, html};

/// An arrow upwards: the order of a column.
pub(super) const ARROW: &str = "M8 12.5v-9M4.5 7L8 3.5L11.5 7";
/// A lens: the search.
pub(super) const SEARCH: &str = "M7 2.8a4.2 4.2 0 1 1 0 8.4a4.2 4.2 0 1 1 0-8.4M10.2 10.2L13.5 13.5";

/// The shape of a path in a box of 16 by 16.
pub(super) fn icon(path: &str, dashed: bool) -> Markup {
    html! {
        svg class={ "icon" @if dashed { " dashed" } } viewBox="0 0 16 16" aria-hidden="true" { path d=(path) {} }
    }
}
