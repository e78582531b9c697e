//! Compiles what is in proto/ without needing a `protoc`.

#![forbid(unsafe_code)]

fn main() -> anyhow::Result<()> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(["proto/cri.proto", "proto/otlp.proto"], ["proto"])?;
    tonic_prost_build::configure().build_server(false).compile_fds(descriptors)?;
    Ok(())
}
