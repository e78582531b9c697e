//! Bounds of the heads of requests and answers that a component makes. The host holds them, and the memory of the instance does not
//! count them: so many of so many bytes each are a small part of it.

use super::store_data::StoreData;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource};
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::http::types::{HostRequest, Method};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpView};

/// Most heads, and other resources of the host's table, of an instance. The built-in components have a dozen.
const MAX_HEADS: usize = 1000;
/// Most bytes of the headers of one, and what they take besides.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Most bytes of its method, of its authority, and of its path with the query. The host sends no longer ones to Harbor.
const MAX_TEXT_BYTES: usize = 8 * 1024;

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

type Set = Result<(), ()>;

/// Puts bounds before the setters of a request, which have none.
pub(super) fn add_to_linker(linker: &mut Linker<StoreData>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance("wasi:http/types@0.3.0")?;
    types.func_wrap(
        "[method]request.set-method",
        |mut store: StoreContextMut<'_, StoreData>, (request, method): (Resource<Request>, Method)| {
            let is_short = !matches!(&method, Method::Other(name) if name.len() > MAX_TEXT_BYTES);
            let set = if is_short { store.data_mut().http().set_method(request, method)? } else { Err(()) };
            Ok((set,))
        },
    )?;
    text(&mut types, "[method]request.set-authority", |state, request, text| {
        state.http().set_authority(request, text)
    })?;
    text(&mut types, "[method]request.set-path-with-query", |state, request, text| {
        state.http().set_path_with_query(request, text)
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

fn text(
    types: &mut LinkerInstance<'_, StoreData>,
    name: &str,
    set: fn(&mut StoreData, Resource<Request>, Option<String>) -> wasmtime::Result<Set>,
) -> wasmtime::Result<()> {
    types.func_wrap(
        name,
        move |mut store: StoreContextMut<'_, StoreData>, (request, text): (Resource<Request>, Option<String>)| {
            let is_short = text.as_ref().is_none_or(|text| text.len() <= MAX_TEXT_BYTES);
            Ok((if is_short { set(store.data_mut(), request, text)? } else { Err(()) },))
        },
    )
}
