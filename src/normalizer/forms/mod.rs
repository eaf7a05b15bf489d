//! The forms of line that the function reads, one file for each.

pub(crate) mod broken_json;
pub(crate) mod common_log;
pub(crate) mod envelope;
pub(crate) mod execution_log;
pub(crate) mod format;
pub(crate) mod json;
pub(crate) mod key_value;
pub(crate) mod xml;
