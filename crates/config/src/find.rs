//! Finds config.json.

use crate::regular_file;
use std::path::{Path, PathBuf};

/// The paths to try, in this order, when nothing names the file.
const PLACES: [&str; 3] = ["config/config.json", "config.json", "/etc/image-service/config.json"];

/// The variable that names the file.
const VARIABLE: &str = "IMAGE_SERVICE_CONFIG";

/// The file to read: `given`, else the file that `IMAGE_SERVICE_CONFIG` names, else the first of
/// `./config/config.json`, `./config.json` and `/etc/image-service/config.json` that exists; `None` for the defaults.
///
/// Returns a named file whether it exists or not, so that the caller reports a missing file as an error.
pub fn find(given: Option<&Path>) -> Option<PathBuf> {
    given
        .map(Path::to_owned)
        .or_else(|| std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from))
        .or_else(|| PLACES.iter().map(PathBuf::from).find(|place| regular_file::exists(place)))
}
