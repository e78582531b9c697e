//! Which clients may send requests, and how: TLS and client certificates, bearer tokens, sessions of browsers, and scripts of web
//! pages.
//!
//! - `tokens`: bearer tokens from a file;
//! - `login`: a browser's login and logout; `session`: its cookie, and `session_key`; `failed_logins`: how often it may fail;
//! - `page`: what is open to all, and how the composition learns who may see more;
//! - `initiator`: which page made a browser send a request;
//! - `cors`: which web pages' scripts may read answers;
//! - `warnings`: what an operator may have overlooked.

mod cors;
mod failed_logins;
mod initiator;
mod login;
mod page;
mod peer;
mod session;
mod session_key;
mod tokens;
mod warnings;

pub use peer::Peer;

use crate::reloadable::Reloadable;
use crate::response::{BUSY, Body, RequestBody, busy, problem, security_headers};
use crate::routes::{Credential, Route, only_reads};
use crate::shared::Shared;
use crate::tls;
use crate::tls::server::ListenerTls;
use anyhow::Result;
use cors::CorsDecision;
use failed_logins::FailedLogins;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONNECTION, COOKIE, HeaderMap, HeaderValue, VARY, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode, Version};
use image_service_config::{self as config, Cors};
use image_service_telemetry::moment;
use image_service_telemetry::seldom::Seldom;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokens::Tokens;

const TOKEN_FILE: &str = "access_config.token_file";
const NODE_TOKEN_FILE: &str = "node_api.token_file";

/// Which clients may send requests, and how.
pub struct Access {
    tls: Option<Arc<Reloadable<ListenerTls>>>,
    clients_need_certificates: bool,
    tokens: Option<Arc<Reloadable<Tokens>>>,
    /// The tokens of the node API, where it is on.
    node_tokens: Option<Arc<Reloadable<Tokens>>>,
    cors: Option<Cors>,
    failed_logins: Arc<FailedLogins>,
    seldom: Arc<Seldom>,
    /// Secret files, by the keys that name them.
    secrets: Vec<(&'static str, PathBuf)>,
}

/// What outlives a reload: files that did not change, and the failed logins.
#[derive(Default)]
pub struct Lasting {
    tls: Shared<Reloadable<ListenerTls>>,
    tokens: Shared<Reloadable<Tokens>>,
    node_tokens: Shared<Reloadable<Tokens>>,
    failed_logins: Arc<FailedLogins>,
    seldom: Arc<Seldom>,
}

/// Marks a request, as an extension, whose client has a token or a session, where the answer tells others less.
#[derive(Clone, Copy, Debug)]
pub struct SeesDetails;

/// Marks a request, as an extension, of a client that has shown no token although others need one: it may see what is open to all.
#[derive(Clone, Copy, Debug)]
pub struct Stranger;

/// The facts about a request that access control and its answer need.
pub struct AccessContext {
    origin: Option<CorsDecision>,
    peer: Peer,
    /// Whether a session, and no token, let the request through.
    by_session: bool,
    /// The refusal that takes the place of an answer that is not open to all.
    unless_open: Option<Box<Response<Body>>>,
}

impl Access {
    /// Reads all files, but for those that `lasting` has as they are.
    ///
    /// # Errors
    ///
    /// When a file can't be read or used.
    pub fn new(config: &config::Access, node_token_file: Option<&Path>, lasting: &Lasting) -> Result<Self> {
        let tls = config.tls.clone().map(|tls| {
            let paths: Vec<PathBuf> = [Some(&tls.certificate), Some(&tls.key), tls.client_ca.as_ref()]
                .into_iter()
                .flatten()
                .cloned()
                .collect();
            let description = format!("the certificate {}, its key or its client_ca", tls.certificate.display());
            lasting.tls.get_or_make(
                |present| present.is_of(&paths),
                |_| {
                    let load = move || tls::server::read(&tls);
                    Reloadable::new(description, paths.clone(), load, tls::server::without_clients)
                },
            )
        });
        let tokens = |key, path: &Path, shared: &Shared<Reloadable<Tokens>>| {
            shared.get_or_make(|present| present.is_of(&[path.to_owned()]), |_| tokens(key, path))
        };
        let secrets = [
            ("access_config.tls_key", config.tls.as_ref().map(|tls| tls.key.as_path())),
            (TOKEN_FILE, config.token_file.as_deref()),
            (NODE_TOKEN_FILE, node_token_file),
        ];
        Ok(Self {
            secrets: secrets.into_iter().filter_map(|(key, path)| Some((key, path?.to_owned()))).collect(),
            tls: tls.transpose()?,
            clients_need_certificates: config.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some()),
            tokens: config.token_file.as_deref().map(|path| tokens(TOKEN_FILE, path, &lasting.tokens)).transpose()?,
            node_tokens: node_token_file.map(|path| tokens(NODE_TOKEN_FILE, path, &lasting.node_tokens)).transpose()?,
            cors: config.cors.clone(),
            failed_logins: Arc::clone(&lasting.failed_logins),
            seldom: Arc::clone(&lasting.seldom),
        })
    }

