//! A file system in memory: names, their files, and what was opened.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::{Rc, Weak};

use super::super::*;

#[derive(Default)]
pub(in crate::sources::tail) struct World {
    pub(in crate::sources::tail) names: BTreeMap<String, u64>,
    pub(in crate::sources::tail) nodes: BTreeMap<u64, (Vec<u8>, Nanos)>,
    open: BTreeMap<u64, Weak<u64>>,
    pub(in crate::sources::tail) locked: BTreeSet<String>,
    /// Only `a` and `b` are asked for: a rotated file loses its name.
    pub(in crate::sources::tail) narrow: bool,
    pub(in crate::sources::tail) clock: Nanos,
}

impl World {
    pub(in crate::sources::tail) fn write(&mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        self.clock += 1_000_000;
        self.forget_unused();
        let inode = self.names.get(name).copied().unwrap_or_else(|| {
            // The lowest free number is used again, as file systems do.
            let inode = (1..=u64::MAX).find(|inode| !self.nodes.contains_key(inode)).unwrap();
            self.names.insert(name.to_owned(), inode);
            inode
        });
        let node = self.nodes.entry(inode).or_default();
        change(&mut node.0);
        node.1 = self.clock;
    }

    fn forget_unused(&mut self) {
        let names: BTreeSet<u64> = self.names.values().copied().collect();
        let open = &self.open;
        self.nodes
            .retain(|inode, _| names.contains(inode) || open.get(inode).is_some_and(|file| file.strong_count() > 0));
    }

    pub(in crate::sources::tail) fn stat(&self, inode: u64) -> Stat {
        let (bytes, modified) = &self.nodes[&inode];
        Stat {
            device: 1,
            inode,
            size: bytes.len() as u64,
            modified: *modified,
        }
    }
}

#[derive(Clone, Default)]
pub(in crate::sources::tail) struct Sim(pub(in super::super) Rc<RefCell<World>>);

impl Disk for Sim {
    type File = Rc<u64>;

    fn list(&mut self) -> Listing {
        let world = self.0.borrow();
        let wanted = |name: &str| !world.narrow || !is_rotated(name);
        let files = world
            .names
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, inode)| (name.clone(), world.stat(*inode)))
            .collect();
        let siblings = world
            .names
            .iter()
            .filter(|(name, _)| !wanted(name))
            .map(|(name, inode)| (name.clone(), world.stat(*inode)))
            .collect();
        Listing {
            files,
            siblings,
            problems: Vec::new(),
        }
    }

    fn open(&mut self, uri: &str) -> io::Result<Rc<u64>> {
        let mut world = self.0.borrow_mut();
        if world.locked.contains(uri) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let inode = *world.names.get(uri).ok_or(io::ErrorKind::NotFound)?;
        let file = world.open.get(&inode).and_then(Weak::upgrade).unwrap_or_else(|| Rc::new(inode));
        world.open.insert(inode, Rc::downgrade(&file));
        Ok(file)
    }

    fn stat(&mut self, file: &Rc<u64>) -> io::Result<Stat> {
        Ok(self.0.borrow().stat(**file))
    }

    fn read_at(&mut self, file: &Rc<u64>, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let world = self.0.borrow();
        let bytes = &world.nodes[file].0;
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        // Never more than 512 bytes at once: short reads are legal.
        let count = rest.len().min(buffer.len()).min(512);
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn stream(&mut self, file: &Rc<u64>) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(self.0.borrow().nodes[file].0.clone())))
    }
}
