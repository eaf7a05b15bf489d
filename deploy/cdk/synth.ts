// Writes the stacks that the construct makes from the list of properties on standard input, for
// `.ci/deployments`: each into a folder whose name is its place in the list. A text `token:NAME` stands
// for a value that is known at deployment only.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, DefaultStackSynthesizer, Fn, Stack } from 'aws-cdk-lib';
import { ApigwLogs, ApigwLogsProps } from './apigw-logs';

const token = (_: string, value: unknown) =>
  typeof value === 'string' && value.startsWith('token:') ? Fn.importValue(value.slice('token:'.length)) : value;
const cases = JSON.parse(readFileSync(0, 'utf8'), token) as ApigwLogsProps[];
cases.forEach((properties, index) => {
  const app = new App({ outdir: join(process.argv[2], String(index)) });
  const stack = new Stack(app, 'apigw-logs', {
    synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
  });
  new ApigwLogs(stack, 'ApigwLogs', properties);
  app.synth();
});
