//! The recorded exchanges, area by area, against the real program: `cargo test -p antiphon --test conformance -- 08_table`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]
#![allow(clippy::print_stdout, reason = "the table of results is for people")]

mod process;
mod replay;

/// Replays an area and shows its report.
fn conforms(area: &str) {
    match replay::replay(area) {
        Ok(report) => println!("{report}"),
        Err(report) => panic!("\n{report}\n"),
    }
}

#[test]
fn area_01_auth() {
    conforms("01_auth");
}

#[test]
fn area_02_system() {
    conforms("02_system");
}

#[test]
fn area_03_services() {
    conforms("03_services");
}

#[test]
fn area_04_roles_apps_users() {
    conforms("04_roles_apps_users");
}

#[test]
fn area_05_events() {
    conforms("05_events");
}

#[test]
fn area_06_event_script() {
    conforms("06_event_script");
}

#[test]
fn area_08_table() {
    conforms("08_table");
}

#[test]
fn area_09_filters() {
    conforms("09_filters");
}

#[test]
fn area_11_scripts_php() {
    conforms("11_scripts_php");
}

#[test]
fn area_12_scripts_nodejs() {
    conforms("12_scripts_nodejs");
}

#[test]
fn area_13_scripts_python3() {
    conforms("13_scripts_python3");
}

#[test]
fn area_14_script_services() {
    conforms("14_script_services");
}

#[test]
fn area_15_role_restrictions() {
    conforms("15_role_restrictions");
}

#[test]
fn area_16_formats_errors() {
    conforms("16_formats_errors");
}

#[test]
fn area_17_misc() {
    conforms("17_misc");
}
