//! Tables for terminals.

use image_model::visible::visible;

/// Aligns columns as crictl does: each is 20 characters wide or more, with three spaces or more after each value. The last
/// column has no padding. Values come from strangers, so nothing in them is invisible.
pub(super) fn aligned<'a, const N: usize>(
    header: [&'a str; N],
    rows: impl Iterator<Item = [&'a str; N]> + Clone,
) -> String {
    const MIN_WIDTH: usize = 20;
    const PADDING: usize = 3;
    let lines = || std::iter::once(header).chain(rows.clone()).map(|line| line.map(visible));
    let mut widths = [MIN_WIDTH; N];
    for line in lines() {
        for (width, value) in widths.iter_mut().zip(line) {
            *width = (*width).max(value.chars().count() + PADDING);
        }
    }
    // The last column needs no padding.
    widths[N - 1] = 0;
    let mut text = String::new();
    for line in lines() {
        for (width, value) in widths.iter().zip(line) {
            text += &format!("{value:<width$}");
        }
        text.push('\n');
    }
    text
}
