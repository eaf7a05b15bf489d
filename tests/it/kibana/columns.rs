//! The columns of Lens's tables: the groups, and the numbers of each group.
#![expect(clippy::disallowed_types, reason = "saved objects are trees")]

use serde_json::{Value, json};

use super::lens::extend;
use super::model::{Bucket, Format, Metric, Of, Panel};

/// Returns the columns in Lens's order: groups before the time axis, numbers last.
pub(super) fn columns(panel: &Panel) -> Vec<(String, Value)> {
    let is_time = |(_, bucket): &(usize, &Bucket)| matches!(bucket, Bucket::Time);
    let (time, groups): (Vec<_>, Vec<_>) = panel.buckets.iter().enumerate().partition(is_time);
    let buckets = groups
        .into_iter()
        .chain(time)
        .map(|(index, bucket)| (bucket_id(index), bucket_column(bucket)));
    let metrics = panel
        .metrics
        .iter()
        .enumerate()
        .flat_map(|(index, metric)| metric_columns(&metric_id(index), metric));
    buckets.chain(metrics).collect()
}

pub(super) fn bucket_id(index: usize) -> String {
    format!("bucket-{index}")
}

pub(super) fn metric_id(index: usize) -> String {
    format!("metric-{index}")
}

fn bucket_column(bucket: &Bucket) -> Value {
    match bucket {
        Bucket::Time => json!({
            "dataType": "date",
            "isBucketed": true,
            "label": "@timestamp",
            "operationType": "date_histogram",
            "params": { "dropPartials": false, "includeEmptyRows": true, "interval": "auto" },
            "scale": "interval",
            "sourceField": "@timestamp",
        }),
        Bucket::Terms {
            field,
            label,
            size,
            is_complete,
        } => json!({
            "customLabel": true,
            "dataType": data_type(field),
            "isBucketed": true,
            "label": label,
            "operationType": "terms",
            "params": {
                "exclude": [],
                "excludeIsRegex": false,
                "include": [],
                "includeIsRegex": false,
                "missingBucket": is_complete,
                "orderBy": { "columnId": metric_id(0), "type": "column" },
                "orderDirection": "desc",
                "otherBucket": is_complete,
                "parentFormat": { "id": "terms" },
                "size": size,
            },
            "scale": "ordinal",
            "sourceField": field,
        }),
        Bucket::Filters(label, filters) => {
            let filters = filters
                .iter()
                .map(|(label, kql)| json!({ "input": { "language": "kuery", "query": kql }, "label": label }));
            json!({
                "customLabel": true,
                "dataType": "string",
                "isBucketed": true,
                "label": label,
                "operationType": "filters",
                "params": { "filters": filters.collect::<Vec<_>>() },
                "scale": "ordinal",
            })
        }
    }
}

/// Returns Lens's name for the type of a field that it groups by.
fn data_type(field: &str) -> &'static str {
    match field {
        "source.ip" => "ip",
        _ if field.ends_with("status_code") || field.ends_with(".status") => "number",
        _ => "string",
    }
}

