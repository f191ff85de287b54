//! Handles of restorers.

/// A restorer: properties, and at most one running operation. The pointer is a number that the
/// library looks up and never dereferences: NULL, released and made-up handles get WMLB_E_HANDLE,
/// and so do, in a child after fork(), handles from before it.
pub struct wmlb_restorer {
    _private: [u8; 0],
}
