//! The messages of CRI, as far as they are read here: generated from proto/cri.proto.

// Included, so that rustfmt leaves the file as it was generated.
include!("runtime.v1.rs");
