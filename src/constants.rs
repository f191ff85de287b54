//! The constants that C programs see. Each stands in one table, which is compiled twice: into the
//! library, by the macros in this crate, and into `build.rs`, whose macros of the same names
//! give it the names, values and comments for the header.

/// Tables of constants: the name by which the header asks for it, the type, and the constants.
macro_rules! constants {
    ($($table:ident: $type:ty {
        $($(#[doc = $doc:literal])* $name:ident = $value:literal;)*
    })*) => {
        $($($(#[doc = $doc])* pub const $name: $type = $value;)*)*
    };
}
