//! The Kibana objects of the integration package: what they are made from, and what they show of known data.

pub(crate) mod kql;
