//! The program `image-service`: the library with the compositions that were built for it.
//!
//! `cargo xtask build` makes the compositions before it compiles this file; see xtask/src/build.rs.

use image_service::runtime::Embedded;
use std::process::ExitCode;

fn main() -> ExitCode {
    image_service::cli::main(image_service::runtime::Compositions {
        native: Embedded {
            wasm: include_bytes!(concat!(env!("IMAGE_SERVICE_COMPOSITIONS"), "/native.wasm")),
            precompiled: include_bytes!(concat!(env!("IMAGE_SERVICE_COMPOSITIONS"), "/native.cwasm")),
        },
        demo: Embedded {
            wasm: include_bytes!(concat!(env!("IMAGE_SERVICE_COMPOSITIONS"), "/demo.wasm")),
            precompiled: include_bytes!(concat!(env!("IMAGE_SERVICE_COMPOSITIONS"), "/demo.cwasm")),
        },
    })
}
