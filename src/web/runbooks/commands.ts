import type { Machine } from '../../diagnosis/machine.ts';

/** How the runbooks spell the gateway's unit and label, and this exporter's address: by their defaults. */
const UNIT = /\bopenclaw-gateway(?:\.service)?(?![\w.-])/g;
const LABEL = /\bai\.openclaw\.gateway(?![\w-])/g;
const EXPORTER = /\bhttp:\/\/127\.0\.0\.1:10789(?<metrics>\/metrics\b)?(?!\d)/g;
/** Names that need no quotes in a shell. */
const NAME = /^[\w@.-]+$/;

/** Where this exporter answers. */
export interface ExporterAddress {
  /** On its machine, without a slash at the end. */
  readonly url: string;
  /** Of the metrics. */
  readonly telemetryPath: string;
}

/** A command of a runbook with this machine's own names in it. */
export function fillCommand(command: string, { local, service }: Machine, exporter: ExporterAddress): string {
  const addressed = command.replace(EXPORTER, (_, metrics) =>
    metrics === undefined ? exporter.url : `${exporter.url}${exporter.telemetryPath}`,
  );
  if (!local || service === undefined || !NAME.test(service.name)) return addressed;
  return addressed.replace(service.manager === 'systemd' ? UNIT : LABEL, () => service.name);
}
