//! Bounds of the heads of requests and answers that a component makes. The host holds them, and the memory of the instance does not
//! count them: so many of so many bytes each are a small part of it.

use wasmtime_wasi_http::WasiHttpCtx;

/// Most heads, and other resources of the host's table, of an instance. The built-in components have a dozen.
const MAX_HEADS: usize = 1000;
/// Most bytes of the headers of one, and what they take besides.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Most bytes of its method, of its authority, and of its path with the query. What is too long for Harbor only, the host refuses later,
/// and tells the operator.
pub(super) const MAX_TEXT_BYTES: usize = 16 * 1024;

/// The capacity of the host's table of an instance that may have so many handles.
pub(super) fn capacity(max_handles: usize) -> usize {
    max_handles.min(MAX_HEADS)
}

/// The context in which headers are made.
pub(super) fn http_context() -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(MAX_HEADER_BYTES);
    context
}
