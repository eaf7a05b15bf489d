//! The parts of a dashboard, in the words of Kibana's Lens, limited to what our dashboards need.

/// The datasets of the data streams' default names: documents and dead letters.
pub(super) const LOGS: &str = "aws.api_gateway_logs";
pub(super) const DEAD_LETTERS: &str = "aws.api_gateway_dead_letters";

/// A colour has one meaning on every panel. The colours are those of Elastic's palette that
/// colour-blind people can distinguish.
pub(super) const GREEN: &str = "#209280";
pub(super) const BLUE: &str = "#6092C0";
pub(super) const YELLOW: &str = "#D6BF57";
pub(super) const ORANGE: &str = "#DA8B45";
pub(super) const RED: &str = "#CC5642";
pub(super) const GREY: &str = "#98A2B3";

/// Shades of [`BLUE`] and [`RED`], for a part of what these stand for.
pub(super) const DARK_BLUE: &str = "#34638F";
pub(super) const DARK_RED: &str = "#7A2E21";

/// The colour of a number by its value: the lowest value of each step and its colour, lowest first.
///
/// A value below the first step has no colour. A missing number is grey.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Steps(pub(super) &'static [(f64, &'static str)]);

/// A dashboard: rows of panels on a grid of 48 columns.
pub(super) struct Dashboard {
    /// The end of the saved object's id.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    /// The datasets of the documents that it shows.
    pub(super) datasets: &'static [&'static str],
    /// The fields whose values can be chosen above the panels, each with its label.
    pub(super) controls: &'static [(&'static str, &'static str)],
    /// The start of the time range with which it opens. Then it is also refreshed every minute;
    /// otherwise it keeps Kibana's range.
    pub(super) opens_with: Option<&'static str>,
    pub(super) rows: Vec<Row>,
}

/// Panels side by side, all of one height.
pub(super) struct Row(pub(super) u32, pub(super) Vec<Panel>);

