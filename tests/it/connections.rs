//! Connections that fail, over real sockets and with real certificates: each cause has its
//! sentence, which names host and port and says what to do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use apigw_logs::config::Config;
use apigw_logs::elasticsearch::Elasticsearch;
use apigw_logs::server::{Templates, TransportError};
use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use tokio_rustls::rustls::{ServerConfig, ServerConnection};

use crate::support::command_line::run;
use crate::support::fake_elasticsearch::FakeElasticsearch;
use crate::support::raw_tcp::{FullBacklog, RawTcp, bound_socket, read_request, send};
use crate::support::tls::{Authority, self_signed_authority};

/// Far beyond what a slow machine needs.
const LONG: Duration = Duration::from_secs(120);

/// Parts of settings that no sentence may show.
const KEY: &str = "c2VjcmV0OmtleQ==";
const PATH: &str = "/hidden-path?hidden=query";

/// Asks a server something and returns why there is no answer.
async fn failure(url: &str, settings: &[(&str, &str)]) -> TransportError {
    let url = format!("{url}{PATH}");
    let quick = [
        ("CONNECT_TIMEOUT_MS", "60000"),
        ("ELASTICSEARCH_API_KEY", KEY),
    ];
    let given = [("ELASTICSEARCH_URL", &*url)];
    let lookup = |name: &str| {
        let mut all = settings.iter().chain(&given).chain(&quick);
        all.find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned())
    };
    let config = Config::from_vars(lookup).expect("the settings are right");
    let server =
        Elasticsearch::new(config.elasticsearch.expect("there is a URL")).expect("a client");
    let error = server.get(&[], LONG).await.expect_err("it cannot work");
    let sentence = error.to_string();
    for hidden in [KEY, "secret", "hidden", ".pem"] {
        assert!(!sentence.contains(hidden), "{sentence}");
    }
    assert!(sentence.contains(&host_and_port(&url)), "{sentence}");
    assert!(!error.remedy().is_empty(), "{sentence}");
    error
}

fn host_and_port(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default().to_owned()
}

/// Asserts the whole sentence. `HOST` stands for host and port.
async fn expect(url: &str, settings: &[(&str, &str)], sentence: &str) {
    let error = failure(url, settings).await;
    let said = error.to_string().replace(&host_and_port(url), "HOST");
    assert_eq!(said, sentence, "{url} {settings:?}");
}

/// Files of authorities.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room"))
    }

    fn put(&self, name: &str, pem: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, pem).expect("there is room");
        path.display().to_string()
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_reached() {
    let (_socket, closed) = bound_socket();
    for scheme in ["http", "https"] {
        expect(
            &format!("{scheme}://{closed}"),
            &[],
            "no connection could be made to HOST: nothing listens there: check host and port, and that the server \
             runs",
        )
        .await;
        // A name that no resolver can even be asked for.
        expect(
            &format!("{scheme}://{}:9200", "x".repeat(64)),
            &[],
            "no connection could be made to HOST: this host name is not known here: check its spelling in \
             ELASTICSEARCH_URL, and the DNS of this network",
        )
        .await;
    }

    // The backlog is full.
    let backlog = FullBacklog::start();
    let address = backlog.address;
    expect(
        &format!("http://{address}"),
        &[("CONNECT_TIMEOUT_MS", "100")],
        "no connection could be made to HOST: it did not accept one in time: check host, port and firewall (in AWS: \
         security groups and routes), or raise CONNECT_TIMEOUT_MS",
    )
    .await;
}

#[tokio::test]
async fn the_wrong_scheme() {
    let plain = FakeElasticsearch::start();
    expect(
        &plain.url.replace("http", "https"),
        &[],
        "no connection could be made to HOST: it does not speak TLS: let ELASTICSEARCH_URL begin with http://, or \
         check the port",
    )
    .await;

    // Elasticsearch closes the connection on plain HTTP.
    let closing = RawTcp::start(|_, stream| {
        read_request(stream);
    });
    expect(
        &closing.url,
        &[],
        "HOST closed the connection before the answer: if it speaks TLS, let ELASTICSEARCH_URL begin with https://, \
         else look at the server's log",
    )
    .await;
    // Others answer with an alert of TLS.
    let alerting = RawTcp::start(|_, stream| {
        read_request(stream);
        send(stream, b"\x15\x03\x03\x00\x02\x02\x0a");
    });
    expect(
        &alerting.url,
        &[],
        "HOST does not answer in HTTP: if it speaks TLS, let ELASTICSEARCH_URL begin with https://, else check the port",
    )
    .await;
    // Others say it in HTTP: programs in Go, and nginx.
    for body in [
        "Client sent an HTTP request to an HTTPS server.\n",
        "<html><center>The plain HTTP request was sent to HTTPS port</center></html>",
    ] {
        let answer = format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let polite = RawTcp::start(move |_, stream| {
            read_request(stream);
            send(stream, &answer);
        });
        expect(
            &polite.url,
            &[],
            "no connection could be made to HOST: it speaks TLS: let ELASTICSEARCH_URL begin with https://",
        )
        .await;
    }
    // A server of something else, which speaks first.
    let ssh = RawTcp::start(|_, stream| {
        send(stream, "SSH-2.0-OpenSSH_9.2\r\n");
        read_request(stream);
    });
    expect(
        &ssh.url,
        &[],
        "HOST does not answer in HTTP: if it speaks TLS, let ELASTICSEARCH_URL begin with https://, else check the port",
    )
    .await;
}

