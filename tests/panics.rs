//! In a Rust program the panic hook is the program's too: the library keeps quiet about its
//! own panics only. The hook is one for the process, so each test runs in a process of its own.

use std::env;
use std::ffi::{CStr, CString, c_void};
use std::panic;
use std::process::Command;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use wmlb::ffi::*;

const CHILD: &str = "WMLB_TEST_CHILD";

/// Runs `body` in a process where no other test runs; `name` is that of the calling test.
fn alone(name: &str, body: fn()) {
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let output = Command::new(env::current_exe().expect("the test's path"))
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("the test again");
    assert!(
        output.status.success(),
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

static SEEN: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    panic::set_hook(Box::new(|_| {
        SEEN.fetch_add(1, Ordering::Relaxed);
    }));
}

fn seen() -> usize {
    SEEN.load(Ordering::Relaxed)
}

fn first_call() {
    // SAFETY: a static string.
    let name = unsafe { CStr::from_ptr(wmlb_hresult_name(WMLB_E_FAIL)) };
    assert_eq!(name, c"E_FAIL");
}

#[test]
fn the_hosts_hook_still_sees_its_panics() {
    alone("the_hosts_hook_still_sees_its_panics", || {
        count_panics();
        first_call();
        assert!(panic::catch_unwind(|| panic!("the host's own")).is_err());
        assert_eq!(seen(), 1);
        assert!(thread::spawn(|| panic!("another thread's")).join().is_err());
        assert_eq!(seen(), 2);
    });
}

#[test]
fn a_hook_that_comes_later_is_not_replaced() {
    alone("a_hook_that_comes_later_is_not_replaced", || {
        first_call();
        count_panics();
        first_call();
        assert!(panic::catch_unwind(|| panic!("the host's own")).is_err());
        assert_eq!(seen(), 1);
    });
}

/// A callback whose panic does not leave it.
unsafe extern "C-unwind" fn panics_inside(
    _status: i32,
    _hr: wmlb_hresult,
    _value_type: i32,
    _value: *const u8,
    _value_len: usize,
    calls: *mut c_void,
) -> wmlb_hresult {
    // SAFETY: the counter of the test below, which waits for the last call.
    let calls = unsafe { &*calls.cast::<AtomicUsize>() };
    calls.fetch_add(1, Ordering::Relaxed);
    assert!(panic::catch_unwind(|| panic!("the callback's own")).is_err());
    WMLB_S_OK
}

#[test]
fn panics_in_a_callback_are_the_hosts_too() {
    alone("panics_in_a_callback_are_the_hosts_too", || {
        let folder = env::temp_dir().join(format!("wmlb-panics-{}", std::process::id()));
        let store = folder.join("store");
        std::fs::create_dir_all(&store).expect("a store");
        std::fs::write(store.join("license"), "a license").expect("a license");
        let path = |path: std::path::PathBuf| CString::new(path.to_str().expect("UTF-8")).unwrap();
        let (store, backup) = (path(store), path(folder.join("backup")));
        count_panics();

        let calls = AtomicUsize::new(0);
        let mut restorer = null_mut();
        let mut result = WMLB_E_FAIL;
        // SAFETY: strings and places that outlive the calls; the counter outlives the wait.
        unsafe {
            assert_eq!(wmlb_restorer_create(&mut restorer), WMLB_S_OK);
            assert_eq!(
                wmlb_restorer_set_store_path(restorer, store.as_ptr()),
                WMLB_S_OK
            );
            assert_eq!(
                wmlb_restorer_set_backup_path(restorer, backup.as_ptr()),
                WMLB_S_OK
            );
            let user_data = std::ptr::from_ref(&calls).cast_mut().cast();
            let started =
                wmlb_restorer_backup_licenses(restorer, 0, Some(panics_inside), user_data);
            assert_eq!(started, WMLB_S_OK);
            assert_eq!(
                wmlb_restorer_wait(restorer, u32::MAX, &mut result),
                WMLB_S_OK
            );
        }
        assert_eq!(wmlb_restorer_release(restorer), WMLB_S_OK);
        std::fs::remove_dir_all(&folder).expect("clean up");
        assert_eq!(result, WMLB_S_OK);
        assert!(calls.load(Ordering::Relaxed) >= 3);
        assert_eq!(seen(), calls.load(Ordering::Relaxed));
    });
}

/// A host may clean up with the library while it unwinds, and that call may be its first.
#[test]
fn the_first_call_may_come_amid_a_panic() {
    struct CancelsWhenDropped;
    impl Drop for CancelsWhenDropped {
        fn drop(&mut self) {
            assert_eq!(wmlb_cancel_license_backup(), WMLB_S_FALSE);
        }
    }
    alone("the_first_call_may_come_amid_a_panic", || {
        count_panics();
        let unwound = panic::catch_unwind(|| {
            let _cancels = CancelsWhenDropped;
            panic!("the host's own");
        });
        assert!(unwound.is_err());
        assert_eq!(seen(), 1);
    });
}
