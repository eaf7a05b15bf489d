//! Memory that is used again, by the next chunk and the next invocation: what was asked of the kernel once need not be asked
//! for anew.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bumpalo::Bump;

use super::chunk::Chunk;
use crate::decode::Decoder;

/// What an invocation leaves for the next.
#[derive(Default)]
pub struct Memory(Mutex<Buffers>);

/// Empty buffers.
#[derive(Default)]
pub(super) struct Buffers {
    pub(super) decoder: Decoder,
    pub(super) arena: Bump,
    chunks: Vec<Chunk>,
}

/// How much is kept for bodies from one invocation to the next, in bytes.
const MOST_KEPT: usize = 4 << 20;

impl Memory {
    /// What the last invocation has left. Another one at the same time would find nothing.
    pub(super) fn take(&self) -> Buffers {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn put_back(&self, mut buffers: Buffers) {
        buffers.arena.reset();
        let mut kept = 0;
        buffers.chunks.retain(|chunk| {
            kept += chunk.body.capacity();
            kept <= MOST_KEPT
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = buffers;
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Buffers {
    /// An empty chunk.
    pub(super) fn chunk(&mut self) -> Chunk {
        self.chunks.pop().unwrap_or_default()
    }

    /// Takes back a chunk that is settled, and those of its payloads that no other chunk needs.
    pub(super) fn reuse(&mut self, mut chunk: Chunk) {
        chunk.body.clear();
        chunk.origins.clear();
        chunk
            .payloads
            .drain(..)
            .filter_map(Arc::into_inner)
            .for_each(|data| self.decoder.reuse(data));
        self.chunks.push(chunk);
    }
}
