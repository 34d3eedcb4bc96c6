import { z } from 'zod';

/** An object without unknown keys, whose complaint names the keys that are allowed. */
export function section<S extends z.ZodRawShape>(shape: S) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `allowed here: ${Object.keys(shape).join(', ')}` : undefined,
  });
}
