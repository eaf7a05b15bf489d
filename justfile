# The recipes of the project: each is a command that you could also type.

# Turns a sample event into documents, with no server.
run *arguments='invoke events/rest.json':
    cargo run --release -- {{ arguments }}

# Runs the tests, against a real Elasticsearch that they start.
test *arguments:
    ./test {{ arguments }}

# Runs all tests against each supported server.
test-servers:
    TEST_SERVER=elasticsearch ./test
    TEST_SERVER=elasticsearch-logsdb ./test
    TEST_SERVER=elasticsearch-8 ./test
    TEST_SERVER=opensearch ./test

# Measures each step beside its floor and the last time: see docs/performance.md.
bench *arguments='criterion':
    cargo bench --bench performance -- {{ arguments }}

# Prints every table of docs/performance.md from a release build; takes a quarter of an hour.
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

# Saves the instructions of each step as the new baseline: read the difference before you commit it.
baseline:
    cargo bench --bench performance -- instructions --record

# Fuzzes each named target, or every target, for this many seconds.
fuzz seconds='60' *targets:
    fuzz/run {{ seconds }} {{ targets }}

# Runs a thousand invocations in one process, ten thousand cases of each made-up input, and a backfill
# of a hundred thousand log events that is killed twenty times.
load:
    LOAD_INVOCATIONS=1000 ./test --test it load -- --nocapture
    HISTORY_EVENTS=100000 ./test --test it -- killed_at_any_moment recognised_after_rollovers
    PROPTEST_CASES=10000 PROPTEST_RNG_SEED=$(date +%s) ./test --test it properties

# Checks format, lints, documentation and unit tests: the part of CI that needs nothing but Rust.
check:
    .ci/run --quick

# Runs all checks of CI.
ci:
    .ci/run

# Rewrites the golden files with the program's output: read the difference before you commit.
bless:
    UPDATE_GOLDEN=1 cargo test

# Makes the zip file to deploy, with all licences: target/lambda/apigw-logs/bootstrap.zip.
package:
    cargo lambda build --release --arm64 --output-format zip
    .ci/third-party-notices --zip target/lambda/apigw-logs/bootstrap.zip

# Makes the files of a release in dist/, for both processors: see docs/deploy.md.
dist:
    .ci/dist

# Compares the template, the Terraform module and the CDK construct.
deployments:
    .ci/deployments

# Makes the integration package to upload to Kibana: target/apigw_logs-VERSION.zip.
integration:
    .ci/integration-zip
