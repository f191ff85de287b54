//! The checked-in C header is the one that the sources make.

use std::fs;
use std::path::Path;

const UPDATE: &str = "WMLB_UPDATE_HEADER=1 cargo test --release -p wmlb-remote --test header";

fn generate(folder: &Path) -> String {
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).expect("cbindgen.toml");
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in ["core", "remote", "fleet"] {
        builder = builder.with_src(folder.join(format!("src/ffi/{file}.rs")));
    }
    let mut written = Vec::new();
    builder.generate().expect("a header").write(&mut written);
    let text = String::from_utf8(written).expect("text");
    // Result codes have a name of their own in C.
    text.replace("int32_t wmlb_", "wmlb_hresult wmlb_")
        .replace("typedef int32_t (*", "typedef wmlb_hresult (*")
}

#[test]
fn the_header_is_the_generated_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join("include/wmlb_remote.h");
    let generated = generate(folder);
    if std::env::var_os("WMLB_UPDATE_HEADER").is_some() {
        fs::write(&path, &generated).expect("write include/wmlb_remote.h");
    }
    let header = fs::read_to_string(&path).expect("include/wmlb_remote.h");
    assert!(
        header == generated,
        "update the header with: {UPDATE}\n{generated}"
    );
}
