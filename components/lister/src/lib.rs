//! The lister: gives the images of the one node that the host, or a component in its place, can ask.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "lister-component",
        with: { "image-service:inventory/types@0.2.0": image_model::types },
        async: false,
        generate_all,
    });
}

use bindings::exports::image_service::inventory::node_images::{Guest, NodeListing};
use bindings::image_service::inventory::{crictl, settings};
use image_model::types::{FailureCode, Group, Node, NodeState};
use std::cell::OnceCell;

allocator::install!();

thread_local! {
    /// The node's name. Read once in each instance, because each call to another component takes time.
    static NAME: OnceCell<String> = const { OnceCell::new() };
}

struct Lister;

impl Guest for Lister {
    fn images() -> NodeListing {
        let name = NAME.with(|name| name.get_or_init(name_of_node).clone());
        let (state, age, images, failures) = match crictl::images() {
            Ok(mut images) => {
                // The tags settle the order of two images with one id, so that equal nodes give equal groups.
                images.sort_by(|one, other| (&one.id, &one.repo_tags).cmp(&(&other.id, &other.repo_tags)));
                (NodeState::Answered, Some(0), images, Vec::new())
            }
            Err(failure) => {
                let is_denied = failure.code == FailureCode::Denied;
                let state = if is_denied { NodeState::Denied } else { NodeState::Unreachable };
                (state, None, Vec::new(), vec![failure])
            }
        };
        NodeListing { groups: vec![Group { nodes: vec![Node { name, state, age }], images }], failures }
    }
}

fn name_of_node() -> String {
    settings::get("node-name").filter(|name| !name.is_empty()).unwrap_or_else(|| "node".to_owned())
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::Lister;
    super::bindings::export!(Lister with_types_in super::bindings);
}
