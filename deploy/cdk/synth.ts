// Writes the stack that the construct makes from the properties on standard input, for `.ci/deployments`.
import { readFileSync } from 'node:fs';
import { App, DefaultStackSynthesizer, Stack } from 'aws-cdk-lib';
import { ApigwLogs } from './apigw-logs';

const app = new App({ outdir: process.argv[2] });
const stack = new Stack(app, 'apigw-logs', {
  synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
});
new ApigwLogs(stack, 'ApigwLogs', JSON.parse(readFileSync(0, 'utf8')));
app.synth();
