//! A page in the browser of the person at this terminal.
//!
//! Over SSH, or without a display, there is none: a text browser would take the terminal away from us, so it is not
//! tried. Nothing of the browser's talk may reach our screen.

use std::process::{Command, Stdio};

/// Opens `url`; false when there is no browser to be seen from here, or it is no web address.
pub fn open(url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    web && here() && start(url)
}

fn here() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let remote = set("SSH_CONNECTION") || set("SSH_TTY");
    !remote
        && (cfg!(any(target_os = "macos", target_os = "windows")) || set("DISPLAY") || set("WAYLAND_DISPLAY"))
}

fn start(url: &str) -> bool {
    let (program, before): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(target_os = "windows") {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else {
        ("xdg-open", &[])
    };
    let quiet = Stdio::null;
    let child =
        Command::new(program).args(before).arg(url).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
    let Ok(mut child) = child else { return false };
    // Collected when it ends, so that no dead process stays behind.
    let _ = std::thread::Builder::new().name("browser".into()).spawn(move || child.wait());
    true
}
