//! The bindings of the world `crictl-remote-component`, generated from wit/.

wit_bindgen::generate!({
    path: "../../wit",
    world: "crictl-remote-component",
    with: {
        "wasi:clocks/types@0.3.0": wasip3::clocks::types,
        "wasi:http/types@0.3.0": wasip3::http::types,
        "wasi:http/client@0.3.0": wasip3::http::client,
    },
    generate_all,
});
