//! No environment: no variables and no arguments. Rust's standard library imports the environment into each component, and on a
//! foreign host that has the secrets in it. In such a composition, this part answers the others.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "no-environment-component", async: false, generate_all });
}

use bindings::exports::wasi::cli0_2_6::environment::Guest;

allocator::install!();

struct NoEnvironment;

impl Guest for NoEnvironment {
    fn get_environment() -> Vec<(String, String)> {
        Vec::new()
    }

    fn get_arguments() -> Vec<String> {
        Vec::new()
    }

    fn initial_cwd() -> Option<String> {
        None
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::NoEnvironment;
    super::bindings::export!(NoEnvironment with_types_in super::bindings);
}
