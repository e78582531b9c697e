//! Which clients may send requests, and how: TLS and client certificates, bearer tokens, and scripts of web pages.
//!
//! - `tokens`: bearer tokens from a file;
//! - `cors`: which web pages' scripts may read answers.

mod cors;
mod tokens;

use crate::address::Address;
use crate::reloadable::Reloadable;
use crate::response::{Body, problem, security_headers};
use crate::routes::{Credential, Route};
use crate::tls;
use anyhow::Result;
use cors::CorsDecision;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use image_service_config::{self as config, Cors, world_readable_warning};
use rustls::ServerConfig;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokens::Tokens;

const TOKEN_FILE: &str = "access_config.token_file";
const NODE_TOKEN_FILE: &str = "node_api.token_file";

/// Which clients may send requests, and how.
pub struct Access {
    tls: Option<Reloadable<ServerConfig>>,
    clients_need_certificates: bool,
    tokens: Option<Reloadable<Tokens>>,
    /// The tokens of the node API, where it is on.
    node_tokens: Option<Reloadable<Tokens>>,
    cors: Option<Cors>,
    /// Secret files, by the keys that name them.
    secrets: Vec<(&'static str, PathBuf)>,
}

/// The facts about a request that access control and its answer need.
pub struct AccessContext {
    origin: Option<CorsDecision>,
    over_tls: bool,
}

impl Access {
    /// Reads all files.
    ///
    /// # Errors
    ///
    /// When a file can't be read or used.
    pub fn new(config: &config::Access, node_token_file: Option<&Path>) -> Result<Self> {
        let tls = config.tls.clone().map(|tls| {
            let paths = [Some(&tls.certificate), Some(&tls.key), tls.client_ca.as_ref()];
            let paths = paths.into_iter().flatten().cloned().collect();
            let description = format!("the certificate {}, its key or its client_ca", tls.certificate.display());
            Reloadable::new(description, paths, move || tls::server::read(&tls))
        });
        let secrets = [
            ("access_config.tls_key", config.tls.as_ref().map(|tls| tls.key.as_path())),
            (TOKEN_FILE, config.token_file.as_deref()),
            (NODE_TOKEN_FILE, node_token_file),
        ];
        Ok(Self {
            secrets: secrets.into_iter().filter_map(|(key, path)| Some((key, path?.to_owned()))).collect(),
            tls: tls.transpose()?,
            clients_need_certificates: config.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some()),
            tokens: config.token_file.as_deref().map(|path| tokens(TOKEN_FILE, path)).transpose()?,
            node_tokens: node_token_file.map(|path| tokens(NODE_TOKEN_FILE, path)).transpose()?,
            cors: config.cors.clone(),
        })
    }

    /// The TLS configuration of the listener, where TLS is on.
    pub fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.as_ref().map(Reloadable::get)
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

    /// Refuses a request, or answers the preflight request of a browser; `None` when the request may go on. Removes the token
    /// from the request: the composition must not see it, and the cache does not share answers to requests with a token.
    pub fn refusal<B>(&self, request: &mut Request<B>, context: &AccessContext) -> Option<Response<Body>> {
        if let Some(answer) = context.origin.as_ref().and_then(|origin| origin.preflight(request)) {
            return Some(answer);
        }
        let path = request.uri().path();
        let (tokens, key) = match (Route::of(path).credential(), &self.node_tokens, &self.tokens) {
            (Credential::None, ..) => return None,
            (Credential::NodeToken, Some(tokens), _) => (tokens, NODE_TOKEN_FILE),
            (_, _, Some(tokens)) => (tokens, TOKEN_FILE),
            _ => return None,
        };
        if tokens.get().allow(request.headers()) {
            request.headers_mut().remove(AUTHORIZATION);
            return None;
        }
        let detail = format!("{path} needs the header Authorization: Bearer TOKEN, with a token of {key}.");
        let mut response = problem(StatusCode::UNAUTHORIZED, &detail);
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        Some(response)
    }

    /// Reads the facts about a request.
    pub fn context<B>(&self, request: &Request<B>, over_tls: bool) -> AccessContext {
        AccessContext { origin: self.cors.as_ref().map(|cors| CorsDecision::of(cors, request.headers())), over_tls }
    }

    /// The dangers of listening on these addresses, a sentence each.
    pub fn dangers(&self, addresses: &[Address]) -> Vec<String> {
        let Some(address) = addresses.iter().find(|address| !address.is_local()) else { return Vec::new() };
        let mut dangers = Vec::new();
        if self.tokens.is_none() && !self.clients_need_certificates {
            dangers.push(format!(
                "every client that reaches {address} can read the listing; set access_config.token_file or client_ca, or \
                 listen on 127.0.0.1"
            ));
        }
        if self.tls.is_none() && (self.tokens.is_some() || self.node_tokens.is_some()) {
            dangers.push(format!(
                "clients send their tokens to {address} unencrypted; set access_config.tls_certificate and tls_key, or listen on \
                 127.0.0.1 behind a proxy that speaks TLS"
            ));
        }
        dangers
    }

    /// The weaknesses of the secret files, a sentence each.
    pub fn weaknesses(&self) -> Vec<String> {
        let files = [(TOKEN_FILE, &self.tokens), (NODE_TOKEN_FILE, &self.node_tokens)];
        let weak = files.into_iter().filter_map(|(key, tokens)| {
            let tokens = tokens.as_ref()?.get();
            let lines: Vec<String> = tokens.weak().iter().map(usize::to_string).collect();
            let lines = (!lines.is_empty()).then(|| lines.join(", "))?;
            Some(format!(
                "{key} has short tokens, which are easy to guess, in line {lines}; `openssl rand -hex 32` makes better ones"
            ))
        });
        let secrets = self.secrets.iter();
        let open = secrets.filter_map(|(key, path)| world_readable_warning(&format!("{key} {}", path.display()), path));
        weak.chain(open).collect()
    }

    /// The number of tokens in `access_config.token_file`, where it is set.
    pub fn tokens(&self) -> Option<usize> {
        self.tokens.as_ref().map(|tokens| tokens.get().len())
    }
}

impl AccessContext {
    /// Adds the headers that the client needs to its answer.
    pub fn apply(self, response: &mut Response<Body>) {
        if let Some(origin) = self.origin {
            origin.apply(response.headers_mut());
        }
        if self.over_tls {
            security_headers::over_tls(response.headers_mut());
        }
    }
}

fn tokens(key: &'static str, path: &Path) -> Result<Reloadable<Tokens>> {
    let file = path.to_owned();
    Reloadable::new(format!("{key} {}", path.display()), vec![path.to_owned()], move || Tokens::read(key, &file))
}
