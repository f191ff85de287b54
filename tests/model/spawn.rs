//! Threads of a model, in the place of the system's (src/sys/spawn.rs).

use std::io;
use std::marker::PhantomData;

#[cfg(wmlb_loom)]
use loom::thread::{JoinHandle, spawn};
#[cfg(wmlb_shuttle)]
use shuttle::thread::{JoinHandle, spawn};

pub struct Thread(JoinHandle<()>);

impl Thread {
    pub fn begin(_name: String, body: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        Ok(Thread(spawn(body)))
    }

    pub fn join(self) {
        // Its panics are caught in it.
        let _ = self.0.join();
    }
}

/// Workers are not modeled: none can be had.
pub struct Scope<'env>(PhantomData<&'env mut &'env ()>);

pub fn scope<'env, T>(body: impl FnOnce(&mut Scope<'env>) -> T) -> T {
    body(&mut Scope(PhantomData))
}

impl<'env> Scope<'env> {
    pub fn begin(&mut self, _name: String, _body: impl FnOnce() + Send + 'env) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
