//! No store: for platforms that keep nothing for a component. All names hold nothing, and each commit is refused.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "store-none-component", async: false, generate_all });
}

use bindings::exports::image_service::inventory::store::{Changes, Error, Guest, Page, Revision, State, VersionPage};

allocator::install!();

struct StoreNone;

impl Guest for StoreNone {
    fn head(_: String) -> Result<Option<State>, Error> {
        Ok(None)
    }

    fn versions(_: String, _: Option<Vec<u8>>, _: u32) -> Result<VersionPage, Error> {
        Ok(VersionPage { revision: None, entries: Vec::new(), more: false })
    }

    fn scan(_: String, _: Option<Vec<u8>>, _: u32) -> Result<Page, Error> {
        Ok(nothing())
    }

    fn get(_: String, _: Vec<Vec<u8>>) -> Result<Page, Error> {
        Ok(nothing())
    }

    fn commit(_: String, _: Option<Revision>, _: Changes) -> Result<Revision, Error> {
        Err(Error::Unavailable("this platform keeps nothing for components".to_owned()))
    }
}

fn nothing() -> Page {
    Page { revision: None, entries: Vec::new(), more: false }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::StoreNone;
    super::bindings::export!(StoreNone with_types_in super::bindings);
}
