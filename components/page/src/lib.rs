//! The page: what people see at `GET /`, in front of the handler. It asks the handler for the rows, and passes on each request
//! that is not its own, unchanged.

mod assets;
mod html;
mod inventory;
mod options;
mod query;
mod refusal;
mod route;
mod text;
mod verdicts;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "page-component",
        with: {
            "wasi:clocks/types@0.3.0": wasip3::clocks::types,
            "wasi:http/types@0.3.0": wasip3::http::types,
        },
        generate_all,
    });
}

use assets::ASSETS;
use bindings::exports::wasi::http::handler::Guest;
use bindings::image_service::inventory::settings;
use bindings::wasi::http::handler;
use html::Access;
use inventory::Answer;
use options::Options;
use query::Query;
use route::Route;
use std::collections::HashMap;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response};
use wasip3::{wit_future, wit_stream};
use wit_bindgen::StreamResult;

allocator::install!();

/// The page may load what stands beside it, and ask the program that gave it. Nothing else: no other host, no script and no
/// style within the HTML, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// A file's name changes with its content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// The rows in the page are of this moment, and for whoever asked.
const ASK_AGAIN: &str = "private, no-cache";

/// The request header by which the host says how the login stands; the host removes it from what clients send. Without it,
/// nobody needs a login.
const ACCESS_HEADER: &str = "image-service-access";
/// Its value in an answer that is open to all: the host keeps back what is not marked from whoever did not log in.
const OPEN_TO_ALL: &str = "open";

/// The largest answer that is put into the page. A larger one is the script's to ask for.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// Least room for each read of a body, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// The keys of `settings` that the page reads.
const SETTINGS: [&str; 4] = ["page", "page-title", "page-subtitle", "page-labels"];

#[cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "exported from components only"))]
struct Page;

impl Guest for Page {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let method = request.get_method();
        let route = Route::of(path);
        // The handler knows how it refuses what is nobody's.
        let is_own = match route {
            Route::Other => false,
            Route::Asset(name) => ASSETS.find(name).is_some(),
            Route::Page | Route::Csv => true,
        };
        if !is_own {
            return handler::handle(request).await;
        }
        let options = options().await;
        if options.is_off {
            return handler::handle(request).await;
        }
        let with_body = matches!(method, Method::Get);
        let access = Access::of(request.get_headers().get(ACCESS_HEADER).first().map(Vec::as_slice));
        let mark = (access == Access::LoginRequired).then_some((ACCESS_HEADER, OPEN_TO_ALL));
        if !refusal::reads(&method) {
            let headers = [("content-type", refusal::CONTENT_TYPE), ("allow", refusal::ALLOW)];
            let body = refusal::body(&method, path);
            return answer(refusal::STATUS, headers.into_iter().chain(mark), true, body.as_bytes());
        }
        match route {
            Route::Other => handler::handle(request).await,
            Route::Asset(name) => match ASSETS.find(name) {
                Some(asset) => {
                    let headers = [("content-type", asset.content_type), ("cache-control", FOR_EVER)];
                    answer(200, headers.into_iter().chain(mark), with_body, asset.bytes)
                }
                None => handler::handle(request).await,
            },
            Route::Csv => csv(&request, query).await,
            Route::Page => {
                let html = page(&request, query, &options, access).await?;
                let headers = [
                    ("content-type", "text/html; charset=utf-8"),
                    ("cache-control", ASK_AGAIN),
                    ("content-security-policy", POLICY),
                    // With no-referrer, a browser sends a form with the origin `null`, which the login refuses.
                    ("referrer-policy", "same-origin"),
                    ("vary", "authorization, cookie"),
                ];
                answer(200, headers.into_iter().chain(mark), with_body, html.as_bytes())
            }
        }
    }
}

/// The HTML of the page for an answer of the handler, without a host: for page/dev.mjs.
#[doc(hidden)]
pub fn render(
    setting: impl Fn(&str) -> Option<String>,
    query: &str,
    access: &[u8],
    status: u16,
    body: Vec<u8>,
) -> String {
    html::document(&Options::read(setting), &Query::read(query), &Answer::read(status, body), Access::of(Some(access)))
}

async fn options() -> Options {
    let mut values = HashMap::new();
    for key in SETTINGS {
        if let Some(value) = settings::get(key.to_owned()).await {
            values.insert(key, value);
        }
    }
    Options::read(|key| values.get(key).cloned())
}

