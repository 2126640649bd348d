//! Resources whose only rule is that some fields must be filled.

use super::{Resource, require, require_if_given};
use antiphon_gateway::Call;
use antiphon_model::{Object, Result, Value};

/// The longest description; longer ones are cut, as clients expect (system-and-users 4.5).
const DESCRIPTION_CHARS: usize = 255;

/// The fields that must be filled.
pub(super) struct Named(pub(super) &'static [&'static str]);

impl Resource for Named {
    fn create(&self, _call: &Call<'_>, record: &mut Object) -> Result<()> {
        cut_description(record);
        self.0.iter().try_for_each(|field| require(record, field))
    }

    fn update(&self, _call: &Call<'_>, _existing: &Object, record: &mut Object) -> Result<()> {
        cut_description(record);
        self.0.iter().try_for_each(|field| require_if_given(record, field))
    }
}

fn cut_description(record: &mut Object) {
    if let Some(Value::String(description)) = record.get_mut("description")
        && let Some((end, _)) = description.char_indices().nth(DESCRIPTION_CHARS)
    {
        description.truncate(end);
    }
}
