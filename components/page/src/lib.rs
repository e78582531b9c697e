//! The page: what people see at `GET /`, in front of the handler. It asks the handler for the rows, and passes on each request
//! that is not its own, unchanged.
//!
//! Here is what only a host can do: requests, answers, bodies. What is decided is in `plan`, `question` and `html`, which are pure.

mod assets;
mod html;
mod inventory;
mod options;
mod plan;
mod query;
mod question;
mod refusal;
mod reply;
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

use bindings::exports::wasi::http::handler::Guest;
use bindings::image_service::inventory::settings;
use bindings::wasi::http::handler;
use html::Access;
use inventory::Answer;
use options::Options;
use plan::Plan;
use query::Query;
use reply::{Headers, Reply};
use route::Route;
use std::collections::HashMap;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response};
use wasip3::{wit_future, wit_stream};
use wit_bindgen::{StreamResult, StreamWriter};

allocator::install!();

/// Where the body of an answer is written.
type Writer = StreamWriter<u8>;

/// The keys of `settings` that the page reads.
const SETTINGS: [&str; 4] = ["page", "page-title", "page-subtitle", "page-labels"];

#[cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "exported from components only"))]
struct Page;

impl Guest for Page {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let method = request.get_method();
        let access = Access::of(request.get_headers().get(reply::ACCESS_HEADER).first().map(Vec::as_slice));
        let plan = plan::plan(&Route::of(path), query, access);
        if plan == Plan::PassOn {
            return handler::handle(request).await;
        }
        let options = options().await;
        if options.is_off {
            return handler::handle(request).await;
        }
        if !refusal::reads(&method) {
            let headers = [("content-type", refusal::CONTENT_TYPE), ("allow", refusal::ALLOW)];
            let body = refusal::body(&method, path).into_bytes();
            let write = async move |mut writer: Writer| drop(writer.write_all(body).await);
            return answer(refusal::STATUS, reply::headers(headers, access), Some(write));
        }
        let with_body = matches!(method, Method::Get);
        match plan {
            Plan::PassOn => handler::handle(request).await,
            Plan::Reply(Reply { headers, body }) => {
                // What is left over when the client leaves is nobody's loss.
                let write = async move |mut writer: Writer| drop(writer.write_all(body.to_vec()).await);
                answer(200, headers, with_body.then_some(write))
            }
            Plan::Csv(path) => csv(&request, &path).await,
            Plan::Page(path) => {
                let question = path.map(|path| question(&request, &path, "application/json", &[])).transpose()?;
                let query = Query::read(query);
                answer(
                    200,
                    plan::page_headers(access),
                    with_body.then_some(async move |mut writer: Writer| {
                        let left = writer.write_all(html::beginning(&options).into_bytes()).await;
                        if left.is_empty() {
                            let rows = rows(question).await;
                            drop(writer.write_all(html::rest(&options, &query, &rows, access).into_bytes()).await);
                        }
                    }),
                )
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

/// What the handler says to a question for rows; without one, there are none before the login. The page has begun by then, so
/// that a failure is told on it.
async fn rows(question: Option<Request>) -> Answer {
    let Some(question) = question else { return Answer::Login };
    let ask = async {
        let response = handler::handle(question).await?;
        let status = response.get_status_code();
        Ok::<_, ErrorCode>(Answer::read(status, read(response).await?))
    };
    ask.await.unwrap_or_else(|error| Answer::broken_off(&format!("{error:?}")))
}

/// The rows as CSV, as a file to keep.
async fn csv(request: &Request, path: &str) -> Result<Response, ErrorCode> {
    let response = handler::handle(question(request, path, "text/csv", &["if-none-match"])?).await?;
    if response.get_status_code() != 200 {
        return Ok(response);
    }
    let headers = question::file_headers(response.get_headers().copy_all(), "images.csv");
    let headers = Fields::from_list(&headers).map_err(|_| internal("the headers of the CSV"))?;
    let (_, no_result) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(response, no_result);
    let (named, _sent) = Response::new(headers, Some(body), trailers);
    Ok(named)
}

/// A question to the handler on behalf of this request.
fn question(request: &Request, path: &str, accept: &str, passed: &[&str]) -> Result<Request, ErrorCode> {
    let headers = question::headers(request.get_headers().copy_all(), accept, passed);
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
    let next = async |so_far: Vec<u8>| {
        let (status, so_far) = stream.read(so_far).await;
        (matches!(status, StreamResult::Complete(_)), so_far)
    };
    let Some(body) = question::body(question::MAX_ANSWER_BYTES, next).await else { return Ok(Vec::new()) };
    drop(stream);
    trailers.await?;
    Ok(body)
}

/// An answer, whose body this function writes; without one, it has none.
fn answer<F: AsyncFnOnce(Writer) + 'static>(
    status: u16,
    headers: Headers,
    body: Option<F>,
) -> Result<Response, ErrorCode> {
    let fields: Vec<_> = headers.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes())).collect();
    let fields = Fields::from_list(&fields).map_err(|_| internal("the headers of the page"))?;
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let contents = body.map(|write| {
        let (writer, reader) = wit_stream::new();
        wit_bindgen::spawn(async move { write(writer).await });
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
