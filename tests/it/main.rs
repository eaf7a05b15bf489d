//! The tests of the whole program, in one binary: it links once, and its tests share one Elasticsearch.

mod lambda_runtime;
mod readme;
mod real_elasticsearch;
mod search_server;
mod support;
mod tidy;
mod uri_oracle;
mod user_agent_oracle;
