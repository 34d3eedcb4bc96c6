import { describe, expect, it } from 'vitest';
import { findIntended } from '../../../src/lib/spelling.ts';

describe('the word that was meant', () => {
  it.each([
    ['chekc', 'check'],
    ['CHECK', 'check'],
    ['histroy', 'history'],
    ['gatway', 'gateway'],
  ])('of %s is %s', (text, word) => {
    expect(findIntended(text, ['check', 'history', 'gateway'])).toBe(word);
  });

  it('is none where a text is close to no word', () => {
    expect(findIntended('sk-secret-token', ['check', 'history'])).toBeUndefined();
    expect(findIntended('', ['check'])).toBeUndefined();
  });
});
