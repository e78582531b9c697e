//! The texts of images everywhere in Image Service: ids, references, sizes, the output of `crictl images`,
//! images_to_ignore.txt and the answer's JSON; and the types, names and bounds that components and the host share.
//!
//! Pure logic without I/O. Components and the host use it, so there is one way to write a size or to split a reference.

#![forbid(unsafe_code)]

pub mod crictl;
pub mod harbor_url;
pub mod id;
pub mod ignore;
pub mod json;
pub mod json_error;
pub mod limits;
pub mod listing;
pub mod node;
pub mod protocol;
pub mod reference;
pub mod report;
pub mod setting;
pub mod size;
pub mod spreadsheet;
pub mod text;
pub mod types;
pub mod visible;

/// The text that `crictl images` prints, and that clients expect, where an image has no repository or no tag.
pub const NONE: &str = "<none>";
