//! What a service manager is told: readiness, reloading, the end, and that the program lives.

use image_service_tests::{DEADLINE, Node};
use std::os::unix::net::UnixDatagram;

/// The socket of a stand-in for systemd.
struct Manager(UnixDatagram);

impl Manager {
    /// Waits for a message with this line.
    fn expect(&self, line: &str) {
        let mut buffer = [0; 1024];
        loop {
            let length = self.0.recv(&mut buffer).unwrap_or_else(|error| panic!("{line} never came: {error}"));
            if String::from_utf8_lossy(&buffer[..length]).lines().any(|told| told == line) {
                return;
            }
        }
    }
}

#[tokio::test]
async fn the_service_manager_hears_of_each_state_and_of_life() {
    let node = Node::builder().build().unwrap();
    let socket = node.path("notify.sock");
    let manager = Manager(UnixDatagram::bind(&socket).unwrap());
    manager.0.set_read_timeout(Some(DEADLINE)).unwrap();
    let launch = node.launch().variable("NOTIFY_SOCKET", &socket).variable("WATCHDOG_USEC", "200000");
    let mut program = launch.start().unwrap();
    manager.expect("READY=1");
    manager.expect("WATCHDOG=1");
    manager.expect("WATCHDOG=1");
    program.hang_up().unwrap();
    manager.expect("RELOADING=1");
    manager.expect("READY=1");
    assert_eq!(program.terminate().await.unwrap().code(), Some(0));
    manager.expect("STOPPING=1");
}
