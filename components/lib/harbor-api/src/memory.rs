//! How much memory a listing may take. A source that would take more loses rows of its own, with an error, and never those of
//! the other source, which are in the memory of the same instance.

/// Most bytes that the rows of one page may take.
pub(crate) const MAX_PAGE_BYTES: usize = 8 << 20;
/// Most bytes that the rows of one buffered list may take.
pub(crate) const MAX_LIST_BYTES: usize = 6 << 20;
/// Most rows of one list to buffer and sort. The listing reads a project with more artifacts repository by repository, and
/// streams a repository with more. Each row takes some 350 bytes.
pub(crate) const MAX_BUFFERED_ROWS: usize = 10_000;
/// Most names of projects, and of repositories, that a listing knows at a time.
pub(crate) const MAX_NAMES: usize = 100_000;
/// Most bytes that they may take.
pub(crate) const MAX_NAME_BYTES: usize = 8 << 20;
/// Most tags of one artifact.
pub(crate) const MAX_TAGS: usize = 50_000;
/// Most children of one index.
pub(crate) const MAX_CHILDREN: usize = 10_000;

/// A value whose memory is counted.
pub(crate) trait Footprint {
    /// Bytes, its own and those that it points to.
    fn bytes(&self) -> usize;
}

/// The bytes of a text, with what the allocator adds.
pub(crate) fn text(text: &str) -> usize {
    const ALLOCATION: usize = 16;
    text.len() + size_of::<String>() + ALLOCATION
}
