//! What the build put into the program: compositions, with their machine code, and components.
//!
//! The one module with `unsafe`: here, and nowhere else, it is known where machine code comes from.

#![allow(unsafe_code, reason = "wasmtime can't check machine code; every other module forbids it")]

use image_service::composition::Composition;

/// A composition by its name under target/compositions.
macro_rules! composition {
    ($name:literal) => {
        Composition {
            wasm: include_bytes!(concat!(env!("IMAGE_SERVICE_COMPOSITIONS"), "/", $name, ".wasm")).as_slice().into(),
            precompiled: Some(|engine| {
                let code = include_bytes!(concat!(env!("IMAGE_SERVICE_COMPOSITIONS"), "/", $name, ".cwasm"));
                // SAFETY: the code is part of this program, put there by the build that made the rest of it; wasmtime
                // itself checks that its own version, its settings and the processor are those that it was made for.
                unsafe { wasmtime::component::Component::deserialize(engine, code) }
            }),
        }
    };
}

/// The composition for a node.
pub(crate) fn native() -> Composition {
    composition!("native")
}

/// The same with the last good rows of a source that fails.
pub(crate) fn native_last_good() -> Composition {
    composition!("native-last-good")
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

/// The components that compositions are made of.
pub(crate) const COMPONENTS: &[(&str, &[u8])] = image_service_compositions::with_components!(components);

/// What the program is made of, as CycloneDX.
pub(crate) const SBOM: &str = include_str!(env!("IMAGE_SERVICE_SBOM"));
