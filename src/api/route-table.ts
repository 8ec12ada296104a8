/** Every route there is, in the order of the documentation. */
import type { Context } from './context.ts';
import type { Route } from './route.ts';
import { checkpointRoutes } from './routes/checkpoint.ts';
import { coverageRoutes } from './routes/coverage.ts';
import { eventRoutes } from './routes/events.ts';
import { healthRoutes } from './routes/health.ts';
import { inodeRoutes } from './routes/inodes.ts';
import { lifespanRoutes } from './routes/lifespans.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { openApiRoutes } from './routes/openapi.ts';
import { pageRoutes } from './routes/page.ts';
import { processRoutes } from './routes/processes.ts';
import { queryRoutes } from './routes/queries.ts';
import { reportRoutes } from './routes/reports.ts';
import { stateRoutes } from './routes/state.ts';
import { timelineRoutes } from './routes/timeline.ts';

export function buildRoutes(context: Context): Route[] {
  return [
    ...stateRoutes(context),
    ...inodeRoutes(context),
    ...lifespanRoutes(context),
    ...timelineRoutes(context),
    ...processRoutes(context),
    ...eventRoutes(context),
    ...queryRoutes(context),
    ...reportRoutes(context),
    ...coverageRoutes(context),
    ...checkpointRoutes(context),
    ...healthRoutes(context),
    ...metricsRoutes(context),
    ...openApiRoutes(context),
    ...pageRoutes(context),
  ];
}
