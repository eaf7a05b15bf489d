//! Documents looked up by id: an answer that is not whole is never read as "not there".

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use apigw_logs::bulk::{DocumentId, Failure, LogEventIdentity, Session, StoredDocument};
use apigw_logs::config::Config;
use apigw_logs::elasticsearch::Elasticsearch;
use apigw_logs::search::{
    LookUpPlace, PermittedLookUp, Sample, SearchOrder, SearchQuery, SearchReader, look_up, sample,
};
use apigw_logs::server::{HostPort, Search, TransportError};

use crate::support::invocation::{direct, event_id, invoke, lines, payload};
use crate::support::script::{POLICY, Question, Script, Step};
use crate::support::search_server::{Flavour, shared};
use crate::support::templates::put_templates;

type Copies = HashMap<DocumentId, Vec<StoredDocument>>;

/// The ids of the documents of `lines`, delivered as `payload("e", "api", lines)`.
fn ids(count: usize) -> Vec<DocumentId> {
    let id = |number: usize| {
        let id = event_id("e", number);
        let event = LogEventIdentity {
            owner: "111122223333",
            log_group: "api",
            log_stream: "stream",
            event_id: &id.to_string(),
            event_time: id.event_time as i64,
            message: "",
            position: 0,
            part: 0,
        };
        event.document_id()
    };
    (0..count).map(id).collect()
}

fn session() -> Session {
    // The longest waits: time stands still but for them.
    Session::new(POLICY, None, || u64::MAX)
}

/// The data stream `d`, beside that of the dead letters.
const PLACE: LookUpPlace<'_> = LookUpPlace {
    data_stream: "d",
    other: Some("dead"),
};

async fn find(server: &impl Search, ids: &[DocumentId]) -> Result<Copies, Failure> {
    look_up(server, PLACE, ids, &session()).await
}

