import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { escapeHtml } from '../../src/api/html.ts';
import { buildFakeHistory, HOSTILE } from '../support/fake-history.ts';
import { buildTestApp } from './app.ts';

async function readPage(url = '/'): Promise<{ html: string; policy: string }> {
  const response = await buildTestApp().inject(url);
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toBe('text/html; charset=utf-8');
  return { html: response.body, policy: String(response.headers['content-security-policy']) };
}

describe('the page', () => {
  test('shows what the history knows about now, with links to the JSON', async () => {
    const { html } = await readPage();
    expect(html).toContain('Namespaces of host host-1');
    expect(html).toContain('A collector is watching');
    for (const id of ['12', '34', '56']) {
      expect(html).toContain(`<a href="/v1/lifespans/${id}">#${id}</a>`);
      expect(html).toContain(`<a href="/v1/lifespans/${id}/holders">`);
    }
    expect(html).toContain('<a href="/v1/inodes/4026532268/lifespans">4026532268</a>');
  });

  test('has only links that lead somewhere', async () => {
    const app = buildTestApp();
    const { body } = await app.inject('/?limit=1');
    const links = [...body.matchAll(/href="([^"]+)"/g)].map(([, url = '']) => url);
    expect(links.length).toBeGreaterThan(12);
    for (const url of new Set(links)) {
      const response = await app.inject(url.replaceAll('&amp;', '&'));
      expect(response.statusCode, url).toBe(200);
    }
  });

  test('answers its own form, left empty or not', async () => {
    const { html } = await readPage('/?at=&type=');
    expect(html).toContain('#34');
    const filtered = await readPage('/?at=now&type=net&all=true');
    expect(filtered.html).toContain('#12');
    expect(filtered.html).not.toContain('#34');
    expect(filtered.html).toContain('<option selected>net</option>');
    expect(filtered.html).toContain('value="true" checked>');
    expect((await buildTestApp().inject('/?at=nonsense')).statusCode).toBe(400);
  });

  test('leads to the next page with the same question', async () => {
    const { html } = await readPage('/?type=net,mnt&limit=1');
    expect(html).toContain('href="/?type=net%2Cmnt&amp;cursor=row-1"');
  });

  test.each([
    [
      {},
      'This time was watched. Namespaces that lived longer than 1.200 s cannot have been missed.',
    ],
    [
      { complete: false },
      'watched, but not everything could be read. Namespaces that lived longer',
    ],
    [{ state: 'partly-watched' }, 'This time was watched in part.'],
    [{ state: 'not-watched', minimumLifetimeUs: null }, 'Nobody was watching at this time'],
  ] as const)('says how well the time was watched: %j', async (changes, words) => {
    const history = buildFakeHistory();
    const answer = history.state({});
    const coverage = { ...answer.coverage, ...changes };
    const state = () => ({ ...answer, coverage, data: [] });
    const { body } = await buildTestApp({ history: { ...history, state } }).inject('/');
    expect(body).toContain(words);
    expect(body).toContain('No namespaces to show');
    expect(body.includes('class="warning"')).toBe(Object.keys(changes).length > 0);
  });
});

describe('what a watched process chose', () => {
  test('cannot become markup or turn the text around', async () => {
    const { html } = await readPage();
    expect(html).not.toMatch(/<script/i);
    expect(html).not.toContain('\u202e');
    expect(html).not.toContain(HOSTILE);
    const shown = '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;\\u{202e}\\u{a}';
    expect(html).toContain(`<td>${shown} (4711)</td>`);
    expect(html).toContain(`<td>/run/netns/${shown}</td>`);
  });

  test('nor can what the asker wrote', async () => {
    const { html } = await readPage(`/?at=${encodeURIComponent(' now ')}&type=net`);
    expect(html).toContain('value=" now "');
    const attack = await buildTestApp().inject(`/?at=${encodeURIComponent('"><script>')}`);
    expect(attack.statusCode).toBe(400);
    expect(attack.headers['content-type']).toMatch(/^application\/problem\+json/);
  });

  test.each([
    ['&lt;', '&amp;lt;'],
    ['\u0000\u001b[31m', '\\u{0}\\u{1b}[31m'],
    ['a\u2028b\u2029c', 'a\\u{2028}b\\u{2029}c'],
    ['\ud800', '\\u{d800}'],
    ['Zürich 漢字 😀', 'Zürich 漢字 😀'],
  ])('%j is shown as %s', (text, shown) => {
    expect(escapeHtml(text)).toBe(shown);
  });
});

test('nothing runs on the page, and nothing comes from elsewhere', async () => {
  const { html, policy } = await readPage();
  expect(policy).toMatch(
    /^default-src 'none'; style-src 'sha256-[\w+/=]{44}'; form-action 'self';/,
  );
  expect(policy).not.toMatch(/unsafe|script-src|\*/);
  const [, style = ''] = /<style>(.*)<\/style>/s.exec(html) ?? [];
  const hash = createHash('sha256').update(style).digest('base64');
  expect(policy).toContain(`'sha256-${hash}'`);
  expect(html).not.toMatch(/\son\w+=|style="|(src|href)="(?!\/)|url\(/);
});
