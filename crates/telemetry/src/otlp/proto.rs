//! Messages of the OpenTelemetry protocol, generated from proto/otlp.proto.

#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from proto/otlp.proto")]

include!(concat!(env!("OUT_DIR"), "/otlp.rs"));