    /// Whether both have the same files with the same content.
    pub fn has_files_of(&self, other: &Self) -> bool {
        fn is_same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
            one.map(Arc::as_ptr) == other.map(Arc::as_ptr)
        }
        is_same(self.tls.as_ref(), other.tls.as_ref())
            && is_same(self.tokens.as_ref(), other.tokens.as_ref())
            && is_same(self.node_tokens.as_ref(), other.node_tokens.as_ref())
    }

    /// Whether the listener speaks TLS.
    pub fn is_over_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// TLS of the listener, where it is on.
    pub(crate) fn tls(&self) -> Option<Arc<ListenerTls>> {
        self.tls.as_ref().map(|tls| tls.get())
    }

    /// What the log says of clients, as often as they like.
    pub(crate) fn seldom(&self) -> &Seldom {
        &self.seldom
    }

    /// Whether a client would get the connection now that it got before: the authorities of clients may have changed since.
    pub(crate) fn still_trusts(&self, peer: Peer) -> bool {
        self.tls().and_then(|tls| tls.clients) == peer.authorities
    }

    /// Whether there are files that can change.
    pub fn has_files(&self) -> bool {
        self.tls.is_some() || self.tokens.is_some() || self.node_tokens.is_some()
    }

    /// Reads changed files again. Blocks on the file system, so request threads must not call it.
    pub fn refresh(&self) {
        if let Some(tls) = &self.tls {
            tls.refresh();
        }
        for tokens in [&self.tokens, &self.node_tokens].into_iter().flatten() {
            tokens.refresh();
        }
    }

    /// Refuses a request, or answers the preflight request of a browser; `None` when the request may go on. Removes the token and
    /// the session from the request: the composition must not see them, and the cache does not share answers to requests with a
    /// token.
    pub fn refusal<B>(&self, request: &mut Request<B>, context: &mut AccessContext) -> Option<Response<Body>> {
        if !self.still_trusts(context.peer) {
            return Some(connect_anew(request.version()));
        }
        if let Some(answer) = context.origin.as_ref().and_then(|origin| origin.preflight(request)) {
            return Some(answer);
        }
        request.headers_mut().remove(page::ACCESS);
        let path = request.uri().path();
        let route = Route::of(path);
        let credential = route.credential(path);
        let (tokens, key) = match (credential, &self.node_tokens, &self.tokens) {
            (Credential::None, _, Some(_)) => {
                request.extensions_mut().insert(Stranger);
                session::remove(request.headers_mut());
                return None;
            }
            (Credential::None, ..) => return None,
            (Credential::NodeToken, Some(tokens), _) => (tokens, NODE_TOKEN_FILE),
            (_, _, Some(tokens)) => (tokens, TOKEN_FILE),
            _ => return None,
        };
        let tokens = tokens.get();
        let by_token = tokens.allow(request.headers());
        context.by_session = !by_token && route.takes_session() && has_session(request, &tokens);
        let is_allowed = by_token || context.by_session;
        let is_page = credential == Credential::Page && only_reads(request.method());
        if credential != Credential::Details {
            let refusal = (!is_allowed).then(|| unauthorized(path, key, route));
            if !is_allowed && !is_page {
                return refusal;
            }
            context.unless_open = refusal.map(Box::new);
        } else if is_allowed {
            request.extensions_mut().insert(SeesDetails);
        }
        if !is_allowed {
            request.extensions_mut().insert(Stranger);
        }
        let headers = request.headers_mut();
        headers.remove(AUTHORIZATION);
        session::remove(headers);
        if is_page && !by_token {
            headers.insert(page::ACCESS, if is_allowed { page::LOGGED_IN } else { page::LOGIN_REQUIRED });
        }
        None
    }

    /// Answers a login or a logout; `route` is one of these.
    pub async fn answer_login(&self, request: Request<RequestBody>, route: Route, peer: Peer) -> Response<Body> {
        let tokens = self.tokens.as_ref().map(|tokens| tokens.get());
        match route {
            Route::Logout => login::log_out(&request, peer, tokens.is_some()),
            _ => login::log_in(request, peer, tokens.as_deref(), &self.failed_logins).await,
        }
    }

    /// Reads the facts about a request of this peer.
    pub fn context<B>(&self, request: &Request<B>, peer: Peer) -> AccessContext {
        let origin = self.cors.as_ref().map(|cors| CorsDecision::of(cors, request.headers()));
        AccessContext { origin, peer, by_session: false, unless_open: None }
    }

    /// The number of tokens in `access_config.token_file`, where it is set.
    pub fn tokens(&self) -> Option<usize> {
        self.tokens.as_ref().map(|tokens| tokens.get().len())
    }
}

