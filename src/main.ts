import { check } from './cli/check/check.ts';
import { type FlagsOutcome, parseFlags, USAGE } from './cli/flags.ts';
import { showHistory } from './cli/history/history.ts';
import { serviceCommand } from './cli/service/command.ts';
import { tokenFileEvidence } from './collectors/token/token-files.ts';
import { formatProblem } from './config/load.ts';
import type { FileConfig } from './config/schema.ts';
import { type Exporter, loadConfiguration, startExporter } from './exporter.ts';
import { systemClock } from './lib/clock.ts';
import { codeOf, messageOf } from './lib/errors.ts';
import { createLogger, type Logger } from './lib/logger.ts';
import { homeFolder } from './lib/paths.ts';
import { ownVersion } from './lib/version.ts';
import { declareMaintenance, endMaintenance, readMaintenance } from './state/maintenance.ts';

const EXIT_WARNINGS = 1;
const EXIT_BAD_INPUT = 2;

/**
 * The command line program: arguments, then configuration, then collectors and web. `buildProblem` says why
 * the TypeScript sources run in place of the built program.
 */
export async function main(args: readonly string[], buildProblem?: string): Promise<void> {
  const outcome = parseFlags(args, process.env);
  if (outcome.state === 'help') return say(USAGE);
  if (outcome.state === 'completion') return say(outcome.script);
  if (outcome.state === 'version') return say(`openclaw-gateway-exporter ${ownVersion()}\n`);
  if (outcome.state === 'invalid') return refuse(outcome.problems);
  if (outcome.state === 'maintenance_status') return reportMaintenance(outcome.storagePath);
  if (outcome.state === 'maintenance_start' || outcome.state === 'maintenance_stop') return maintain(outcome);
  if (outcome.state === 'history') return showJournal(outcome);
  const loaded = loadConfiguration(outcome.flags);
  if (loaded.state === 'invalid') return refuse(loaded.problems.map(formatProblem));
  if (outcome.flags.onlyCheckConfig) return reportConfigCheck(loaded.config);
  if (outcome.state === 'service') {
    process.exitCode = await serviceCommand(outcome);
    return;
  }
  if (outcome.state === 'check') return diagnose(outcome, loaded.config);

  const { logLevel: level, logFormat: format } = outcome.flags;
  const write = (line: string) => process.stderr.write(line);
  // Whoever read the log may end; the exporter goes on.
  process.stderr.on('error', () => undefined);
  const logger = createLogger({ level, format, clock: systemClock, write });
  logStrayFailures(logger);
  if (buildProblem !== undefined) {
    logger.info('running from TypeScript sources; npm run build saves memory', { reason: buildProblem });
  }
  const started = await startExporter(outcome.flags, loaded.config, logger, ownVersion());
  if (started.state === 'failed') return refuse([started.reason]);
  const path = `${outcome.flags.routePrefix}${outcome.flags.telemetryPath}`;
  for (const url of started.urls) {
    const page = `${url}${outcome.flags.routePrefix}/`;
    logger.info('serving', { url: `${url}${path}`, page, version: ownVersion() });
  }
  obeySignals(started.exporter, logger);
}

async function diagnose(
  { flags, json, watch, failOn, textfile }: Extract<FlagsOutcome, { state: 'check' }>,
  config: FileConfig,
): Promise<void> {
  const enough = new AbortController();
  const stop = () => enough.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const { stdout, stderr } = process;
  // Whoever read the diagnosis may end.
  stdout.on('error', stop);
  const write = (text: string) => stderr.write(text);
  const { storagePath, logFormat: format } = flags;
  process.exitCode = await check({
    config,
    storagePath,
    json,
    watch,
    failOn,
    textfile,
    env: process.env,
    clock: systemClock,
    // What could not be looked at stands in the diagnosis; only a defect of ours is worth a line beside it.
    logger: createLogger({ level: 'error', format, clock: systemClock, write }),
    signal: enough.signal,
    out: { write: (text) => stdout.write(text), isTerminal: stdout.isTTY },
    progress: { write, isTerminal: stderr.isTTY },
  });
}

function showJournal(outcome: Extract<FlagsOutcome, { state: 'history' }>): void {
  // Whoever read it may end.
  process.stdout.on('error', () => undefined);
  process.exitCode = showHistory({
    ...outcome,
    nowMs: systemClock.now(),
    write: say,
    fail: (text) => process.stderr.write(text),
  });
}

function maintain(outcome: MaintenanceOutcome): void {
  try {
    if (outcome.state === 'maintenance_stop') {
      endMaintenance(outcome.storagePath);
      say('no maintenance is declared any more\n');
      return;
    }
    const untilMs = systemClock.now() + outcome.durationMs;
    declareMaintenance(outcome.storagePath, untilMs);
    say(`maintenance is declared until ${new Date(untilMs).toISOString()}\n`);
  } catch (error) {
    refuse([`--storage.path: cannot be used (${codeOf(error) ?? messageOf(error)})`]);
  }
}

function reportMaintenance(storagePath: string): void {
  const found = readMaintenance(storagePath, systemClock.now());
  if (found.state === 'unreadable') refuse([found.reason]);
  else if (found.state === 'none') say('no maintenance is declared\n');
  else say(`maintenance is declared until ${new Date(found.untilMs).toISOString()}\n`);
}

type MaintenanceOutcome = Extract<FlagsOutcome, { state: 'maintenance_start' | 'maintenance_stop' }>;

function obeySignals(exporter: Exporter, logger: Logger): void {
  const end = async (signal: NodeJS.Signals) => {
    logger.info('stopping', { signal });
    const hasEnded = await exporter.stop().catch((error) => {
      logger.error('not stopped cleanly', { error: messageOf(error) });
      return true;
    });
    if (!hasEnded) {
      logger.error('the journal’s disk does not respond; the process ends itself');
      process.kill(process.pid, 'SIGKILL');
    }
    process.exit(0);
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  process.on('SIGHUP', () => void exporter.reload());
}

/** The last net: a defect of ours is logged and the other layers go on. */
function logStrayFailures(logger: Logger): void {
  process.on('unhandledRejection', (reason) =>
    logger.error('unhandled rejection', { error: messageOf(reason) }),
  );
}

/** A file that is not there yet is no mistake of the configuration, and no reason to say nothing of it. */
function reportConfigCheck({ gateway, gateways }: FileConfig): void {
  const named = [{ name: '(local)', token_file: gateway.token_file }, ...gateways];
  const warnings = tokenFileEvidence(named, homeFolder(process.env));
  const lines = warnings.map(({ subject, text }) => `warning: ${subject}: ${text}\n`);
  process.stderr.write(lines.join(''));
  say(lines.length === 0 ? 'configuration is valid\n' : 'configuration is valid, with warnings\n');
  if (lines.length > 0) process.exitCode = EXIT_WARNINGS;
}

function say(text: string): void {
  process.stdout.write(text);
}

function refuse(problems: readonly string[]): void {
  process.stderr.write(`${problems.join('\n')}\n`);
  process.exitCode = EXIT_BAD_INPUT;
}
