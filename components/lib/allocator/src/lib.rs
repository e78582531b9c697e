//! The allocator of components. A request asks it for some hundred small pieces, as each string that passes from one
//! component to another is one.

#![forbid(unsafe_code)]

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use talc;

/// Has a component take memory from here instead of the standard library's allocator.
///
/// A macro, as an allocator that stands in the component's own crate is made part of its code: 3 % of a request's
/// instructions.
#[macro_export]
macro_rules! install {
    () => {
        #[cfg(target_family = "wasm")]
        #[global_allocator]
        static ALLOCATOR: $crate::talc::wasm::WasmDynamicTalc = $crate::talc::wasm::new_wasm_dynamic_allocator();
    };
}
