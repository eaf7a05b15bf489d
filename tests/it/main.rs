//! The tests of the whole program, in one binary: it links once, and its tests share one Elasticsearch.

mod delivery;
mod delivery_properties;
mod indexer;
mod lambda_runtime;
mod search_server;
mod support;
mod uri_oracle;
mod user_agent_oracle;
mod wire;
