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
use image_model::setting;
use wasip3::cli::environment::get_environment;

allocator::install!();

struct SettingsEnv;

impl Guest for SettingsEnv {
    fn get(key: String) -> Option<String> {
        if key == setting::STYLE {
            return Some(setting::ENVIRONMENT.to_owned());
        }
        let name = setting::environment_variable(&key);
        get_environment().into_iter().find(|(found, _)| *found == name).map(|(_, value)| value)
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::SettingsEnv;
    super::bindings::export!(SettingsEnv with_types_in super::bindings);
}