#[tokio::test]
async fn a_handshake_that_fails() {
    // `Read::read` waits for the greeting, and the connection is closed.
    let closing = RawTcp::start(|_, stream| {
        drop(stream.read(&mut [0; 4_096]));
        drop(stream.shutdown(Shutdown::Write));
        drop(stream.read_to_end(&mut Vec::new()));
    });
    expect(
        &closing.url.replace("http", "https"),
        &[],
        "no connection could be made to HOST: it was closed during the TLS handshake: check the port, and that TLS is \
         spoken there and not plain http://",
    )
    .await;

    let alerts: [(u8, &str); 4] = [
        (
            70,
            "it speaks neither TLS 1.2 nor TLS 1.3: turn one of them on there",
        ),
        (
            40,
            "TLS failed, for it shares no cipher suite or curve with apigw-logs, or wants a client certificate: \
             compare with `openssl s_client -connect HOST:PORT`, and change its TLS settings",
        ),
        (
            112,
            "it knows no host of that name: use the name in its certificate in ELASTICSEARCH_URL",
        ),
        (
            80,
            "the TLS handshake failed: look at it with `openssl s_client -connect HOST:PORT`, and at the server's log",
        ),
    ];
    for (alert, sentence) in alerts {
        let server = RawTcp::start(move |_, stream| {
            drop(stream.read(&mut [0; 4_096]));
            send(stream, [0x15, 3, 1, 0, 2, 2, alert]);
            drop(stream.shutdown(Shutdown::Write));
            drop(stream.read_to_end(&mut Vec::new()));
        });
        let sentence = format!("no connection could be made to HOST: {sentence}");
        expect(&server.url.replace("http", "https"), &[], &sentence).await;
    }
}

/// A server that wants a certificate from its clients says so only when the client already believes
/// that it is connected.
#[tokio::test]
async fn a_server_that_wants_a_client_certificate() {
    let (ours, files) = (Authority::new("ours"), Files::new());
    let file = files.put("ours.pem", &ours.pem);
    let config = Arc::new(ours.server_for_known_clients("127.0.0.1"));
    let server = RawTcp::start(move |_, stream| refuse(&config, stream));
    expect(
        &server.url.replace("http", "https"),
        &[("ELASTICSEARCH_CA_FILE", &file)],
        "no connection could be made to HOST: it wants a client certificate, and apigw-logs has none: let it accept \
         clients without one",
    )
    .await;
}

