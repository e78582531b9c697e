//! The setters of a request that a component makes, with a bound before each: wasmtime-wasi-http has none.

use super::heads::MAX_TEXT_BYTES;
use super::store_data::StoreData;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::http::types::{HostRequest, Method};

type Set = Result<(), ()>;

/// Puts these setters in the place of those that are there.
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
