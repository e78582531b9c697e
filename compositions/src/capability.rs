//! The capability that an import gives to a component, in an operator's words.

/// The capability that an import gives to a component. The most important one comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// Reach other machines: HTTP requests, sockets.
    Network,
    /// Ask the node's container runtime for its images.
    Node,
    /// Read and write files.
    Files,
    /// Let the host keep bytes.
    State,
    /// Read settings that its host chooses.
    Settings,
    /// Read environment variables and arguments that its host chooses.
    Environment,
    /// Read the time and wait.
    Clock,
    /// Draw random numbers.
    Random,
    /// Read and write the standard streams that its host gives it.
    Stdio,
    /// Anything else: this program does not know the interface.
    Other,
    /// Nothing outside the component: types, its own events, its own end.
    Nothing,
}

impl Capability {
    /// All of them, in their order.
    pub const ALL: [Self; 11] = [
        Self::Network,
        Self::Node,
        Self::Files,
        Self::State,
        Self::Settings,
        Self::Environment,
        Self::Clock,
        Self::Random,
        Self::Stdio,
        Self::Other,
        Self::Nothing,
    ];

    /// The capability that an interface, such as `wasi:http/client@0.3.0`, gives to a component.
    pub fn of(import: &str) -> Self {
        let interface = import.split('@').next().unwrap_or_default();
        match interface {
            "image-service:inventory/crictl" => Self::Node,
            "image-service:inventory/settings" => Self::Settings,
            "image-service:inventory/store" => Self::State,
            "image-service:inventory/types" | "wasi:http/types" | "wasi:cli/exit" | "wasi:cli/types" => Self::Nothing,
            "wasi:cli/environment" => Self::Environment,
            _ => match interface.split('/').next().unwrap_or_default() {
                "wasi:http" | "wasi:sockets" => Self::Network,
                "wasi:filesystem" => Self::Files,
                "wasi:config" | "spin:variables" | "fermyon:spin" => Self::Settings,
                "wasi:clocks" => Self::Clock,
                "wasi:random" => Self::Random,
                "wasi:cli" => Self::Stdio,
                "wasi:io" => Self::Nothing,
                _ => Self::Other,
            },
        }
    }

    /// Its name in one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Node => "node",
            Self::Files => "files",
            Self::State => "state",
            Self::Settings => "settings",
            Self::Environment => "environment",
            Self::Clock => "clock",
            Self::Random => "random",
            Self::Stdio => "stdio",
            Self::Nothing => "nothing",
            Self::Other => "other",
        }
    }

    /// Whether every host of ours grants it. Such an import reaches only things that the host chooses.
    pub fn is_harmless(self) -> bool {
        matches!(self, Self::Environment | Self::Clock | Self::Random | Self::Stdio | Self::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_interface_has_its_capability() {
        for (import, capability) in [
            ("wasi:http/client@0.3.0", Capability::Network),
            ("wasi:http/outgoing-handler@0.2.0", Capability::Network),
            ("wasi:sockets/tcp@0.2.6", Capability::Network),
            ("wasi:http/types@0.3.0", Capability::Nothing),
            ("wasi:cli/environment@0.2.6", Capability::Environment),
            ("wasi:cli/terminal-stderr@0.2.6", Capability::Stdio),
            ("wasi:filesystem/preopens@0.2.6", Capability::Files),
            ("spin:variables/variables@3.0.0", Capability::Settings),
            ("image-service:inventory/crictl@0.2.0", Capability::Node),
            ("image-service:inventory/store@0.2.0", Capability::State),
            ("acme:database/query", Capability::Other),
        ] {
            assert_eq!(Capability::of(import), capability, "{import}");
        }
    }

    #[test]
    fn the_list_of_all_has_each_once_in_order() {
        let mut all = Capability::ALL.to_vec();
        assert!(all.is_sorted());
        all.dedup();
        assert_eq!(all.len(), Capability::ALL.len());
        assert!(all.contains(&Capability::Other) && all.contains(&Capability::Nothing));
    }
}
