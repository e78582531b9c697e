//! Each command that README.md, docs/ and deploy/README.md show does what they say, as far as a machine without systemd and a cluster
//! can tell: the commands are read out of the pages and run, below a folder that stands in for `/`.

use crate::listing::assert_says;
use image_service_tests::artifacts::program;
use image_service_tests::{Node, Program, command, fixture, repository, test_component};
use std::path::PathBuf;
use std::process::{Command, Output};

/// Commands that do not run here, by how they begin, and what checks them instead.
const ELSEWHERE: [(&str, &str); 11] = [
    ("cargo xtask demo", "the program that it serves: demo::…"),
    ("cargo xtask test", "it runs this"),
    ("cargo xtask ship", "it makes the program that .ci/release tests"),
    ("systemd-sysusers", "needs root; the unit: deploy::the_systemd_units_are_sound_…"),
    ("systemctl ", "needs systemd; the units: deploy::the_systemd_units_are_sound_…"),
    ("kubectl ", "needs a cluster; the manifests: deploy::the_kubernetes_manifests_follow_the_schemas"),
    ("journalctl ", "needs journald; the fields: unit test a_journal_record_has_one_field_a_line_…"),
    ("install -d -m 0750 -g ", "needs the group; the next line is run without it"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT=", "traces::…, with a collector"),
    ("openssl ", "needs a Harbor with TLS; certificates: harbor_tls::…"),
    ("target/*-linux-*/release/NAME", "cargo xtask fuzz, with an input that fails"),
];

/// The pages with commands.
fn pages() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(repository("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<_> = docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.extend(["README.md", "CONTRIBUTING.md", "deploy/README.md"].map(repository));
    pages
}

/// The blocks of a page in this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let begin = format!("\n```{language}\n");
    text.split(&begin).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

/// The commands of a page, without comments.
fn commands(page: &str) -> Vec<String> {
    let lines = blocks(page, "sh").join("\n");
    let command = |line: &str| line.split("  #").next().unwrap_or_default().trim().to_owned();
    lines.lines().filter(|line| !line.starts_with('#')).map(command).filter(|line| !line.is_empty()).collect()
}

fn is_elsewhere(line: &str) -> bool {
    ELSEWHERE.iter().any(|(begin, _)| line.starts_with(begin))
}

/// The commands of a page that run here.
fn here(page: &str) -> Vec<String> {
    let page = repository(page);
    commands(page.to_str().unwrap()).into_iter().filter(|line| !is_elsewhere(line)).collect()
}

/// A machine on which commands run: a folder in place of `/`, the program in its `PATH`, and a node with one image.
struct Machine(Node);

impl Machine {
    fn new() -> Self {
        let node = Node::builder().file("typed", "s3cret\n").build().unwrap();
        for folder in ["etc/image-service", "etc/sysusers.d", "etc/systemd/system", "usr/local/bin"] {
            std::fs::create_dir_all(node.path(folder)).unwrap();
        }
        std::os::unix::fs::symlink(program().canonicalize().unwrap(), node.path("image-service")).unwrap();
        Self(node)
    }

    /// A command as it runs here.
    fn adapted(&self, line: &str, address: &str) -> String {
        let root = self.0.folder().display();
        line.replace(" /etc/", &format!(" {root}/etc/"))
            .replace("/usr/local/bin/", &format!("{root}/usr/local/bin/"))
            .replace("target/shipped/image-service", &program().canonicalize().unwrap().display().to_string())
            // There is no such group here.
            .replace("-g image-service ", "")
            .replace("http://127.0.0.1:5375", address)
            .replace("http://node:5375", address)
    }

    /// Lets a command find the config file at its place, the node, and a free port.
    fn environment(&self, command: &mut Command) {
        let path = format!("{}:{}", self.0.folder().display(), std::env::var("PATH").unwrap_or_default());
        let crictl = format!("[\"cat\", {:?}]", fixture("one-image.json").canonicalize().unwrap());
        command.env("PATH", path).env("IMAGE_SERVICE_CONFIG", self.0.path("etc/image-service/config.json"));
        command.env("IMAGE_SERVICE_CRICTL_CONFIG_MODE", "exec").env("IMAGE_SERVICE_CRICTL_CONFIG_COMMAND", crictl);
        command.env("IMAGE_SERVICE_APP_CONFIG_HOST", "127.0.0.1").env("IMAGE_SERVICE_APP_CONFIG_PORT", "0");
    }

    /// Runs commands one after another in a shell, and asserts that each succeeds.
    fn run(&self, folder: PathBuf, lines: &[String], address: &str) -> String {
        // A program takes up a new token within three seconds.
        let curl =
            "curl() { for n in $(seq 100); do command curl -sS --fail \"$@\" && return; sleep 0.1; done; return 1; }";
        let has_jq = Command::new("jq").arg("--version").output().is_ok();
        let lines: Vec<String> = lines
            .iter()
            .filter(|line| has_jq || !line.starts_with("jq "))
            .map(|line| self.adapted(line, address))
            .collect();
        let mut shell = Command::new("sh");
        shell.arg("-euc").arg(format!("{curl}\n{}", lines.join("\n"))).current_dir(folder);
        command::forget_variables(&mut shell);
        shell.stdin(std::fs::File::open(self.0.path("typed")).unwrap());
        self.environment(&mut shell);
        let Output { status, stdout, stderr } = shell.output().unwrap();
        let said = String::from_utf8_lossy(&stdout).into_owned();
        assert!(status.success(), "{lines:#?}\n{said}\n{}", String::from_utf8_lossy(&stderr));
        said
    }

    /// Starts what a command that serves starts.
    fn serve(&self, line: &str, options: &[&str]) -> Program {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some("image-service"));
        let mut command = command::command();
        command.args(words).args(options).current_dir(self.0.folder());
        self.environment(&mut command);
        self.0.spawn(command).unwrap()
    }
}

fn parts(lines: Vec<String>, is_first: impl Fn(&str) -> bool) -> (Vec<String>, Vec<String>) {
    lines.into_iter().partition(|line| is_first(line))
}

#[test]
fn each_command_of_a_page_runs_in_a_test() {
    let run: Vec<String> = ["README.md", "docs/operations.md", "docs/environments.md", "deploy/README.md"]
        .into_iter()
        .flat_map(here)
        .collect();
    for page in pages() {
        for line in commands(page.to_str().unwrap()) {
            assert!(is_elsewhere(&line) || run.contains(&line), "no test runs `{line}` of {}", page.display());
        }
    }
    let tasks = std::fs::read_to_string(repository("xtask/src/main.rs")).unwrap();
    for (task, _) in ELSEWHERE.iter().filter_map(|(line, why)| Some((line.strip_prefix("cargo xtask ")?, why))) {
        let variant = task[..1].to_uppercase() + &task[1..];
        assert!(tasks.contains(&format!("\n    {variant}")), "there is no task {task}");
    }
}

#[tokio::test]
async fn the_installation_of_the_readme_works_and_leaves_the_ignore_list_on() {
    let machine = Machine::new();
    let (serve, lines) = parts(here("README.md"), |line| line.starts_with("image-service serve"));
    let said = machine.run(repository(""), &lines, "");
    let ignore_file = machine.0.path("etc/image-service/images_to_ignore.txt");
    assert_says(
        &said,
        &[&format!("ok       ignore file  {} is read", ignore_file.display()), "off      harbor", "kube-proxy"],
    );
    assert!(!said.contains("warning"), "{said}");
    assert_eq!(serve.len(), 1);
    assert!(machine.serve(&serve[0], &[]).images_text().await.unwrap().contains("kube-proxy"));
}

#[tokio::test]
async fn the_installation_below_systemd_works_and_leaves_the_ignore_list_on() {
    let machine = Machine::new();
    let mut lines = here("deploy/README.md");
    // A unit's folder of drop-ins, a password that somebody types, and the program that the unit starts.
    lines.extend(["image-service check", "test -x /usr/local/bin/image-service"].map(str::to_owned));
    let said = machine.run(repository(""), &lines, "");
    assert_says(&said, &["images_to_ignore.txt is read"]);
    assert!(!said.contains("warning"), "{said}");
    for file in ["image-service.service", "image-service.socket", "image-service.service.d/credential.conf"] {
        assert!(machine.0.path("etc/systemd/system").join(file).exists(), "{file}");
    }
}

#[tokio::test]
async fn the_commands_of_operations_make_tokens_log_in_and_read_the_log() {
    let machine = Machine::new();
    let other = format!("sha256:{}\n", "0".repeat(64));
    machine.0.write("etc/image-service/tokens", other).unwrap();
    machine.0.write("etc/image-service/config.json", r#"{"access_config": {"token_file": "tokens"}}"#).unwrap();
    let program = machine.serve("image-service serve", &[]);
    machine.0.write("stderr.log", program.log()).unwrap();
    let said = machine.run(machine.0.folder().to_owned(), &here("docs/operations.md"), &program.address);
    assert_eq!(said.matches("kube-proxy").count(), 2, "with the token, and with the cookie: {said}");
}

#[tokio::test]
async fn the_commands_of_environments_ask_a_node_and_compose() {
    let machine = Machine::new();
    let (serve, lines) = parts(here("docs/environments.md"), |line| line.starts_with("image-service serve"));
    let (asks, composes) = parts(lines, |line| line.starts_with("curl "));
    machine.0.write("token", "t0ken").unwrap();
    let page = repository("docs/environments.md");
    let section = blocks(page.to_str().unwrap(), "json").remove(0);
    machine.0.write("etc/image-service/config.json", section.replace("\"token\"", "\"../../token\"")).unwrap();
    let program = machine.serve("image-service serve", &[]);
    let folder = || machine.0.folder().to_owned();
    assert_says(&machine.run(folder(), &asks, &program.address), &["repoTags", "kube-proxy"]);

    let wac =
        blocks(page.to_str().unwrap(), "wac").into_iter().find(|block| block.contains("package mine:node")).unwrap();
    machine.0.write("mine.wac", wac).unwrap();
    std::fs::copy(test_component("picky-filter"), machine.0.path("my-filter.wasm")).unwrap();
    assert_says(&machine.run(folder(), &composes, ""), &["image-service:inventory/crictl"]);
    let images = machine.serve(&serve[0], &[]).images().await.unwrap();
    assert!(images["containerd_images"].is_array(), "{images}");
}
