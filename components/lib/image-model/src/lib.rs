//! How images read everywhere in Image Service: ids, references, sizes, the output of `crictl images`, images_to_ignore.txt
//! and the answer's JSON.
//!
//! Pure logic without I/O, shared by the components and the host so that there is one way to write a size or to split a
//! reference.

#![forbid(unsafe_code)]

pub mod crictl;
pub mod id;
pub mod ignore;
mod json;
pub mod listing;
pub mod node;
pub mod reference;
pub mod size;

/// What `crictl images` prints, and what clients expect, where an image has no repository or no tag.
pub const NONE: &str = "<none>";
