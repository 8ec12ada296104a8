/**
 * Two projects in one run. `unit` runs files side by side. `kernel` creates real namespaces and
 * measures when they come and go, so its files run one at a time, after everything else.
 */
import { defineConfig } from 'vitest/config';
import { ClosingLineReporter } from './test/support/closing-line-reporter.ts';

/** An emulated kernel takes many times as long as this host: test/vm/test-kernels.ts sets it there. */
const KERNEL_LIMIT_MS = Number(process.env['NSAUDIT_TEST_LIMIT_MS'] ?? 120_000);

export default defineConfig({
  test: {
    reporters: ['default', new ClosingLineReporter()],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/kernel/**'],
          pool: 'forks',
          maxWorkers: '100%',
          testTimeout: 20_000,
          hookTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: KERNEL_LIMIT_MS,
          hookTimeout: KERNEL_LIMIT_MS,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
