#!/usr/bin/env node
/** Starts the command line in this process; everything else is in run-cli.ts. */
import { homedir } from 'node:os';
import { createProcessOutput } from './output.ts';
import { runCli } from './run-cli.ts';
import { untilStopped } from './until-stopped.ts';

process.exitCode = await runCli(process.argv.slice(2), {
  environment: process.env,
  userId: process.getuid?.() ?? -1,
  homeDirectory: homedir(),
  currentDirectory: process.cwd(),
  nowUs: () => Date.now() * 1_000,
  output: createProcessOutput(),
  untilStopped,
  openHistory: async (stateDirectory) => {
    const { openHistory } = await import('../history/open-history.ts');
    return openHistory({ stateDirectory });
  },
});
