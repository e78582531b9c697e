//! The commands of `image-service`.

use crate::config::{self, Config};
use crate::{runtime, server};
use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// The compositions that are built into the program.
#[derive(Clone, Copy)]
pub struct Compositions {
    /// For a node: crictl and settings from this host.
    pub native: &'static [u8],
    /// Sample data.
    pub demo: &'static [u8],
}

/// Lists the container images on this node and in a Harbor registry, as JSON over HTTP.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers GET /images until SIGTERM or SIGINT.
    ///
    /// The configuration is the first of: --config, the file that IMAGE_SERVICE_CONFIG names, ./config/config.json,
    /// ./config.json, /etc/image-service/config.json; without any, 127.0.0.1:5375 is served.
    Serve(Serve),
}

#[derive(Args)]
struct Serve {
    /// The config file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen instead of what the config file says, such as 127.0.0.1:8080; port 0 for any that is free.
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Serves sample data that is built in; needs no node, no Harbor and no config file.
    #[arg(long)]
    demo: bool,
}

/// Runs the program.
pub fn main(compositions: Compositions) -> ExitCode {
    let Arguments { command: Command::Serve(serve) } = Arguments::parse();
    match tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(serve, compositions)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("image-service: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(serve: Serve, compositions: Compositions) -> Result<()> {
    let (config, warnings) = if serve.demo {
        config::parse("{}", Path::new(""))?
    } else {
        config::load(config::find(serve.config.as_deref()).as_deref())?
    };
    start_log(&config);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let address = serve.listen.unwrap_or_else(|| match config.app.host.contains(':') {
        true => format!("[{}]:{}", config.app.host, config.app.port),
        false => format!("{}:{}", config.app.host, config.app.port),
    });
    let composition = if serve.demo { compositions.demo } else { compositions.native };
    let service = Arc::new(runtime::Service::new(composition, config)?);
    let listener = server::listen(&address).await?;
    let address = listener.local_addr()?;
    let sample = if serve.demo { " with sample data" } else { "" };
    // Whoever started the program may have stopped reading; that is no reason not to serve.
    let _ = writeln!(std::io::stdout(), "Listening on http://{address}{sample}\nTry: curl http://{address}/images");
    server::serve(listener, service).await
}

fn start_log(config: &Config) {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(config.app.log_level).init();
}
