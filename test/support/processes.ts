import { execFileSync } from 'node:child_process';

/** Pids of the processes whose command line contains `text`, this look itself left out. */
export function processesWith(text: string): number[] {
  return execFileSync('ps', ['-A', '-ww', '-o', 'pid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.includes(text))
    .map((line) => Number(line.split(' ')[0]));
}
