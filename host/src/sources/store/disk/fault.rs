//! What can go wrong with the file of the store, and what the program does then.

use super::super::model::Error;
use std::io::{self, ErrorKind};

/// A failure of one use of the database.
#[derive(Debug)]
pub(super) enum Fault {
    /// The commit is refused; the database is well.
    Refused(Error),
    /// Another process has the file open. The program uses memory meanwhile.
    Held,
    /// Reading or writing failed. The program opens the file again.
    Io(io::Error),
    /// Reading or writing failed for another task, which reports it. The program tries again; a commit that did happen is then a
    /// conflict.
    Closed,
    /// The file is not what this program wrote. The program sets it aside, and begins a new one.
    Damaged(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<redb::Error> for Fault {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Self::Held,
            // A file that ends too early, or that begins with other bytes.
            redb::Error::Io(error) if [ErrorKind::UnexpectedEof, ErrorKind::InvalidData].contains(&error.kind()) => {
                Self::Damaged(error.to_string())
            }
            redb::Error::Io(error) => Self::Io(error),
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => Self::Closed,
            other => Self::Damaged(other.to_string()),
        }
    }
}

macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}

from_redb!(CommitError, DatabaseError, StorageError, TableError, TransactionError);

/// Whether the disk, or a limit of the process or of the user, has no room for more.
pub(super) fn is_full(error: &io::Error) -> bool {
    use ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    [FileTooLarge, QuotaExceeded, StorageFull].contains(&error.kind())
}
