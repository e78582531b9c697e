//! `image-service serve`: answers GET /images until it is told to end.

use super::{Compositions, ConfigFile, demo_config};
use crate::log;
use crate::runtime::Service;
use crate::server::Server;
use anyhow::Result;
use clap::Args;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Args)]
#[command(after_help = "Examples:\n  image-service serve --config /etc/image-service/config.json\n  \
                        image-service serve --listen 127.0.0.1:8080\n  image-service serve --demo\n\n\
                        SIGTERM and SIGINT let requests under way end, then the program ends with exit code 0.\n\
                        GET /healthz answers 200 while it serves.")]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigFile,
    /// Where to listen instead of what the config file says, such as 127.0.0.1:8080; port 0 for any that is free.
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Serves sample data that is built in; needs no node, no Harbor and no config file.
    #[arg(long, conflicts_with = "config")]
    demo: bool,
}

impl Serve {
    pub(super) async fn run(self, compositions: Compositions) -> Result<ExitCode> {
        let loaded = if self.demo { demo_config()? } else { self.config.load()? };
        let app = &loaded.config.app;
        log::start(app.log_level, app.log_file.as_ref())?;
        for warning in loaded.warnings {
            tracing::warn!("{warning}");
        }
        let address = self.listen.unwrap_or_else(|| match app.host.contains(':') {
            true => format!("[{}]:{}", app.host, app.port),
            false => format!("{}:{}", app.host, app.port),
        });
        let composition = if self.demo { compositions.demo } else { compositions.native };
        let notes = Arc::new(|line: &str| tracing::warn!("{line}"));
        let service = Arc::new(Service::new(composition, loaded.config, notes)?);
        let server = Server::listen(&address).await?;
        let address = server.address()?;
        let sample = if self.demo { " with sample data" } else { "" };
        // Whoever started the program may have stopped reading; that is no reason not to serve.
        let _ = writeln!(std::io::stdout(), "Listening on http://{address}{sample}\nTry: curl http://{address}/images");
        server.serve(service).await;
        Ok(ExitCode::SUCCESS)
    }
}
