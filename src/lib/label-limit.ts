/** Values that an open label may have; those beyond become {@link OTHER_VALUE}. */
const MAX_LABEL_VALUES = 50;
/** Stands for all values beyond the limit, and for those that are not plain names. */
const OTHER_VALUE = '_other';

const PLAIN_NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

/**
 * Maps values of an open label to at most {@link MAX_LABEL_VALUES} label values and {@link OTHER_VALUE}. The
 * first in alphabetical order keep their names, so that the same values always have the same series.
 */
export function limitValues(values: Iterable<string>): (value: string) => string {
  const plain = [...new Set(values)].filter((value) => PLAIN_NAME.test(value)).toSorted();
  const kept = new Set(plain.slice(0, MAX_LABEL_VALUES));
  return (value) => (kept.has(value) ? value : OTHER_VALUE);
}
