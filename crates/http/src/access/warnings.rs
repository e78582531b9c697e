//! What an operator may have overlooked: listening for everybody, and secrets that others can read or guess.

use super::{Access, NODE_TOKEN_FILE, TOKEN_FILE};
use crate::address::Address;
use image_service_config::world_readable_warning;

impl Access {
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
}
