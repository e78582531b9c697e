//! The commands of `image-service`, one file each.

mod check;
mod compose;
mod inspect;
mod list;
mod listing;
mod serve;

use crate::composition::Composition;
use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use image_service_config::{self as config, Config};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The compositions and components that are built into the program.
#[derive(Clone, Debug)]
pub struct Compositions {
    /// For a node: crictl and settings from this host.
    pub native: Composition,
    /// The same, with the last good rows of a source that fails.
    pub native_last_good: Composition,
    /// Sample data.
    pub demo: Composition,
    /// The components that compositions are made of, by name.
    pub components: &'static [(&'static str, &'static [u8])],
    /// What the program is made of, as CycloneDX JSON.
    pub sbom: &'static str,
}

impl Compositions {
    /// The one to run: the sample data's, else the operator's own where there is one, else the built-in one for a node.
    fn choose(&self, demo: bool, own: Option<&Path>, config: &Config) -> Result<Composition> {
        match own {
            _ if demo => Ok(self.demo.clone()),
            Some(path) => Composition::read(path),
            None if config.cache.stale_if_error > 0 => Ok(self.native_last_good.clone()),
            None => Ok(self.native.clone()),
        }
    }
}

/// Lists the container images on this node and in a Harbor registry.
#[derive(Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "A first look, without a node or a registry:\n  image-service serve --demo\n  \
                  curl http://127.0.0.1:5375/images\n\n\
                  On a node:\n  image-service check    what works, and what to change\n  \
                  image-service list     the images, as a table\n  \
                  image-service serve    the same for programs: GET /images as JSON"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers GET /images until SIGTERM or SIGINT.
    Serve(serve::Serve),
    /// Prints the images once.
    List(list::List),
    /// Reads the configuration, tries each source, and says what works and what to change.
    Check(check::Check),
    /// Plugs components together as a .wac file says, any built-in one replaced by yours.
    Compose(compose::Compose),
    /// Prints what a component may do, and which part of it asks for that.
    Inspect(inspect::Inspect),
    /// Prints the crates that this program is made of, as CycloneDX JSON (an SBOM).
    Sbom,
}

/// Which configuration a command works with.
#[derive(Args)]
struct ConfigFile {
    /// The config file [default: the one that IMAGE_SERVICE_CONFIG names, else the first of ./config/config.json,
    /// ./config.json and /etc/image-service/config.json that exists, else built-in defaults].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// A configuration as it was found.
struct Loaded {
    config: Config,
    /// The file that it was read from; `None` for the defaults.
    file: Option<PathBuf>,
    /// What is odd about it, a sentence each.
    warnings: Vec<String>,
}

impl ConfigFile {
    fn load(&self) -> Result<Loaded> {
        let file = config::find(self.config.as_deref());
        let (config, warnings) = config::load(file.as_deref())?;
        Ok(Loaded { config, file, warnings })
    }
}

/// The configuration of the demonstration: the defaults, whatever files there are.
fn demo_config() -> Result<Loaded> {
    let (config, warnings) = config::parse("{}", Path::new(""))?;
    Ok(Loaded { config, file: None, warnings })
}

/// Prints a text; whoever stops reading has had enough.
fn print(text: &str) -> ExitCode {
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Runs the program. Its exit code is 0; 1 when a source failed (`list`, `check`); 2 when the program could not work at
/// all, with the reason on stderr.
pub fn main(compositions: Compositions) -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = tokio::runtime::Runtime::new().map_err(anyhow::Error::from).and_then(|runtime| {
        let outcome = runtime.block_on(async {
            match arguments.command {
                Command::Serve(serve) => serve.run(compositions).await,
                Command::List(list) => list.run(compositions).await,
                Command::Check(check) => check.run(compositions).await,
                Command::Compose(compose) => compose.run(&compositions),
                Command::Inspect(inspect) => inspect.run(),
                Command::Sbom => Ok(print(compositions.sbom)),
            }
        });
        // What goes on in the background, such as compiling a composition, is waited for no longer.
        runtime.shutdown_background();
        outcome
    });
    outcome.unwrap_or_else(|error| {
        eprintln!("image-service: {error:#}");
        ExitCode::from(2)
    })
}
