//! What becomes of a request: a pure function of the request, the login and the settings.

#![forbid(unsafe_code)]

use crate::assets::ASSETS;
use crate::html::Access;
use crate::query::Query;
use crate::reply::{self, ASK_AGAIN, FOR_EVER, Headers, POLICY, Reply};
use crate::route::Route;

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// The handler answers it, as it is.
    PassOn,
    /// This is the answer.
    Reply(Reply),
    /// The page, with the rows that the handler gives for this path. Without one there are none: whoever did not log in has no
    /// rows, not even if the handler would give them.
    Page(Option<String>),
    /// What the handler gives for this path as CSV, as a file to keep.
    Csv(String),
}

/// What becomes of a request of this route, with this query, where the page is on.
pub(crate) fn plan(route: &Route<'_>, query: &str, access: Access) -> Plan {
    match route {
        Route::Other => Plan::PassOn,
        // The handler knows how a refusal reads.
        Route::Asset(name) => ASSETS.find(name).map_or(Plan::PassOn, |asset| {
            let headers = [("content-type", asset.content_type), ("cache-control", FOR_EVER)];
            Plan::Reply(Reply::new(headers, access, asset.bytes))
        }),
        Route::Csv if query.is_empty() => Plan::Csv("/inventory".to_owned()),
        Route::Csv => Plan::Csv(format!("/inventory?{query}")),
        Route::Page if access == Access::LoginRequired => Plan::Page(None),
        Route::Page => Plan::Page(Some(format!("/inventory?{}", Query::read(query).of_first_rows()))),
    }
}

/// The headers of the page. Its body follows in two parts, so its length is not known yet.
pub(crate) fn page_headers(access: Access) -> Headers {
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", ASK_AGAIN),
        ("content-security-policy", POLICY),
        // With no-referrer, a browser sends a form with the origin `null`, which the login refuses.
        ("referrer-policy", "same-origin"),
        ("vary", "authorization, cookie"),
    ];
    reply::headers(headers, access)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
        headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_page_asks_for_its_first_rows_only_after_the_login() {
        let page = |access| plan(&Route::Page, "q=app&utm_source=chat", access);
        let rows = Plan::Page(Some("/inventory?q=app&sort=verdict&limit=100".to_owned()));
        assert_eq!(page(Access::Open), rows);
        assert_eq!(page(Access::LoggedIn), rows);
        assert_eq!(page(Access::LoginRequired), Plan::Page(None));
    }

    #[test]
    fn the_csv_has_the_query_as_it_is_so_that_a_wrong_one_is_refused_as_everywhere() {
        let csv = |query| plan(&Route::Csv, query, Access::Open);
        assert_eq!(csv(""), Plan::Csv("/inventory".to_owned()));
        assert_eq!(csv("q=a%20b&colour=red"), Plan::Csv("/inventory?q=a%20b&colour=red".to_owned()));
    }

    #[test]
    fn a_file_is_answered_here_for_ever_and_one_of_another_build_is_the_handlers_to_refuse() {
        let script = &ASSETS.script;
        let Plan::Reply(reply) = plan(&Route::Asset(&script.name), "", Access::Open) else { panic!() };
        assert_eq!(value(&reply.headers, "cache-control"), Some(FOR_EVER));
        assert_eq!((value(&reply.headers, "content-type"), reply.body), (Some(script.content_type), script.bytes));
        assert_eq!(plan(&Route::Asset("app-00000000.js"), "", Access::Open), Plan::PassOn);
        assert_eq!(plan(&Route::Other, "", Access::Open), Plan::PassOn);
    }

    #[test]
    fn what_is_open_before_the_login_says_so_to_the_host() {
        let marked = |access| {
            let Plan::Reply(file) = plan(&Route::Asset(&ASSETS.style.name), "", access) else { panic!() };
            [file.headers, page_headers(access)].map(|headers| value(&headers, "image-service-access") == Some("open"))
        };
        assert_eq!(marked(Access::LoginRequired), [true, true]);
        assert_eq!((marked(Access::Open), marked(Access::LoggedIn)), ([false, false], [false, false]));
    }

    #[test]
    fn the_page_is_of_this_moment_and_may_load_only_what_stands_beside_it() {
        let page = page_headers(Access::Open);
        let policy = value(&page, "content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe") && !policy.contains("http"));
        let expected =
            [("cache-control", ASK_AGAIN), ("vary", "authorization, cookie"), ("referrer-policy", "same-origin")];
        for (name, expected) in expected {
            assert_eq!(value(&page, name), Some(expected));
        }
        assert_eq!(value(&page, "content-length"), None);
    }
}
