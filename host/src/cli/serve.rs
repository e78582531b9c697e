//! `image-service serve`: answers GET /images until a signal ends it.

use super::compositions::Compositions;
use super::config_file::{ConfigFile, Loaded, demo_config};
use crate::app::App;
use crate::composition::Composition;
use crate::lasting::Lasting;
use crate::runtime::StderrHandler;
use anyhow::Result;
use clap::Args;
use image_service_config::{self as config, Config, CrictlMode};
use image_service_http::access::Access;
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
    #[arg(long, value_name = "HOST:PORT", value_parser = listen_address)]
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
        let started = app.clone();
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
        let described = self.described(&loaded);
        let (composition, config) = self.chosen(loaded, &compositions)?;
        let app = App::new(&composition, config, &lasting, on_stderr())?;
        let server = Server::listen(&address).await?;
        print_addresses(&server.addresses(), app.access(), self.demo);
        described.log(&server.addresses());
        app.start_listing();
        let reload = move |present: &App| {
            let loaded = self.load()?;
            if let Some(warning) = self.needs_a_restart(&started, &loaded.config.app) {
                tracing::warn!("{warning}");
            }
            let (composition, config) = self.chosen(loaded, &compositions)?;
            present.reloaded(&composition, config, &lasting, on_stderr())
        };
        let end = server.serve(app, reload).await;
        export.end().await;
        match end {
            Shutdown::Graceful => Ok(ExitCode::SUCCESS),
            Shutdown::Forced => Ok(ExitCode::FAILURE),
        }
    }

    /// What runs with this configuration.
    fn described(&self, Loaded { config, file, .. }: &Loaded) -> Started {
        let own = self.composition.as_ref().or(config.composition.as_ref());
        let harbor = &config.harbor;
        let way = match config.crictl.mode {
            CrictlMode::Auto => "a socket or crictl",
            CrictlMode::Cri => "a socket",
            CrictlMode::Exec => "crictl",
        };
        let node =
            config.crictl.endpoint.as_ref().map_or_else(|| way.to_owned(), |socket| socket.display().to_string());
        let (composition, sources) = match own {
            _ if self.demo => {
                ("built in, with sample data".to_owned(), ["sample data".to_owned(), "sample data".to_owned()])
            }
            Some(path) => (path.display().to_string(), [node, harbor_in_words(harbor)]),
            None => ("built in".to_owned(), [node, harbor_in_words(harbor)]),
        };
        let config = file.as_ref().map_or_else(|| "none".to_owned(), |file| file.display().to_string());
        Started { config, composition, sources }
    }

    /// The keys that changed and count at a start only, as a sentence.
    fn needs_a_restart(&self, started: &config::App, now: &config::App) -> Option<String> {
        let file = |app: &config::App| app.log.file.clone();
        let of_file = |app: &config::App| file(app).map(|file| (file.max_bytes, file.backups, file.level));
        let changed: Vec<&str> = [
            (self.listen.is_none() && started.host != now.host, "host"),
            (self.listen.is_none() && started.port != now.port, "port"),
            (started.log.level != now.log.level, "log_level_app (or debug)"),
            (started.log.format != now.log.format, "log_format"),
            (file(started).map(|file| file.path) != file(now).map(|file| file.path), "log_file"),
            (
                file(started).is_some() && file(now).is_some() && of_file(started) != of_file(now),
                "log_max_bytes, log_backup_count or log_level_file_handler",
            ),
        ]
        .into_iter()
        .filter_map(|(has_changed, key)| has_changed.then_some(key))
        .collect();
        (!changed.is_empty()).then(|| {
            format!(
                "of app_config, {} changed and takes effect with the next start only; restart the program",
                changed.join(", ")
            )
        })
    }

    fn load(&self) -> Result<Loaded> {
        if self.demo { demo_config() } else { self.config.load() }
    }

    /// The composition for this configuration.
    fn chosen(&self, loaded: Loaded, compositions: &Compositions) -> Result<(Composition, Config)> {
        for warning in loaded.warnings {
            tracing::warn!("{warning}");
        }
        let own = self.composition.as_deref().or(loaded.config.composition.as_deref());
        let composition = compositions.choose(self.demo, own, &loaded.config)?;
        Ok((composition, loaded.config))
    }
}

