//! The requests that Kibana would send for saved panels, and the tables that it would draw from the
//! answers.
#![expect(
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "saved objects and answers are trees"
)]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::kql::to_query;

/// The rows of a panel: the labels of each row's groups (times in milliseconds since 1970), and its
/// numbers.
pub(super) type Table = BTreeMap<Vec<String>, Vec<Option<f64>>>;

/// Milliseconds of a time step. Kibana's choice depends on the time range and the width of the
/// screen.
pub(super) const STEP: u64 = 600_000;

const A_WEEK: u64 = 7 * 24 * 60 * 60 * 1_000;

/// The label of the documents without a value.
pub(super) const MISSING: &str = "__missing__";

/// A layer of a Lens panel that asks Elasticsearch for aggregations.
pub(super) struct Layer<'a> {
    columns: &'a Map<String, Value>,
    order: Vec<&'a str>,
}

impl<'a> Layer<'a> {
    /// Returns the only layer of a panel's `datasourceStates.formBased`.
    pub(super) fn read(form_based: &'a Value) -> Self {
        let layers = form_based["layers"].as_object().expect("layers");
        assert_eq!(layers.len(), 1, "one layer: {layers:?}");
        let layer = layers.values().next().expect("there is one");
        let order = layer["columnOrder"].as_array().expect("an order").iter();
        let columns = layer["columns"].as_object().expect("columns");
        Self {
            columns,
            order: order.map(|id| id.as_str().expect("an id")).collect(),
        }
    }

