/** Shells that completion scripts exist for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
/** One of {@link SHELLS}. */
export type Shell = (typeof SHELLS)[number];

/** One line of commands as `--help` shows it. */
interface CommandText {
  /** Commands that take the same. */
  readonly names: readonly string[];
  /** What may follow a name, in `--help`. */
  readonly usage: string;
  /** The words that completion offers behind a name. */
  readonly words: readonly string[];
  /** How these commands are named to whoever wrote another one. */
  readonly allowed: string;
}

/** Every command with what may follow it. */
export const COMMAND_TEXTS: readonly CommandText[] = [
  {
    names: ['check'],
    usage: '[--fail-on=SEVERITY] [--json | --textfile=FILE] [--watch] [flags]',
    words: [],
    allowed: 'check',
  },
  {
    names: ['history'],
    usage: '[--since=DURATION] [--layer=LAYER] [--json] [--storage.path=FOLDER]',
    words: [],
    allowed: 'history',
  },
  {
    names: ['install-service', 'uninstall-service'],
    usage: '[--name=NAME] [--system] [--yes] [flags]',
    words: [],
    allowed: 'install-service, uninstall-service',
  },
  {
    names: ['maintenance'],
    usage: 'start DURATION | stop | status [--name=NAME] [--storage.path=FOLDER]',
    words: ['start', 'stop', 'status'],
    allowed: 'maintenance start DURATION (30m, at most 7d), maintenance stop, maintenance status',
  },
  {
    names: ['completion'],
    usage: SHELLS.join(' | '),
    words: SHELLS,
    allowed: 'completion bash, zsh or fish',
  },
];
