//! The names of repositories, with their order as numbers: most comparisons of rows need no text.

/// Texts in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Names {
    text: String,
    ends: Vec<u32>,
    /// The place of each name among all different names.
    ranks: Vec<u32>,
    /// One of each different name, in order.
    sorted: Vec<u32>,
}

impl Names {
    /// Adds a name, and gives its number.
    pub(crate) fn push(&mut self, parts: &[&str]) -> u32 {
        parts.iter().for_each(|part| self.text.push_str(part));
        self.ends.push(self.text.len() as u32);
        self.ends.len() as u32 - 1
    }

    /// Puts the names in order. No name is added behind this.
    pub(crate) fn seal(&mut self) {
        let mut sorted: Vec<u32> = (0..self.ends.len() as u32).collect();
        // Names of the registry come nearly in order, which this sort uses.
        sorted.sort_by(|one, other| self.get(*one).cmp(self.get(*other)));
        self.ranks = vec![0; sorted.len()];
        for name in sorted {
            if self.sorted.last().is_none_or(|last| self.get(*last) != self.get(name)) {
                self.sorted.push(name);
            }
            self.ranks[name as usize] = odd(self.sorted.len() as u32 - 1);
        }
    }

    /// The name of a number.
    pub(crate) fn get(&self, number: u32) -> &str {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before as usize]);
        &self.text[start as usize..self.ends[number as usize] as usize]
    }

    /// The place of a name in the order of all names.
    pub(crate) fn rank(&self, number: u32) -> u32 {
        self.ranks[number as usize]
    }

    /// The place that any text has in that order, or would have.
    pub(crate) fn rank_of(&self, text: &str) -> u32 {
        match self.sorted.binary_search_by(|name| self.get(*name).cmp(text)) {
            Ok(place) => odd(place as u32),
            Err(place) => 2 * place as u32,
        }
    }
}

/// Names have odd ranks. Texts that are none have even ones, between them.
fn odd(place: u32) -> u32 {
    2 * place + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_in_the_order_of_the_names_and_other_texts_are_between_them() {
        let mut names = Names::default();
        for name in [&["h/", "c"][..], &["h/a"], &["h/", "c"]] {
            names.push(name);
        }
        names.seal();
        assert_eq!(names.get(0), "h/c");
        assert_eq!([0, 1, 2].map(|name| names.rank(name)), [3, 1, 3]);
        assert_eq!(["h", "h/a", "h/b", "h/c", "i"].map(|text| names.rank_of(text)), [0, 1, 2, 3, 4]);
    }
}
