//! The masking of credentials: text in, masked text out. It knows nothing of lines and their forms.

mod secret_keys;
mod secrets;

pub(super) use self::secret_keys::{is_secret, is_separator};
pub use self::secrets::mask;
pub(super) use self::secrets::{mask_json, mask_parts, mask_suspicious};
