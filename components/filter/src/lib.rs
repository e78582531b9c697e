//! The filter: passes rows on, without those that images_to_ignore.txt names.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "filter-component", async: false, generate_all });
}

use bindings::exports::image_service::inventory::containerd::{Guest, Image, SourceError};
use bindings::image_service::inventory::{containerd, settings};
use image_model::ignore::IgnoreList;
use std::cell::RefCell;
use std::rc::Rc;

allocator::install!();

thread_local! {
    /// The text that was read last and its meaning, so that an instance reads it, and warns about it, after an edit only.
    static READ: RefCell<(String, Rc<IgnoreList>)> = RefCell::default();
}

struct Filter;

impl Guest for Filter {
    fn images() -> (Vec<Image>, Vec<SourceError>) {
        let ignored = ignore_list();
        let (mut images, errors) = containerd::images();
        images.retain(|image| !ignored.contains(&image.id));
        (images, errors)
    }
}

/// The list as it is now; what is wrong with it goes to stderr, which the host logs.
fn ignore_list() -> Rc<IgnoreList> {
    let text = settings::get("images-to-ignore").unwrap_or_default();
    if let Some(list) = READ.with_borrow(|(read, list)| (*read == text).then(|| Rc::clone(list))) {
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
    READ.set((text, Rc::clone(&list)));
    list
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::Filter;
    super::bindings::export!(Filter with_types_in super::bindings);
}
