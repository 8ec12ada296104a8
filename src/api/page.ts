/**
 * The page behind the printed URL: the namespaces of one instant as a table, with links to the JSON
 * behind it. No script, nothing from elsewhere; the style is allowed by its hash.
 */
import { createHash } from 'node:crypto';
import type { Answer, LifespanJson } from '../domain/json.ts';
import { NAMESPACE_TYPES } from '../domain/namespace-type.ts';
import { US_PER_SECOND } from '../domain/time.ts';
import { REPORT_NAMES, type Status } from '../history/history.ts';
import { html, Markup } from './html.ts';

export interface PageRequest {
  /** What was asked for, as it was written. */
  readonly at: string | undefined;
  readonly type: string | undefined;
  readonly all: boolean;
}

interface PageContent {
  readonly request: PageRequest;
  readonly answer: Answer<LifespanJson>;
  readonly status: Status;
}

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #1c2128; background: #fff; }
h1 { font-size: 1.4rem; margin: 0; }
p { max-width: 60rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid #d0d7de; vertical-align: top; }
th { font-weight: 600; }
td { font-variant-numeric: tabular-nums; }
.number { text-align: right; }
.warning { background: #fff8c5; padding: .4rem .8rem; border-left: 4px solid #bf8700; }
input, select, button { font: inherit; }
@media (prefers-color-scheme: dark) {
  body { color: #e6edf3; background: #0d1117; }
  a { color: #79b8ff; }
  th, td { border-color: #30363d; }
  .warning { background: #322a0c; }
}
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** The page may style itself, send its own form, and nothing else. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;

export function renderPage(content: PageContent): string {
  const { answer, status, request } = content;
  const { coverage, data } = answer;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>nsaudit: namespaces of ${status.host}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<h1>Namespaces of host ${status.host}</h1>
<p>As of ${answer.at}, log position ${answer.position}. ${describeWatching(status)}</p>
${describeCoverage(coverage)}
${renderForm(request)}
${data.length === 0 ? html`<p>No namespaces to show.</p>` : renderTable(data)}
${renderNext(content)}
${renderLinks()}
</body>
</html>
`;
  return page.text;
}

function describeWatching({ isCollecting, suspendedAt, lastScanAt, gapCount }: Status): string {
  const recording = suspendedAt === null ? '' : `, and nothing is recorded since ${suspendedAt}`;
  const watching = isCollecting
    ? `A collector is watching${recording}`
    : 'No collector is watching';
  const scan = lastScanAt === null ? 'it has not scanned yet' : `last scan ${lastScanAt}`;
  return `${watching}; ${scan}; gaps on record: ${gapCount}.`;
}

function describeCoverage(coverage: Answer<LifespanJson>['coverage']): Markup {
  const { state, complete, minimumLifetimeUs } = coverage;
  if (state === 'not-watched') {
    return html`<p class="warning">Nobody was watching at this time: what is missing here may have existed.</p>`;
  }
  const lifetime =
    minimumLifetimeUs === null
      ? ''
      : ` Namespaces that lived longer than ${(minimumLifetimeUs / US_PER_SECOND).toFixed(3)} s cannot have been missed${complete ? '' : ', unless only what cannot be read held them'}.`;
  const more = html`See <a href="/v1/coverage">coverage</a>.`;
  if (state === 'partly-watched') {
    return html`<p class="warning">This time was watched in part. ${more}</p>`;
  }
  return complete
    ? html`<p>This time was watched.${lifetime}</p>`
    : html`<p class="warning">This time was watched, but not everything could be read.${lifetime} ${more}</p>`;
}

function renderForm({ at, type, all }: PageRequest): Markup {
  const options = NAMESPACE_TYPES.map((name) =>
    name === type ? html`<option selected>${name}</option>` : html`<option>${name}</option>`,
  );
  const checkbox = all
    ? html`<input type="checkbox" name="all" value="true" checked>`
    : html`<input type="checkbox" name="all" value="true">`;
  return html`<form action="/" method="get">
<label>At <input name="at" value="${at ?? 'now'}" size="30"></label>
<label>Type <select name="type"><option value="">any</option>
${options}
</select></label>
<label>${checkbox} with those that had ended</label>
<button>Show</button>
</form>`;
}

function renderTable(lifespans: readonly LifespanJson[]): Markup {
  return html`<table>
<thead><tr><th>Type</th><th>Inode</th><th>Life</th><th>State</th><th>Born by</th><th>Created by</th><th>Uid</th><th>Holders</th><th>Names</th></tr></thead>
<tbody>
${lifespans.map(renderRow)}
</tbody>
</table>`;
}

function renderRow(row: LifespanJson): Markup {
  const { lifespan, type, inum, born, creator, ownerUid, holders, names } = row;
  const path = `/v1/lifespans/${encodeURIComponent(lifespan)}`;
  const made = creator === null ? '' : `${creator.exe ?? creator.comm ?? '?'} (${creator.pid})`;
  return html`<tr><td>${type}</td><td><a href="/v1/inodes/${inum}/lifespans">${inum}</a></td><td><a href="${path}">#${lifespan}</a></td><td>${describeState(row)}</td><td>${born.by}</td><td>${made}</td><td class="number">${creator?.uid ?? ownerUid ?? ''}</td><td class="number"><a href="${path}/holders">${holders.now}</a></td><td>${names.join(' ')}</td></tr>`;
}

function renderNext({ request, answer }: PageContent): Markup {
  if (answer.page.next === null) {
    return html``;
  }
  const parameters = new URLSearchParams({
    ...(request.at && { at: request.at }),
    ...(request.type && { type: request.type }),
    ...(request.all && { all: 'true' }),
    cursor: answer.page.next,
  });
  return html`<p><a href="/?${parameters.toString()}">Next page</a></p>`;
}

/** The state, and what is special about this life or doubtful at this instant. */
function describeState({ state, certainty, initial, suspected }: LifespanJson): string {
  return [
    state,
    ...(initial ? ['initial'] : []),
    ...(certainty === 'possible' ? ['possibly'] : []),
    ...(suspected ? ['maybe the life before'] : []),
  ].join(', ');
}

const QUESTIONS: readonly (readonly [path: string, meaning: string])[] = [
  ['/v1/state', 'namespaces alive at an instant'],
  ['/v1/timeline', 'what happened, in order'],
  ['/v1/events', 'the log'],
  ['/v1/coverage', 'when, and how well, somebody watched'],
  ['/v1/queries', 'named queries'],
  ...REPORT_NAMES.map((name) => [`/v1/reports/${name}`, `report: ${name}`] as const),
  ['/metrics', 'for Prometheus'],
  ['/openapi.json', 'every route, its parameters and answers'],
];

function renderLinks(): Markup {
  const items = QUESTIONS.map(
    ([path, meaning]) => html`<li><a href="${path}">${path}</a>: ${meaning}</li>`,
  );
  return html`<h2>What can be asked</h2>
<ul>
${items}
</ul>`;
}
