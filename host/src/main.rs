//! The program `image-service`: the library with the compositions and components that were built for it.
//!
//! `cargo xtask build` makes them before it compiles this file.

use image_service::cli::{self, Compositions};
use image_service::composition::Composition;
use std::process::ExitCode;

/// A composition by its name under target/compositions.
macro_rules! built_in {
    ($name:literal) => {
        Composition {
            wasm: include_bytes!(concat!(env!("IMAGE_SERVICE_COMPOSITIONS"), "/", $name, ".wasm")).as_slice().into(),
            precompiled: include_bytes!(concat!(env!("IMAGE_SERVICE_COMPOSITIONS"), "/", $name, ".cwasm")),
        }
    };
}

/// All components by their names under target/components.
macro_rules! components {
    ($($name:literal,)*) => {
        &[$(($name, include_bytes!(concat!(env!("IMAGE_SERVICE_COMPONENTS"), "/", $name, ".wasm")))),*]
    };
}

const COMPONENTS: &[(&str, &[u8])] = image_service_compositions::with_components!(components);

fn main() -> ExitCode {
    cli::main(Compositions { native: built_in!("native"), demo: built_in!("demo"), components: COMPONENTS })
}
