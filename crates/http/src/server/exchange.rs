//! One exchange: a request and its answer, between the connection and the application. Here access is checked, the request is
//! logged, and a panic of the application becomes the answer 500.

use super::application::Application;
use super::host_header;
use crate::access::Peer;
use crate::access_log::{RequestLog, TrackedBody};
use crate::response::{Body, RequestBody, SHORT_OF_MEMORY, busy, problem};
use crate::routes::Route;
use http::header::{AUTHORIZATION, CONNECTION, COOKIE, HeaderMap, HeaderValue, PROXY_AUTHORIZATION};
use http::{Request, Response, StatusCode, Version};
use image_service_memory::{BUDGET, Purpose};
use image_service_telemetry::panics;

/// About what a request takes besides its work: its head, its task, and the head of its answer.
const REQUEST_BYTES: u64 = 16 * 1024;

/// Answers a request. It always has an answer: a failure is one, too.
pub async fn exchange<A: Application>(app: &A, mut request: Request<RequestBody>, peer: Peer) -> Response<TrackedBody> {
    hide_logins(request.headers_mut());
    let log = RequestLog::begin(&request);
    let mut access = app.access().context(&request, peer);
    let refusal = no_memory(app, log.route()).or_else(|| host_header::refusal(&request));
    let refusal = refusal.or_else(|| app.access().refusal(&mut request, &mut access));
    let mut response = match (refusal, log.route()) {
        (Some(refusal), _) => refusal,
        (None, route @ (Route::Login | Route::Logout)) => {
            let answer = app.access().answer_login(request, route, peer);
            panics::catch(answer).await.unwrap_or_else(|_| panicked())
        }
        (None, _) => panics::catch(app.answer(request, &log)).await.unwrap_or_else(|_| panicked()),
    };
    access.apply(&mut response);
    log.track(response)
}

/// The answer to a request for which there is no memory. Probes are answered nevertheless: they have to say that the program lives.
fn no_memory<A: Application>(app: &A, route: Route) -> Option<Response<Body>> {
    let refused = BUDGET.take(REQUEST_BYTES, Purpose::Accept).err()?;
    BUDGET.tell_shortage();
    if matches!(route, Route::Healthz | Route::Readyz | Route::Metrics) {
        return None;
    }
    if let Some(left_out) = app.access().seldom().may_say("no memory for a request") {
        tracing::warn!("a request was refused: {refused}{left_out}");
    }
    Some(busy(SHORT_OF_MEMORY))
}

/// Refuses a request that is no probe, as `limits_config.max_connections` other connections have requests under way. Probes are
/// answered: monitoring learns that the program lives, whatever clients do.
pub(super) fn refuse_beyond_limit<A: Application>(
    app: &A,
    request: &Request<RequestBody>,
    peer: Peer,
) -> Response<TrackedBody> {
    let log = RequestLog::begin(request);
    let detail = "As many connections as may be open have requests under way; try again.";
    let mut response = busy(detail);
    if request.version() < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    app.access().context(request, peer).apply(&mut response);
    log.track(response)
}

/// The answer to a request that made the program panic.
fn panicked() -> Response<Body> {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "The program failed, which is a bug of it; its log says where.")
}

/// Marks logins as sensitive, so that logs of headers do not show them.
fn hide_logins(headers: &mut HeaderMap) {
    for (name, value) in headers.iter_mut() {
        if [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name) {
            value.set_sensitive(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{self, Access};
    use crate::response::{no_body, text};
    use http_body_util::BodyExt;
    use image_service_config::{Config, Limits};
    use std::path::Path;
    use std::time::Duration;

    /// Panics as the path tells it.
    struct Panicking {
        access: Access,
        config: Config,
    }

    impl Panicking {
        fn new() -> Self {
            let text = r#"{"access_config": {"cors_origins": ["https://a.example"]}}"#;
            let (config, _) = image_service_config::parse(text, Path::new("")).unwrap();
            Self { access: Access::new(&config.access, None, &access::Lasting::default()).unwrap(), config }
        }

        async fn asked(&self, path: &str) -> Response<TrackedBody> {
            let request = Request::get(path)
                .header("origin", "https://a.example")
                .header("host", "a.example")
                .body(no_body())
                .unwrap();
            exchange(self, request, Peer::default()).await
        }
    }

    impl Application for Panicking {
        async fn answer(&self, request: Request<RequestBody>, _: &RequestLog) -> Response<Body> {
            match request.uri().path() {
                "/at-once" => panic!("told to"),
                "/later" => {
                    tokio::task::yield_now().await;
                    panic!("told to, later")
                }
                _ => text(StatusCode::OK, "text/plain", "well"),
            }
        }

        fn limits(&self) -> &Limits {
            &self.config.limits
        }

        fn access(&self) -> &Access {
            &self.access
        }

        fn shutdown_timeout(&self) -> Duration {
            self.config.app.shutdown_timeout
        }

        fn activate(&self) {}
    }

    #[tokio::test]
    async fn a_panic_is_answered_with_500_and_the_next_request_well() {
        let app = Panicking::new();
        for path in ["/at-once", "/later"] {
            let response = app.asked(path).await;
            assert_eq!(response.status(), 500, "{path}");
            let headers = response.headers().clone();
            assert_eq!(headers["content-type"], "application/problem+json");
            assert_eq!(headers["access-control-allow-origin"], "https://a.example", "the page can read why");
            assert!(headers.contains_key("x-request-id"), "{headers:?}");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!((&problem["status"], &problem["title"]), (&500.into(), &"Internal Server Error".into()));
            assert_eq!(app.asked("/").await.status(), 200);
        }
    }
}
