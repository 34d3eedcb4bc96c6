import { LOG_FORMATS, LOG_LEVELS } from '../lib/logger.ts';
import { LAYERS } from '../lib/vocabulary.ts';
import { FAIL_ON } from './check/report.ts';
import { COLLECTOR_FLAGS, COLLECTOR_FLAGS_HELP } from './collector-flags.ts';
import { DEFAULT_LISTEN_ADDRESS, DEFAULT_TELEMETRY_PATH } from './web-flags.ts';

/** One flag as `--help` and the reference show it. */
interface FlagText {
  readonly flag: string;
  readonly help: string;
  readonly default?: string;
  /** The flags that `flag` stands for, where it is a pattern. */
  readonly spellings?: readonly string[];
}

/** Every flag with what it does. */
export const FLAG_TEXTS: readonly FlagText[] = [
  { flag: '--config.file=FILE', help: 'YAML configuration; none is needed beside a gateway' },
  {
    flag: '--config.auto-reload-interval=DURATION',
    help: 'reload when the content of the configuration files has changed, looking this often',
    default: 'off',
  },
  { flag: '--config.check', help: 'validate the configuration and exit (0 valid, 2 not)' },
  {
    flag: '--web.listen-address=ADDR',
    help: 'host:port to serve on; repeat it to serve on several',
    default: DEFAULT_LISTEN_ADDRESS,
  },
  {
    flag: '--web.systemd-socket',
    help: 'serve on the sockets that systemd passes (socket activation), not on --web.listen-address',
  },
  {
    flag: '--web.config.file=FILE',
    help: "TLS and authentication, in the format of Prometheus' exporter-toolkit",
  },
  {
    flag: '--web.external-url=URL',
    help: 'URL under which others reach this exporter; alerts then link to its runbooks',
  },
  {
    flag: '--web.telemetry-path=PATH',
    help: 'where the metrics are; / puts them in the place of the status page',
    default: DEFAULT_TELEMETRY_PATH,
  },
  {
    flag: '--web.route-prefix=PATH',
    help: 'below which everything is served, for a reverse proxy that passes paths on as they are',
    default: 'the path of --web.external-url',
  },
  { flag: '--web.enable-lifecycle', help: 'allow POST /-/reload' },
  { flag: '--web.allow-unauthenticated-remote', help: 'serve beyond loopback without authentication' },
  { flag: '--[no-]collector.NAME', help: COLLECTOR_FLAGS_HELP, spellings: COLLECTOR_FLAGS },
  {
    flag: '--storage.path=FOLDER',
    help: 'totals and limits that survive a restart',
    default: '$XDG_STATE_HOME/openclaw-gateway-exporter, else ~/.local/state/openclaw-gateway-exporter',
  },
  {
    flag: '--name=NAME',
    help: 'tells this exporter from that of another gateway of the same user: part of its service and of its default storage path',
  },
  { flag: '--log.level=LEVEL', help: LOG_LEVELS.join(', '), default: 'info' },
  { flag: '--log.format=FORMAT', help: LOG_FORMATS.join(', '), default: 'logfmt' },
  {
    flag: '--fail-on=SEVERITY',
    help: `with check: least severity that makes the exit code 1, ${FAIL_ON.join(' or ')}`,
    default: 'warning',
  },
  { flag: '--json', help: 'with check and history: print JSON' },
  { flag: '--since=DURATION', help: 'with history: how far back, at most 30d', default: '1d' },
  { flag: '--layer=LAYER', help: `with history: only this layer, ${LAYERS.join(', ')}` },
  {
    flag: '--textfile=FILE',
    help: "with check: write the gauges to FILE (.prom) for node_exporter's textfile collector, and print nothing",
  },
  { flag: '--watch', help: 'with check: repeat until interrupted' },
  {
    flag: '--system',
    help: "with install-service and uninstall-service: a service of the machine, run as sudo's user",
  },
  { flag: '--yes', help: 'with install-service and uninstall-service: do not ask' },
  { flag: '--version', help: 'print the version and exit' },
  { flag: '--help', help: 'print this and exit' },
];
