//! Compiles the messages of the host's proto/cri.proto. The code in the host has the client, too, which needs tonic.

#![forbid(unsafe_code)]

fn main() -> anyhow::Result<()> {
    println!("cargo::rerun-if-changed=../host/proto");
    let descriptors = protox::compile(["../host/proto/cri.proto"], ["../host/proto"])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
