//! A web site of a test: fixed pages over plain HTTP, each with headers of its own.

use crate::server::{Response, empty, serve_connection, whole};
use anyhow::Result;
use http::header::{HeaderName, HeaderValue};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A page: its headers and its HTML.
type Page = (Vec<(&'static str, &'static str)>, &'static str);

/// A web site. It ends when this is dropped.
pub struct WebSite {
    port: u16,
    server: JoinHandle<()>,
}

impl WebSite {
    /// Serves these pages, by their paths.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start(pages: impl IntoIterator<Item = (&'static str, Page)>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let pages: Arc<HashMap<_, _>> = Arc::new(pages.into_iter().collect());
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let pages = Arc::clone(&pages);
                serve_connection(stream, move |request: Request<Incoming>| {
                    let answer = answer(&pages, request.uri().path());
                    async { Ok::<_, Infallible>(answer) }
                });
            }
        });
        Ok(Self { port, server })
    }

    /// The address of a page, at 127.0.0.1.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The address of a page at a host whose name ends in `.test`, for [`Browser`](crate::Browser).
    pub fn url_at(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }
}

impl Drop for WebSite {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn answer(pages: &HashMap<&'static str, Page>, path: &str) -> Response {
    let Some((headers, html)) = pages.get(path) else { return empty(StatusCode::NOT_FOUND) };
    let mut response = whole("text/html; charset=utf-8", *html);
    for (name, value) in headers {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}
