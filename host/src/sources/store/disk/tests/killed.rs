//! A program that is killed while it writes.

use super::super::ASIDE_NAME;
use super::{MIB, commit, disk, values};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The environment variable that makes a program of [`writes_until_it_is_killed`].
const FOLDER: &str = "IMAGE_SERVICE_TEST_STORE";
const KEYS: u32 = 40;

/// Not a test: it is the program that the next test kills.
#[test]
fn writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let disk = disk(Path::new(&folder));
    for number in 0_u32.. {
        let value = number.to_be_bytes().repeat(2000);
        commit(&disk, 256 * MIB, &[&value[..]; KEYS as usize]).unwrap();
        #[allow(clippy::print_stdout, reason = "the test reads it")]
        {
            println!("\ncommitted {number}");
        }
    }
}

#[test]
fn a_program_that_is_killed_while_it_writes_finds_its_last_commit_whole() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..12_u64 {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sources::store::disk::tests::killed::writes_until_it_is_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut committed = lines
            .by_ref()
            .map_while(Result::ok)
            .filter_map(|line| Some(line.strip_prefix("committed ")?.parse::<u32>().unwrap()));
        // At another moment in each round: the time is no wait for something.
        let seen = committed.nth(1 + round as usize % 4).unwrap();
        std::thread::sleep(Duration::from_micros(fastrand::u64(0..20_000)));
        writer.kill().unwrap();
        writer.wait().unwrap();
        // The pipe may hold the numbers of further commits.
        let last = committed.last().unwrap_or(seen);
        let values = values(&disk(folder.path())).unwrap();
        let number = u32::from_be_bytes(values[0][..4].try_into().unwrap());
        assert!([last, last + 1].contains(&number), "{number}, and {last} was the last");
        assert_eq!(values, vec![number.to_be_bytes().repeat(2000); KEYS as usize], "round {round}");
        assert!(!folder.path().join(ASIDE_NAME).exists(), "round {round}");
    }
}
