//! Builds the guarded call and its signal handler (`src/guard.c`).

fn main() {
    println!("cargo:rerun-if-changed=src/guard.c");
    cc::Build::new().file("src/guard.c").flag_if_supported("-std=gnu11").opt_level(2).compile("antiphon_guard");
}
