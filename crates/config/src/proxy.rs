//! The proxy to Harbor: `harbor_config.proxy`, or the variables that curl knows.

use crate::no_proxy::names;
use crate::secret::Secret;
use anyhow::{Context, Result, bail};
use http::Uri;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::net::IpAddr;
use url::Url;
use zeroize::Zeroizing;

const KEY: &str = "harbor_config.proxy";
/// The values of the key by which an operator wants no proxy, whatever the variables say.
const NONE: [&str; 3] = ["", "none", "direct"];

/// How the program reaches Harbor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// Without a proxy, and no proxy is named anywhere.
    #[default]
    Direct,
    /// Without the proxy that a variable names, for this reason.
    Bypass(String),
    /// Through this proxy.
    Through(Proxy),
}

/// A proxy, which speaks HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its address: scheme, host and port.
    pub uri: Uri,
    /// `USER:PASSWORD`.
    pub login: Option<Secret>,
    /// The key or variable that names it.
    pub named_by: &'static str,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri.to_string().trim_end_matches('/'))
    }
}

/// Without the login.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// The route to this address. The key goes before the variables, and `NO_PROXY` bounds the variables only. Programs on this
/// machine are never asked through the proxy of a variable.
///
/// # Errors
///
/// When the key has a value that is no proxy. A variable with such a value is a warning.
pub(crate) fn route(
    own: Option<&Secret>,
    to: &Url,
    variable: impl Fn(&str) -> Option<String>,
    warnings: &mut Vec<String>,
) -> Result<Route> {
    if let Some(own) = own {
        let text = own.reveal().trim();
        if NONE.iter().any(|none| text.eq_ignore_ascii_case(none)) {
            return Ok(Route::Direct);
        }
        return Ok(Route::Through(parse(text, KEY).context(KEY)?));
    }
    let names_of: [&'static str; 4] = match to.scheme() {
        "https" => ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        _ => ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
    };
    let set = |name: &&'static str| {
        let value = variable(name).map(Zeroizing::new).filter(|value| !value.trim().is_empty())?;
        Some((*name, value))
    };
    let Some((name, value)) = names_of.iter().find_map(set) else { return Ok(Route::Direct) };
    if is_this_machine(to) {
        return Ok(Route::Bypass(format!("{name} does not count for this machine itself")));
    }
    let excluded = ["no_proxy", "NO_PROXY"].into_iter().find_map(|name| Some((name, variable(name)?)));
    if let Some((no_proxy, entry)) = excluded.and_then(|(name, list)| Some((name, names(&list, to)?.to_owned()))) {
        return Ok(Route::Bypass(format!("{no_proxy} has {entry:?}")));
    }
    match parse(value.trim(), name) {
        Ok(proxy) => Ok(Route::Through(proxy)),
        Err(error) => {
            warnings.push(format!("the variable {name} has no effect: {error:#}"));
            Ok(Route::Direct)
        }
    }
}

