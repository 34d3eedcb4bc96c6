import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SHELLS, type Shell } from '../../../src/cli/command-texts.ts';
import { completionScript } from '../../../src/cli/completion.ts';
import { FLAG_TEXTS } from '../../../src/cli/flag-texts.ts';
import { parseFlags } from '../../../src/cli/flags.ts';
import { LOG_LEVELS } from '../../../src/lib/logger.ts';
import { installed } from '../../support/promtool.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const PROGRAM = 'openclaw-gateway-exporter';
const COMMANDS = ['check', 'completion', 'history', 'install-service', 'maintenance', 'uninstall-service'];

/** What bash offers where these are its words, the last one being typed. */
function offeredByBash(words: readonly string[], cwd = '/'): string[] {
  const script = `source /dev/stdin <<'COMPLETION'
${completionScript('bash')}COMPLETION
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_openclaw_gateway_exporter
[ \${#COMPREPLY[@]} -eq 0 ] || printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync('bash', ['--norc', '-c', script, 'bash', PROGRAM, ...words], {
    cwd,
    encoding: 'utf8',
  });
  return output.split('\n').filter(Boolean).toSorted();
}

describe('completion in bash', () => {
  it('offers every command', () => {
    expect(offeredByBash([''])).toEqual(COMMANDS);
  });

  it('offers every flag, with an equals sign where a value belongs', () => {
    const flags = FLAG_TEXTS.flatMap(({ flag, spellings }) => spellings ?? [flag.replace(/=.*/, '=')]);
    expect(offeredByBash(['--'])).toEqual(flags.toSorted());
  });

  it('goes on with what was begun', () => {
    expect(offeredByBash(['--config.'])).toEqual([
      '--config.auto-reload-interval=',
      '--config.check',
      '--config.file=',
    ]);
    expect(offeredByBash(['maintenance', 'st'])).toEqual(['start', 'status', 'stop']);
    expect(offeredByBash(['completion', ''])).toEqual([...SHELLS].toSorted());
  });

  it('offers the values of a flag, which bash splits at its equals sign', () => {
    expect(offeredByBash(['--log.level', '='])).toEqual([...LOG_LEVELS].toSorted());
    expect(offeredByBash(['--log.level', '=', 'in'])).toEqual(['info']);
  });

  it('offers files, whatever they are called, and folders only where a folder belongs', () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'my config.yml'), '');
    mkdirSync(join(folder, 'my storage'));
    expect(offeredByBash(['--config.file', '=', 'my'], folder)).toEqual(['my config.yml', 'my storage']);
    expect(offeredByBash(['--storage.path', '=', 'my'], folder)).toEqual(['my storage']);
  });

  it('is silent where anything may stand', () => {
    expect(offeredByBash(['--web.listen-address', '='])).toEqual([]);
  });
});

function scriptFile(shell: Shell): string {
  const path = join(tempFolder(), 'completion');
  writeFileSync(path, completionScript(shell));
  return path;
}

const why = (shell: string) => (installed(shell) ? '' : ` (skipped: ${shell} is not installed)`);

describe.skipIf(!installed('fish'))(`completion in fish${why('fish')}`, () => {
  const offered = (line: string) => {
    const script = `source ${scriptFile('fish')}; complete -C ${JSON.stringify(`${PROGRAM} ${line}`)}`;
    const env = { ...process.env, HOME: tempFolder() };
    const output = execFileSync('fish', ['--no-config', '-c', script], { encoding: 'utf8', env });
    return output
      .split('\n')
      .filter(Boolean)
      .map((text) => text.split('\t')[0]);
  };

  it('offers commands, what follows them, flags and their values', () => {
    expect(offered('').toSorted()).toEqual(COMMANDS);
    expect(offered('maintenance st').toSorted()).toEqual(['start', 'status', 'stop']);
    expect(offered('--log.l')).toEqual(['--log.level']);
    expect(offered('--log.level=in')).toEqual(['--log.level=info']);
  });
});

describe.skipIf(!installed('zsh'))(`completion in zsh${why('zsh')}`, () => {
  it('is a script that zsh takes, and that registers itself', () => {
    const script = `autoload -U compinit; compinit -u -D; source ${scriptFile('zsh')}; print -r -- $_comps[${PROGRAM}]`;
    const output = execFileSync('zsh', ['-f', '-c', script], { encoding: 'utf8' });
    expect(output.trim()).toBe('_openclaw_gateway_exporter');
  });
});

describe('the command completion', () => {
  it.each(SHELLS)('prints the script for %s', (shell) => {
    expect(parseFlags(['completion', shell], { HOME: '/home/somebody' })).toEqual({
      state: 'completion',
      script: completionScript(shell),
    });
  });

  it.each([[['completion']], [['completion', 'tcsh']], [['completion', 'bash', 'zsh']]])(
    'refuses %j and says what is allowed',
    (words) => {
      const outcome = parseFlags(words, { HOME: '/home/somebody' });
      expect(JSON.stringify(outcome)).toContain('completion bash, zsh or fish');
    },
  );
});
