//! Sends batches to a collector, with retries.

use super::env::Target;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use prost::Message;
use rustls::ClientConfig;
use std::time::Duration;

/// Most tries of one batch. The first pause between two tries is `RETRY_PAUSE`; each further pause is twice as long.
const MAX_TRIES: u32 = 3;
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// The client of a collector.
pub(super) struct Exporter {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    target: Target,
}

impl Exporter {
    pub(super) fn new(target: &Target, tls: ClientConfig) -> Result<Self> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let https =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(http);
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(https);
        Ok(Self { client, target: target.clone() })
    }

    /// Sends a batch. Drops a batch that the collector does not take, with a warning in the log.
    pub(super) async fn send(&self, batch: &impl Message) {
        let body = Bytes::from(batch.encode_to_vec());
        let mut outcome = self.send_once(body.clone()).await;
        for number in 1..MAX_TRIES {
            if !matches!(outcome, Ok(Outcome::Retryable(_)) | Err(_)) {
                break;
            }
            tokio::time::sleep(RETRY_PAUSE.saturating_mul(1 << (number - 1))).await;
            outcome = self.send_once(body.clone()).await;
        }
        let outcome = outcome.and_then(|outcome| match outcome {
            Outcome::Done => Ok(()),
            Outcome::Retryable(status) => bail!("it answered {status}"),
        });
        if let Err(error) = outcome {
            tracing::warn!("the collector at {} did not take spans: {error:#}", self.target.url);
        }
    }

    async fn send_once(&self, body: Bytes) -> Result<Outcome> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.url.clone();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        for (name, value) in &self.target.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        let exchange = async {
            let response = self.client.request(request).await?;
            let status = response.status();
            // Reads to the end of the body, so that the client can use the connection again.
            let mut body = response.into_body();
            while let Some(frame) = body.frame().await {
                frame?;
            }
            anyhow::Ok(status)
        };
        let status =
            tokio::time::timeout(self.target.timeout, exchange).await.context("it did not answer in time")??;
        match status {
            status if status.is_success() => Ok(Outcome::Done),
            // The statuses that the specification of OTLP/HTTP calls retryable.
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Ok(Outcome::Retryable(status)),
            status => {
                tracing::warn!("the collector at {} refused spans: it answered {status}", self.target.url);
                Ok(Outcome::Done)
            }
        }
    }
}

/// The result of one try.
enum Outcome {
    Done,
    Retryable(StatusCode),
}
