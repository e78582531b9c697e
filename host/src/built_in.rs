//! The files that the build embeds in the program: compositions, with their machine code, and components.
//!
//! The only module with `unsafe`: only here the origin of the machine code is known.

#![allow(unsafe_code, reason = "wasmtime can't check machine code; every other module forbids it")]

use image_service::composition::Composition;

/// A composition by its name under target/compositions.
macro_rules! composition {
    ($name:literal) => {
        Composition {
            wasm: include_bytes!(concat!(env!("IMAGE_SERVICE_COMPOSITIONS"), "/", $name, ".wasm")).as_slice().into(),
            precompiled: Some(|engine| {
                let code = include_bytes!(concat!(env!("IMAGE_SERVICE_COMPOSITIONS"), "/", $name, ".cwasm"));
                // SAFETY: the code is part of this program, and the build that made the program made the code. wasmtime
                // itself checks that its own version, its settings and the processor fit the code.
                unsafe { wasmtime::component::Component::deserialize(engine, code) }
            }),
        }
    };
}

/// The composition for a node.
pub(crate) fn native() -> Composition {
    composition!("native")
}

/// The same, which shows the last good rows of a failing source.
pub(crate) fn native_stale_if_error() -> Composition {
    composition!("native-stale-if-error")
}

/// The composition with sample data.
pub(crate) fn demo() -> Composition {
    composition!("demo")
}

/// All components by their names under target/components.
macro_rules! components {
    ($($name:literal,)*) => {
        &[$(($name, include_bytes!(concat!(env!("IMAGE_SERVICE_COMPONENTS"), "/", $name, ".wasm")))),*]
    };
}

/// The components that compositions consist of.
pub(crate) const COMPONENTS: &[(&str, &[u8])] = image_service_compositions::with_components!(components);

/// The crates of the program, as CycloneDX JSON.
pub(crate) const SBOM: &str = include_str!(env!("IMAGE_SERVICE_SBOM"));
