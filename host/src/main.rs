//! The program `image-service`: the library with the compositions that were built for it.
//!
//! `cargo xtask build` makes the compositions before it compiles this file.

use image_service::cli::Compositions;
use std::process::ExitCode;

fn main() -> ExitCode {
    image_service::cli::main(Compositions {
        native: include_bytes!(concat!(env!("IMAGE_SERVICE_COMPOSITIONS"), "/native.wasm")),
        demo: include_bytes!(concat!(env!("IMAGE_SERVICE_COMPOSITIONS"), "/demo.wasm")),
    })
}
