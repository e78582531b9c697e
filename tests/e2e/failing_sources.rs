//! The log of an operator: what runs, which source fails since when, and what the configuration does not do.

use crate::listing::assert_says;
use image_service_tests::{Fault, Harbor, Node, Program, Version, command, run};
use serde_json::{Value, json};

/// Ends the program, and reads the lines of its log.
async fn lines(program: &mut Program) -> Vec<Value> {
    assert_eq!(program.terminate().await.unwrap().code(), Some(0));
    program.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How the warning about a password for an http address begins.
const UNENCRYPTED: &str = "the password travels unencrypted";

/// The lines of this level, but for the warning that the double's address begins with http.
fn of_level<'a>(lines: &'a [Value], level: &str) -> Vec<&'a Value> {
    let is_of_double = |line: &Value| line["message"].as_str().is_some_and(|text| text.starts_with(UNENCRYPTED));
    lines.iter().filter(|line| line["level"] == level && !is_of_double(line)).collect()
}

#[tokio::test]
async fn a_failing_source_is_one_warning_for_all_listings_and_a_line_when_it_is_over() {
    let harbor = Harbor::of(Version::V2_12).repository("a/app", 1).fault("/projects", Fault::Status(403));
    let harbor = harbor.start().await.unwrap();
    let mut program = Node::builder().one_image().harbor(&harbor).start().unwrap();
    for _ in 0..3 {
        program.images().await.unwrap();
        for path in ["/inventory", "/compare"] {
            program.get(path).await.unwrap().bytes().await.unwrap();
        }
    }
    harbor.set_fault(None);
    program.images().await.unwrap();
    program.await_log("harbor answers again").await.unwrap();
    let lines = lines(&mut program).await;
    let warnings = of_level(&lines, "WARN");
    let [warning] = warnings[..] else { panic!("{warnings:#?}") };
    assert_eq!((&warning["source"], &warning["code"]), (&json!("harbor"), &json!("denied")));
    assert_says(warning["message"].as_str().unwrap(), &["harbor fails: the list of projects: GET ", "403"]);
    let over = lines.iter().find(|line| line["message"] == "harbor answers again").unwrap();
    assert_eq!((&over["level"], &over["listings"]), (&json!("INFO"), &json!(9)));
}

#[tokio::test]
async fn a_refused_login_and_a_node_without_runtime_are_in_the_log_although_every_request_got_200() {
    let harbor = Harbor::of(Version::V2_16).repository("a/app", 1).start().await.unwrap();
    let mut config = harbor.config();
    config["password"] = "wrong".into();
    let node = Node::builder().no_runtime().config(json!({"harbor_config": config}));
    let mut program = node.start().unwrap();
    program.images().await.unwrap();
    program.await_log("harbor fails: Harbor refused the login").await.unwrap();
    let lines = lines(&mut program).await;
    let told: Vec<_> =
        of_level(&lines, "WARN").iter().map(|line| (line["source"].clone(), line["code"].clone())).collect();
    assert_eq!(told, [(json!("containerd"), json!("unavailable")), (json!("harbor"), json!("denied"))]);
}

