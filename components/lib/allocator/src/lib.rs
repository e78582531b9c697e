//! The memory allocator of components. A request makes some hundred small allocations: one for each string that passes from
//! one component to another.

#![forbid(unsafe_code)]

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use talc;

/// Installs this allocator in a component, in place of the standard library's.
///
/// It is a macro because the compiler inlines an allocator that stands in the component's own crate. That saves 3 % of a
/// request's instructions.
#[macro_export]
macro_rules! install {
    () => {
        #[cfg(target_family = "wasm")]
        #[global_allocator]
        static ALLOCATOR: $crate::talc::wasm::WasmDynamicTalc = $crate::talc::wasm::new_wasm_dynamic_allocator();
    };
}
