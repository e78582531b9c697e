//! Settings from environment variables: `harbor-url` is `HARBOR_URL`.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "settings-env-component",
        with: { "wasi:cli/environment@0.3.0": wasip3::cli::environment },
        async: false,
        generate_all,
    });
}

use bindings::exports::image_service::inventory::settings::Guest;
use wasip3::cli::environment::get_environment;

allocator::install!();

struct SettingsEnv;

impl Guest for SettingsEnv {
    fn get(key: String) -> Option<String> {
        let name = variable(&key);
        get_environment().into_iter().find(|(found, _)| *found == name).map(|(_, value)| value)
    }
}

/// The variable for a key.
fn variable(key: &str) -> String {
    key.to_ascii_uppercase().replace('-', "_")
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::SettingsEnv;
    super::bindings::export!(SettingsEnv with_types_in super::bindings);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_the_key_in_capitals_with_underscores() {
        assert_eq!(variable("harbor-max-concurrency"), "HARBOR_MAX_CONCURRENCY");
    }
}
