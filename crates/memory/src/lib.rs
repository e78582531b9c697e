//! The one budget of memory that all parts of the program share: connections, instances, answers of sources, and all that is kept.
//!
//! - `budget`: what is used, and who may use more; `waiting`: the instances that wait for it;
//! - [`cgroup`]: the memory that the system allows the program.

#![forbid(unsafe_code)]

mod budget;
pub mod cgroup;
mod waiting;

pub use budget::{BUDGET, Budget, Exhausted, GuestMemory, HeldBySystem, Promise, Purpose};
