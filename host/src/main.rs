//! The program `image-service`: the library, with the compositions and components that it embeds.
//!
//! `cargo xtask build` makes them before it compiles this file.

mod built_in;

use image_service::allocator;
use image_service::cli::{self, Compositions};
use image_service_memory::BUDGET;
use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    BUDGET.measure_by(allocator::resident_bytes);
    cli::main(Compositions {
        native: built_in::native(),
        native_stale_if_error: built_in::native_stale_if_error(),
        demo: built_in::demo(),
        components: built_in::COMPONENTS,
        sbom: built_in::SBOM,
    })
}
