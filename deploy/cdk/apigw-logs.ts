import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArnFormat, Fn, Stack, Token, aws_cloudwatch as cloudwatch, aws_lambda as lambda, aws_logs as logs, aws_s3_assets as assets } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { Construct } from 'constructs';

/** Properties of {@link ApigwLogs}. */
export interface ApigwLogsProps {
  /** Path of the function's zip file: apigw-logs-VERSION-lambda-ARCHITECTURE.zip of a release. */
  readonly package: string;
  /**
   * Values of the template's parameters, under their names: `{ ElasticsearchUrl: 'https://…' }`. A list
   * such as `SubnetIds` is an array, or a text with commas. Values may be tokens, such as the ARN of a
   * topic of this app, and a token counts as set. Only a parameter with a choice of values, and
   * `OpenSearchArn`, must be known at synthesis. Parameters that are left out have the template's
   * defaults.
   */
  readonly parameters: Readonly<Record<string, string | readonly string[]>>;
  /** Log groups to subscribe. They must exist. Never name the function's own. */
  readonly logGroups?: readonly string[];
  /**
   * Whether each log group has two alarms of its own on its subscription; by default it has. CloudWatch
   * allows 200 such alarms in a region, unless you ask for more.
   */
  readonly logGroupAlarms?: boolean;
  /** Path of template.yaml; by default the one of this repository. */
  readonly templateFile?: string;
}

/**
 * The function with its permissions, queues and alarms, as template.yaml makes them: the template is
 * included, so that a resource is described in one place only. Subscriptions are resources of this
 * stack, since CDK can repeat what CloudFormation needs nested stacks for.
 *
 * Put it into a stack of its own: the stack's name becomes the function's.
 */
export class ApigwLogs extends Construct {
  /** The included template, for its resources and parameters. */
  readonly template: CfnInclude;
  /** The function's ARN. */
  readonly functionArn: string;

  constructor(scope: Construct, id: string, props: ApigwLogsProps) {
    super(scope, id);
    if ('LogGroups' in props.parameters || 'LogGroupAlarms' in props.parameters) {
      throw new Error('give log groups as logGroups and their alarms as logGroupAlarms, not as parameters');
    }
    const { FilterPattern: filterPattern = '', ...given } = props.parameters;
    const template = readFileSync(props.templateFile ?? join(__dirname, '..', '..', 'template.yaml'), 'utf8');
    const parameters = values(template, given);
    this.template = new CfnInclude(this, 'Template', { templateFile: forCdk(template, parameters), parameters });
    const code = new assets.Asset(this, 'Package', { path: props.package });
    const resource = this.template.getResource('Function') as lambda.CfnFunction;
    resource.code = { s3Bucket: code.s3BucketName, s3Key: code.s3ObjectKey };
    this.functionArn = Fn.getAtt(resource.logicalId, 'Arn').toString();

    const stream = text('KinesisStreamArn', props.parameters.KinesisStreamArn);
    const pattern = text('FilterPattern', filterPattern);
    // The included template has no parameter whose value is given.
    const runbook = text('RunbookUrl', parameters.RunbookUrl) || this.template.getParameter('RunbookUrl').valueAsString;
    for (const logGroup of props.logGroups ?? []) {
      if (stream) {
        this.subscribeStream(logGroup, stream, pattern);
      } else {
        this.subscribeFunction(logGroup, pattern);
      }
      if (props.logGroupAlarms ?? true) {
        this.watch(logGroup, stream ? `${Stack.of(this).stackName}-stream` : Stack.of(this).stackName, runbook);
      }
    }
  }

  /** Makes the alarms of template/subscription-alarms.yaml, which notify nobody. */
  private watch(logGroupName: string, filterName: string, runbook: string): void {
    const alarm = (chapter: string, text: string, metric: string, evaluationPeriods: number) =>
      new cloudwatch.CfnAlarm(this, `${metric}Alarm${logGroupName}`, {
        alarmName: `${Stack.of(this).stackName}-${chapter}-${logGroupName}`,
        alarmDescription: `${logGroupName}: ${text} See ${runbook}#${chapter}.`,
        metrics: [
          {
            id: 'events',
            label: 'Log events',
            expression: `SELECT SUM(${metric}) FROM "AWS/Logs" WHERE FilterName = '${filterName}' AND LogGroupName = '${logGroupName}'`,
            period: 300,
          },
        ],
        evaluationPeriods,
        comparisonOperator: 'GreaterThanThreshold',
        threshold: 0,
        treatMissingData: 'notBreaching',
      });
    alarm('subscription-errors', 'CloudWatch Logs could not hand over log events. Some may be skipped.', 'DeliveryErrors', 1);
    alarm('subscription-throttling', 'CloudWatch Logs is throttled when it hands over log events.', 'DeliveryThrottling', 3);
  }

  private subscribeFunction(logGroupName: string, filterPattern: string): void {
    const stack = Stack.of(this);
    const permission = new lambda.CfnPermission(this, `Permission${logGroupName}`, {
      action: 'lambda:InvokeFunction',
      functionName: this.functionArn,
      principal: 'logs.amazonaws.com',
      sourceAccount: stack.account,
      sourceArn: stack.formatArn({
        service: 'logs', resource: 'log-group', resourceName: `${logGroupName}:*`, arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      }),
    });
    const subscription = new logs.CfnSubscriptionFilter(this, `Subscription${logGroupName}`, {
      logGroupName,
      filterName: stack.stackName,
      filterPattern,
      destinationArn: this.functionArn,
    });
    // CloudWatch Logs invokes the function when it is subscribed.
    subscription.addDependency(permission);
  }