impl AccessContext {
    /// Adds the headers that the client needs to its answer, or keeps an answer back that is not open to this client.
    pub fn apply(self, response: &mut Response<Body>) {
        let is_open = page::take_mark(response);
        if let Some(refusal) = self.unless_open
            && !is_open
        {
            // That the program failed or has too much to do is no secret, and "log in" would be wrong. The rest may be one.
            *response = match response.status() {
                StatusCode::SERVICE_UNAVAILABLE => busy(BUSY),
                status if status.is_server_error() => problem(status, "The composition failed; the log says why."),
                _ => *refusal,
            };
        }
        if let Some(origin) = self.origin {
            origin.apply(response.headers_mut());
        }
        if self.peer.over_tls {
            security_headers::over_tls(response.headers_mut());
        }
        if self.by_session {
            keep_private(response.headers_mut());
        }
    }
}

/// The answer where the connection is of a client whose certificate may count no more.
fn connect_anew(version: Version) -> Response<Body> {
    let detail = "The authorities of clients' certificates (access_config.client_ca) changed; connect again.";
    let mut response = problem(StatusCode::MISDIRECTED_REQUEST, detail);
    if version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn unauthorized(path: &str, key: &str, route: Route) -> Response<Body> {
    let or_session = if route.takes_session() { "; a browser may send the cookie of POST /login instead" } else { "" };
    let detail = format!("{path} needs the header Authorization: Bearer TOKEN, with a token of {key}{or_session}.");
    let mut response = problem(StatusCode::UNAUTHORIZED, &detail);
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// Whether a session lets this request through: one that only reads, and that no page of another origin made.
fn has_session<B>(request: &Request<B>, tokens: &Tokens) -> bool {
    only_reads(request.method())
        && !initiator::is_foreign_script(request)
        && session::is_valid(request.headers(), tokens, moment::date())
}

/// Keeps an answer out of caches that others share, and out of the browser's own after a logout. Caches know that an answer to a
/// request with `Authorization` is for one client; they do not know it of a cookie.
fn keep_private(headers: &mut HeaderMap) {
    headers.append(CACHE_CONTROL, HeaderValue::from_static("private"));
    headers.append(VARY, HeaderValue::from(COOKIE));
}

fn tokens(key: &'static str, path: &Path) -> Result<Reloadable<Tokens>> {
    let file = path.to_owned();
    Reloadable::new(
        format!("{key} {}", path.display()),
        vec![path.to_owned()],
        move || Tokens::read(key, &file),
        |_| Ok(Tokens::none()),
    )
}

#[cfg(test)]
mod tests;
