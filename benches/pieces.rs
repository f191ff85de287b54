//! Measures the small pieces one by one: readers of licenses, headers of members, frames. What
//! they come to in a whole backup, the benchmarks in Python measure.
//!
//! ```sh
//! RUSTFLAGS="--cfg wmlb_bench" cargo bench --locked --bench pieces --target-dir target/pieces
//! ```
//!
//! The pieces are private, and only a library that is built with this cfg shows them. Its own
//! target folder keeps such a library from lying where the one that is shipped is built.

#[cfg(wmlb_bench)]
#[path = "pieces/contents.rs"]
mod contents;
#[cfg(wmlb_bench)]
#[path = "pieces/measures.rs"]
mod measures;

#[cfg(wmlb_bench)]
criterion::criterion_main!(measures::pieces);

#[cfg(not(wmlb_bench))]
fn main() {
    eprintln!(
        "Nothing is measured: the pieces are only shown with RUSTFLAGS=\"--cfg wmlb_bench\"."
    );
}
