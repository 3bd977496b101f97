//! All sources merged into flat keys, as the renderings have them.

use indexmap::IndexMap;

use super::answer::Source;
use crate::format::Scalar;

/// Spring leaves this key out of the renderings.
const PROFILES: &str = "spring.profiles";

/// Merges the sources. The keys are in the order of the files, the file with the lowest precedence first. Lists come after them. A
/// list replaces the same list of a source with lower precedence as a whole.
pub(super) fn merge(sources: &[Source]) -> IndexMap<&str, &Scalar> {
    let mut merged: IndexMap<&str, &Scalar> = IndexMap::new();
    let mut lists: IndexMap<&str, Vec<(&str, &Scalar)>> = IndexMap::new();
    for source in sources.iter().rev() {
        let mut own: IndexMap<&str, Vec<(&str, &Scalar)>> = IndexMap::new();
        for (key, served) in &source.source {
            match key.find('[') {
                Some(bracket) => own.entry(&key[..bracket]).or_default().push((key, &served.value)),
                None => {
                    merged.insert(key, &served.value);
                }
            }
        }
        lists.extend(own);
    }
    merged.extend(lists.into_values().flatten());
    merged.shift_remove(PROFILES);
    merged
}
