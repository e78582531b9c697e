//! A made-up inventory: a node's images, a registry's pages and an ignore file. Also the listing of it by the components'
//! pure logic in native code. Test components give the same inventory to compositions.

#![forbid(unsafe_code)]

mod native;
mod registry;

pub use native::listing;
pub use registry::Registry;

use image_model::types::Image;

/// Projects of the registry, in the test component made-up-registry and in the native listing.
pub const PROJECTS: usize = 90;

/// A node with this many images, one tag each, in no order.
pub fn node(images: usize) -> Vec<Image> {
    (0..images)
        .map(|number| Image {
            id: id(number),
            repo_tags: vec![format!("registry.example.com/team{}/service{}:v1.{number}", number % 7, number % 131)],
            repo_digests: vec![format!(
                "registry.example.com/team{}/service{}@{}",
                number % 7,
                number % 131,
                id(number)
            )],
            size: 1_000_000 + 7_919 * number as u64,
            pinned: false,
        })
        .collect()
}

/// An ignore file that names every tenth of this many images.
pub fn ignore_file(images: usize) -> String {
    let lines = (0..images).step_by(10).map(|number| format!("a,b,{},1MB\n", &id(number)[7..20]));
    std::iter::once("IMAGE,TAG,IMAGE ID,SIZE\n".to_owned()).chain(lines).collect()
}

/// A number as an id or digest. The first digits differ, as they do in real ones.
fn id(number: usize) -> String {
    format!("sha256:{:016x}{number:048x}", (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
