//! What a database holds at one moment, as its file would be if everything that belongs in it
//! were there: its own file, with pages that lie in its log or its journal in their places.
//!
//! Nothing is copied for that, and nothing is written.

use std::fs::File;
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::io::Errno;

use crate::sys::{self, StoreFile};

/// Units that places in logs and journals are counted in: whatever their pages' size, pages begin
/// at multiples of it there.
const UNIT: u64 = 4;

/// Pages at the most that lie in a log or a journal: 8 MiB of memory, and of pages as large as most
/// are 4 GiB.
const MOST_PLACES: usize = 1 << 20;

/// Where a database says how many free pages it has.
const FREE_PAGES: u64 = 36;

/// Where a page lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub page: u32,
    /// In units.
    at: u32,
}

impl Place {
    /// None when it lies too far away.
    fn new(page: u32, offset: u64) -> Option<Self> {
        let at = u32::try_from(offset / UNIT).ok()?;
        offset.is_multiple_of(UNIT).then_some(Place { page, at })
    }
}

/// Adds one more. False when there are too many, or there is no memory for it.
pub fn add_place(places: &mut Vec<Place>, page: u32, offset: u64) -> bool {
    let room = places.len() < MOST_PLACES && places.try_reserve(1).is_ok();
    let place = Place::new(page, offset).filter(|_| room);
    places.extend(place);
    place.is_some()
}

/// Pages of a database that are taken from another file, one place for each, in order.
#[derive(Debug, PartialEq, Eq)]
pub struct Places(Vec<Place>);

impl Places {
    /// Of several places of a page the last one counts.
    pub fn new(mut places: Vec<Place>) -> Self {
        // Of a page, what comes later lies behind what came before.
        places.sort_unstable_by_key(|place| (place.page, place.at));
        places.reverse();
        places.dedup_by_key(|place| place.page);
        places.reverse();
        Places(places)
    }

    /// Where this page begins in the other file.
    pub fn find(&self, page: u32) -> Option<u64> {
        let found = self
            .0
            .binary_search_by_key(&page, |place| place.page)
            .ok()?;
        Some(u64::from(self.0[found].at) * UNIT)
    }

    /// All of them: the page, and where it begins in the other file.
    #[cfg(fuzzing)]
    pub fn each(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let places = self.0.iter();
        places.map(|place| (place.page, u64::from(place.at) * UNIT))
    }

    /// How many pages of those from `first` to `last` lie there.
    fn count(&self, first: u32, last: u32) -> u64 {
        let before = |page| self.0.partition_point(|place| place.page < page);
        before(last.saturating_add(1)).saturating_sub(before(first)) as u64
    }

    /// The next page after this one that lies there.
    fn next_after(&self, page: u32) -> Option<u32> {
        let next = self.0.partition_point(|place| place.page <= page);
        Some(self.0.get(next)?.page)
    }
}

/// A file that pages are taken from.
pub struct Layer {
    file: Arc<StoreFile>,
    places: Places,
}

impl Layer {
    pub fn new(file: &Arc<StoreFile>, places: Places) -> Self {
        Layer {
            file: file.clone(),
            places,
        }
    }
}

/// The file that is read where nothing lies elsewhere.
enum Main {
    /// The database's own.
    Own(Arc<StoreFile>),
    /// One of ours.
    Copy(File),
}

/// What a database holds.
pub struct View {
    file: Main,
    /// Bytes of the database's own file that count.
    own: u64,
    size: u64,
    /// Of the layers.
    page_size: u64,
    /// In the first that has a page, it is as it counts.
    layers: Vec<Layer>,
}

impl View {
    /// The file as it is, so many bytes long.
    pub fn new(file: Arc<StoreFile>, size: u64) -> Self {
        Self::of(Main::Own(file), size)
    }

    /// A copy of all that counts.
    pub fn of_copy(file: File, size: u64) -> Self {
        Self::of(Main::Copy(file), size)
    }

    fn of(file: Main, size: u64) -> Self {
        View {
            file,
            own: size,
            size,
            page_size: 1,
            layers: Vec::new(),
        }
    }

