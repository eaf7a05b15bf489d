//! The variables of a line: their keys and their values.

pub(crate) mod access_log;
pub(crate) mod aliases;
mod duplicates;
pub(crate) mod evidence;
pub(crate) mod form;
pub(crate) mod groups;
pub(crate) mod key_order;
pub(crate) mod meaning;
pub(crate) mod value;
