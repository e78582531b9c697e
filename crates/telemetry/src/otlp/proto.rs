//! Messages of the OpenTelemetry protocol, generated from proto/otlp.proto.

#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from proto/otlp.proto")]

// Included, so that rustfmt leaves the file as it was generated.
include!("proto/otlp.rs");
