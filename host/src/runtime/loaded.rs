//! Engines and the compositions that they have loaded. A reload shares them: an engine reserves terabytes of addresses for its pool,
//! and loading a composition may take a second.

use super::engine::{count_epochs, pooled, unpooled};
use super::host_impl;
use super::store_data::StoreData;
use crate::composition::Composition;
use anyhow::Result;
use image_service_config::Limits;
use image_service_http::shared::Shared;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// Most pools at a time. Each reload with other limits makes one, and requests of earlier configurations hold theirs: on most
/// machines, the addresses of a process are enough for twenty.
const MAX_POOLS: usize = 4;

/// The engines and compositions in use. The program has one of these for its whole life.
#[derive(Default)]
pub struct Loaded {
    engines: Shared<LimitedEngine>,
    compositions: Shared<LoadedComposition>,
}

/// An engine, and the limits that make another one of it.
struct LimitedEngine {
    engine: Engine,
    max_requests: usize,
    max_memory: usize,
    /// Whether it has no pool as there were too many. The next reload tries again.
    is_makeshift: bool,
}

/// A composition, ready to be instantiated.
pub(crate) struct LoadedComposition {
    engine: Arc<LimitedEngine>,
    /// Of its bytes.
    digest: [u8; 32],
    pub(super) service: ServicePre<StoreData>,
}

impl Loaded {
    /// The composition on an engine with these limits: the one in use, where both are the same.
    ///
    /// # Errors
    ///
    /// When the bytes are no component, or it imports more than the host grants.
    pub(crate) fn composition(&self, composition: &Composition, limits: &Limits) -> Result<Arc<LoadedComposition>> {
        let engine =
            self.engines.get_or_make(|engine| engine.is_for(limits), |others| LimitedEngine::new(limits, others))?;
        let digest: [u8; 32] = Sha256::digest(&composition.wasm).into();
        self.compositions.get_or_make(
            |loaded| Arc::ptr_eq(&loaded.engine, &engine) && loaded.digest == digest,
            |_| {
                let component = composition.load(&engine.engine)?;
                let service = ServicePre::new(host_impl::linker(&engine.engine)?.instantiate_pre(&component)?)?;
                Ok(LoadedComposition { engine: Arc::clone(&engine), digest, service })
            },
        )
    }
}

impl LimitedEngine {
    fn new(limits: &Limits, others: usize) -> Result<Self> {
        let is_makeshift = others >= MAX_POOLS;
        if is_makeshift {
            tracing::warn!(
                "requests of {others} earlier configurations with other limits are still under way, so requests of this one are \
                 slower until the next SIGHUP"
            );
        }
        let engine = if is_makeshift { unpooled()? } else { pooled(limits)? };
        count_epochs(&engine)?;
        Ok(Self { engine, max_requests: limits.max_requests, max_memory: limits.max_memory, is_makeshift })
    }

    fn is_for(&self, limits: &Limits) -> bool {
        !self.is_makeshift && self.max_requests == limits.max_requests && self.max_memory == limits.max_memory
    }
}

impl LoadedComposition {
    pub(super) fn engine(&self) -> &Engine {
        &self.engine.engine
    }

    /// Whether it imports an interface whose name begins with `interface`.
    pub(crate) fn imports(&self, interface: &str) -> bool {
        let component = self.service.instance_pre().component().component_type();
        component.imports(self.engine()).any(|(name, _)| name.starts_with(interface))
    }
}
