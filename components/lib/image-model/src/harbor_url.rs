//! Harbor's address, as an operator writes it or copies it out of a browser.

/// The pages of Harbor's portal below `/harbor/`.
const PAGES: [&str; 18] = [
    "clearing-job",
    "configs",
    "distribution",
    "gc",
    "groups",
    "interrogation-services",
    "job-service-dashboard",
    "jobservice",
    "labels",
    "logs",
    "project-quotas",
    "projects",
    "registries",
    "replications",
    "robot-accounts",
    "sign-in",
    "tags",
    "users",
];

/// Harbor's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HarborUrl {
    /// Scheme, host, port and path prefix, without a slash at its end.
    pub base: String,
    /// Whether the text was the address of a page of the portal. The operator should write `base` instead.
    pub is_page: bool,
}

/// Reads an address: takes what follows the address of Harbor itself away, as a browser shows it or as the API has it.
///
/// # Errors
///
/// When the text does not begin with `http://` or `https://`: a sentence that says so, and how to write it. It repeats no login.
pub fn read(text: &str) -> Result<HarborUrl, String> {
    let text = text.trim();
    let Some((scheme, rest)) = split_scheme(text) else {
        let host = text.split_once("://").map_or(text, |(_, rest)| rest);
        return Err(format!("it does not begin with https:// or http://; write it as {}", proposal(host)));
    };
    let (location, further) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let (authority, path) = location.split_once('/').unwrap_or((location, ""));
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let end = (0..segments.len()).find_map(|at| Some((at, kind(segments.get(at..)?)?)));
    let (prefix, is_page) = match end {
        Some((at, kind)) => (segments.get(..at).unwrap_or_default(), kind == Kind::Page || !further.is_empty()),
        None if further.is_empty() => {
            return Ok(HarborUrl { base: text.trim_end_matches('/').to_owned(), is_page: false });
        }
        None => (&segments[..], true),
    };
    let base = prefix.iter().fold(format!("{scheme}://{authority}"), |base, segment| format!("{base}/{segment}"));
    Ok(HarborUrl { base, is_page })
}

/// What the rest of a path leads to.
#[derive(PartialEq, Eq)]
enum Kind {
    Page,
    Api,
}

fn kind(path: &[&str]) -> Option<Kind> {
    match path {
        ["harbor", page, ..] if PAGES.contains(page) => Some(Kind::Page),
        ["account", "sign-in" | "reset_password", ..] | ["c", "login" | "oidc", ..] => Some(Kind::Page),
        ["devcenter" | "devcenter-api-2.0" | "oidc-onboard", ..] => Some(Kind::Page),
        ["api", "v2.0", ..] => Some(Kind::Api),
        _ => None,
    }
}

fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    (is_http && !rest.is_empty()).then_some((scheme, rest))
}

/// How to write an address that has no scheme, or a wrong one: its host and port behind `https://`.
fn proposal(text: &str) -> String {
    // Such as `https:/harbor` and `//harbor`.
    let text = ["https", "http"]
        .into_iter()
        .find_map(|scheme| {
            let rest = text.get(scheme.len()..).filter(|_| text[..scheme.len()].eq_ignore_ascii_case(scheme))?;
            rest.starts_with([':', '/', '\\']).then_some(rest)
        })
        .unwrap_or(text);
    let text = text.trim_start_matches([':', '/', '\\']);
    let authority = text.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    // What stands before an @ is a login.
    let host = authority.rsplit('@').next().unwrap_or_default();
    let is_host = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control());
    format!("https://{}", if is_host { host } else { "harbor.example.com" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_it_is() {
        for (text, base) in [
            ("https://harbor.example.com", "https://harbor.example.com"),
            (" http://127.0.0.1:8080/\n", "http://127.0.0.1:8080"),
            ("HTTPS://Harbor/registry/", "HTTPS://Harbor/registry"),
            // A prefix that is called so.
            ("https://h/harbor", "https://h/harbor"),
            ("https://h/api/v2.0/", "https://h"),
            ("https://h/registry/api/v2.0/projects", "https://h/registry"),
        ] {
            assert_eq!(read(text), Ok(HarborUrl { base: base.to_owned(), is_page: false }), "{text}");
        }
    }

    #[test]
    fn what_a_browser_shows_is_told_and_cut_to_harbors_address() {
        for (text, base) in [
            ("https://h/harbor/projects", "https://h"),
            ("https://h:8443/harbor/projects/3/repositories?page=1", "https://h:8443"),
            ("https://h/registry/harbor/sign-in?redirect_url=%2Fharbor%2Fprojects", "https://h/registry"),
            ("http://h/#/harbor/projects", "http://h"),
            ("https://h/?publicAndNotLogged=yes", "https://h"),
            ("https://h/account/sign-in", "https://h"),
            ("https://h/devcenter-api-2.0", "https://h"),
            ("https://h/c/oidc/login", "https://h"),
        ] {
            assert_eq!(read(text), Ok(HarborUrl { base: base.to_owned(), is_page: true }), "{text}");
        }
    }

    #[test]
    fn a_missing_or_wrong_scheme_is_told_with_the_address_to_write_and_without_a_login() {
        for (text, written) in [
            ("harbor.example.com", "https://harbor.example.com"),
            ("harbor.example.com:8443/harbor/projects", "https://harbor.example.com:8443"),
            ("harbor.example.com/library/nginx:1.27", "https://harbor.example.com"),
            ("htps://h/harbor/projects", "https://h"),
            ("oci://h", "https://h"),
            ("https:/h", "https://h"),
            ("http:h", "https://h"),
            ("https//h", "https://h"),
            ("//h/x", "https://h"),
            ("httpd.example.com", "https://httpd.example.com"),
            ("admin:Harbor12345@h:443", "https://h:443"),
            ("https://", "https://harbor.example.com"),
            ("the harbor", "https://harbor.example.com"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.ends_with(&format!("write it as {written}")), "{text}: {message}");
            assert!(!message.contains("Harbor12345"), "{message}");
        }
    }
}
