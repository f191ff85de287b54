//! The bytes of frames that are packed and wait to be written, in pieces of memory of one size that
//! are used again: so that what waits takes the memory that it needs, and none is given back to the
//! system and asked for again.

use parking_lot::Mutex;

use crate::error::{Result, reserve};

/// Bytes of a piece of memory.
const LENGTH: usize = 128 << 10;

/// The bytes of a frame, in order.
#[derive(Default)]
pub struct Segments(Vec<Vec<u8>>);

impl Segments {
    #[cfg(fuzzing)]
    pub fn of(data: Vec<u8>) -> Self {
        Segments(vec![data])
    }

    pub fn each(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }

    pub fn len(&self) -> usize {
        self.each().map(<[u8]>::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.each().all(<[u8]>::is_empty)
    }
}

/// Memory that was used.
#[derive(Default)]
pub struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    /// Copies bytes.
    pub fn hold(&self, data: &[u8]) -> Result<Segments> {
        let mut segments = Vec::with_capacity(data.len().div_ceil(LENGTH));
        for piece in data.chunks(LENGTH) {
            let mut memory = self.0.lock().pop().unwrap_or_default();
            memory.clear();
            reserve(&mut memory, LENGTH, "a frame")?;
            memory.extend_from_slice(piece);
            segments.push(memory);
        }
        Ok(Segments(segments))
    }

    /// Takes the memory back.
    pub fn put_back(&self, segments: Segments) {
        self.0.lock().extend(segments.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_comes_out() {
        let pool = Pool::default();
        for length in [0, 1, LENGTH - 1, LENGTH, LENGTH + 1, 3 * LENGTH] {
            let data: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let segments = pool.hold(&data).expect("memory");
            assert_eq!(segments.each().collect::<Vec<_>>().concat(), data);
            assert_eq!(segments.len(), length);
            assert_eq!(segments.is_empty(), length == 0);
            pool.put_back(segments);
        }
        assert_eq!(pool.0.lock().len(), 3);
    }
}
