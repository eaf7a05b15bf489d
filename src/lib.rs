//! Amazon API Gateway access logs, from CloudWatch Logs into Elasticsearch.
//!
//! The data's path, which is also the order to read the modules in:
//!
//! 1. [`event`]: what Lambda hands over becomes a [`event::Batch`] of records, each with its subscription payloads.
//! 2. [`decode`]: a payload (base64 of gzip of JSON, whose strings [`json`] reads) becomes [`decode::LogData`].
//! 3. [`normalizer`]: each log line becomes an [`ecs::Document`]. This never fails.
//! 4. [`enrich`]: the document learns what user agent and place its strings stand for.
//! 5. [`bulk`]: documents become bulk request bodies; replies become one outcome an item; what is unresolved is sent
//!    again. [`server`] holds the seams to whoever answers, and [`data_stream`] the names of where documents go.
//! 6. [`dead_letter`]: what Elasticsearch refuses for good is put where nothing is refused.
//! 7. [`report`]: what became of every event, and the answer owed to whoever sent it.
//! 8. [`pipeline`]: the steps above in one function, [`pipeline::Pipeline::process`].
//! 9. [`search`] reads documents back and proves that it saw them all; [`redrive`] sends dead letters through the
//!    path once more.
//! 10. [`setup`]: what Elasticsearch needs before the first document.
//! 11. [`check`]: everything that can be asked of a server before and after a deployment.
//!
//! [`printable`] shows foreign words at a terminal or in a log; every room may use it.
//!
//! So far nothing knows the network: [`server::Transport`] is the seam. [`config`] reads the settings and the files that
//! they name, [`elasticsearch`] speaks HTTP, and [`handler`] (the Lambda function) and [`cli`] (the same path at a
//! terminal) are the front doors.

pub mod event;

pub mod decode;

pub mod json;

pub mod data_stream;

pub mod printable;

pub mod ecs;

pub mod normalizer;

pub mod enrich;

pub mod server;

pub mod bulk;

pub mod dead_letter;

pub mod report;

pub mod pipeline;

pub mod search;

pub mod redrive;

pub mod setup;

pub mod check;

pub mod config;

pub mod elasticsearch;

pub mod handler;

pub mod cli;