/// Speaks TLS until the handshake fails, says so, and waits until the client has read that.
fn refuse(config: &Arc<ServerConfig>, stream: &mut TcpStream) {
    let mut tls = ServerConnection::new(Arc::clone(config)).expect("the server is set up");
    while tls.is_handshaking() {
        if tls.complete_io(stream).is_err() {
            while tls.wants_write() && tls.write_tls(stream).is_ok() {}
            break;
        }
    }
    drop(stream.flush());
    drop(stream.shutdown(Shutdown::Write));
    drop(stream.read_to_end(&mut Vec::new()));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted() {
    let (ours, other, files) = (
        Authority::new("ours"),
        Authority::new("other"),
        Files::new(),
    );
    let (our_file, other_file) = (
        files.put("ours.pem", &ours.pem),
        files.put("other.pem", &other.pem),
    );
    let start = FakeElasticsearch::start_tls;
    let good = start(ours.server("127.0.0.1", 4_000));
    let (lone, lone_print) = ours.lone_server("127.0.0.1");
    let lone = start(lone);
    let misnamed = start(ours.server_with(&["es.example.com", "192.0.2.1"], |_| {}));
    let nameless = start(ours.server_with(&[], |_| {}));
    let expired = start(ours.server("127.0.0.1", 2_001));
    let early = start(ours.server_with(&["127.0.0.1"], |params| {
        params.not_before = date_time_ymd(4_000, 2, 3);
        params.not_after = date_time_ymd(4_001, 1, 1);
    }));
    let of_a_client = start(ours.server_with(&["127.0.0.1"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    }));
    let (self_signed, self_signed_pem) = self_signed_authority("127.0.0.1");
    let self_signed = start(self_signed);
    let self_signed_file = files.put("self.pem", &self_signed_pem);

    let (by_file, by_print) = ("ELASTICSEARCH_CA_FILE", "ELASTICSEARCH_CA_FINGERPRINT");
    let another_host = "is for another host: es.example.com, 192.0.2.1: use a name of the certificate in \
                        ELASTICSEARCH_URL, or make one for this host";
    let expired_sentence = "expired on 2001-01-01: renew it, or check the clock here";
    let no_print = "is not signed by the authority of ELASTICSEARCH_CA_FINGERPRINT: no certificate that the server sends \
                    has that fingerprint: correct the fingerprint, or let the server send its authority's certificate \
                    along, or set ELASTICSEARCH_CA_FILE instead";
    let cases = [
        (
            &good,
            (by_file, &*other_file),
            "is signed by none of the authorities in ELASTICSEARCH_CA_FILE: put the certificate of the server's authority \
             there",
        ),
        (
            &good,
            ("TAGS", "none"),
            "is signed by an authority that is not trusted: set ELASTICSEARCH_CA_FILE to that authority's certificate, or \
             ELASTICSEARCH_CA_FINGERPRINT to its fingerprint",
        ),
        (&good, (by_print, &*other.fingerprint()), no_print),
        // The fingerprint is right, but the server sends its own certificate alone.
        (&lone, (by_print, &*ours.fingerprint()), no_print),
        (
            &lone,
            (by_print, &*lone_print),
            "is not signed by the authority of ELASTICSEARCH_CA_FINGERPRINT: give the fingerprint of the authority's \
             certificate, not that of the server's",
        ),
        (&misnamed, (by_file, &*our_file), another_host),
        (&misnamed, (by_print, &*ours.fingerprint()), another_host),
        (
            &nameless,
            (by_file, &*our_file),
            "names no host, for it has no subjectAltName: make one whose subjectAltName is the host in ELASTICSEARCH_URL",
        ),
        (&expired, (by_file, &*our_file), expired_sentence),
        (&expired, (by_print, &*ours.fingerprint()), expired_sentence),
        (
            &early,
            (by_file, &*our_file),
            "is not valid before 4000-02-03: check the clock here",
        ),
        (
            &of_a_client,
            (by_file, &*our_file),
            "is not meant for a server, but for instance for a client: make one whose extended key usage has serverAuth",
        ),
        (
            &self_signed,
            (by_file, &*self_signed_file),
            "is that of an authority (CA:TRUE), which cannot be a server's as well: make a certificate for the server, \
             signed by that authority",
        ),
    ];
    for (server, setting, sentence) in cases {
        let sentence = format!("the TLS certificate of HOST {sentence}");
        expect(&server.url, &[setting], &sentence).await;
    }
    // The same client speaks to a server that is in order.
    for setting in [(by_file, &*our_file), (by_print, &*ours.fingerprint())] {
        let url = [("ELASTICSEARCH_URL", &*good.url)];
        let settings = [&url[..], &[setting, ("USER_AGENT_REGEXES", "none")]].concat();
        let outcome = run(&["invoke", "events/rest.json"], &settings, b"");
        assert_eq!(outcome.status, 0, "{outcome:?}");
    }
}

/// A server that accepts the connection and never answers.
#[tokio::test]
async fn an_answer_that_does_not_come() {
    let silent = RawTcp::start(|_, stream| drop(stream.read_to_end(&mut Vec::new())));
    let settings = [
        ("ELASTICSEARCH_URL", &*silent.url),
        ("REQUEST_TIMEOUT_MS", "200"),
        ("RETRY_BUDGET_MS", "1"),
        ("USER_AGENT_REGEXES", "none"),
    ];
    let outcome = run(&["invoke", "--json", "events/rest.json"], &settings, b"");
    let sentence = format!(
        "no answer came in time from {}: look at the load of the server, or raise REQUEST_TIMEOUT_MS",
        host_and_port(&silent.url)
    );
    assert!(outcome.stderr.contains(&sentence), "{outcome:?}");
}

/// Of several servers, the sentence names the one that failed last. All commands say the same.
#[tokio::test]
async fn each_command_says_why() {
    let (_socket, closed) = bound_socket();
    let url = format!("http://{closed}{PATH}");
    let settings = [
        ("ELASTICSEARCH_URL", &*url),
        ("ELASTICSEARCH_API_KEY", KEY),
        ("RETRY_BUDGET_MS", "300"),
        ("USER_AGENT_REGEXES", "none"),
    ];
    let sentence = format!(
        "no connection could be made to {closed}: nothing listens there: check host and port, and that the server runs"
    );
    for arguments in [
        &["invoke", "events/rest.json"][..],
        &["setup"],
        &["redrive"],
        &["check"],
    ] {
        let outcome = run(arguments, &settings, b"");
        let said = outcome.stdout.clone() + &outcome.stderr;
        assert_eq!(outcome.status, 1, "{arguments:?}: {said}");
        assert!(said.contains(&sentence), "{arguments:?}: {said}");
        for hidden in [KEY, "secret", "hidden"] {
            assert!(!said.contains(hidden), "{arguments:?}: {said}");
        }
    }
}
