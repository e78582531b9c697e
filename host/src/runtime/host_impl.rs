//! The host's side of the imports of an instance: outbound HTTP, crictl, settings and the store.

use super::capabilities::Capabilities;
use super::memory_limiter::{Held, MemoryLimitExceeded};
use super::request_setters;
use super::store_data::{Hooks, StoreData};
use crate::sources::crictl::{self, ErrorKind};
use crate::sources::harbor::SendError;
use crate::sources::store::{self, Query};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Accessor, HasData, Linker};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "host-grants" });
}

use bindings::image_service::inventory::types::FailureCode;
use bindings::image_service::inventory::{crictl as crictl_wit, settings as settings_wit, store as store_wit};

/// A linker with everything that a composition may import.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<StoreData>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    request_setters::add_to_linker(&mut linker)?;
    crictl_wit::add_to_linker::<_, HostInterfaces>(&mut linker, |state| state)?;
    settings_wit::add_to_linker::<_, HostInterfaces>(&mut linker, |state| state)?;
    store_wit::add_to_linker::<_, HostInterfaces>(&mut linker, |state| state)?;
    Ok(linker)
}

/// Longest key of a setting; wit/inventory.wit lists them.
const MAX_SETTING_BYTES: usize = 64;

type Transmission = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(Response<WasiBody>, Transmission), Error>;

/// Converts an error for the component. `InternalError` is the only code that carries a sentence.
fn to_wasi(error: SendError) -> Error {
    match error {
        SendError::Denied => Error::HttpRequestDenied,
        SendError::InvalidUri => Error::HttpRequestUriInvalid,
        SendError::Failed { message, .. } => Error::InternalError(Some(message)),
    }
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Transmission,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let capabilities = Arc::clone(&self.capabilities);
        let (room, budget) = (self.room.clone(), self.budget.clone());
        let scope = self.current.wait_for_source();
        let (parts, _) = request.into_parts();
        Box::new(async move {
            let response = match scope {
                Some(scope) => scope.ask_harbor(&capabilities.harbor, &room, parts).await,
                // Without a request, for a component that sends one while it starts.
                None => capabilities.harbor.send(parts, Some(&room)).await,
            };
            let (head, body) = response.map_err(to_wasi)?.into_parts();
            let body = budget.hold_bytes(body).map_err(|error| Error::InternalError(Some(no_room(&error))))?;
            let response = Response::from_parts(head, body);
            let response = response.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync());
            Ok((response, Box::new(async { Ok(()) }) as Transmission))
        })
    }
}

/// The interfaces of image-service, for the linker.
struct HostInterfaces;

impl HasData for HostInterfaces {
    type Data<'a> = &'a mut StoreData;
}

impl settings_wit::Host for &mut StoreData {}

impl<T: Send> settings_wit::HostWithStore<T> for HostInterfaces {
    async fn get(accessor: &Accessor<T, Self>, key: String) -> Option<String> {
        let (capabilities, one_at_a_time) = accessor
            .with(|mut access| (Arc::clone(&access.get().capabilities), Arc::clone(&access.get().reads_setting)));
        // Those who wait hold their keys.
        if key.len() > MAX_SETTING_BYTES {
            return None;
        }
        let _turn = one_at_a_time.lock().await;
        capabilities.setting(&key).await
    }
}

impl store_wit::Host for &mut StoreData {}

impl<T: Send> store_wit::HostWithStore<T> for HostInterfaces {
    async fn head(accessor: &Accessor<T, Self>, name: String) -> Result<Option<store_wit::State>, store_wit::Error> {
        let head = capabilities(accessor).store.head(&name).await?;
        Ok(head.map(|store::Head { revision, meta, age, bytes, quota }| store_wit::State {
            revision,
            meta,
            age,
            bytes,
            quota,
        }))
    }

    async fn versions(
        accessor: &Accessor<T, Self>,
        name: String,
        after: Option<Vec<u8>>,
        max_bytes: u32,
    ) -> Result<store_wit::VersionPage, store_wit::Error> {
        let query = Query::After { after, max_bytes: max_bytes.into(), values: false };
        let store::Page { revision, entries, more } = read(accessor, &name, query).await?;
        let entries =
            entries.into_iter().map(|store::Entry { key, version, .. }| store_wit::EntryVersion { key, version });
        Ok(store_wit::VersionPage { revision, entries: entries.collect(), more })
    }

    async fn scan(
        accessor: &Accessor<T, Self>,
        name: String,
        after: Option<Vec<u8>>,
        max_bytes: u32,
    ) -> Result<store_wit::Page, store_wit::Error> {
        let query = Query::After { after, max_bytes: max_bytes.into(), values: true };
        Ok(read(accessor, &name, query).await?.into())
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
        keys: Vec<Vec<u8>>,
    ) -> Result<store_wit::Page, store_wit::Error> {
        Ok(read(accessor, &name, Query::Keys(keys)).await?.into())
    }

