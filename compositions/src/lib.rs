//! Composes components, and checks the capabilities of the result.
//!
//! - [`environments`]: the compositions of this project, their components, and the interfaces that each one's host grants;
//! - [`compose`]: composes one component from a `.wac` file and components;
//! - [`imports`]: the imports and exports of a component, and whether its host grants them;
//! - [`capability`]: the capability that an import gives to a component;
//! - [`inspect`]: the parts of a composition, and the imports of each.

#![forbid(unsafe_code)]

pub mod capability;
pub mod compose;
pub mod environments;
pub mod imports;
pub mod inspect;
