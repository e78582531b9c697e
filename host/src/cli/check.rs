//! `image-service check`: reads the configuration, tries each source, and prints a sentence for each part.

mod harbor;
mod report;

use super::compositions::Compositions;
use super::config_file::{ConfigFile, Loaded};
use super::listing::{self, Counted};
use crate::runtime::{Capabilities, Service};
use crate::sources::Lasting;
use crate::sources::ignore_file::IgnoreFile;
use anyhow::Result;
use clap::Args;
use image_service_config::{Cache, Config};
use image_service_http::access::{self, Access};
use image_service_http::address::Address;
use image_service_telemetry::log;
use report::{Report, Verdict, count};
use std::net::ToSocketAddrs;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

#[derive(Args)]
#[command(after_help = "The exit code is 1 when a source fails, 2 when the configuration can't be read, else 0.\n\
                        No password is ever printed.")]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigFile,
}

impl Check {
    pub(super) async fn run(self, compositions: Compositions) -> Result<ExitCode> {
        let Loaded { config, file, warnings, settings } = self.config.load()?;
        let mut report = Report::default();
        match file {
            Some(file) => report.print(Verdict::Works, "config", format!("{} is read", file.display())),
            None => report.print(
                Verdict::Works,
                "config",
                "there is no config file, so the built-in defaults and the environment apply",
            ),
        }
        // The lines of Harbor and of the rows that are kept say these.
        let told = [config.harbor.what_is_missing(), config.harbor.danger(), config.cache.danger()];
        let is_told = |warning: &String| told.iter().flatten().any(|told| warning.ends_with(told.as_str()));
        for warning in warnings.into_iter().filter(|warning| !is_told(warning)) {
            report.print(Verdict::Warning, "config", warning);
        }
        for setting in settings {
            report.print(Verdict::Works, "setting", setting);
        }
        if let Some(problem) = log::file_problem(&config.app.log) {
            report.print(Verdict::Warning, "log", format!("{problem}; serve logs to stderr only"));
        }
        access(&mut report, &config);
        let notes = Arc::new(Mutex::new(Vec::new()));
        let once = listing::for_one_listing(config.clone());
        let capabilities = Arc::new(Capabilities::new(once, &Lasting::default())?);
        let (crictl, client) = (Arc::clone(&capabilities.crictl), Arc::clone(&capabilities.harbor));
        let ignored = Arc::clone(&capabilities.ignore_file);
        let composition = compositions.choose(false, config.composition.as_deref(), &config)?;
        if let Some(path) = &config.composition {
            report.print(
                Verdict::Works,
                "composition",
                format!("{} runs in place of the built-in one", path.display()),
            );
        }
        let service = Arc::new(Service::new(&composition, capabilities, {
            let notes = Arc::clone(&notes);
            Arc::new(move |line| {
                if let Ok(mut notes) = notes.lock() {
                    notes.push(line.to_owned());
                }
            })
        })?);
        let (asked, listed) = tokio::join!(crictl.ask(), listing::count(&service, &config.harbor));
        let listing = listed?;
        match asked {
            Ok(answer) => report.print(
                Verdict::Works,
                "containerd",
                format!("{}, asked over {}", count(answer.images.len(), "image"), answer.way),
            ),
            Err(error) => report.print(Verdict::Fails, "containerd", error),
        }
        ignore_file(&mut report, &ignored, &listing);
        for note in notes.lock().map(|notes| notes.clone()).unwrap_or_default() {
            report.print(Verdict::Warning, "ignore file", note);
        }
        harbor::report(&mut report, &client, &config.harbor, &listing);
        harbor::costs(&mut report, &client, &config, &listing).await;
        stale_rows(&mut report, &config.cache);
        report.end()
    }
}

/// Which clients may send requests, and how.
fn access(report: &mut Report, config: &Config) {
    const PART: &str = "access";
    let access = match Access::new(&config.access, config.node_api.as_deref(), &access::Lasting::default()) {
        Ok(access) => access,
        Err(error) => return report.print(Verdict::Fails, PART, format!("{error:#}")),
    };
    if let Some(tls) = &config.access.tls {
        let clients =
            tls.client_ca.as_ref().map(|path| format!("; clients need a certificate that {} signed", path.display()));
        let sentence = format!("TLS with the certificate {}{}", tls.certificate.display(), clients.unwrap_or_default());
        report.print(Verdict::Works, PART, sentence);
    }
    match (access.tokens(), &config.access.token_file) {
        (Some(tokens), Some(path)) => {
            let sentence = format!("clients need a token: {} in {}", count(tokens, "token"), path.display());
            report.print(Verdict::Works, PART, sentence);
        }
        _ if config.access.tls.is_none() => {
            let sentence = format!("without TLS and tokens, at {} port {}", config.app.host, config.app.port);
            report.print(Verdict::Off, PART, sentence);
        }
        _ => {}
    }
    let addresses = (config.app.host.as_str(), config.app.port).to_socket_addrs();
    let addresses: Vec<Address> = addresses.into_iter().flatten().map(Address::Tcp).collect();
    for sentence in access.dangers(&addresses).into_iter().chain(access.weaknesses()) {
        report.print(Verdict::Warning, PART, sentence);
    }
}

fn ignore_file(report: &mut Report, file: &IgnoreFile, listing: &Counted) {
    const PART: &str = "ignore file";
    if let Some(trouble) = file.trouble() {
        return report.print(Verdict::Warning, PART, trouble);
    }
    if listing.errors.iter().any(|failure| failure.source == "containerd") {
        return; // Without the node's images it is unknown how many the file leaves out.
    }
    let (path, rows) = (file.path().display(), count(listing.node_rows, "row"));
    match file.is_there() {
        true => report.print(Verdict::Works, PART, format!("{path} is read; it leaves {rows}")),
        false => report.print(Verdict::Off, PART, format!("there is no {path}, so the listing has all {rows}")),
    }
}

/// The place of the last good rows. `Capabilities::new` has already checked that the folder can be written.
fn stale_rows(report: &mut Report, cache: &Cache) {
    const PART: &str = "last good";
    let seconds = cache.stale_if_error;
    match &cache.state_dir {
        _ if seconds == 0 => {}
        None => report.print(
            Verdict::Works,
            PART,
            format!("the host keeps rows for {seconds} s, in memory only; set cache_config.state_dir to keep them over a restart"),
        ),
        Some(folder) => {
            let shown = folder.display();
            report.print(Verdict::Works, PART, format!("the host keeps rows for {seconds} s, in {shown}/store.redb"));
        }
    }
    if let Some(danger) = cache.danger() {
        report.print(Verdict::Warning, PART, danger);
    }
}