#[tokio::test]
async fn the_first_line_says_what_runs() {
    let harbor = Harbor::of(Version::V2_12).start().await.unwrap();
    let mut program = Node::builder().one_image().harbor(&harbor).start().unwrap();
    let config = program.node().config_file();
    let address = program.address.trim_start_matches("http://").to_owned();
    let lines = lines(&mut program).await;
    let started: Vec<&Value> = lines.iter().filter(|line| line["message"] == "image-service has started").collect();
    let [started] = started[..] else { panic!("{lines:#?}") };
    for (field, value) in [
        ("level", "INFO".to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("config", config.display().to_string()),
        ("addresses", address),
        ("composition", "built in".to_owned()),
        ("node", "crictl".to_owned()),
        ("harbor", format!("{} as robot$ci", harbor.url)),
    ] {
        assert_eq!(started[field], value, "{field}");
    }
}

#[tokio::test]
async fn debug_has_what_this_program_does_and_nothing_of_its_libraries() {
    let harbor = Harbor::of(Version::V2_12).repository("a/app", 1).start().await.unwrap();
    let config = json!({"app_config": {"debug": true}});
    let mut program = Node::builder().one_image().harbor(&harbor).config(config).start().unwrap();
    program.images().await.unwrap();
    let lines = lines(&mut program).await;
    let debug = of_level(&lines, "DEBUG");
    assert!(debug.iter().any(|line| line["message"] == "asked Harbor" && line["status"] == 200), "{debug:#?}");
    let foreign = debug.iter().find(|line| !line["target"].as_str().unwrap().starts_with("image_service"));
    assert_eq!(foreign, None);
}

#[tokio::test]
async fn a_log_file_that_can_not_be_written_is_a_warning_and_the_program_runs() {
    let config = json!({"app_config": {"log_file": "/dev/null/images.log"}});
    let mut program = Node::builder().one_image().config(config).start().unwrap();
    assert_eq!(program.get("/healthz").await.unwrap().status(), 200);
    let named = "app_config.log_file /dev/null/images.log can't be written";
    let checked = program.node().run(&["check"]).await.unwrap();
    assert_says(&checked.stdout, &["warning  log", named]);
    assert_eq!(checked.code, Some(0));
    let lines = lines(&mut program).await;
    assert_says(of_level(&lines, "WARN")[0]["message"].as_str().unwrap(), &[named, "to stderr only"]);
}

#[tokio::test]
async fn a_configured_ignore_file_that_is_not_there_is_a_warning_everywhere_with_the_one_that_is_meant() {
    // As the config file of the Flask service, installed beside its ignore file.
    let config = json!({"crictl_config": {"ignore_file_path": "../images_to_ignore.txt"}});
    let node = Node::builder().one_image().ignore("IMAGE ID\n").config(config).build().unwrap();
    let meant = format!("is {} meant?", node.path("images_to_ignore.txt").display());
    let warning = ["crictl_config.ignore_file_path: there is no ", "so no image is left out", meant.as_str()];
    for command in ["list", "compare"] {
        assert_says(&node.run(&[command]).await.unwrap().stderr, &warning);
    }
    let checked = node.run(&["check"]).await.unwrap();
    assert_says(&checked.stdout, &warning);
    assert_eq!(checked.code, Some(0));
    let program = node.start().unwrap();
    program.reload().await.unwrap();
    assert_eq!(program.log().matches(&meant).count(), 2, "at the start and at the reload");
}

#[tokio::test]
async fn keys_that_need_a_restart_are_named_when_they_changed() {
    let node = Node::builder().one_image().config(json!({"app_config": {"host": "127.0.0.1", "port": 0}}));
    let node = node.build().unwrap();
    let mut command = command::command();
    command.args(["serve", "--config"]).arg(node.config_file());
    let program = node.spawn(command).unwrap();
    program.reload().await.unwrap();
    assert!(!program.log().contains("restart the program"), "nothing changed: {}", program.log());
    node.configure(json!({"app_config": {"port": 1, "log_format": "human", "log_file": "new.log"}})).unwrap();
    program.reload().await.unwrap();
    let named = "of app_config, port, log_format, log_file changed and takes effect with the next start only";
    assert_eq!(program.log().matches(named).count(), 1, "{}", program.log());
    // An address of the command line stays whatever the file says.
    let program = node.start().unwrap();
    node.configure(json!({"app_config": {"port": 2}})).unwrap();
    program.reload().await.unwrap();
    assert!(!program.log().contains("restart the program"), "{}", program.log());
}

#[tokio::test]
async fn an_address_without_its_host_is_refused_with_how_to_write_it() {
    let refusal = run(&["serve", "--demo", "--listen", "8080"]).await.unwrap();
    assert_says(&refusal.stderr, &["8080", "write it as 127.0.0.1:8080 for this machine only"]);
    assert_eq!(refusal.code, Some(2));
    let config = json!({"app_config": {"host": "0.0.0.0:8080"}});
    let mut command = command::command();
    let node = Node::builder().config(config).build().unwrap();
    command.args(["serve", "--config"]).arg(node.config_file());
    let refusal = command::run_command(command).await.unwrap();
    assert_says(&refusal.stderr, &["app_config.host is \"0.0.0.0:8080\"", "app_config.port: 8080"]);
}

#[tokio::test]
async fn the_environment_comes_before_the_file_and_check_says_where_each_value_comes_from() {
    let harbor = Harbor::of(Version::V2_12).repository("library/nginx", 2).start().await.unwrap();
    let old = json!({"harbor_config": {"url": "https://old.test", "username": "nobody", "password": "old-s3cret"}});
    let node = Node::builder().one_image().config(old).build().unwrap();
    let login = harbor.config();
    let (user, password) = (login["user"].as_str().unwrap(), login["password"].as_str().unwrap());
    let mut command = command::command();
    command.args(["check", "--config"]).arg(node.config_file());
    command.env("HARBOR_URL", &harbor.url).env("HARBOR_USER", user).env("HARBOR_PASSWORD", password);
    command.env("IMAGE_SERVICE_APP_CONFIG_PORT", "5376").env("IMAGE_SERVICE_HARBOR_URL", "https://typo.test");
    // As Kubernetes does beside a Service of this name.
    command.env("IMAGE_SERVICE_PORT", "tcp://10.0.0.1:5375").env("IMAGE_SERVICE_SERVICE_HOST", "10.0.0.1");
    let checked = command::run_command(command).await.unwrap();
    let url = format!(
        "setting      harbor_config.url is {:?}, from the variable HARBOR_URL and not config.json\n",
        harbor.url
    );
    assert_says(
        &checked.stdout,
        &[
            &url,
            "harbor_config.user is \"robot$ci\", from the variable HARBOR_USER and not config.json\n",
            "harbor_config.password is (not shown), from the variable HARBOR_PASSWORD and not config.json\n",
            "app_config.port is 5376, from the variable IMAGE_SERVICE_APP_CONFIG_PORT\n",
            "crictl_config.mode is \"exec\", from config.json\n",
            "warning  config       the variable IMAGE_SERVICE_HARBOR_URL is no key of config.json",
            "ok       harbor       2 rows",
        ],
    );
    assert!(!checked.stdout.contains("s3cret") && !checked.stdout.contains(password), "{}", checked.stdout);
    assert_eq!(checked.stdout.matches("is no key").count(), 1, "{}", checked.stdout);
    assert_eq!(checked.code, Some(0));
}