  private subscribeStream(logGroupName: string, destinationArn: string, filterPattern: string): void {
    const subscription = new logs.CfnSubscriptionFilter(this, `Subscription${logGroupName}`, {
      logGroupName,
      filterName: `${Stack.of(this).stackName}-stream`,
      filterPattern,
      destinationArn,
      roleArn: Fn.getAtt('StreamWriterRole', 'Arn').toString(),
      distribution: 'Random',
    });
    // A new role takes a while to be known everywhere, and an event source longer.
    subscription.addDependency(this.template.getResource('StreamSource'));
  }
}

type Values = Record<string, string | string[]>;

/**
 * Returns the values of parameters, with lists as arrays. Throws for a value that CloudFormation's
 * conditions need to know, and that is known at deployment only.
 */
function values(template: string, given: ApigwLogsProps['parameters']): Values {
  const checked: Values = {};
  for (const [name, value] of Object.entries(given)) {
    const declared = new RegExp(`^ {2}${name}:\\n(?: {4}.*\\n)+`, 'm').exec(template)?.[0];
    if (declared === undefined) {
      throw new Error(`the template has no parameter ${name}`);
    }
    if (isToken(value) && (name === 'OpenSearchArn' || declared.includes('AllowedValues:'))) {
      throw new Error(`${name} must be known at synthesis, because conditions of the template depend on its value: give a text, not a token`);
    }
    if (declared.includes('Type: CommaDelimitedList')) {
      checked[name] = typeof value !== 'string' ? [...value] : Token.isUnresolved(value) ? [value] : value.split(',').map((item) => item.trim());
    } else {
      checked[name] = text(name, value);
    }
  }
  return checked;
}

/** Returns the value of a parameter that is no list. */
function text(name: string, value: string | readonly string[] = ''): string {
  if (typeof value !== 'string') {
    throw new Error(`${name} is a text, not a list`);
  }
  return value;
}

function isToken(value: string | readonly string[]): boolean {
  return Token.isUnresolved(value) || (typeof value !== 'string' && value.some((item) => Token.isUnresolved(item)));
}

/**
 * Writes the template without what CDK does itself (subscriptions), and with SAM's function in
 * CloudFormation's own form, so that the stack needs no transform. Returns the path.
 */
function forCdk(template: string, parameters: Values): string {
  const blocks = withoutTokens(template, parameters).split(/\n\n(?= {2}\S)/);
  const subscriptions = /^ {2}(LogGroupPermissions|LogGroupSubscriptions|StreamSubscriptions|LogGroupSubscriptionAlarms):$/m;
  const text = blocks
    .filter((block) => !subscriptions.test(block))
    .join('\n\n')
    .replace(/^ {2}(LogGroups|LogGroupAlarms|FilterPattern):\n( {4}.*\n)+/gm, '')
    .replace(/^ {10}- (LogGroups|LogGroupAlarms|FilterPattern)\n/gm, '')
    .replace(/^ {2}Subscriptions:\n( {4}.*\n)+/m, '')
    .replace(/^ {2}Has(LogGroups|LogGroupAlarms|FunctionSubscriptions|StreamSubscriptions): .*\n/gm, '')
    .replace(/^Transform: .*\n/m, '')
    .replace(/^ {4}Metadata:\n( {6}.*\n)+/m, '')
    .replace('Type: AWS::Serverless::Function', 'Type: AWS::Lambda::Function')
    .replace('CodeUri: .', 'Code: {S3Bucket: replaced, S3Key: above}')
    .replace('Tracing: !Ref Tracing', 'TracingConfig: {Mode: !Ref Tracing}')
    .replace(/^ {6}# For asynchronous.*\n {6}EventInvokeConfig:\n(( {8}.*\n)+)/m, (_, config: string) => `
  FunctionEventInvokeConfig:
    Type: AWS::Lambda::EventInvokeConfig
    Properties:
      FunctionName: !Ref Function
      Qualifier: $LATEST
${config.replace(/^ {2}/gm, '').replace(/^ *Type: SQS\n/m, '')}`);
  const file = join(mkdtempSync(join(tmpdir(), 'apigw-logs-')), 'template.yaml');
  writeFileSync(file, text);
  return file;
}

/**
 * Replaces tokens in rules and conditions, where CloudFormation knows no resources. They ask only
 * if a value is set, so a text that differs from every default answers for it.
 */
function withoutTokens(template: string, parameters: Values): string {
  const [begin, end] = [template.indexOf('\nRules:\n'), template.indexOf('\nResources:\n')];
  let sections = template.slice(begin, end);
  for (const [name, value] of Object.entries(parameters)) {
    if (isToken(value)) {
      const known = `known-at-deployment-${name}`;
      sections = sections.replace(new RegExp(`!Ref ${name}\\b`, 'g'), typeof value === 'string' ? known : `[${known}]`);
    }
  }
  return template.slice(0, begin) + sections + template.slice(end);
}
