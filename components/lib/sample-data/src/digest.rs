//! Digests that look like real ones, and are the same each time.

/// The digest of a content, which is any text.
pub(crate) fn of(content: &str) -> String {
    let mut digest = "sha256:".to_owned();
    let mut state = content
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    for _ in 0..4 {
        // SplitMix64, so that neighbours look nothing alike.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        digest += &format!("{:016x}", word ^ (word >> 31));
    }
    digest
}
