//! Settings for demonstrations: the sample registry, indented JSON, and an images_to_ignore.txt that names one image of the
//! sample node.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "../../wit/internal"],
        world: "image-service:internal/sample-settings-component",
        async: false,
        generate_all,
    });
}

use bindings::exports::image_service::inventory::settings::Guest;

allocator::install!();

struct SampleSettings;

impl Guest for SampleSettings {
    fn get(key: String) -> Option<String> {
        let value = match key.as_str() {
            "harbor-url" => "https://harbor.example.com",
            "mirrors" => "docker.io=hub-proxy",
            "node-name" => "node-7",
            "outdated" => "patch",
            "images-to-ignore" => "IMAGE,TAG,IMAGE ID,SIZE\nregistry.k8s.io/pause,3.9,0a353ad44f0cb,1MB\n",
            "json-pretty" => "true",
            _ => return None,
        };
        Some(value.to_owned())
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::SampleSettings;
    super::bindings::export!(SampleSettings with_types_in super::bindings);
}
