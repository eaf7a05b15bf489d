//! The JSON of the tests, under the name that they know it by.

#[path = "../../tests/it/support/json.rs"]
pub(crate) mod json;
