//! Handles of restorers.

/// A restorer: properties, and at most one running operation. The pointer is a number that the
/// library looks up and never dereferences. A NULL, released or made-up one gets WMLB_E_HANDLE,
/// and so does, in a child after fork(), one from before the fork.
pub struct wmlb_restorer {
    _private: [u8; 0],
}
