//! The store as the listing sees it: records under keys in order, changed by commits that happen whole or not at all
//! (wit/store.wit).

/// A place for the rows of one Harbor.
#[allow(async_fn_in_trait, reason = "components have one thread")]
pub trait Store {
    /// What the store holds; `None` where it holds nothing.
    ///
    /// # Errors
    ///
    /// See [`StoreError`]; so with the other functions.
    async fn head(&self) -> Result<Option<Head>, StoreError>;

    /// Keys and versions in order, from the first one after `after`, as many as fit into a page.
    async fn versions(&self, after: Option<Vec<u8>>) -> Result<VersionPage, StoreError>;

    /// The same with values.
    async fn scan(&self, after: Option<Vec<u8>>) -> Result<Page, StoreError>;

    /// The entries with these keys, as many as fit into a page.
    async fn get(&self, keys: Vec<Vec<u8>>) -> Result<Page, StoreError>;

    /// Makes all changes at the same moment, and returns the new revision.
    async fn commit(&self, base: Option<u64>, changes: Changes) -> Result<u64, StoreError>;

    /// Tells the operator something.
    fn warn(&self, message: &str);
}

/// What the store holds at a moment.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The latest commit.
    pub revision: u64,
    /// The bytes that a commit set last.
    pub meta: Vec<u8>,
    /// Seconds since then.
    pub age: u64,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the order of bytes.
    pub key: Vec<u8>,
    /// The moment of the value's last change at the source.
    pub version: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

/// Some entries.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Whether there are more.
    pub more: bool,
}

/// Some keys, each with its version.
#[derive(Clone, Debug, Default)]
pub struct VersionPage {
    /// The keys.
    pub entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether there are more.
    pub more: bool,
}

/// The changes of a commit.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Keys to remove.
    pub deletes: Vec<Vec<u8>>,
    /// Entries to write.
    pub puts: Vec<Entry>,
    /// The new `meta`; `None` leaves it as it is.
    pub meta: Option<Vec<u8>>,
}

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Another commit was quicker.
    Conflict,
    /// There is no store on this platform.
    Unavailable,
    /// The sentence says why.
    Failed(String),
}

/// No store.
#[derive(Clone, Copy, Debug)]
pub struct NoStore;

impl Store for NoStore {
    async fn head(&self) -> Result<Option<Head>, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn versions(&self, _: Option<Vec<u8>>) -> Result<VersionPage, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn scan(&self, _: Option<Vec<u8>>) -> Result<Page, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn get(&self, _: Vec<Vec<u8>>) -> Result<Page, StoreError> {
        Err(StoreError::Unavailable)
    }

    async fn commit(&self, _: Option<u64>, _: Changes) -> Result<u64, StoreError> {
        Err(StoreError::Unavailable)
    }

    fn warn(&self, _: &str) {}
}
