import { execFile, execFileSync } from 'node:child_process';

/** Whether a program of Prometheus' or Alertmanager's is installed here. */
export function installed(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export interface ProgramResult {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs a program to its end; standard output and standard error together. */
export async function runProgram(
  file: string,
  args: readonly string[],
  cwd?: string,
): Promise<ProgramResult> {
  return new Promise((resolve) => {
    execFile(file, [...args], { cwd, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ ok: error === null, output: `${stdout}${stderr}` });
    });
  });
}