pub(super) struct Panel {
    pub(super) title: &'static str,
    /// The meaning of the numbers, and the variables of the log format without which the panel is
    /// empty. Kibana shows it behind an *i*.
    pub(super) description: &'static str,
    pub(super) width: u32,
    pub(super) shape: Shape,
    pub(super) dataset: &'static str,
    /// KQL: the documents of the dataset that it shows.
    pub(super) query: &'static str,
    pub(super) buckets: Vec<Bucket>,
    pub(super) metrics: Vec<Metric>,
    /// Names of the dashboards to which a click on a value can lead, with that value as filter.
    pub(super) drilldowns: &'static [&'static str],
    /// The label of the number whose highest values a table shows first. Without it, the rows keep
    /// the order of their groups.
    pub(super) worst: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A number, and a second number below it.
    Tile,
    Lines,
    /// Parts of a whole over time, in percent: one slow hour would flatten all others otherwise.
    Areas,
    Bars,
    /// Cells of time and group. A larger number makes a darker cell.
    Heatmap,
    Table,
    /// Circles at the places of the documents, from this field.
    Map(&'static str),
    /// The rows of the saved search with this name.
    Search(&'static str),
    /// A table with the answer to an ES|QL query. It shows what Lens's own operations cannot
    /// compute, such as the time between two fields.
    Esql(&'static Esql),
}

#[derive(PartialEq, Eq)]
pub(super) struct Esql {
    pub(super) query: &'static str,
    /// The columns and their labels: the name of a group, then its numbers.
    pub(super) by: (&'static str, &'static str),
    pub(super) of: &'static [(&'static str, &'static str)],
}

/// A way to group documents.
pub(super) enum Bucket {
    /// Time, in steps that suit the dashboard's time range.
    Time,
    /// The most frequent values of a field, and their number.
    Terms {
        field: &'static str,
        label: &'static str,
        size: u32,
        /// True if there is a row for documents without a value, and another for the values
        /// beyond `size`.
        is_complete: bool,
    },
    /// A group for each KQL text.
    Filters(&'static str, &'static [(&'static str, &'static str)]),
}

/// A number for a group of documents.
#[derive(Clone, Copy)]
pub(super) struct Metric {
    pub(super) label: &'static str,
    pub(super) of: Of,
    /// KQL: the documents of the group that count.
    pub(super) filter: &'static str,
    pub(super) format: Format,
    /// The colour in a chart.
    pub(super) color: Option<&'static str>,
    /// The colours of a tile or of a table's cell.
    pub(super) steps: Option<Steps>,
    /// True if it counts the documents of a week before.
    pub(super) is_a_week_before: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Of {
    Count,
    Unique(&'static str),
    Average(&'static str),
    Max(&'static str),
    Sum(&'static str),
    Percentile(&'static str, u32),
    /// The share of the documents that match this KQL which also match the filter.
    Share(&'static str),
    /// The documents that match the filter, minus those that match this KQL.
    Surplus(&'static str),
    /// The average difference of two fields, over the documents that have both.
    Difference(&'static str, &'static str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Number,
    /// A share of 1, with this number of decimals.
    Percent(u32),
    Milliseconds,
    Bytes,
    /// A count for each minute.
    PerMinute,
}

pub(super) const fn metric(label: &'static str, of: Of) -> Metric {
    let format = match of {
        Of::Share(_) => Format::Percent(2),
        Of::Average(_) | Of::Percentile(..) | Of::Difference(..) | Of::Max(_) => {
            Format::Milliseconds
        }
        Of::Sum(_) => Format::Bytes,
        Of::Count | Of::Unique(_) | Of::Surplus(_) => Format::Number,
    };
    Metric {
        label,
        of,
        filter: "",
        format,
        color: None,
        steps: None,
        is_a_week_before: false,
    }
}

pub(super) const fn count(label: &'static str) -> Metric {
    metric(label, Of::Count)
}

impl Metric {
    pub(super) const fn only(self, filter: &'static str) -> Self {
        Self { filter, ..self }
    }

    pub(super) const fn called(self, label: &'static str) -> Self {
        Self { label, ..self }
    }

    pub(super) const fn colored(self, color: &'static str) -> Self {
        Self {
            color: Some(color),
            ..self
        }
    }

    pub(super) const fn in_steps(self, steps: Steps) -> Self {
        Self {
            steps: Some(steps),
            ..self
        }
    }

    pub(super) const fn formatted(self, format: Format) -> Self {
        Self { format, ..self }
    }

    pub(super) const fn per_minute(self) -> Self {
        self.formatted(Format::PerMinute)
    }

    /// Returns the same number for the documents of a week before. Lens accepts it only where
    /// nothing is grouped by values.
    pub(super) const fn a_week_before(self) -> Self {
        Self {
            label: "a week before",
            color: Some(GREY),
            steps: None,
            is_a_week_before: true,
            ..self
        }
    }
}

pub(super) const fn terms(field: &'static str, label: &'static str) -> Bucket {
    Bucket::Terms {
        field,
        label,
        size: 10,
        is_complete: false,
    }
}

/// Groups by the values of a field that many documents may lack. These documents have a row of
/// their own.
pub(super) const fn complete_terms(field: &'static str, label: &'static str) -> Bucket {
    Bucket::Terms {
        field,
        label,
        size: 10,
        is_complete: true,
    }
}

/// A panel of access logs; [`Panel::of`] and similar methods change that.
pub(super) const fn panel(shape: Shape, width: u32, title: &'static str) -> Panel {
    Panel {
        title,
        description: "",
        width,
        shape,
        dataset: LOGS,
        query: "aws.api_gateway.log_type : \"access\"",
        buckets: Vec::new(),
        metrics: Vec::new(),
        drilldowns: &[],
        worst: None,
    }
}

pub(super) fn tile(width: u32, metric: Metric) -> Panel {
    panel(Shape::Tile, width, metric.label).of([metric])
}

/// A tile that also shows the number of a week before.
pub(super) fn compared_tile(width: u32, metric: Metric) -> Panel {
    tile(width, metric).of([metric.a_week_before()])
}

pub(super) fn table(width: u32, title: &'static str, bucket: Bucket) -> Panel {
    panel(Shape::Table, width, title).by([bucket])
}

/// A chart over time.
pub(super) fn chart(shape: Shape, width: u32, title: &'static str) -> Panel {
    panel(shape, width, title).by([Bucket::Time])
}

impl Panel {
    pub(super) fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    pub(super) fn described(self, description: &'static str) -> Self {
        Self {
            description,
            ..self
        }
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

    pub(super) fn worst_first(self, label: &'static str) -> Self {
        Self {
            worst: Some(label),
            ..self
        }
    }

    pub(super) fn leading_to(self, drilldowns: &'static [&'static str]) -> Self {
        Self { drilldowns, ..self }
    }
}