fn is_this_machine(to: &Url) -> bool {
    match to.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(url::Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// Reads `http://USER:PASSWORD@HOST:PORT`; the scheme and the login may be missing. No error repeats the text.
fn parse(text: &str, named_by: &'static str) -> Result<Proxy> {
    const HELP: &str =
        "write it as http://proxy.example.com:3128, or with a login as http://USER:PASSWORD@proxy.example.com:3128";
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    if scheme.to_ascii_lowercase().starts_with("socks") {
        bail!("it is a SOCKS proxy, which this program does not speak; {HELP}");
    }
    // Taken apart by hand, so that no copy of the password stays behind.
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let (login, host) = authority.rsplit_once('@').map_or((None, authority), |(login, host)| (Some(login), host));
    let url = Url::parse(&format!("{scheme}://{host}")).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some((url, host)) = url.and_then(|url| Some((url.clone(), url.host_str()?.to_owned()))) else {
        bail!("it is no http:// or https:// address; {HELP}");
    };
    let port = url.port_or_known_default().unwrap_or(80);
    let uri = format!("{}://{host}:{port}/", url.scheme()).parse().ok().with_context(|| HELP)?;
    let login = login.map(|login| {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let bytes: Zeroizing<Vec<u8>> =
            Zeroizing::new(percent_decode_str(user).chain(*b":").chain(percent_decode_str(password)).collect());
        std::str::from_utf8(&bytes)
            .map(Secret::from)
            .ok()
            .with_context(|| format!("its login is no UTF-8 text; {HELP}"))
    });
    Ok(Proxy { uri, login: login.transpose()?, named_by })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(own: Option<&str>, to: &str, variables: &[(&str, &str)]) -> (Result<Route>, Vec<String>) {
        let mut warnings = Vec::new();
        let variable =
            |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        let own = own.map(Secret::from);
        (route(own.as_ref(), &Url::parse(to).unwrap(), variable, &mut warnings), warnings)
    }

    fn proxy(own: Option<&str>, to: &str, variables: &[(&str, &str)]) -> String {
        match routed(own, to, variables).0.unwrap() {
            Route::Through(proxy) => format!("{proxy} by {}", proxy.named_by),
            Route::Bypass(why) => why,
            Route::Direct => "direct".to_owned(),
        }
    }

    #[test]
    fn the_key_goes_before_the_variables_and_each_scheme_has_its_own() {
        let both = [("HTTPS_PROXY", "http://s:1"), ("http_proxy", "p:2"), ("NO_PROXY", "other")];
        assert_eq!(
            proxy(Some("proxy.example.com:3128"), "https://h", &both),
            "http://proxy.example.com:3128 by harbor_config.proxy"
        );
        assert_eq!(proxy(None, "https://h", &both), "http://s:1 by HTTPS_PROXY");
        assert_eq!(proxy(None, "http://h", &both), "http://p:2 by http_proxy");
        assert_eq!(proxy(None, "http://h", &[("ALL_PROXY", "https://a")]), "https://a:443 by ALL_PROXY");
        assert_eq!(proxy(None, "https://h", &[("HTTP_PROXY", "p:2"), ("HTTPS_PROXY", " ")]), "direct");
        for none in NONE {
            assert_eq!(proxy(Some(none), "https://h", &both), "direct");
        }
    }

    #[test]
    fn no_proxy_and_this_machine_go_without_the_proxy_of_a_variable_only() {
        let variables = [("https_proxy", "p:1"), ("no_proxy", "example.com, 10.0.0.0/8")];
        assert_eq!(proxy(None, "https://harbor.example.com", &variables), "no_proxy has \"example.com\"");
        assert_eq!(proxy(None, "https://10.1.2.3", &variables), "no_proxy has \"10.0.0.0/8\"");
        assert!(proxy(None, "https://localhost:8443", &variables).contains("this machine"));
        assert!(proxy(None, "https://[::1]", &variables).contains("this machine"));
        assert!(proxy(Some("p:1"), "https://127.0.0.1", &variables).contains("harbor_config.proxy"));
    }

    #[test]
    fn a_login_is_decoded_and_never_shown() {
        let Route::Through(proxy) = routed(Some("http://u%40d:p%3A%2Fw@proxy:3128/"), "https://h", &[]).0.unwrap()
        else {
            panic!("there is a proxy")
        };
        assert_eq!(proxy.login.as_ref().unwrap().reveal(), "u@d:p:/w");
        assert_eq!(format!("{proxy} {proxy:?}"), "http://proxy:3128 Proxy(http://proxy:3128)");
    }

    #[test]
    fn what_is_no_proxy_is_told_without_repeating_it() {
        for text in
            ["socks5://u:s3cret@p:1", "ftp://u:s3cret@p", "http://u:s3cret@", "http://u:s3cret@p:port", "u:s3cret@a b"]
        {
            let error = format!("{:#}", routed(Some(text), "https://h", &[]).0.unwrap_err());
            assert!(error.starts_with("harbor_config.proxy: ") && error.contains("write it as http://"), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
            let (route, warnings) = routed(None, "https://h", &[("HTTPS_PROXY", text)]);
            assert_eq!(route.unwrap(), Route::Direct);
            assert!(
                warnings[0].contains("HTTPS_PROXY has no effect") && !warnings[0].contains("s3cret"),
                "{warnings:?}"
            );
        }
    }
}