/// Returns a column for a number. For a formula, also returns the columns from which it is
/// computed, which Lens would write itself.
fn metric_columns(id: &str, metric: &Metric) -> Vec<(String, Value)> {
    let part = |of, filter| Metric {
        of,
        filter,
        ..*metric
    };
    let (operator, name, left, right) = match metric.of {
        Of::Share(whole) => (
            '/',
            "divide",
            part(Of::Count, metric.filter),
            part(Of::Count, whole),
        ),
        Of::Surplus(subtrahend) => (
            '-',
            "subtract",
            part(Of::Count, metric.filter),
            part(Of::Count, subtrahend),
        ),
        Of::Difference(minuend, subtrahend) => (
            '-',
            "subtract",
            part(Of::Average(minuend), metric.filter),
            part(Of::Average(subtrahend), metric.filter),
        ),
        _ => return vec![(id.to_owned(), metric_column(metric))],
    };
    let text = format!("{} {operator} {}", formula(&left), formula(&right));
    let [x0, x1, x2] = [0, 1, 2].map(|index| format!("{id}X{index}"));
    let computed = |operation, references: &[&String], params| {
        json!({
            "customLabel": true,
            "dataType": "number",
            "isBucketed": false,
            "label": metric.label,
            "operationType": operation,
            "params": params,
            "references": references,
            "scale": "ratio",
        })
    };
    let location = json!({ "max": text.len(), "min": 0 });
    let tree = json!({ "args": [x0, x1], "location": location, "name": name, "text": text, "type": "function" });
    let format = format(metric.format);
    let whole = computed(
        "formula",
        &[&x2],
        json!({ "format": format, "formula": text, "isFormulaBroken": false }),
    );
    let math = computed("math", &[&x0, &x1], json!({ "tinymathAst": tree }));
    vec![
        (id.to_owned(), whole),
        (x0, metric_column(&left)),
        (x1, metric_column(&right)),
        (x2, math),
    ]
}

fn formula(metric: &Metric) -> String {
    let arguments: Vec<_> = [
        (metric.field() != RECORDS).then(|| metric.field().to_owned()),
        (!metric.filter.is_empty()).then(|| format!("kql='{}'", metric.filter)),
        metric.is_a_week_before.then(|| format!("shift='{A_WEEK}'")),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("{}({})", metric.operation(), arguments.join(", "))
}

const RECORDS: &str = "___records___";

/// A week as Lens spells it.
const A_WEEK: &str = "1w";

impl Metric {
    const fn operation(&self) -> &'static str {
        match self.of {
            Of::Count => "count",
            Of::Unique(_) => "unique_count",
            Of::Average(_) => "average",
            Of::Max(_) => "max",
            Of::Sum(_) => "sum",
            Of::Percentile(..) => "percentile",
            Of::Share(_) | Of::Surplus(_) | Of::Difference(..) => "formula",
        }
    }

    const fn field(&self) -> &'static str {
        match self.of {
            Of::Unique(field)
            | Of::Average(field)
            | Of::Max(field)
            | Of::Sum(field)
            | Of::Percentile(field, _) => field,
            Of::Count | Of::Share(_) | Of::Surplus(_) | Of::Difference(..) => RECORDS,
        }
    }
}

fn metric_column(metric: &Metric) -> Value {
    let params = match metric.of {
        Of::Percentile(_, percentile) => {
            json!({ "format": format(metric.format), "percentile": percentile })
        }
        Of::Count => json!({ "emptyAsNull": false, "format": format(metric.format) }),
        _ => json!({ "emptyAsNull": true, "format": format(metric.format) }),
    };
    let mut column = json!({
        "customLabel": true,
        "dataType": "number",
        "isBucketed": false,
        "label": metric.label,
        "operationType": metric.operation(),
        "params": params,
        "scale": "ratio",
        "sourceField": metric.field(),
    });
    if !metric.filter.is_empty() {
        extend(
            &mut column,
            &json!({ "filter": { "language": "kuery", "query": metric.filter } }),
        );
    }
    if metric.format == Format::PerMinute {
        extend(&mut column, &json!({ "timeScale": "m" }));
    }
    if metric.is_a_week_before {
        extend(&mut column, &json!({ "timeShift": A_WEEK }));
    }
    column
}

fn format(format: Format) -> Value {
    let number = |decimals| json!({ "id": "number", "params": { "decimals": decimals } });
    match format {
        Format::Number => number(0),
        Format::PerMinute => number(1),
        Format::Percent(decimals) => {
            json!({ "id": "percent", "params": { "decimals": decimals } })
        }
        Format::Bytes => json!({ "id": "bytes", "params": { "decimals": 1 } }),
        // 12,345 is shown as "12.3 s".
        Format::Milliseconds => json!({ "id": "duration", "params": {
            "compact": true,
            "decimals": 1,
            "fromUnit": "milliseconds",
            "toUnit": "humanizePrecise",
        }}),
    }
}
