//! The page as HTML: a pure function of the query, the answer of `/inventory` and the settings.
//!
//! It is what a browser without scripts shows, and what others show until the script takes over. The script draws the same
//! shapes with the same classes (page/src/views), so nothing moves.

#![forbid(unsafe_code)]

mod banners;
mod head;
mod icon;
mod strip;
mod summary;
mod table;
mod toolbar;
mod waiting;

use crate::assets::ASSETS;
use crate::inventory::Answer;
use crate::options::Options;
use crate::query::Query;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// What the host says about the login of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// The host asks for no token, or a program sent one.
    Open,
    /// A person logged in, and may log out.
    LoggedIn,
    /// A person has to log in first.
    LoginRequired,
}

impl Access {
    /// Reads the value of the host's header.
    pub(crate) fn of(header: Option<&[u8]>) -> Self {
        match header {
            Some(b"login-required") => Self::LoginRequired,
            Some(b"logged-in") => Self::LoggedIn,
            _ => Self::Open,
        }
    }
}

/// The document up to where the rows are needed. A browser shows it while they are read, which takes a while for a Harbor that
/// is read for the first time.
pub(crate) fn beginning(options: &Options) -> String {
    let head = html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="robots" content="noindex";
            title { (options.title) }
            link rel="icon" href=(ASSETS.icon.path());
            link rel="stylesheet" href=(ASSETS.style.path());
            link rel="license" href=(ASSETS.licences.path());
            script src=(ASSETS.theme.path()) {}
            script src=(ASSETS.script.path()) defer {}
        }
    };
    // The elements that are open here end with the rest.
    [DOCTYPE.0, "<html lang=\"en\">", head.0.as_str(), "<body>", waiting::waiting(options).0.as_str()].concat()
}

/// The rest of the document.
pub(crate) fn rest(options: &Options, query: &Query, answer: &Answer, access: Access) -> String {
    let page = html! {
        div #page class="static" { (content(options, query, answer)) }
        script #first type="application/json" { (PreEscaped(data(options, answer, access))) }
    };
    page.0 + "</body></html>"
}

/// The whole document.
pub(crate) fn document(options: &Options, query: &Query, answer: &Answer, access: Access) -> String {
    beginning(options) + &rest(options, query, answer, access)
}

fn content(options: &Options, query: &Query, answer: &Answer) -> Markup {
    match answer {
        Answer::Login => html! { (head::head(options, None)) (login(query)) },
        Answer::Rows(inventory, _) => html! {
            (head::head(options, Some(inventory)))
            (strip::strip(options, query, inventory))
            (toolbar::toolbar(query))
            (banners::failures(inventory))
            (toolbar::without_scripts(query))
            main #content { (table::table(options, query, inventory)) }
        },
        Answer::Problem(status, problem) => html! {
            (head::head(options, None))
            main #content { (banners::refusal(*status, problem)) }
        },
    }
}

/// The login for a browser without scripts. The host answers the form.
fn login(query: &Query) -> Markup {
    html! {
        main class="login" {
            form method="post" action="login" {
                h2 { "Log in" }
                p { "This page needs a token: a line of the file that " code { "access_config.token_file" } " names. Whoever runs the service has it." }
                label for="token" { "Token" }
                input #token name="token" type="password" autocomplete="current-password" required;
                p class="refusal" role="alert" {
                    @if query.login_failed() { "This is not the token. Check it and try again." }
                }
                button type="submit" class="primary" { "Log in" }
            }
        }
    }
}

/// What the script begins with, as JSON inside of HTML: no character of it can end the element around it.
fn data(options: &Options, answer: &Answer, access: Access) -> String {
    let settings = serde_json::to_string(options).unwrap_or_else(|_| "{}".to_owned());
    let rows = match answer {
        Answer::Rows(_, json) => json,
        _ => "null",
    };
    let login = access == Access::LoggedIn;
    format!("{{\"settings\":{settings},\"status\":{},\"login\":{login},\"inventory\":{rows}}}", answer.status())
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

#[cfg(test)]
mod tests;
