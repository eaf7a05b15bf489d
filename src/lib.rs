//! Amazon API Gateway access logs, from CloudWatch Logs into Elasticsearch.
//!
//! The path of the data, which is also the order in which to read the modules:
//!
//! 1. [`event`]: an invocation's event becomes an [`event::Batch`] of records, and each record
//!    holds subscription payloads.
//! 2. [`decode`]: a payload (base64 of gzip of JSON, whose strings [`json`] reads) becomes
//!    [`decode::LogData`].
//! 3. [`normalizer`]: each log line becomes an [`ecs::Document`]. This never fails.
//! 4. [`enrich`]: the user agent is parsed, and place and network of the address are looked up.
//! 5. [`bulk`]: documents become bulk request bodies; replies become one outcome an item; what is
//!    unresolved is sent again. [`server`] holds the seams to whoever answers, and [`data_stream`]
//!    the names of where documents go.
//! 6. [`dead_letter`]: a document that is rejected for good goes into a data stream that rejects
//!    nothing.
//! 7. [`report`]: every event is accounted for, and the trigger gets its answer.
//! 8. [`pipeline`]: the steps above in one function, [`pipeline::Pipeline::process`].
//! 9. [`search`] reads documents back, or looks them up by id, and proves that it saw them all;
//!    [`redrive`] sends dead letters through the path once more.
//! 10. [`history`] reads what CloudWatch Logs keeps, and sends it through the path or compares it
//!     with what is stored.
//! 11. [`setup`]: templates and lifecycle are put into Elasticsearch before the first document.
//! 12. [`check`]: a server, and AWS, are asked everything that can be asked before and after a
//!     deployment.
//!
//! [`event_id`] has the layout of CloudWatch's ids of log events.
//! [`printable`] shows foreign words at a terminal or in a log; every room may use it.
//!
//! So far nothing knows the network: [`server::Transport`] is the seam. [`config`] reads the
//! settings and the files that they name, [`elasticsearch`] and [`aws`] speak HTTP with clients of
//! [`http`], and [`handler`] (the Lambda function) and [`cli`] (the same path at a terminal) are
//! the front doors.

pub mod event;

pub mod event_id;

pub mod decode;

pub mod json;

pub mod data_stream;

mod parts;

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

pub mod http;

pub mod aws;

pub mod history;

pub mod elasticsearch;

pub mod handler;

pub mod cli;