    fn ids(&self, is_bucketed: bool) -> impl Iterator<Item = &'a str> {
        self.order
            .iter()
            .copied()
            .filter(move |id| self.columns[*id]["isBucketed"] == is_bucketed)
    }

    /// Returns the shifts of the numbers in time, in milliseconds. Kibana sends a request for each.
    pub(super) fn shifts(&self) -> BTreeSet<u64> {
        self.metrics().map(|id| self.shift(id)).collect()
    }

    /// Returns the shift of a number in time. All parts of a formula have the same shift.
    fn shift(&self, id: &str) -> u64 {
        let column = &self.columns[id];
        match column["references"][0].as_str() {
            Some(part) => self.shift(part),
            None => match column["timeShift"].as_str() {
                None => 0,
                Some("1w") => A_WEEK,
                other => panic!("{other:?} is no shift that we know"),
            },
        }
    }

    /// Returns the largest number of rows of the layer, from the sizes of its groups.
    pub(super) fn limit(&self) -> Option<usize> {
        let size = |id| self.columns[id]["params"]["size"].as_u64();
        let sizes = self
            .ids(true)
            .map(|id| Some(usize::try_from(size(id)?).expect("small")));
        sizes.product()
    }

    /// Returns the columns that are drawn, without those from which a formula is computed.
    fn metrics(&self) -> impl Iterator<Item = &'a str> {
        let is_part = |id: &str| {
            let references = self
                .columns
                .values()
                .filter_map(|column| column["references"].as_array())
                .flatten();
            references.into_iter().any(|reference| reference == id)
        };
        self.ids(false).filter(move |id| !is_part(id))
    }

    /// Returns the `aggs` of the request: nested groups, with the numbers in the innermost.
    pub(super) fn aggregations(&self) -> Value {
        let metrics = self
            .ids(false)
            .filter_map(|id| Some((id.to_owned(), metric(&self.columns[id])?)));
        let mut inner: Map<_, _> = metrics.collect();
        for id in self.ids(true).collect::<Vec<_>>().into_iter().rev() {
            let mut bucket = self.bucket(&self.columns[id]);
            let order = self.columns[id]["params"]["orderBy"]["columnId"].as_str();
            let mut within = inner;
            if let Some((id, metric)) = order.and_then(|id| Some((id, metric(&self.columns[id])?)))
            {
                within.insert(id.to_owned(), metric);
            }
            bucket["aggs"] = Value::Object(within);
            inner = [(id.to_owned(), bucket)].into_iter().collect();
        }
        Value::Object(inner)
    }

    fn bucket(&self, column: &Value) -> Value {
        let (field, params) = (&column["sourceField"], &column["params"]);
        match column["operationType"].as_str() {
            Some("date_histogram") => {
                json!({ "date_histogram": { "field": field, "fixed_interval": format!("{STEP}ms"), "min_doc_count": 1 } })
            }
            Some("terms") => {
                let by = params["orderBy"]["columnId"]
                    .as_str()
                    .expect("terms are ordered by a column");
                let path = self.order_path(by);
                let mut terms = json!({ "field": field, "size": params["size"], "order": { path: params["orderDirection"] } });
                // Kibana ignores `missingBucket` where there is no `otherBucket`.
                if params["otherBucket"] == true && params["missingBucket"] == true {
                    terms["missing"] = json!(MISSING);
                }
                json!({ "terms": terms })
            }
            Some("filters") => {
                let filters = params["filters"].as_array().expect("filters");
                let filter =
                    |filter: &Value| (text(&filter["label"]).to_owned(), kql(&filter["input"]));
                json!({ "filters": { "filters": filters.iter().map(filter).collect::<Map<_, _>>() } })
            }
            other => panic!("{other:?} is no group that we know"),
        }
    }

    fn order_path(&self, id: &str) -> String {
        let column = &self.columns[id];
        let is_filtered = !column["filter"].is_null();
        match column["operationType"].as_str() {
            // The bucket of a filter is ordered by its documents.
            Some("count") if is_filtered => id.to_owned(),
            Some("count") => "_count".to_owned(),
            _ if is_filtered => panic!("an order by such a number is not known here: {column}"),
            Some("percentile") => format!("{id}.{}", column["params"]["percentile"]),
            Some("unique_count" | "average" | "max") => id.to_owned(),
            other => panic!("{other:?} cannot order"),
        }
    }

    /// Returns the table from the `aggregations` of the answers, each with its shift. A row has the
    /// time at which it is drawn.
    pub(super) fn table(&self, answers: &[(u64, Value)]) -> Table {
        let mut table = Table::new();
        let buckets: Vec<_> = self.ids(true).collect();
        for (shift, aggregations) in answers {
            let mut rows = Table::new();
            self.rows(&buckets, aggregations, Vec::new(), &mut rows);
            for (labels, numbers) in rows {
                let row = table
                    .entry(self.drawn_at(&buckets, labels, *shift))
                    .or_insert_with(|| vec![None; numbers.len()]);
                for ((id, number), value) in self.metrics().zip(row).zip(numbers) {
                    if self.shift(id) == *shift {
                        *number = value;
                    }
                }
            }
        }
        table
    }

    fn drawn_at(&self, buckets: &[&str], labels: Vec<String>, shift: u64) -> Vec<String> {
        let is_time = |id: &str| self.columns[id]["operationType"] == "date_histogram";
        let later = |(id, label): (&&str, String)| match label.parse::<u64>() {
            Ok(time) if is_time(id) => (time + shift).to_string(),
            _ => label,
        };
        buckets.iter().zip(labels).map(later).collect()
    }

    fn rows(&self, buckets: &[&str], answer: &Value, labels: Vec<String>, table: &mut Table) {
        let Some((first, further)) = buckets.split_first() else {
            table.insert(
                labels,
                self.metrics().map(|id| self.number(id, answer)).collect(),
            );
            return;
        };
        let answers: Vec<(String, &Value)> = match &answer[*first]["buckets"] {
            Value::Array(buckets) => buckets
                .iter()
                .map(|bucket| (label(bucket), bucket))
                .collect(),
            Value::Object(buckets) => buckets
                .iter()
                .map(|(label, bucket)| (label.clone(), bucket))
                .collect(),
            other => panic!("{first} has no buckets: {other}"),
        };
        // The row of all others would need a second request.
        assert!(
            self.columns[*first]["params"]["otherBucket"] != true
                || answer[*first]["sum_other_doc_count"] == 0,
            "{first} has more values than it shows"
        );
        for (label, bucket) in answers
            .into_iter()
            .filter(|(_, bucket)| bucket["doc_count"] != 0)
        {
            let labels = labels.iter().cloned().chain([label]).collect();
            self.rows(further, bucket, labels, table);
        }
    }

    /// Returns a column's number in a group's answer.
    fn number(&self, id: &str, answer: &Value) -> Option<f64> {
        let column = &self.columns[id];
        let inner = if column["filter"].is_null() {
            answer
        } else {
            &answer[id]
        };
        let here = if column["filter"].is_null() {
            &answer[id]
        } else {
            &answer[id]["value"]
        };
        match text(&column["operationType"]) {
            "count" => inner["doc_count"]
                .as_f64()
                .map(|count| count * scale(column)),
            "percentile" => {
                here["values"][format!("{:.1}", column["params"]["percentile"].as_f64()?)].as_f64()
            }
            "formula" => self.number(text(&column["references"][0]), answer),
            "math" => self.compute(&column["params"]["tinymathAst"], answer),
            _ => here["value"].as_f64(),
        }
    }

    fn compute(&self, tree: &Value, answer: &Value) -> Option<f64> {
        let argument = |index: usize| match &tree["args"][index] {
            Value::String(id) => self.number(id, answer),
            Value::Number(number) => number.as_f64(),
            inner => self.compute(inner, answer),
        };
        let (left, right) = (argument(0)?, argument(1)?);
        match text(&tree["name"]) {
            "divide" => Some(left / right).filter(|value| value.is_finite()),
            "subtract" => Some(left - right),
            other => panic!("{other} is no function that we know"),
        }
    }
}