/// The page with the first rows.
async fn page(request: &Request, query: &str, options: &Options, access: Access) -> Result<String, ErrorCode> {
    let query = Query::read(query);
    let rows = if access == Access::LoginRequired {
        // Whoever did not log in has no rows, not even if the handler would give them.
        Answer::Login
    } else {
        let path = format!("/inventory?{}", query.of_first_rows());
        let response = handler::handle(question(request, &path, "application/json", &[])?).await?;
        let status = response.get_status_code();
        Answer::read(status, read(response).await?)
    };
    Ok(html::document(options, &query, &rows, access))
}

/// The rows as CSV, as a file to keep.
async fn csv(request: &Request, query: &str) -> Result<Response, ErrorCode> {
    let path = if query.is_empty() { "/inventory".to_owned() } else { format!("/inventory?{query}") };
    let response = handler::handle(question(request, &path, "text/csv", &["if-none-match"])?).await?;
    if response.get_status_code() != 200 {
        return Ok(response);
    }
    let mut headers = response.get_headers().copy_all();
    headers.push(("content-disposition".to_owned(), b"attachment; filename=\"images.csv\"".to_vec()));
    let headers = Fields::from_list(&headers).map_err(|_| internal("the headers of the CSV"))?;
    let (_, no_result) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(response, no_result);
    let (named, _sent) = Response::new(headers, Some(body), trailers);
    Ok(named)
}

/// A question to the handler on behalf of this request: the same client, another path, and the whole answer. The client may
/// set the headers in `passed` all the same.
fn question(request: &Request, path: &str, accept: &str, passed: &[&str]) -> Result<Request, ErrorCode> {
    /// They would make the answer another one than the rows: the page's own tag, a part of the page, an encoded body.
    const OF_THE_PAGE: [&str; 10] = [
        "accept",
        "accept-encoding",
        "content-length",
        "content-type",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
    ];
    let mut headers = request.get_headers().copy_all();
    let is_any_of = |name: &str, names: &[&str]| names.iter().any(|own| name.eq_ignore_ascii_case(own));
    headers.retain(|(name, _)| is_any_of(name, passed) || !is_any_of(name, &OF_THE_PAGE));
    headers.push(("accept".to_owned(), accept.as_bytes().to_vec()));
    let headers = Fields::from_list(&headers).map_err(|_| internal("the headers of the question"))?;
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let (question, _sent) = Request::new(headers, None, no_trailers, None);
    let refused = |()| internal("the question to the handler");
    question.set_scheme(request.get_scheme().as_ref()).map_err(refused)?;
    question.set_authority(request.get_authority().as_deref()).map_err(refused)?;
    question.set_path_with_query(Some(path)).map_err(refused)?;
    Ok(question)
}

/// The whole body of an answer; empty where it is too large for a page.
async fn read(response: Response) -> Result<Vec<u8>, ErrorCode> {
    let (_, no_result) = wit_future::new(|| Ok(()));
    let (mut stream, trailers) = Response::consume_body(response, no_result);
    let mut body = Vec::new();
    loop {
        body.reserve(READ_BYTES);
        let status;
        (status, body) = stream.read(body).await;
        if body.len() > MAX_ANSWER_BYTES {
            return Ok(Vec::new());
        }
        if !matches!(status, StreamResult::Complete(_)) {
            break;
        }
    }
    drop(stream);
    trailers.await?;
    Ok(body)
}

fn answer<'a>(
    status: u16,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    with_body: bool,
    body: &[u8],
) -> Result<Response, ErrorCode> {
    let mut fields: Vec<_> = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    fields.push(("x-content-type-options".to_owned(), b"nosniff".to_vec()));
    fields.push(("content-length".to_owned(), body.len().to_string().into_bytes()));
    let fields = Fields::from_list(&fields).map_err(|_| internal("the headers of the page"))?;
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let contents = with_body.then(|| {
        let (mut writer, reader) = wit_stream::new();
        let bytes = body.to_vec();
        // What is left over when the client leaves is nobody's loss.
        wit_bindgen::spawn(async move { drop(writer.write_all(bytes).await) });
        reader
    });
    let (response, _sent) = Response::new(fields, contents, no_trailers);
    response.set_status_code(status).map_err(|()| internal("the status of the page"))?;
    Ok(response)
}

/// The host refused something that it must accept.
fn internal(what: &str) -> ErrorCode {
    ErrorCode::InternalError(Some(format!("page: the host refused {what}")))
}

// Not for this machine, whose linker knows no such names: the example is linked for it.
#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::Page;
    super::bindings::export!(Page with_types_in super::bindings);
}
