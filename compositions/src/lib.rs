//! Which component plugs into which, and what the outcome may do.
//!
//! - [`environments`]: the compositions of this project, the components they are made of, and what each one is granted;
//! - [`compose`]: from a `.wac` file and components to one component;
//! - [`imports`]: what a component imports and exports, and whether its host grants that;
//! - [`capability`]: what an import lets a component do;
//! - [`inspect`]: which part of a composition asks for what.

#![forbid(unsafe_code)]

pub mod capability;
pub mod compose;
pub mod environments;
pub mod imports;
pub mod inspect;
