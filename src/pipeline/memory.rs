//! Buffers that the next chunk and the next invocation reuse, to avoid page faults; and the
//! progress from which the next delivery of an event continues.

use std::cell::RefCell;
use std::fmt;

use bumpalo::Bump;

use super::chunk::Chunk;
use super::progress::Unfinished;
use crate::decode::Decoder;

/// The memory that an invocation leaves to the next.
#[derive(Default)]
pub struct Memory(RefCell<Buffers>);

/// Empty buffers, and the payloads that are not finished.
#[derive(Default)]
pub(super) struct Buffers {
    pub(super) decoder: Decoder,
    pub(super) arena: Bump,
    pub(super) unfinished: Unfinished,
    chunks: Vec<Chunk>,
}

/// Upper bound on the memory for chunks that is kept between invocations, in bytes.
const MOST_KEPT: usize = 4 << 20;

/// Upper bound on the memory for one line's document that is kept, in bytes.
const LARGEST_ARENA: usize = 4 << 20;

impl Memory {
    /// Takes what the last invocation left. Another invocation at the same time would find nothing.
    pub(super) fn take(&self) -> Buffers {
        self.0.take()
    }

    pub(super) fn put_back(&self, mut buffers: Buffers) {
        reset(&mut buffers.arena);
        let mut kept = 0;
        buffers.chunks.retain(|chunk| {
            kept += chunk.capacity();
            kept <= MOST_KEPT
        });
        self.0.replace(buffers);
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Memory").finish_non_exhaustive()
    }
}

/// Empties an arena. An arena that a huge line has enlarged is given back.
pub(super) fn reset(arena: &mut Bump) {
    arena.reset();
    if arena.allocated_bytes() > LARGEST_ARENA {
        *arena = Bump::new();
    }
}

impl Buffers {
    /// Returns an empty chunk.
    pub(super) fn chunk(&mut self) -> Chunk {
        self.chunks.pop().unwrap_or_default()
    }

    /// Takes back a chunk that is settled, unless it has grown beyond `largest` bytes.
    pub(super) fn reuse(&mut self, mut chunk: Chunk, largest: usize) {
        if chunk.capacity() <= largest {
            chunk.clear();
            self.chunks.push(chunk);
        }
    }
}
