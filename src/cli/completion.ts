import { LOG_FORMATS, LOG_LEVELS } from '../lib/logger.ts';
import { LAYERS } from '../lib/vocabulary.ts';
import { FAIL_ON } from './check/report.ts';
import { COMMAND_TEXTS, type Shell } from './command-texts.ts';
import { FLAG_TEXTS } from './flag-texts.ts';

const PROGRAM = 'openclaw-gateway-exporter';
/** Commands, each with the words that may follow it. */
const COMMANDS = COMMAND_TEXTS.flatMap(({ names, words }) => names.map((name) => ({ name, words })));
const NAMES = COMMANDS.map(({ name }) => name);
/** Those that are followed by a word. */
const FOLLOWED = COMMANDS.filter(({ words }) => words.length > 0);

/** What stands behind the equals sign of a flag. */
type Value =
  | { readonly kind: 'none' }
  | { readonly kind: 'anything' }
  | { readonly kind: 'files' }
  | { readonly kind: 'folders' }
  | { readonly kind: 'words'; readonly words: readonly string[] };

/** By the placeholder in the flag's text. */
const VALUES: Readonly<Record<string, Value>> = {
  FILE: { kind: 'files' },
  FOLDER: { kind: 'folders' },
  LEVEL: { kind: 'words', words: LOG_LEVELS },
  FORMAT: { kind: 'words', words: LOG_FORMATS },
  LAYER: { kind: 'words', words: LAYERS },
  SEVERITY: { kind: 'words', words: FAIL_ON },
};

interface CompletedFlag {
  /** With its dashes. */
  readonly name: string;
  readonly help: string;
  readonly value: Value;
}

const FLAGS: readonly CompletedFlag[] = FLAG_TEXTS.flatMap(({ flag, help, spellings }) => {
  if (spellings !== undefined) return spellings.map(describeSwitch);
  const [name = flag, placeholder] = flag.split('=');
  const value: Value =
    placeholder === undefined ? { kind: 'none' } : (VALUES[placeholder] ?? { kind: 'anything' });
  return [{ name, help, value }];
});

function describeSwitch(name: string): CompletedFlag {
  const help = name.startsWith('--no-') ? 'disable this collector' : 'enable this collector';
  return { name, help, value: { kind: 'none' } };
}

/** The script that completes commands, flags and their values in that shell; to be sourced. */
export function completionScript(shell: Shell): string {
  switch (shell) {
    case 'bash':
      return bashScript();
    case 'zsh':
      return zshScript();
    case 'fish':
      return fishScript();
  }
}

function bashScript(): string {
  const flags = FLAGS.map(({ name, value }) => (value.kind === 'none' ? name : `${name}=`)).join(' ');
  return `_openclaw_gateway_exporter() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} flag=
  # The equals sign is a word of its own.
  if [[ $cur == = ]]; then flag=$prev; cur=
  elif [[ $prev == = ]]; then flag=\${COMP_WORDS[COMP_CWORD-2]}; fi
  case $flag in
${FLAGS.flatMap(bashCase).join('\n')}
  esac
  case $prev in
${FOLLOWED.map(({ name, words }) => `    ${name}) COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$cur")); return ;;`).join('\n')}
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W '${flags}' -- "$cur"))
    if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
  else
    COMPREPLY=($(compgen -W '${NAMES.join(' ')}' -- "$cur"))
  fi
}
complete -F _openclaw_gateway_exporter ${PROGRAM}
`;
}

function bashCase({ name, value }: CompletedFlag): string[] {
  switch (value.kind) {
    case 'none':
      return [];
    case 'anything':
      return [`    ${name}) return ;;`];
    case 'words':
      return [`    ${name}) COMPREPLY=($(compgen -W '${value.words.join(' ')}' -- "$cur")); return ;;`];
    case 'files':
    case 'folders': {
      const action = value.kind === 'files' ? '-f' : '-d';
      return [
        `    ${name}) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen ${action} -- "$cur"); return ;;`,
      ];
    }
  }
}

function zshScript(): string {
  return `#compdef ${PROGRAM}
_openclaw_gateway_exporter() {
  local -a args=(
${FLAGS.map((flag) => `    ${quoted(zshFlag(flag))}`).join('\n')}
    ${quoted(`1:command:(${NAMES.join(' ')})`)}
    '2:word:->word'
  )
  local context state state_descr line
  typeset -A opt_args
  _arguments $args
  [[ $state == word ]] || return
  case $line[1] in
${FOLLOWED.map(({ name, words }) => `    ${name}) compadd -- ${words.join(' ')} ;;`).join('\n')}
  esac
}
compdef _openclaw_gateway_exporter ${PROGRAM}
`;
}

function zshFlag({ name, help, value }: CompletedFlag): string {
  const text = `[${help.replace(/[\\\]:[]/g, '\\$&')}]`;
  switch (value.kind) {
    case 'none':
      return `${name}${text}`;
    case 'anything':
      return `${name}=${text}:value:`;
    case 'words':
      return `${name}=${text}:value:(${value.words.join(' ')})`;
    case 'files':
      return `${name}=${text}:file:_files`;
    case 'folders':
      return `${name}=${text}:folder:_files -/`;
  }
}

function fishScript(): string {
  const noCommand = `not __fish_seen_subcommand_from ${NAMES.join(' ')}`;
  const offer = (condition: string, words: readonly string[]) =>
    `complete -c ${PROGRAM} -f -n ${quoted(condition)} -a ${quoted(words.join(' '))}`;
  const lines = [
    offer(noCommand, NAMES),
    ...FOLLOWED.map(({ name, words }) => offer(`__fish_seen_subcommand_from ${name}`, words)),
    ...FLAGS.map(fishFlag),
  ];
  return `${lines.join('\n')}\n`;
}

function fishFlag({ name, help, value }: CompletedFlag): string {
  const start = `complete -c ${PROGRAM} -l ${name.replace(/^--/, '')} -d "${help.replace(/["$\\]/g, '\\$&')}"`;
  switch (value.kind) {
    case 'none':
      return `${start} -f`;
    case 'anything':
      return `${start} -x`;
    case 'words':
      return `${start} -x -a ${quoted(value.words.join(' '))}`;
    case 'files':
      return `${start} -r -F`;
    case 'folders':
      return `${start} -x -a '(__fish_complete_directories)'`;
  }
}

/** As one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
