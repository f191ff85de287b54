//! Where licences live, and how they are listed and read.

pub mod directory;
