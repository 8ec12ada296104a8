import { describe, expect, test } from 'vitest';
import { describeQuery, parseQuery } from '../../src/history/load-queries.ts';

const GOOD = `-- name:     one-thing
-- question: What is it?
--   And what is it not?
-- parameters:
--   at    time     now   the instant
--   pid   integer  required  who
-- columns:
--   id          id       which
--   born_by_us  instant  when
--   length_us   us       how long
-- uses:     the primary key
-- example:  one-thing -p pid=1
SELECT l.id, l.born_by_us, 1 AS length_us FROM lifespan AS l WHERE l.id = :pid AND :at IS NULL;
`;

describe('the header of a query', () => {
  test('is read into what is printed about it', () => {
    const query = parseQuery(GOOD, 'one-thing.sql');
    expect(query.about).toBe('And what is it not?');
    expect(describeQuery(query)).toEqual({
      name: 'one-thing',
      question: 'What is it?',
      parameters: [
        { name: 'at', type: 'time', default: 'now', description: 'the instant' },
        { name: 'pid', type: 'integer', default: null, description: 'who' },
      ],
      columns: [
        { name: 'id', description: 'which' },
        { name: 'born_by', description: 'when' },
        { name: 'length_us', description: 'how long' },
      ],
      example: 'one-thing -p pid=1',
    });
  });

  test.each([
    ['another name', GOOD.replace('one-thing', 'other'), /names another query/],
    ['no question', GOOD.replace('question:', 'answer:'), /no "question"/],
    ['a parameter of no type', GOOD.replace('time     now', 'when     now'), /parameter "at/],
    ['a column without description', GOOD.replace('which', ''), /column "id/],
    ['an instant without unit', GOOD.replaceAll('born_by_us', 'born_by'), /instant born_by/],
    ['an example of another query', GOOD.replace('one-thing -p', 'two -p'), /example/],
    ['a key twice', GOOD.replace('-- uses', '-- name: one-thing\n-- uses'), /given twice/],
    ['a line that is nothing', GOOD.replace('-- uses', '-- what\n-- uses'), /cannot read/],
  ])('is refused with %s', (_what, text, message) => {
    expect(() => parseQuery(text, 'one-thing.sql')).toThrow(message);
  });
});
