//! Who may ask, and over what: TLS and clients' certificates, bearer tokens, and scripts of web pages.
//!
//! - `tls`: the listener's certificate, and whose certificates clients need;
//! - `tokens`: bearer tokens from a file;
//! - `reread`: files that count as soon as they change;
//! - `cors`: which web pages' scripts may read answers;
//! - `headers`: what every answer tells browsers.

mod cors;
mod headers;
mod reread;
mod tls;
mod tokens;

pub(crate) use headers::harden;

use crate::config::{self, Cors, read_by_all};
use crate::content::Content;
use crate::node_api;
use crate::problem::problem;
use crate::server::Address;
use anyhow::Result;
use cors::Allowed;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use reread::Reread;
use rustls::ServerConfig;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokens::Tokens;

/// What everybody may ask, as whoever watches over the program has no token.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

const TOKEN_FILE: &str = "access_config.token_file";
const NODE_TOKEN_FILE: &str = "node_api.token_file";

/// The doors of the program, and who has keys.
pub(crate) struct Access {
    tls: Option<Reread<ServerConfig>>,
    clients_need_certificates: bool,
    tokens: Option<Reread<Tokens>>,
    /// Those of the node API, where it is on.
    node_tokens: Option<Reread<Tokens>>,
    cors: Option<Cors>,
    /// Files that are nobody else's business, by the keys that name them.
    secrets: Vec<(&'static str, PathBuf)>,
}

/// What an answer is to say about who asked.
pub(crate) struct Asked {
    origin: Option<Allowed>,
    over_tls: bool,
}

impl Access {
    /// Reads all files.
    ///
    /// # Errors
    ///
    /// When one can't be read, or can't be used.
    pub(crate) fn new(config: &config::Access, node_token_file: Option<&Path>) -> Result<Self> {
        let tls = config.tls.clone().map(|tls| {
            let paths = [Some(&tls.certificate), Some(&tls.key), tls.client_ca.as_ref()];
            let paths = paths.into_iter().flatten().cloned().collect();
            let what = format!("the certificate {} or what belongs to it", tls.certificate.display());
            Reread::new(what, paths, move || tls::read(&tls))
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

    /// How to speak TLS, where that is wanted.
    pub(crate) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.as_ref().map(Reread::get)
    }

    /// Whether there are files to look at.
    pub(crate) fn has_files(&self) -> bool {
        self.tls.is_some() || self.tokens.is_some() || self.node_tokens.is_some()
    }

    /// Reads again what has changed. Looks at files, so not for those threads that answer requests.
    pub(crate) fn look(&self) {
        if let Some(tls) = &self.tls {
            tls.look();
        }
        for tokens in [&self.tokens, &self.node_tokens].into_iter().flatten() {
            tokens.look();
        }
    }

    /// Refuses a request, or answers it where a browser asks for permission; nothing when it may go on. Its token is taken
    /// off: it is none of the composition's business, and keeps answers from being shared.
    pub(crate) fn refusal<B>(&self, request: &mut Request<B>, asked: &Asked) -> Option<Response<Content>> {
        if let Some(answer) = asked.origin.as_ref().and_then(|origin| origin.preflight(request)) {
            return Some(answer);
        }
        let path = request.uri().path();
        let (tokens, key) = match (&self.node_tokens, &self.tokens) {
            (Some(tokens), _) if path == node_api::PATH => (tokens, NODE_TOKEN_FILE),
            (_, Some(tokens)) if !OPEN.contains(&path) => (tokens, TOKEN_FILE),
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

    /// What is to be remembered of a request for its answer.
    pub(crate) fn asked<B>(&self, request: &Request<B>, over_tls: bool) -> Asked {
        Asked { origin: self.cors.as_ref().map(|cors| Allowed::of(cors, request.headers())), over_tls }
    }

    /// What is dangerous about listening at these addresses, a sentence each.
    pub(crate) fn dangers(&self, addresses: &[Address]) -> Vec<String> {
        let Some(address) = addresses.iter().find(|address| !address.is_local()) else { return Vec::new() };
        let mut dangers = Vec::new();
        if self.tokens.is_none() && !self.clients_need_certificates {
            dangers.push(format!(
                "whoever reaches {address} may read what is listed; set access_config.token_file or client_ca, or listen \
                 on 127.0.0.1"
            ));
        }
        if self.tls.is_none() && (self.tokens.is_some() || self.node_tokens.is_some()) {
            dangers.push(format!(
                "tokens travel to {address} unencrypted; set access_config.tls_certificate and tls_key, or listen on \
                 127.0.0.1 behind a proxy that speaks TLS"
            ));
        }
        dangers
    }

    /// What is weak about the files, a sentence each.
    pub(crate) fn weaknesses(&self) -> Vec<String> {
        let files = [(TOKEN_FILE, &self.tokens), (NODE_TOKEN_FILE, &self.node_tokens)];
        let weak = files.into_iter().filter_map(|(key, tokens)| {
            let tokens = tokens.as_ref()?.get();
            let lines: Vec<String> = tokens.weak().iter().map(usize::to_string).collect();
            let lines = (!lines.is_empty()).then(|| lines.join(", "))?;
            Some(format!(
                "{key} has tokens that can be guessed, as they are short, in line {lines}; `openssl rand -hex 32` makes \
                 better ones"
            ))
        });
        let secrets = self.secrets.iter();
        let open = secrets.filter_map(|(key, path)| read_by_all(&format!("{key} {}", path.display()), path));
        weak.chain(open).collect()
    }

    /// How many tokens there are, where they are asked for.
    pub(crate) fn tokens(&self) -> Option<usize> {
        self.tokens.as_ref().map(|tokens| tokens.get().len())
    }
}

impl Asked {
    /// Completes an answer.
    pub(crate) fn tell(self, response: &mut Response<Content>) {
        if let Some(origin) = self.origin {
            origin.tell(response.headers_mut());
        }
        if self.over_tls {
            headers::over_tls(response.headers_mut());
        }
    }
}

fn tokens(key: &'static str, path: &Path) -> Result<Reread<Tokens>> {
    let file = path.to_owned();
    Reread::new(format!("{key} {}", path.display()), vec![path.to_owned()], move || Tokens::read(key, &file))
}