    async fn commit(
        accessor: &Accessor<T, Self>,
        name: String,
        base: Option<u64>,
        changes: store_wit::Changes,
    ) -> Result<u64, store_wit::Error> {
        let store_wit::Changes { deletes, puts, meta } = changes;
        let puts =
            puts.into_iter().map(|store_wit::Entry { key, version, value }| store::Entry { key, version, value });
        let changes = store::Changes { deletes, puts: puts.collect(), meta };
        let _held = hold(accessor, changes.bytes())?;
        Ok(capabilities(accessor).store.commit(&name, base, changes).await?)
    }
}

/// Reads entries, which count as memory of the instance meanwhile.
async fn read<T: Send>(
    accessor: &Accessor<T, HostInterfaces>,
    name: &str,
    query: Query,
) -> Result<store::Page, store::Error> {
    let _held = hold(accessor, query.max_bytes())?;
    capabilities(accessor).store.read(name, query).await
}

/// Counts what the host holds during a call of the store.
fn hold<T: Send>(accessor: &Accessor<T, HostInterfaces>, bytes: usize) -> Result<Held, store::Error> {
    let held = accessor.with(|mut access| access.get().hooks.budget.hold(bytes));
    held.map_err(|error| store::Error::Full(no_room(&error)))
}

/// What a component is told where the host would hold too much for it.
fn no_room(error: &MemoryLimitExceeded) -> String {
    format!("the host holds no more for the component: {error}")
}

/// The capabilities of an instance.
fn capabilities<T: Send>(accessor: &Accessor<T, HostInterfaces>) -> Arc<Capabilities> {
    accessor.with(|mut access| Arc::clone(&access.get().capabilities))
}

impl From<store::Page> for store_wit::Page {
    fn from(store::Page { revision, entries, more }: store::Page) -> Self {
        let entries =
            entries.into_iter().map(|store::Entry { key, version, value }| store_wit::Entry { key, version, value });
        Self { revision, entries: entries.collect(), more }
    }
}

impl From<store::Error> for store_wit::Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Conflict => Self::Conflict,
            store::Error::TooLarge(message) => Self::TooLarge(message),
            store::Error::Full(message) => Self::Full(message),
            store::Error::Failed(message) => Self::Failed(message),
        }
    }
}

impl crictl_wit::Host for &mut StoreData {}

impl<T: Send> crictl_wit::HostWithStore<T> for HostInterfaces {
    async fn images(accessor: &Accessor<T, Self>) -> Result<Vec<crictl_wit::Image>, crictl_wit::Failure> {
        let (capabilities, scope, budget, one_at_a_time) = accessor.with(|mut access| {
            let data = access.get();
            let scope = data.hooks.current.wait_for_source();
            (Arc::clone(&data.capabilities), scope, data.hooks.budget.clone(), Arc::clone(&data.asks_node))
        });
        let _turn = one_at_a_time.lock().await;
        let outcome = match scope {
            Some(scope) => scope.ask_node(&capabilities.crictl).await,
            None => capabilities.crictl.ask().await,
        };
        match outcome {
            Ok(answer) => {
                let bytes = answer.images.iter().map(bytes_of).sum();
                let _held = budget.hold(bytes).map_err(|error| crictl_wit::Failure {
                    code: FailureCode::TooLarge,
                    message: no_room(&error),
                    repository: None,
                    node: None,
                })?;
                Ok(Arc::unwrap_or_clone(answer.images).into_iter().map(Into::into).collect())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The memory that an image takes.
fn bytes_of(image: &image_model::types::Image) -> usize {
    let names = image.repo_tags.iter().chain(&image.repo_digests);
    let names: usize = names.map(|name| size_of::<String>() + name.len()).sum();
    size_of_val(image) + image.id.len() + names
}

impl From<image_model::types::Image> for crictl_wit::Image {
    fn from(image: image_model::types::Image) -> Self {
        let image_model::types::Image { id, repo_tags, repo_digests, size, pinned } = image;
        Self { id, repo_tags, repo_digests, size, pinned }
    }
}

impl From<crictl::Error> for crictl_wit::Failure {
    fn from(error: crictl::Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Unavailable => FailureCode::Unavailable,
            ErrorKind::Internal => FailureCode::Other,
            ErrorKind::Denied => FailureCode::Denied,
            ErrorKind::TimedOut => FailureCode::TimedOut,
            ErrorKind::Malformed => FailureCode::Malformed,
        };
        Self { code, message: error.to_string(), repository: None, node: None }
    }
}