/// An answer with one hit for each of these ids, of so many in all.
fn hits(ids: &[DocumentId], total: usize) -> String {
    let hit = |id: &DocumentId| {
        format!(r#"{{"_index":".ds-d-000001","_id":"{id}","_seq_no":5,"_primary_term":1}}"#)
    };
    let hits: Vec<_> = ids.iter().map(hit).collect();
    format!(
        r#"{{"timed_out":false,"_shards":{{"total":2,"successful":2}},"hits":{{"total":{{"value":{total},"relation":"eq"}},"hits":[{}]}}}}"#,
        hits.join(",")
    )
}

/// A server that answers these in turn, with the number of ids of each question.
fn server(steps: Vec<Step>) -> (Script, Rc<RefCell<Vec<usize>>>) {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let (noted, mut steps) = (Rc::clone(&asked), steps.into_iter());
    let script = Script::steps([]).finding(move |question, _| {
        let Question::Find { query } = question else {
            panic!("{question:?} is no question of one page")
        };
        noted.borrow_mut().push(query.matches("\",\"").count() + 1);
        steps.next().expect("no more is asked")
    });
    (script, asked)
}

#[tokio::test(start_paused = true)]
async fn what_is_not_a_whole_answer_is_asked_again() {
    let all = ids(3);
    let whole = hits(&all[..2], 2);
    let transient = [
        Step::status(503),
        Step::status(429).retry_after(2),
        Step::error(TransportError::Timeout(HostPort::default())),
        Step::error(TransportError::Cut),
        Step::reply(200, "<html>"),
        Step::reply(
            200,
            &whole.replace(r#""successful":2"#, r#""successful":1"#),
        ),
        Step::reply(200, &whole.replace("false", "true")),
        Step::reply(200, &whole.replace(r#""eq""#, r#""gte""#)),
        Step::reply(200, &hits(&all[..1], 2)),
        // A proxy has answered with a reply to another question.
        Step::reply(200, &hits(&ids(5)[3..], 2)),
        Step::reply(200, &whole.replace(".ds-d-000001", ".ds-dead-000001")),
        // An index was deleted during the search.
        Step::reply(
            404,
            r#"{"error":{"type":"index_not_found_exception","index":".ds-d-000001"}}"#,
        ),
        Step::reply(
            404,
            r#"{"error":{"type":"search_phase_execution_exception"}}"#,
        ),
    ];
    for step in transient {
        let (server, asked) = server(vec![step.clone(), Step::reply(200, &whole)]);
        let found = find(&server, &all)
            .await
            .expect("it is answered in the end");
        assert_eq!(asked.borrow().len(), 2, "{step:?}");
        assert_eq!(found.len(), 2, "{step:?}");
        assert!(!found.contains_key(&all[2]), "{step:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_an_error_and_not_an_absence() {
    let all = ids(1);
    for (status, failure) in [(403, 403), (404, 404), (503, 503)] {
        let server = Script::steps([]).finding(move |_, _| Step::status(status));
        assert_eq!(find(&server, &all).await, Err(Failure::Status(failure)));
    }
    let session = session();
    session.stop(Failure::Status(403));
    let (server, asked) = server(Vec::new());
    let found = look_up(&server, PLACE, &all, &session).await;
    assert_eq!(
        (found, asked.borrow().len()),
        (Err(Failure::Status(403)), 0)
    );
}

/// A page of a search with these documents, of so many in all.
fn page(documents: &[u64], total: usize) -> Step {
    let hit = |document: &u64| {
        format!(r#"{{"_index":".ds-d-000001","_id":"{document}","_seq_no":1,"_primary_term":1}}"#)
    };
    let hits: Vec<_> = documents.iter().map(hit).collect();
    Step::reply(
        200,
        &format!(
            r#"{{"_scroll_id":"s","_shards":{{"total":1,"successful":1}},"hits":{{"total":{{"value":{total},"relation":"eq"}},"hits":[{}]}}}}"#,
            hits.join(",")
        ),
    )
}

/// A cache answers with an old page, and another server has more documents than it announces. Each
/// search of such a server ends, and so does the last one.
#[tokio::test(start_paused = true)]
async fn a_search_that_never_ends_fails() {
    let steps: [fn(u64) -> Step; 4] = [
        |_| page(&[1, 2], 2),
        |number| page(&[number, number + 1_000], 2),
        |_| page(&[1, 3, 3], 9),
        |number| page(&[number], 1),
    ];
    for (number, step) in steps.into_iter().enumerate() {
        let asked = Rc::new(RefCell::new(2));
        let noted = Rc::clone(&asked);
        let server = Script::steps([]).finding(move |question, _| {
            *noted.borrow_mut() += 1;
            match question {
                Question::Search => page(&[1, 2], 2),
                _ => step(*noted.borrow()),
            }
        });
        let query = SearchQuery {
            data_stream: "d",
            since: None,
            source: &[],
            page_size: 2,
        };
        let mut reader = SearchReader::new(&server, query, session());
        let first = reader.next().await.expect("the first page is good");
        assert_eq!(first.map(|found| found.len()), Some(2), "{number}");
        let failure = reader
            .next()
            .await
            .map(|found| found.map(|found| found.len()));
        assert_eq!(failure, Err(Failure::SearchContradicts), "{number}");
        assert!(*asked.borrow() < 1_000, "{number}: {asked:?}");
        reader.end().await;
    }
}

/// A sample in order of time may fail in logsdb. A sample that is not whole is no proof that there
/// are no documents.
#[tokio::test(start_paused = true)]
async fn a_sample_that_fails_in_order_of_time_is_taken_in_another_order() {
    let all = ids(2);
    let wanted = Sample {
        data_stream: "d",
        log_group: "api",
        since: 0,
        until: 9,
        order: SearchOrder::OldestFirst,
        size: 2,
    };
    for step in [
        Step::status(400),
        Step::reply(200, &hits(&[], 7)),
        Step::reply(
            200,
            &hits(&all, 7).replace(r#""successful":2"#, r#""successful":1"#),
        ),
    ] {
        let orders = Rc::new(RefCell::new(Vec::new()));
        let noted = Rc::clone(&orders);
        let mut steps = vec![step, Step::reply(200, &hits(&all, 7))].into_iter();
        let server = Script::steps([]).finding(move |question, _| {
            let Question::Find { query } = question else {
                panic!("{question:?} is no question of one page")
            };
            noted.borrow_mut().push(query.contains(r#"{"_doc":"asc"}"#));
            steps.next().expect("no more is asked")
        });
        let found = sample(&server, &wanted, &session()).await;
        assert_eq!(found.expect("it is answered in the end").len(), 2);
        assert_eq!(*orders.borrow(), [false, true]);
    }
}

/// Without the privilege to search, nothing is known, and the search is not repeated.
#[tokio::test(start_paused = true)]
async fn a_search_that_is_forbidden_finds_nothing_and_counts_the_documents() {
    let all = ids(3);
    let (server, asked) = server(vec![Step::status(403), Step::status(403)]);
    let look_up = PermittedLookUp::new(&server, None);
    for data_stream in ["d", "d", "other"] {
        let found = look_up.find(data_stream, &all, &session()).await;
        assert_eq!(found, Ok(HashMap::new()));
    }
    assert_eq!(asked.borrow().len(), 2, "each data stream once");
    assert_eq!(look_up.take_not_looked_up(), 9);
    assert_eq!(look_up.take_not_looked_up(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_data_stream_that_does_not_exist_has_no_documents() {
    let absent = r#"{"error":{"type":"index_not_found_exception","index":"d"},"status":404}"#;
    let (server, _) = server(vec![Step::reply(404, absent)]);
    assert_eq!(find(&server, &ids(2)).await, Ok(HashMap::new()));
}

#[tokio::test(start_paused = true)]
async fn ids_are_asked_for_in_batches_that_have_an_answer() {
    let all = ids(1_001);
    let (first, second) = all[..1_000].split_at(500);
    let (server, asked) = server(vec![
        Step::error(TransportError::TooLarge),
        Step::reply(200, &hits(first, 500)),
        Step::reply(200, &hits(second, 20_000)),
        Step::reply(200, &hits(&second[..250], 250)),
        Step::reply(200, &hits(&second[250..], 250)),
        Step::reply(200, &hits(&all[1_000..], 1)),
    ]);
    let found = find(&server, &all).await.expect("it is answered");
    assert_eq!(found.len(), all.len());
    assert_eq!(*asked.borrow(), [1_000, 500, 500, 250, 250, 1]);
    assert_eq!(
        find(&server, &[]).await,
        Ok(HashMap::new()),
        "nothing is asked"
    );
}

/// Right after a rollover a search is refused for a moment.
#[tokio::test]
async fn all_copies_are_found_right_after_a_rollover() {
    let elastic = shared();
    put_templates(elastic);
    let data_stream = format!("logs-aws.api_gateway_logs-lookup{}", std::process::id());
    let mut variables = vec![
        ("ELASTICSEARCH_URL", elastic.url.as_str()),
        // Generous, so that time never ends this test, however slow the machine is.
        ("RETRY_BUDGET_MS", "600000"),
        ("REQUEST_TIMEOUT_MS", "300000"),
        ("DATA_STREAM", &*data_stream),
    ];
    if let Some(key) = elastic.given_api_key() {
        variables.push(("ELASTICSEARCH_API_KEY", key));
    } else if elastic.flavour != Flavour::OpenSearch {
        variables.push(("ELASTICSEARCH_USERNAME", "admin"));
        variables.push(("ELASTICSEARCH_PASSWORD", "changeme"));
    }
    let of = |name: &str| {
        let variable = variables.iter().find(|(known, _)| *known == name);
        variable.map(|(_, value)| (*value).to_owned())
    };
    let config = Config::from_vars(of).expect("the settings are good");
    let settings = config.elasticsearch.expect("there is a URL");
    let server = Elasticsearch::new(settings).expect("there is a client");
    let (event, all) = (direct(&payload("e", "api", &lines(5))), ids(6));
    let place = LookUpPlace {
        data_stream: &data_stream,
        other: None,
    };
    let find = async || look_up(&server, place, &all, &session()).await;
    assert_eq!(
        find().await,
        Ok(HashMap::new()),
        "there is no data stream yet"
    );
    for copies in 1..4 {
        let run = invoke(&event, &variables);
        assert_eq!(run.report.counts(), [5, 0, 0, 0, 0], "{run:?}");
        elastic.refresh(&data_stream);
        let rollover = format!("/{data_stream}/_rollover");
        assert_eq!(elastic.admin_request("POST", &rollover, None).0, 200);
        let found = find().await.expect("it is answered");
        assert_eq!(found.len(), 5, "the sixth was never sent");
        for id in &all[..5] {
            let indices: Vec<_> = found[id].iter().map(|copy| &copy.index).collect();
            assert_eq!(indices.len(), copies, "{indices:?}");
        }
    }
    elastic.admin_request("DELETE", &format!("/_data_stream/{data_stream}"), None);
}
