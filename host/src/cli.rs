//! The commands of `image-service`, one file each.

mod check;
mod compare;
mod compose;
mod compositions;
mod config_file;
mod inspect;
mod list;
mod listing;
mod output_file;
mod serve;
mod stdout;
mod table;
mod terminal;
mod threads;

pub use compositions::Compositions;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use std::time::Duration;

/// Lists the container images on this node and in a Harbor registry.
#[derive(Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "A first look, without a node or a registry:\n  image-service serve --demo\n  \
                  curl http://127.0.0.1:5375/images\n\n\
                  On a node:\n  image-service check    what works, and what to change\n  \
                  image-service list     the images, as a table\n  \
                  image-service compare  what is missing in Harbor, and what changed there\n  \
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
    /// Prints how the node's images and Harbor differ.
    Compare(compare::Compare),
    /// Reads the configuration, tries each source, and says what works and what to change.
    Check(check::Check),
    /// Plugs components together as a .wac file says. Yours can replace built-in ones.
    Compose(compose::Compose),
    /// Prints the capabilities that a component imports, and which part of it imports them.
    Inspect(inspect::Inspect),
    /// Prints the crates of this program, as CycloneDX JSON (an SBOM).
    Sbom,
}

/// Longest wait for background work at the end: enough to write kept rows to the disk, and no reason to wait for a composition
/// that is being compiled.
const BACKGROUND_WORK_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the program. Its exit code is 0; 1 when a source failed (`list`, `compare`, `check`); 3 where `compare --exit-code`
/// found a difference; 2 when the program could not do its work,
/// with the reason on stderr.
pub fn main(compositions: Compositions) -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = threads::check().and_then(|()| Ok(tokio::runtime::Runtime::new()?));
    let outcome = runtime.and_then(|runtime| {
        let outcome = runtime.block_on(async {
            match arguments.command {
                Command::Serve(serve) => serve.run(compositions).await,
                Command::List(list) => list.run(compositions).await,
                Command::Compare(compare) => compare.run(compositions).await,
                Command::Check(check) => check.run(compositions).await,
                Command::Compose(compose) => compose.run(&compositions),
                Command::Inspect(inspect) => inspect.run(),
                Command::Sbom => stdout::print(compositions.sbom.as_bytes()).map(|()| ExitCode::SUCCESS),
            }
        });
        runtime.shutdown_timeout(BACKGROUND_WORK_TIMEOUT);
        outcome
    });
    outcome.unwrap_or_else(|error| {
        terminal::tell_lines(format_args!("{error:#}"));
        ExitCode::from(2)
    })
}
