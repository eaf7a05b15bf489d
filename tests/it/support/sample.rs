//! Documents that took the normal path into a real Elasticsearch, and queries on them as Kibana
//! sends them.

use std::ops::Range;
use std::sync::OnceLock;

use super::command_line::run;
use super::json::Json;
use super::search_server::{SearchServer, with_esql};
use super::templates::put_templates;

/// The data streams of one test.
pub(crate) struct Sample {
    server: &'static SearchServer,
    pub(crate) namespace: String,
}

/// A row of an answer: each column's name with its value.
pub(crate) type Row = Vec<(String, Json)>;

impl Sample {
    pub(crate) fn new(name: &str) -> Self {
        static TEMPLATES: OnceLock<()> = OnceLock::new();
        let server = with_esql();
        TEMPLATES.get_or_init(|| put_templates(server));
        // A server that survives test runs must not have seen this run's documents.
        Self {
            server,
            namespace: format!("{name}{}", std::process::id()),
        }
    }

    pub(crate) fn data_stream(&self) -> String {
        format!("logs-aws.api_gateway_logs-{}", self.namespace)
    }

    pub(crate) fn dead_letters(&self) -> String {
        format!("logs-aws.api_gateway_dead_letters-{}", self.namespace)
    }

    pub(crate) fn admin_request(&self, method: &str, path: &str, body: Option<&str>) {
        let (status, answer) = self.server.admin_request(method, path, body);
        assert_eq!(status, 200, "{method} {path}: {answer}");
    }

    /// Indexes an invoke event. Returns the report.
    pub(crate) fn index(&self, event: &str) -> Json {
        let key = self.server.function_api_key();
        let (data_stream, dead_letters) = (self.data_stream(), self.dead_letters());
        let mut variables = vec![
            ("ELASTICSEARCH_URL", self.server.url.as_str()),
            ("DATA_STREAM", &data_stream),
            ("DEAD_LETTER_DATA_STREAM", &dead_letters),
        ];
        variables.extend(key.as_deref().map(|key| ("ELASTICSEARCH_API_KEY", key)));
        let outcome = run(&["invoke", "-"], &variables, event.as_bytes());
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        self.server.refresh(&format!("logs-*-{}*", self.namespace));
        Json::read(&outcome.stdout)
    }

    /// The selected time range, as Kibana filters by it, and the sample's own documents.
    fn filter(&self, range: &Range<i64>) -> String {
        format!(
            r#"{{"range":{{"@timestamp":{{"gte":{},"lt":{},"format":"epoch_millis"}}}}}},{{"term":{{"data_stream.namespace":"{}"}}}}"#,
            range.start, range.end, self.namespace
        )
    }

    /// Returns the rows of an ES|QL query over the sample's data streams. Elasticsearch refuses a
    /// query if another test is just creating one of its indices.
    pub(crate) fn esql(&self, query: &str, range: &Range<i64>) -> Vec<Row> {
        let (comments, from) = query.split_at(query.find("FROM ").expect("a source"));
        let from = from.replacen('*', &format!("*{}*", self.namespace), 1);
        let query = format!("{comments}{from}");
        rows(self.server, &query, &self.filter(range))
    }

    /// Returns how many documents a KQL text finds, as Elasticsearch understands it.
    pub(crate) fn kql(&self, kql: &str, range: &Range<i64>) -> i64 {
        let text = Json::Text(kql.to_owned()).compact();
        self.count(&format!(r#"{{"kql":{{"query":{text}}}}}"#), range)
    }

    /// Returns how many documents the query finds that Kibana makes from a KQL text.
    pub(crate) fn kql_of_kibana(&self, kql: &str, range: &Range<i64>) -> i64 {
        let query =
            crate::kibana::kql::to_query(kql).unwrap_or_else(|problem| panic!("{kql}: {problem}"));
        self.count(&query.to_string(), range)
    }

    fn count(&self, query: &str, range: &Range<i64>) -> i64 {
        let body = format!(
            r#"{{"query":{{"bool":{{"filter":[{query},{}]}}}}}}"#,
            self.filter(range)
        );
        let path = format!("/{}/_count", self.data_stream());
        let (status, answer) = self.server.admin_request("POST", &path, Some(&body));
        assert_eq!(status, 200, "{query}: {answer}");
        Json::read(&answer).number("count").expect("a count")
    }
}

/// Returns the rows of an ES|QL query over the documents that match some filters.
pub(crate) fn rows(server: &SearchServer, query: &str, filters: &str) -> Vec<Row> {
    let query = Json::Text(query.to_owned()).compact();
    let body = format!(r#"{{"query":{query},"filter":{{"bool":{{"filter":[{filters}]}}}}}}"#);
    let (status, answer) = server.admin_request("POST", "/_query", Some(&body));
    assert_eq!(status, 200, "{query}: {answer}");
    let answer = Json::read(&answer);
    let names = answer
        .list("columns")
        .expect("columns")
        .iter()
        .map(|column| column.text("name").expect("a name"));
    let names: Vec<_> = names.map(str::to_owned).collect();
    let row = |row: &Json| match row {
        Json::List(values) => names.iter().cloned().zip(values.iter().cloned()).collect(),
        other => panic!("{other:?} is no row"),
    };
    let values = answer.list("values").expect("values").iter();
    values.map(row).collect()
}

/// Returns a column of a row.
pub(crate) fn column<'r>(row: &'r Row, name: &str) -> &'r Json {
    row.iter()
        .find(|(column, _)| column == name)
        .map(|(_, value)| value)
        .unwrap_or_else(|| panic!("no {name} in {row:?}"))
}

impl Drop for Sample {
    /// Removes the data streams where the server allows it, so that a developer's server does not
    /// fill up.
    fn drop(&mut self) {
        for data_stream in [self.data_stream(), self.dead_letters()] {
            self.server
                .admin_request("DELETE", &format!("/_data_stream/{data_stream}"), None);
        }
    }
}
