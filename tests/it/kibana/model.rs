//! What a dashboard is made of, in the words of Kibana's Lens, and no more than our dashboards need.

/// The documents, and what Elasticsearch refused of them: the datasets of the data streams' default names.
pub(super) const LOGS: &str = "aws.api_gateway_logs";
pub(super) const DEAD_LETTERS: &str = "aws.api_gateway_dead_letters";

/// Colours mean the same on every panel: those of Elastic's palette that the colour-blind tell apart.
pub(super) const GREEN: &str = "#209280";
pub(super) const BLUE: &str = "#6092C0";
pub(super) const YELLOW: &str = "#D6BF57";
pub(super) const ORANGE: &str = "#DA8B45";
pub(super) const RED: &str = "#CC5642";
pub(super) const GREY: &str = "#98A2B3";

/// A dashboard: rows of panels on a grid of 48 columns.
pub(super) struct Dashboard {
    /// The end of the saved object's id.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    /// What it shows documents of.
    pub(super) datasets: &'static [&'static str],
    /// Fields to choose values of, above the panels, and what they are called.
    pub(super) controls: &'static [(&'static str, &'static str)],
    /// The start of the time range that it opens with, and then it is refreshed every minute; else it keeps Kibana's.
    pub(super) opens_with: Option<&'static str>,
    pub(super) rows: Vec<Row>,
}

/// Panels beside each other, all of a height.
pub(super) struct Row(pub(super) u32, pub(super) Vec<Panel>);

pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) width: u32,
    pub(super) shape: Shape,
    pub(super) dataset: &'static str,
    /// KQL: which documents of the dataset it shows.
    pub(super) query: &'static str,
    pub(super) buckets: Vec<Bucket>,
    pub(super) metrics: Vec<Metric>,
    /// Names of the dashboards that a click on a value can lead to, with that value as filter.
    pub(super) drilldowns: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A number.
    Tile,
    Lines,
    Areas,
    Bars,
    Donut,
    Table,
    /// Circles where documents come from, by this field.
    Map(&'static str),
    /// The rows of the saved search of this name.
    Search(&'static str),
    /// A table of what an ES|QL query finds: for what Lens's own operations cannot do, as the time between two fields.
    Esql(&'static Esql),
}

#[derive(PartialEq, Eq)]
pub(super) struct Esql {
    pub(super) query: &'static str,
    /// The columns, and what they are called: a group's name, then its numbers.
    pub(super) by: (&'static str, &'static str),
    pub(super) of: &'static [(&'static str, &'static str)],
}

/// What documents are grouped by.
pub(super) enum Bucket {
    /// Time, in steps that suit the dashboard's time range.
    Time,
    /// The values of a field that most documents have, and how many of them.
    Terms {
        field: &'static str,
        label: &'static str,
        size: u32,
    },
    /// A group for each KQL text.
    Filters(&'static [(&'static str, &'static str)]),
}

/// A number that a group of documents has.
#[derive(Clone, Copy)]
pub(super) struct Metric {
    pub(super) label: &'static str,
    pub(super) of: Of,
    /// KQL: which documents of the group count.
    pub(super) filter: &'static str,
    pub(super) format: Format,
    pub(super) color: Option<&'static str>,
}

#[derive(Clone, Copy)]
pub(super) enum Of {
    Count,
    Unique(&'static str),
    Average(&'static str),
    Max(&'static str),
    Percentile(&'static str, u32),
    /// The documents that match, of those that match this KQL.
    Share(&'static str),
    /// The average of a field less that of another, of the documents that have both.
    Difference(&'static str, &'static str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Number,
    /// A share of one.
    Percent,
    Milliseconds,
    /// A count, told as so many a minute.
    PerMinute,
}

pub(super) const fn metric(label: &'static str, of: Of) -> Metric {
    let format = match of {
        Of::Share(_) => Format::Percent,
        Of::Average(_) | Of::Percentile(..) | Of::Difference(..) | Of::Max(_) => {
            Format::Milliseconds
        }
        Of::Count | Of::Unique(_) => Format::Number,
    };
    Metric {
        label,
        of,
        filter: "",
        format,
        color: None,
    }
}

pub(super) const fn count(label: &'static str) -> Metric {
    metric(label, Of::Count)
}

impl Metric {
    pub(super) const fn only(self, filter: &'static str) -> Self {
        Self { filter, ..self }
    }

    pub(super) const fn colored(self, color: &'static str) -> Self {
        Self {
            color: Some(color),
            ..self
        }
    }

    pub(super) const fn per_minute(self) -> Self {
        Self {
            format: Format::PerMinute,
            ..self
        }
    }
}

pub(super) const fn terms(field: &'static str, label: &'static str) -> Bucket {
    Bucket::Terms {
        field,
        label,
        size: 10,
    }
}

/// The values of a field that has a few dozen at most: API Gateway knows some twenty types of responses.
pub(super) const fn all_terms(field: &'static str, label: &'static str) -> Bucket {
    Bucket::Terms {
        field,
        label,
        size: 50,
    }
}

/// A panel of access logs; [`Panel::of`] and the like change that.
pub(super) const fn panel(shape: Shape, width: u32, title: &'static str) -> Panel {
    Panel {
        title,
        width,
        shape,
        dataset: LOGS,
        query: "aws.api_gateway.log_type : \"access\"",
        buckets: Vec::new(),
        metrics: Vec::new(),
        drilldowns: &[],
    }
}

pub(super) fn tile(width: u32, metric: Metric) -> Panel {
    panel(Shape::Tile, width, metric.label).of([metric])
}

pub(super) fn table(width: u32, title: &'static str, bucket: Bucket) -> Panel {
    panel(Shape::Table, width, title).by([bucket])
}

/// Something over time.
pub(super) fn chart(shape: Shape, width: u32, title: &'static str) -> Panel {
    panel(shape, width, title).by([Bucket::Time])
}

impl Panel {
    pub(super) fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    pub(super) fn by(mut self, buckets: impl IntoIterator<Item = Bucket>) -> Self {
        self.buckets.extend(buckets);
        self
    }

    pub(super) fn of(mut self, metrics: impl IntoIterator<Item = Metric>) -> Self {
        self.metrics.extend(metrics);
        self
    }

    pub(super) fn dead_letters(self) -> Self {
        Self {
            dataset: DEAD_LETTERS,
            query: "",
            ..self
        }
    }

    pub(super) fn leading_to(self, drilldowns: &'static [&'static str]) -> Self {
        Self { drilldowns, ..self }
    }
}
