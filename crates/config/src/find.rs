//! Where config.json is.

use std::path::{Path, PathBuf};

/// The places that are looked at when nothing names the file, in this order.
const PLACES: [&str; 3] = ["config/config.json", "config.json", "/etc/image-service/config.json"];

/// The variable that names the file.
const VARIABLE: &str = "IMAGE_SERVICE_CONFIG";

/// The file to read: the one given, else the one that `IMAGE_SERVICE_CONFIG` names, else the first of
/// `./config/config.json`, `./config.json` and `/etc/image-service/config.json` that there is; `None` for the defaults.
///
/// A file that was named is returned whether it exists or not: that it is missing is an error to be told.
pub fn find(given: Option<&Path>) -> Option<PathBuf> {
    given
        .map(Path::to_owned)
        .or_else(|| std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from))
        .or_else(|| PLACES.iter().map(PathBuf::from).find(|place| place.exists()))
}
