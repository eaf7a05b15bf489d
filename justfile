# The verbs of the project: each is a command that one could type.

# Turns a sample event into documents, with no server.
run *arguments='invoke events/rest.json':
    cargo run --release -- {{ arguments }}

# Runs the tests, against a real Elasticsearch that it starts.
test *arguments:
    ./test {{ arguments }}

# Runs the whole suite against each server that is promised to work.
test-servers:
    TEST_SERVER=elasticsearch ./test
    TEST_SERVER=elasticsearch-logsdb ./test
    TEST_SERVER=elasticsearch-8 ./test
    TEST_SERVER=opensearch ./test

# Measures what each step costs, beside its floor and the last time: see docs/performance.md.
bench *arguments='criterion':
    cargo bench --bench performance -- {{ arguments }}

# Every table of docs/performance.md, in Markdown, from a release build: a quarter of an hour on a quiet machine.
performance:
    cargo build --release
    cargo bench --bench performance -- steps
    cargo bench --bench performance -- load --program target/release/apigw-logs
    cargo bench --bench performance -- gzip
    cargo bench --bench performance -- instructions
    cargo bench --bench performance -- ingest

# Compares the instructions of each step with benches/baseline.txt (needs valgrind).
instructions:
    cargo bench --bench performance -- instructions

# Takes the instructions of each step as the new baseline: read the difference before committing it.
baseline:
    cargo bench --bench performance -- instructions --record

# Fuzzes the normalizer and what reads foreign bytes: so many seconds each of the targets that are named, or of all.
fuzz seconds='60' *targets:
    fuzz/run {{ seconds }} {{ targets }}

# A thousand invocations in a row in one process; ten thousand histories of an event, and as many of every other made-up input.
load:
    LOAD_INVOCATIONS=1000 ./test --test it load -- --nocapture
    PROPTEST_CASES=10000 PROPTEST_RNG_SEED=$(date +%s) ./test --test it properties

# Checks format, lints, documentation and unit tests: the part of CI that needs nothing but Rust.
check:
    .ci/run --quick

# Checks everything that CI does.
ci:
    .ci/run

# Rewrites the golden files from what the program does now: read the difference before committing it.
bless:
    UPDATE_GOLDEN=1 cargo test

# The zip file to deploy, with the licences of what is in it: target/lambda/apigw-logs/bootstrap.zip.
package:
    cargo lambda build --release --arm64 --output-format zip
    .ci/third-party-notices --zip target/lambda/apigw-logs/bootstrap.zip

# The files of a release, for both processors where they can be built: dist/. See docs/deploy.md.
dist:
    .ci/dist

# Compares the template, the Terraform module and the CDK construct.
deployments:
    .ci/deployments

# The integration package to upload to Kibana: target/apigw_logs-VERSION.zip.
integration:
    .ci/integration-zip
