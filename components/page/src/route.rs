//! The route of a request: what this component answers itself, and what it passes on.

#![forbid(unsafe_code)]

/// The route of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// The page.
    Page,
    /// A file of the page, by its name.
    Asset(&'a str),
    /// The rows as CSV, for a link: a link can't say which media type it accepts.
    Csv,
    /// Everything else.
    Other,
}

impl<'a> Route<'a> {
    /// The route of a path without its query.
    pub(crate) fn of(path: &'a str) -> Self {
        match path {
            "/" => Self::Page,
            "/inventory.csv" => Self::Csv,
            _ => path.strip_prefix("/assets/").map_or(Self::Other, Self::Asset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_and_its_files_are_answered_here_and_all_else_is_passed_on() {
        assert_eq!(Route::of("/"), Route::Page);
        assert_eq!(Route::of("/assets/app-1.js"), Route::Asset("app-1.js"));
        assert_eq!(Route::of("/inventory.csv"), Route::Csv);
        for path in ["", "//", "/images", "/inventory", "/compare", "/asset", "/assets", "/index.html"] {
            assert_eq!(Route::of(path), Route::Other, "{path:?}");
        }
    }
}
