//! The Rust code that was generated from the protobuf files says what those files say. The code is in the tree, so that building
//! the program needs no protobuf compiler.

use anyhow::{Context, Result, ensure};
use image_service_tests::repository;

/// Set to any value, it has the tests write the code instead of comparing it.
const WRITE: &str = "IMAGE_SERVICE_WRITE_GENERATED";

/// Compiles `proto`, and compares the code with the file `code`, both below the root of the workspace.
fn check(proto: &str, code: &str) -> Result<()> {
    let (proto, code) = (repository(proto), repository(code));
    let descriptors = protox::compile([&proto], proto.parent())?;
    let folder = tempfile::tempdir()?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_server(false)
        .out_dir(folder.path())
        .compile_fds(descriptors)?;
    let generated = folder.path().join(code.file_name().context("a file")?);
    if std::env::var_os(WRITE).is_some() {
        std::fs::copy(&generated, &code)?;
        return Ok(());
    }
    let (generated, kept) = (std::fs::read_to_string(generated)?, std::fs::read_to_string(&code)?);
    ensure!(
        generated == kept,
        "{} is not what {} says; run `{WRITE}=1 cargo xtask test generated_code` and commit the result",
        code.display(),
        proto.display()
    );
    Ok(())
}

#[test]
fn the_messages_of_the_container_runtime_are_those_of_cri_proto() -> Result<()> {
    check("host/proto/cri.proto", "host/src/sources/crictl/cri/runtime.v1.rs")
}

#[test]
fn the_messages_of_opentelemetry_are_those_of_otlp_proto() -> Result<()> {
    check("crates/telemetry/proto/otlp.proto", "crates/telemetry/src/otlp/proto/otlp.rs")
}
