//! Batches of spans for a collector.

use super::exporter::Exporter;
use super::proto;
use super::proto::span::Kind as WireKind;
use super::proto::status::Code;
use super::span::{Kind, Outcome, Span};
use image_service_config::duration::deadline;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, watch};

/// Most spans of one batch.
const BATCH_SIZE: usize = 512;

/// Sends spans in batches, until `ended` is true.
pub(super) async fn send(
    mut spans: mpsc::Receiver<Span>,
    exporter: Exporter,
    resource: Vec<(String, String)>,
    delay: Duration,
    mut ended: watch::Receiver<bool>,
) {
    let mut batch = Vec::new();
    loop {
        let is_end = tokio::select! {
            number = spans.recv_many(&mut batch, BATCH_SIZE) => number == 0,
            _ = ended.wait_for(|ended| *ended) => true,
        };
        // Waits for more spans.
        let deadline = deadline(delay).into();
        while !is_end && batch.len() < BATCH_SIZE {
            let room = BATCH_SIZE - batch.len();
            tokio::select! {
                number = spans.recv_many(&mut batch, room) => if number == 0 { break },
                () = tokio::time::sleep_until(deadline) => break,
                _ = ended.wait_for(|ended| *ended) => break,
            }
        }
        while let Ok(span) = spans.try_recv() {
            batch.push(span);
            if batch.len() >= BATCH_SIZE && !is_end {
                break;
            }
        }
        if !batch.is_empty() {
            exporter.send(&request(std::mem::take(&mut batch), &resource)).await;
        }
        if is_end {
            return;
        }
    }
}

fn request(spans: Vec<Span>, resource: &[(String, String)]) -> proto::ExportTraceServiceRequest {
    let scope_spans = proto::ScopeSpans { scope: Some(scope()), spans: spans.into_iter().map(to_proto).collect() };
    let resource_spans =
        proto::ResourceSpans { resource: Some(resource_proto(resource)), scope_spans: vec![scope_spans] };
    proto::ExportTraceServiceRequest { resource_spans: vec![resource_spans] }
}

fn to_proto(span: Span) -> proto::Span {
    let begun = nanoseconds(span.begun);
    let mut attributes: Vec<_> = span.attributes.into_iter().map(|(key, value)| text(key, value)).collect();
    if let Some(status) = span.status {
        let value = proto::any_value::Value::IntValue(status.into());
        attributes.push(attribute("http.response.status_code", value));
    }
    let status = match span.outcome {
        Outcome::Success => None,
        Outcome::Failed(message) => Some(proto::Status { message, code: Code::Error.into() }),
    };
    proto::Span {
        trace_id: span.trace.to_be_bytes().to_vec(),
        span_id: span.id.to_be_bytes().to_vec(),
        trace_state: span.state.unwrap_or_default(),
        parent_span_id: span.parent.map(|parent| parent.to_be_bytes().to_vec()).unwrap_or_default(),
        name: span.name,
        kind: match span.kind {
            Kind::Internal => WireKind::Internal,
            Kind::Server => WireKind::Server,
            Kind::Client => WireKind::Client,
        }
        .into(),
        start_time_unix_nano: begun,
        end_time_unix_nano: begun.saturating_add(u64::try_from(span.took.as_nanos()).unwrap_or_default()),
        attributes,
        status,
        flags: 1,
    }
}

/// The program as the source of the spans.
pub(super) fn scope() -> proto::InstrumentationScope {
    proto::InstrumentationScope { name: crate::PROGRAM.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

pub(super) fn resource_proto(resource: &[(String, String)]) -> proto::Resource {
    proto::Resource { attributes: resource.iter().map(|(key, value)| text(key, value.clone())).collect() }
}

pub(super) fn text(key: &str, value: String) -> proto::KeyValue {
    attribute(key, proto::any_value::Value::StringValue(value))
}

fn attribute(key: &str, value: proto::any_value::Value) -> proto::KeyValue {
    proto::KeyValue { key: key.to_owned(), value: Some(proto::AnyValue { value: Some(value) }) }
}

pub(super) fn nanoseconds(at: SystemTime) -> u64 {
    u64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()).unwrap_or_default()
}
