//! A handler that sends the request that its own request's headers describe, and answers with the outcome.

#![forbid(unsafe_code)]

use bytes::Bytes;
use spin_sdk::http::{FullBody, HeaderMap, Request, Response};
use spin_sdk::http_service;
use std::cell::RefCell;
use std::rc::Rc;
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::http::client;
use wasip3::http::types::{self, Fields, Method, Scheme};
use wasip3::{wit_future, wit_stream};

#[http_service]
async fn handle(request: Request) -> Response<FullBody<Bytes>> {
    let told = match request.uri().path() {
        "/environment" => {
            let variables: Vec<String> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
            let arguments: Vec<String> = std::env::args().collect();
            format!("variables {variables:?}, arguments {arguments:?}")
        }
        // What it learns of the name by which its client asked.
        "/asked" => format!("{} of {:?}", request.uri(), request.headers().get("host")),
        "/hoard" => hoard(request.headers()).await,
        _ => match ask(request.headers()).await {
            Ok(answer) => format!("answered {}", answer.get_status_code()),
            Err(why) => format!("refused: {why}"),
        },
    };
    Response::new(FullBody::new(Bytes::from(told)))
}

/// Sends the request that these headers describe: `ask-method`, `ask-scheme`, `ask-authority`, `ask-path`, any number of
/// `ask-header` (a name, a colon and a value, with line breaks percent-encoded) and `ask-body`.
async fn ask(told: &HeaderMap) -> Result<types::Response, String> {
    let text = |name: &str| told.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut headers = Vec::new();
    for header in told.get_all("ask-header") {
        let header = header.to_str().map_err(|_| "no header")?.replace("%0D%0A", "\r\n");
        let (name, value) = header.split_once(':').ok_or("no header")?;
        headers.push((name.to_owned(), value.as_bytes().to_vec()));
    }
    let headers = Fields::from_list(&headers).map_err(|error| format!("headers ({error:?})"))?;
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let body = text("ask-body").map(|body| {
        let (mut writer, reader) = wit_stream::new();
        wit_bindgen::spawn(async move {
            let _ = writer.write_all(body.into_bytes()).await;
        });
        reader
    });
    let (request, _sent) = types::Request::new(headers, body, no_trailers, None);
    if let Some(method) = text("ask-method") {
        request.set_method(&Method::Other(method)).map_err(|()| "method")?;
    }
    let scheme = match text("ask-scheme").as_deref() {
        Some("https") => Scheme::Https,
        None | Some("http") => Scheme::Http,
        Some(other) => Scheme::Other(other.to_owned()),
    };
    request.set_scheme(Some(&scheme)).map_err(|()| "scheme")?;
    request.set_authority(text("ask-authority").as_deref()).map_err(|()| "authority")?;
    let path = match text("ask-path") {
        Some(path) if path == "LONG" => format!("/{}", "a".repeat(100_000)),
        Some(path) => path.replace("%0D%0A", "\r\n"),
        None => "/api/v2.0/systeminfo".to_owned(),
    };
    request.set_path_with_query(Some(&path)).map_err(|()| "path")?;
    client::send(request).await.map_err(|code| format!("{code:?}"))
}

/// Sends `ask-times` such requests, and reads none of the answers. Tells how many came within three seconds.
async fn hoard(told: &HeaderMap) -> String {
    let times = told.get("ask-times").and_then(|times| times.to_str().ok()?.parse().ok()).unwrap_or(1);
    let answers = Rc::new(RefCell::new(Vec::new()));
    for _ in 0..times {
        let (told, answers) = (told.clone(), Rc::clone(&answers));
        wit_bindgen::spawn(async move {
            let answer = ask(&told).await;
            answers.borrow_mut().push(answer);
        });
    }
    wait_for(3_000_000_000).await;
    let came = answers.borrow().iter().filter(|answer| answer.is_ok()).count();
    format!("{came} answers")
}
