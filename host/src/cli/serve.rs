//! `image-service serve`: answers GET /images until a signal ends it.

use super::compositions::Compositions;
use super::config_file::{ConfigFile, Loaded, demo_config};
use crate::app::App;
use crate::sources::Lasting;
use anyhow::Result;
use clap::Args;
use image_service_http::address::Address;
use image_service_http::server::{Application, Server, Shutdown};
use image_service_http::tls;
use image_service_telemetry::{log, metrics, otlp, panics};
use std::io::Write;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Args)]
#[command(after_help = "Examples:\n  image-service serve --config /etc/image-service/config.json\n  \
                        image-service serve --listen 127.0.0.1:8080\n  image-service serve --demo\n\n\
                        SIGHUP reads the configuration, certificates, tokens and the composition again; the listening \
                        address and the logs stay.\n\
                        SIGTERM and SIGINT let requests under way end within app_config.shutdown_timeout; a second one \
                        cuts them off.\nThe exit code is 0 when the program answered all, 1 when it cut some off, 2 when it \
                        could not start.\n\
                        GET /healthz answers 200 while it serves.")]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigFile,
    /// The address to listen on, instead of that of the config file, such as 127.0.0.1:8080; port 0 means any free port.
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// A composition of your own to run instead of the built-in one; `composition` in the config file does the same.
    #[arg(long, value_name = "FILE.wasm")]
    composition: Option<PathBuf>,
    /// Serves built-in sample data; needs no node, no Harbor and no config file.
    #[arg(long, conflicts_with_all = ["config", "composition"])]
    demo: bool,
}

impl Serve {
    pub(super) async fn run(self, compositions: Compositions) -> Result<ExitCode> {
        let loaded = self.load()?;
        let app = &loaded.config.app;
        let _logs = log::start(&app.log)?;
        metrics::start()?;
        panics::report();
        let export = otlp::start(|ca_file| {
            tls::client::config(true, ca_file.map(|path| ("the file of OTEL_EXPORTER_OTLP_CERTIFICATE", path)))
        })?;
        let address = self.listen.clone().unwrap_or_else(|| match app.host.parse::<Ipv6Addr>() {
            Ok(host) => format!("[{host}]:{}", app.port),
            Err(_) => format!("{}:{}", app.host, app.port),
        });
        let lasting = Lasting::default();
        let app = self.app(loaded, &compositions, &lasting)?;
        let server = Server::listen(&address).await?;
        print_addresses(&server.addresses(), app.access().tls().is_some(), self.demo);
        app.start_listing();
        let end = server.serve(app, move || self.app(self.load()?, &compositions, &lasting)).await;
        export.end().await;
        match end {
            Shutdown::Graceful => Ok(ExitCode::SUCCESS),
            Shutdown::Forced => Ok(ExitCode::FAILURE),
        }
    }

    fn load(&self) -> Result<Loaded> {
        if self.demo { demo_config() } else { self.config.load() }
    }

    /// The application for this configuration.
    fn app(&self, loaded: Loaded, compositions: &Compositions, lasting: &Lasting) -> Result<App> {
        for warning in loaded.warnings {
            tracing::warn!("{warning}");
        }
        let own = self.composition.as_deref().or(loaded.config.composition.as_deref());
        let composition = compositions.choose(self.demo, own, &loaded.config)?;
        App::new(&composition, loaded.config, lasting, Arc::new(|line: &str| tracing::warn!("{line}")))
    }
}

/// Prints the addresses. A closed stdout does not keep the program from serving.
fn print_addresses(addresses: &[Address], tls: bool, demo: bool) {
    let scheme = if tls { "https" } else { "http" };
    let sample = if demo { " with sample data" } else { "" };
    for address in addresses {
        let (at, curl) = match address {
            Address::Tcp(address) => (format!("{scheme}://{address}"), format!("{scheme}://{address}/images")),
            Address::Unix(path) => {
                (address.to_string(), format!("--unix-socket {} {scheme}://localhost/images", path.display()))
            }
        };
        let _ = writeln!(std::io::stdout(), "Listening on {at}{sample}\nTry: curl {curl}");
    }
}
