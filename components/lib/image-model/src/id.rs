//! Image ids: how `crictl images` prints them, and whether two spellings name the same image.

/// Characters of an id that `crictl images` prints.
pub const SHORT_LENGTH: usize = 13;

/// The fewest characters that name an image: as many as `docker images` prints.
pub const MIN_LENGTH: usize = 12;

/// The id without its algorithm: `sha256:20faf7…` and `20faf7…` name the same image.
pub fn bare(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

/// The id as `crictl images` prints it: no algorithm, first 13 characters.
///
/// ```
/// use image_model::id;
/// assert_eq!(id::short("sha256:a24bb4013296f61e89ba57005a7b3e52274d8edd3ae2077d04395f806b63d83e"), "a24bb4013296f");
/// ```
pub fn short(id: &str) -> &str {
    let id = bare(id);
    // The usual case: a runtime's ids are digits.
    if let Some(short) = id.get(..SHORT_LENGTH)
        && short.is_ascii()
    {
        return short;
    }
    match id.char_indices().nth(SHORT_LENGTH) {
        Some((end, _)) => &id[..end],
        None => id,
    }
}

/// Whether two spellings name the same image: one is a prefix of the other and both have at least 12 characters.
pub fn same(one: &str, other: &str) -> bool {
    let (one, other) = (bare(one), bare(other));
    one.len().min(other.len()) >= MIN_LENGTH && (one.starts_with(other) || other.starts_with(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "sha256:20faf770514bd13c4041b33f2218046a836d658a9c5407a5e8841730a6a65171";

    #[test]
    fn a_full_id_is_shortened_as_crictl_does() {
        assert_eq!(short(FULL), "20faf770514bd");
        assert_eq!(short("20faf770514bd"), "20faf770514bd");
        assert_eq!(short("abc"), "abc");
        assert_eq!(short(""), "");
    }

    #[test]
    fn an_id_of_other_characters_is_cut_between_two_of_them() {
        assert_eq!(short("éééééééééééééé"), "ééééééééééééé");
    }

    #[test]
    fn spellings_of_one_image_are_the_same() {
        assert!(same(FULL, "20faf770514bd"));
        assert!(same("20faf770514b", FULL));
        assert!(same("20faf770514b", "20faf770514bd"));
        assert!(same("sha256:20faf770514bd", FULL));
    }

    #[test]
    fn too_short_or_different_ids_are_not_the_same() {
        assert!(!same("20faf770514", FULL));
        assert!(!same("", FULL));
        assert!(!same("20faf770514c", FULL));
    }
}
