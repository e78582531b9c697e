//! Composes components, and checks what the outcome may do.
//!
//! - [`environments`]: the compositions of this project, their components, and the interfaces that each one's host grants;
//! - [`compose`]: from a `.wac` file and components to one component;
//! - [`imports`]: the imports and exports of a component, and whether its host grants them;
//! - [`capability`]: what an import lets a component do;
//! - [`inspect`]: the parts of a composition, and the imports of each.

#![forbid(unsafe_code)]

pub mod capability;
pub mod compose;
pub mod environments;
pub mod imports;
pub mod inspect;
