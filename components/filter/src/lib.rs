//! The filter: passes the nodes' images on, without those that images_to_ignore.txt names.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "filter-component",
        with: { "image-service:inventory/types@0.2.0": image_model::types },
        async: false,
        generate_all,
    });
}

use bindings::exports::image_service::inventory::node_images::{Guest, NodeListing};
use bindings::image_service::inventory::{node_images, settings};
use image_model::ignore::IgnoreList;
use std::cell::RefCell;
use std::rc::Rc;

allocator::install!();

thread_local! {
    /// The last text and its list. So an instance parses a text, and warns about its lines, only after an edit.
    static PARSED: RefCell<(String, Rc<IgnoreList>)> = RefCell::default();
}

struct Filter;

impl Guest for Filter {
    fn images() -> NodeListing {
        let ignored = ignore_list();
        let mut listing = node_images::images();
        for group in &mut listing.groups {
            ignored.remove_from(&mut group.images);
        }
        listing
    }
}

/// The current list. Writes the lines that name no image to stderr, which the host logs.
fn ignore_list() -> Rc<IgnoreList> {
    let text = settings::get("images-to-ignore").unwrap_or_default();
    if let Some(list) = PARSED.with_borrow(|(parsed, list)| (*parsed == text).then(|| Rc::clone(list))) {
        return list;
    }
    let list = Rc::new(IgnoreList::parse(&text));
    if !list.skipped().is_empty() {
        let name = settings::get("images-to-ignore-name");
        let name = name.unwrap_or_else(|| "images_to_ignore.txt".to_owned());
        for skipped in list.skipped() {
            eprintln!("{name}:{skipped}");
        }
    }
    PARSED.set((text, Rc::clone(&list)));
    list
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::Filter;
    super::bindings::export!(Filter with_types_in super::bindings);
}
