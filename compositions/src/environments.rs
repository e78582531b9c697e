//! The environments: one `.wac` file each, and the interfaces that its host grants.

/// A `.wac` file of compositions/, and the interfaces that its host grants besides the harmless ones of WASI.
#[derive(Clone, Copy, Debug)]
pub struct Environment {
    /// The file's name without its ending.
    pub name: &'static str,
    /// Interfaces without their versions.
    pub grants: &'static [&'static str],
    /// Whether the native program embeds it.
    pub built_in: bool,
}

/// The interfaces that the native program grants.
pub const NATIVE_GRANTS: &[&str] = &[
    "image-service:inventory/crictl",
    "image-service:inventory/settings",
    "image-service:inventory/store",
    "wasi:http/client",
];

/// The environments.
pub const ENVIRONMENTS: [Environment; 6] = [
    Environment { name: "native", grants: NATIVE_GRANTS, built_in: true },
    Environment { name: "native-stale-if-error", grants: NATIVE_GRANTS, built_in: true },
    Environment { name: "demo", grants: &[], built_in: true },
    Environment { name: "edge", grants: &["wasi:http/client"], built_in: false },
    Environment {
        name: "spin",
        grants: &["spin:variables/variables", "wasi:filesystem/preopens", "wasi:filesystem/types", "wasi:http/client"],
        built_in: false,
    },
    Environment { name: "harbor-only", grants: &["wasi:http/client"], built_in: false },
];

/// Calls a macro with the names of all components: one folder each under components/, `image-service:NAME` in a `.wac`
/// file.
#[macro_export]
macro_rules! with_components {
    ($callback:ident) => {
        $callback! {
            "crictl-remote",
            "filter",
            "handler",
            "harbor",
            "lister",
            "no-environment",
            "no-nodes",
            "page",
            "sample-crictl",
            "sample-harbor",
            "sample-settings",
            "settings-env",
            "settings-spin",
            "stale-if-error",
            "store-none",
        }
    };
}

macro_rules! names {
    ($($name:literal,)*) => { &[$($name),*] };
}

/// The components' names.
pub const COMPONENTS: &[&str] = with_components!(names);