    /// Lays pages over what there is; all in all there are so many after that.
    pub fn lay(&mut self, layer: Layer, page_size: u32, pages: u32) {
        self.page_size = page_size.into();
        self.size = self.page_size * u64::from(pages);
        self.own = self.own.min(self.size);
        self.layers.insert(0, layer);
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether pages are said to be there that are neither in the file nor in a layer, and more of
    /// them than free ones, which nobody reads. A log of 40 KiB can say that there are 2^32.
    pub fn lacks_pages(&self) -> Result<bool, Errno> {
        if self.layers.is_empty() {
            return Ok(false);
        }
        let own = self.own.div_ceil(self.page_size);
        // Sizes of databases are numbers of pages below 2^32.
        let (first, last) = (own as u32 + 1, (self.size / self.page_size) as u32);
        let layers = self.layers.iter();
        let laid: u64 = layers.map(|it| it.places.count(first, last)).sum();
        let absent = u64::from(last).saturating_sub(own + laid);
        let mut free = [0; 4];
        self.read_page(&mut free, FREE_PAGES)?;
        // A page that lists free ones has four bytes for each. That of the locks is never written.
        let listed = (own + laid).saturating_mul(self.page_size / 4);
        Ok(absent > u64::from(number(&free, 0)).min(listed) + 1)
    }

    /// Reads what is at `offset`, as far as it lies in one piece; 0 bytes at the end.
    pub fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let rest = self.size.saturating_sub(offset);
        let length = rest.min(out.len() as u64);
        if length == 0 {
            return Ok(0);
        }
        if self.layers.is_empty() {
            return self.read_own(&mut out[..length as usize], offset);
        }
        // Sizes of databases are numbers of pages below 2^32.
        let page = (offset / self.page_size) as u32 + 1;
        let inside = offset % self.page_size;
        for layer in &self.layers {
            if let Some(at) = layer.places.find(page) {
                let length = length.min(self.page_size - inside) as usize;
                return read_at(&*layer.file, &mut out[..length], at + inside);
            }
        }
        let next = self
            .layers
            .iter()
            .filter_map(|it| it.places.next_after(page));
        let end = next.min().map(|page| u64::from(page - 1) * self.page_size);
        let length = end.map_or(length, |end| length.min(end - offset));
        let own = self.own.saturating_sub(offset).min(length);
        if own > 0 {
            return self.read_own(&mut out[..own as usize], offset);
        }
        // A page that a journal or a log adds, and neither of them has.
        out[..length as usize].fill(0);
        Ok(length as usize)
    }

    fn read_own(&self, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
        match &self.file {
            Main::Own(file) => read_at(&**file, out, offset),
            Main::Copy(file) => read_at(file, out, offset),
        }
    }
}

fn read_at(file: impl AsFd, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
    rustix::io::retry_on_intr(|| rustix::io::pread(&file, &mut *out, offset))
}

/// Something that is read at any place.
pub trait Content {
    /// Bytes.
    fn size(&self) -> u64;

    fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize, Errno>;

    /// Fills `out`, with zeros beyond the end.
    fn read_page(&self, out: &mut [u8], offset: u64) -> Result<(), Errno> {
        let mut filled = 0;
        while filled < out.len() {
            match self.read_at(&mut out[filled..], offset + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        out[filled..].fill(0);
        Ok(())
    }
}

impl Content for View {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
        View::read_at(self, out, offset)
    }
}

/// A journal or a log, while it is looked through.
pub struct OpenFile<'a> {
    file: &'a StoreFile,
    size: u64,
}

impl<'a> OpenFile<'a> {
    /// All of a file, as it is now.
    pub fn whole(file: &'a StoreFile) -> Result<Self, Errno> {
        let size = sys::fstat(file)?.st_size as u64;
        Ok(OpenFile { file, size })
    }

    /// Whether it begins with anything but a zero: a journal that begins with one is kept to be
    /// used again.
    pub fn begins_with_content(&self) -> Result<bool, Errno> {
        let mut first = [0];
        self.read_page(&mut first, 0)?;
        Ok(first != [0])
    }
}

impl Content for OpenFile<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let length = self.size.saturating_sub(offset).min(out.len() as u64);
        read_at(self.file, &mut out[..length as usize], offset)
    }
}

impl Content for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let from = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(self.len());
        let length = out.len().min(self.len() - from);
        out[..length].copy_from_slice(&self[from..from + length]);
        Ok(length)
    }
}

/// Reads a file from its beginning to its end, in pieces that need not be whole.
pub struct Pieces<'a, C> {
    content: &'a C,
    /// What was read of it, and where that begins in it.
    buffer: Vec<u8>,
    offset: u64,
}

/// Bytes that are read at a time.
const READ: usize = sys::SCRATCH;

impl<'a, C: Content> Pieces<'a, C> {
    pub fn new(content: &'a C) -> Self {
        Pieces {
            content,
            buffer: Vec::new(),
            offset: 0,
        }
    }

    /// The bytes at `offset`, which is not before that of the last call; None when there are fewer.
    pub fn get(&mut self, offset: u64, length: usize) -> Result<Option<&[u8]>, Errno> {
        let end = self.offset + self.buffer.len() as u64;
        if offset < self.offset || offset + length as u64 > end {
            self.buffer.resize(READ.max(length), 0);
            self.offset = offset;
            let mut filled = 0;
            while filled < length {
                let rest = &mut self.buffer[filled..];
                match self.content.read_at(rest, offset + filled as u64)? {
                    0 => break,
                    read => filled += read,
                }
            }
            self.buffer.truncate(filled);
        }
        let from = (offset - self.offset) as usize;
        Ok(self.buffer.get(from..from + length))
    }
}