/// Returns the factor that turns a count into a count for a unit of time.
fn scale(column: &Value) -> f64 {
    match column["timeScale"].as_str() {
        None => 1.0,
        Some("m") => 60_000.0 / STEP as f64,
        other => panic!("{other:?} is no unit that we know"),
    }
}

/// Returns the aggregation behind a column of numbers. Formulas are computed from other answers,
/// and every group has a plain count.
fn metric(column: &Value) -> Option<Value> {
    let (operation, field) = (text(&column["operationType"]), &column["sourceField"]);
    let filter = (!column["filter"].is_null()).then(|| kql(&column["filter"]));
    let aggregation = match operation {
        "count" => return Some(json!({ "filter": filter? })),
        "formula" | "math" => return None,
        "unique_count" => json!({ "cardinality": { "field": field } }),
        "average" => json!({ "avg": { "field": field } }),
        "max" => json!({ "max": { "field": field } }),
        "sum" => json!({ "sum": { "field": field } }),
        "percentile" => {
            json!({ "percentiles": { "field": field, "percents": [column["params"]["percentile"]] } })
        }
        other => panic!("{other} is no operation that we know"),
    };
    match filter {
        None => Some(aggregation),
        Some(filter) => Some(json!({ "filter": filter, "aggs": { "value": aggregation } })),
    }
}

fn label(bucket: &Value) -> String {
    let key = bucket
        .get("key_as_string")
        .filter(|_| bucket["key"].is_string())
        .unwrap_or(&bucket["key"]);
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}

pub(super) fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} should be a text"))
}

/// Returns the query of a `{"language": "kuery", "query": …}`.
pub(super) fn kql(query: &Value) -> Value {
    assert_eq!(query["language"], "kuery", "{query}");
    to_query(text(&query["query"])).unwrap_or_else(|problem| panic!("{problem}"))
}

/// Returns the query of a panel: its KQL, its enabled filters, and the time range.
pub(super) fn query(own: &Value, filters: &[&Value], range: [&str; 2]) -> Value {
    let filters = filters.iter().map(|filter| {
        assert_eq!(filter["meta"]["disabled"], false, "{filter}");
        if filter["meta"]["negate"] == true {
            json!({ "bool": { "must_not": filter["query"] } })
        } else {
            filter["query"].clone()
        }
    });
    let [from, to] = range;
    let time = json!({ "range": { "@timestamp": { "gte": from, "lte": to, "format": "strict_date_optional_time" } } });
    let all: Vec<_> = [kql(own), time].into_iter().chain(filters).collect();
    json!({ "bool": { "filter": all } })
}
