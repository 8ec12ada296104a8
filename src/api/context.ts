/** What routes answer from. */
import type { History } from '../history/history.ts';
import type { EventStreams } from './event-streams.ts';
import type { Metrics } from './metrics.ts';
import type { TimeParameters } from './parameters.ts';

export interface Context {
  readonly history: History;
  readonly times: TimeParameters;
  readonly streams: EventStreams;
  readonly metrics: Metrics;
  /** The OpenAPI document as text; it describes the routes, so it exists after them. */
  readonly openApi: () => string;
}