/// A number of four bytes, the high one first.
pub fn number(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    if let Some(found) = bytes.get(at..at + 4) {
        four.copy_from_slice(found);
    }
    u32::from_be_bytes(four)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that has no name any more.
    fn file(content: &[u8]) -> StoreFile {
        let name = format!("wmlb-test-view-{:016x}", sys::random());
        let folder = std::env::temp_dir();
        std::fs::write(folder.join(&name), content).expect("no room");
        let opened = File::open(&folder).expect("no folder");
        let file = StoreFile::open(opened, &*name, rustix::fs::OFlags::empty()).expect("no file");
        std::fs::remove_file(folder.join(&name)).expect("no file");
        file
    }

    fn whole(view: &View, step: usize) -> Vec<u8> {
        let mut read = Vec::new();
        let mut buffer = vec![0; step];
        loop {
            match view
                .read_at(&mut buffer, read.len() as u64)
                .expect("unreadable")
            {
                0 => return read,
                got => read.extend_from_slice(&buffer[..got]),
            }
        }
    }

    #[test]
    fn the_last_place_of_a_page_counts() {
        let places = [(3, 8), (1, 16), (3, 24), (2, 32), (1, 40)];
        let places = places.map(|(page, offset)| Place::new(page, offset).expect("odd"));
        let places = Places::new(places.to_vec());
        assert_eq!(
            [1, 2, 3, 4].map(|page| places.find(page)),
            [Some(40), Some(32), Some(24), None]
        );
        assert_eq!(
            [0, 1, 2, 3].map(|page| places.next_after(page)),
            [Some(1), Some(2), Some(3), None]
        );
        assert_eq!(Place::new(1, 2), None);
        assert_eq!(Place::new(1, 1 << 36), None);
    }

    #[test]
    fn pages_in_layers() {
        let layer = |content: &[u8], pages: &[(u32, u64)]| {
            let places = pages
                .iter()
                .map(|&(page, at)| Place::new(page, at).expect("odd"));
            Layer::new(&Arc::new(file(content)), Places::new(places.collect()))
        };
        let own = b"aaaabbbbccccdddd";
        let make = || View::new(Arc::new(file(own)), own.len() as u64);
        let journal = || layer(b"--------BBBBCCCC", &[(2, 8)]);
        for step in [1, 3, 4, 5, 100] {
            assert_eq!(whole(&make(), step), own);
            // Rolled back, it is shorter.
            let mut view = make();
            view.lay(journal(), 4, 3);
            assert_eq!(whole(&view, step), b"aaaaBBBBcccc");
            // And with what is in a log longer, by pages that are nowhere too.
            view.lay(layer(b"........1111....2222....", &[(1, 8), (6, 16)]), 4, 6);
            assert_eq!(whole(&view, step), b"1111BBBBcccc\0\0\0\0\0\0\0\x002222");
        }
    }

    #[test]
    fn pages_that_are_nowhere() {
        // Of a file of one page that says to have so many free ones, with a second one in a log.
        let lacks = |free: u8, pages| {
            let mut own = [0; 64];
            own[FREE_PAGES as usize + 3] = free;
            let place = Place::new(2, 0).expect("odd");
            let layer = Layer::new(&Arc::new(file(&[0; 64])), Places::new(vec![place]));
            let mut view = View::new(Arc::new(file(&own)), 64);
            assert_eq!(view.lacks_pages(), Ok(false));
            view.lay(layer, 64, pages);
            view.lacks_pages()
        };
        // Without a word of them one is nowhere at the most, that of the locks.
        assert_eq!(lacks(0, 3), Ok(false));
        assert_eq!(lacks(0, 4), Ok(true));
        assert_eq!(lacks(5, 8), Ok(false));
        assert_eq!(lacks(5, 9), Ok(true));
        // Two pages of 64 bytes name 32 at the most.
        assert_eq!(lacks(200, 35), Ok(false));
        assert_eq!(lacks(200, 36), Ok(true));
        assert_eq!(lacks(200, u32::MAX), Ok(true));
    }

    #[test]
    fn pieces_of_any_length() {
        let content: Vec<u8> = (0..3 * READ).map(|at| at as u8).collect();
        let content = &content[..];
        let mut pieces = Pieces::new(&content);
        let mut at = 0;
        for length in [1, 100, READ, 7, READ + 1] {
            let piece = pieces.get(at as u64, length).expect("unreadable");
            assert_eq!(piece, Some(&content[at..at + length]));
            at += length;
        }
        assert_eq!(pieces.get(at as u64, 2 * READ).expect("unreadable"), None);
    }
}