fn on_stderr() -> StderrHandler {
    Arc::new(|line: &str| tracing::warn!("{line}"))
}

/// The address of `--listen`.
fn listen_address(text: &str) -> Result<String, String> {
    let is_port = |text: &str| text.parse::<u16>().is_ok();
    let meant = match text.rsplit_once(':') {
        Some((host, port)) if is_port(port) && !host.is_empty() && (!host.contains(':') || host.starts_with('[')) => {
            return Ok(text.to_owned());
        }
        Some((host, port)) if is_port(port) && host.is_empty() => format!("127.0.0.1:{port} or 0.0.0.0:{port}"),
        _ if text.parse::<Ipv6Addr>().is_ok() => format!("[{text}]:5375"),
        None if is_port(text) => format!("127.0.0.1:{text} for this machine only, or as 0.0.0.0:{text} for all"),
        None if !text.is_empty() => format!("{text}:5375"),
        _ => "127.0.0.1:5375, with a port from 0 to 65535".to_owned(),
    };
    Err(format!("it needs a host and a port; write it as {meant}"))
}

/// What runs, for the log.
struct Started {
    config: String,
    composition: String,
    /// The node, and Harbor.
    sources: [String; 2],
}

impl Started {
    fn log(self, addresses: &[Address]) {
        let Self { config, composition, sources: [node, harbor] } = self;
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let (version, addresses) = (env!("CARGO_PKG_VERSION"), addresses.join(", "));
        tracing::info!(version, config, addresses, composition, node, harbor, "image-service has started");
    }
}

fn harbor_in_words(harbor: &config::Harbor) -> String {
    match harbor.what_is_missing() {
        _ if harbor.is_off() => "off".to_owned(),
        Some(_) => "not asked, as its configuration is incomplete".to_owned(),
        None if harbor.is_anonymous() => format!("{} without login", harbor.url),
        None => format!("{} as {}", harbor.url, harbor.user),
    }
}

/// Prints the addresses. A closed stdout does not keep the program from serving.
fn print_addresses(addresses: &[Address], access: &Access, demo: bool) {
    let scheme = if access.is_over_tls() { "https" } else { "http" };
    let token = access.tokens().map_or("", |_| "-H 'Authorization: Bearer TOKEN' ");
    let sample = if demo { " with sample data" } else { "" };
    for address in addresses {
        let (at, curl) = match address {
            Address::Tcp(address) => (format!("{scheme}://{address}"), format!("{scheme}://{address}/images")),
            Address::Unix(path) => {
                (address.to_string(), format!("--unix-socket {} {scheme}://localhost/images", path.display()))
            }
        };
        let _ = writeln!(std::io::stdout(), "Listening on {at}{sample}\nTry: curl {token}{curl}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_host_or_port_is_refused_with_how_to_write_it() {
        for right in ["127.0.0.1:8080", "localhost:0", "[::1]:80", "[::]:65535"] {
            assert_eq!(listen_address(right).as_deref(), Ok(right));
        }
        for (wrong, meant) in [
            ("8080", "as 127.0.0.1:8080 for this machine only, or as 0.0.0.0:8080 for all"),
            (":8080", "as 127.0.0.1:8080 or 0.0.0.0:8080"),
            ("localhost", "as localhost:5375"),
            ("::1", "as [::1]:5375"),
            ("fe80::1", "as [fe80::1]:5375"),
            ("localhost:http", "with a port from 0 to 65535"),
            ("localhost:70000", "with a port from 0 to 65535"),
            ("", "with a port from 0 to 65535"),
        ] {
            assert!(listen_address(wrong).unwrap_err().ends_with(meant), "{wrong}: {:?}", listen_address(wrong));
        }
    }
}
