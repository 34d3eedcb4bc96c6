import { homedir } from 'node:os';
import { codeOf } from './errors.ts';

/** The user's home folder; undefined for a user the system does not know, as in many containers. */
export function homeOfUser(): string | undefined {
  try {
    return homedir();
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}
