//! The tests of the whole program, in one binary: it links once, and its tests share one Elasticsearch.

mod cli;
mod delivery;
mod events;
mod foreign_events;
mod indexer;
mod lambda_runtime;
mod lines;
mod normalizer_properties;
mod readme;
mod real_elasticsearch;
mod schema;
mod search_server;
mod support;
mod tidy;
mod uri_oracle;
mod user_agent_oracle;
