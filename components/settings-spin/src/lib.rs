//! Settings from Spin's variables: `harbor-url` is the component variable `harbor_url`. The ignore file is the one that the
//! manifest's `files` name; Spin copies it at each start.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "settings-spin-component",
        with: { "spin:variables/variables@3.0.0": spin_sdk::variables::wit::variables },
        generate_all,
    });
}

use bindings::exports::image_service::inventory::settings::Guest;
use image_model::setting;
use spin_sdk::variables;

allocator::install!();

/// The place of the ignore file, as spin.toml names it.
const IGNORE_FILE: &str = "/images_to_ignore.txt";

struct SettingsSpin;

impl Guest for SettingsSpin {
    async fn get(key: String) -> Option<String> {
        if key == setting::STYLE {
            return Some(setting::SPIN.to_owned());
        }
        if key == "images-to-ignore" {
            return std::fs::read(IGNORE_FILE).ok().map(|bytes| image_model::text::decode(&bytes));
        }
        let name = setting::spin_variable(&key);
        match variables::get(name.clone()).await {
            Ok(value) => Some(value),
            // A variable that the manifest does not name is not set.
            Err(variables::Error::Undefined(_)) => None,
            Err(error) => {
                eprintln!("the variable {name} can't be read ({error}); is its provider running?");
                None
            }
        }
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::SettingsSpin;
    super::bindings::export!(SettingsSpin with_types_in super::bindings);
}
