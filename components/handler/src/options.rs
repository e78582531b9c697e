//! The operator's settings for answers.

#![forbid(unsafe_code)]

use crate::bindings::image_service::inventory::settings;
use spin_sdk::http::HeaderValue;
use std::cell::RefCell;
use std::rc::Rc;

/// The settings of the handler.
pub(crate) struct Options {
    pub(crate) pretty: bool,
    pub(crate) cache_control: Option<HeaderValue>,
}

thread_local! {
    /// Read once in each instance, because each call to another component takes about a tenth of a request's time.
    static OPTIONS: RefCell<Option<Rc<Options>>> = const { RefCell::new(None) };
}

/// The settings of this instance.
pub(crate) fn options() -> Rc<Options> {
    if let Some(options) = OPTIONS.with_borrow(Clone::clone) {
        return options;
    }
    let pretty = settings::get("json-pretty").is_some_and(|value| value == "true");
    let cache_control = settings::get("cache-control").filter(|text| !text.is_empty());
    let cache_control = cache_control.and_then(|text| HeaderValue::try_from(text).ok());
    let options = Rc::new(Options { pretty, cache_control });
    OPTIONS.set(Some(Rc::clone(&options)));
    options
}
